#if Server
    import Strata

    /// What follows a response's head on the wire (RFC 9110 §6.4.1, RFC 9112 §6.3).
    enum ResponseContent {
        /// Nothing, and no field says how much.
        case none
        /// Nothing, because of the method or the status; the length is what there would have
        /// been, where that is known.
        case withheld(length: Int?)
        /// Bytes that are all there.
        case bytes([UInt8])
        /// Bytes that are made while they are sent.
        case stream(BodyStream)

        /// Decides.
        init(of response: Response, to method: Method) {
            switch response.status {
            case .noContent: self = .none
            case .notModified:
                // A false length is worse than none (RFC 9110 §8.6), and a 304's own body is
                // never what the length is about.
                self = .withheld(length: response.statedLength)
            case _ where method == .head:
                self = .withheld(length: response.statedLength ?? response.body.length)
            default:
                switch response.body {
                case .empty: self = .bytes([])
                case .bytes(let bytes): self = .bytes(bytes)
                case .stream(let stream): self = .stream(stream)
                }
            }
        }
    }

    extension Response {
        /// The length that the handler gave, where it is a number.
        fileprivate var statedLength: Int? {
            guard let text = headers.first(.contentLength), text.utf8.allSatisfy(\.isASCIIDigit)
            else { return nil }
            return Int(text)
        }
    }

    extension HeaderName {
        /// Whether the field is about how the message goes over this connection, which is the
        /// server's to say and no handler's (RFC 9110 §7.6.1, RFC 9112 §6).
        var isFraming: Bool {
            switch self {
            case .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection,
                .upgrade, .te:
                true
            default: false
            }
        }
    }

    extension Headers {
        /// Whether the sender wants the connection closed behind the response (RFC 9112 §9.6).
        var askToClose: Bool {
            lines(of: .connection).contains { line in
                line.split(separator: ",").contains {
                    $0.trimmingOptionalWhitespace.equalsIgnoringASCIICase("close")
                }
            }
        }
    }

    extension Response {

        /// The head of an interim response.
        var interimBytes: [UInt8] { headBytes + "\r\n".utf8 }

        private var headBytes: [UInt8] {
            var bytes = Array("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n".utf8)
            for field in headers where !field.name.isFraming {
                bytes += field.name.spelling.utf8
                bytes += ": ".utf8
                bytes += field.valueBytes
                bytes += "\r\n".utf8
            }
            return bytes
        }

        /// All of a response that has no content, on a connection that goes on.
        ///
        /// - Parameter server: what the field `Server` says, where the response has none.
        func bodilessBytes(server: String?, at now: Timestamp) -> [UInt8] {
            var bytes = headBytes
            if !headers.contains(.date) { bytes += "Date: \(now.httpDate)\r\n".utf8 }
            if let server, !headers.contains(.server) { bytes += "Server: \(server)\r\n".utf8 }
            return bytes + "\r\n".utf8
        }

        /// The whole response in one piece that ends its connection, for where libmicrohttpd
        /// doesn't take a response.
        ///
        /// - Parameter content: what is sent behind the head.
        func finalBytes(content: [UInt8], isHead: Bool, at now: Timestamp) -> [UInt8] {
            var bytes = headBytes
            if !headers.contains(.date) { bytes += "Date: \(now.httpDate)\r\n".utf8 }
            bytes += "Connection: close\r\nContent-Length: \(content.count)\r\n\r\n".utf8
            return isHead ? bytes : bytes + content
        }
    }
#endif
