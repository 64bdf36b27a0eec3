#if Server
    import Strata

    // What an intermediary does to the heads that pass it (RFC 9110 §7.6).

    /// Where requests are forwarded to.
    struct Origin: Hashable {
        /// The origin's URL, up to its authority.
        let base: String
        private let authority: Substring

        /// Reads `http://HOST:PORT`.
        init(_ url: String) throws(ServerError) {
            var rest = url[...]
            if rest.last == "/" { rest.removeLast() }
            guard
                let scheme = ["http://", "https://"].first(where: {
                    $0.equalsIgnoringASCIICase(rest.prefix($0.count))
                })
            else { throw ServerError(noOrigin: url) }
            authority = rest.dropFirst(scheme.count)
            guard authority.isAuthority else {
                throw ServerError(noOrigin: url)
            }
            base = scheme + authority
        }

        /// The request as the origin is to get it.
        func forwarded(_ request: Request, by name: String) -> OutgoingRequest {
            let content: OutgoingRequest.Content =
                switch request.body.length {
                case _ where request.method == .head: .none
                case 0: .none
                case let length?: .length(length)
                case nil: .chunked
                }
            let received = request.headers
            let expectsContinue =
                content != .none
                && received[.expect]?.equalsIgnoringASCIICase("100-continue") ?? false
            var fields: Headers = [.xForwardedProto: request.scheme]
            for field in received.endToEnd {
                switch field.name {
                case .host, .contentLength, .xForwardedProto, .xForwardedHost: break
                case .expect where content == .none: break
                default: fields.append(field)
                }
            }
            // Zero is a length, too, which an origin may insist on (RFC 9110 §8.6).
            if content == .none, received.first(.contentLength) == "0" {
                fields[.contentLength] = "0"
            }
            fields.extend(.via, with: "\(request.isOfHTTP10 ? "1.0" : "1.1") \(name)")
            fields.extend(.forwarded, with: request.forwardedElement.fieldValue)
            if let peer = request.peer { fields.extend(.xForwardedFor, with: peer) }
            if !request.authority.isEmpty { fields[.xForwardedHost] = request.authority }
            return OutgoingRequest(
                method: request.method, target: request.target,
                host: request.authority.isEmpty ? String(authority) : request.authority,
                fields: fields, content: content, expectsContinue: expectsContinue)
        }
    }

    extension ServerError {
        fileprivate init(noOrigin text: String) {
            self.init("“\(text)” is no origin; write http://HOST:PORT, without a path.")
        }
    }

    extension ResponseHead {
        /// The fields as a client is to get them.
        func forwardedHeaders(by name: String, at now: Timestamp) -> Headers {
            var headers = headers.endToEnd
            headers.extend(.via, with: "1.\(minorVersion) \(name)")
            // The time at which it was received (RFC 9110 §6.6.1).
            if !headers.contains(.date) { headers[.date] = now.httpDate }
            return headers
        }

        /// The head as a client is to get it, where another one follows.
        var interimResponse: Response { Response(status: status, headers: headers.endToEnd) }
    }

    extension Headers {
        /// The lines that are not about the connection they came over, nor about trailers.
        fileprivate var endToEnd: Headers {
            var headers = self
            headers.removeConnectionFields()
            headers.remove(.trailer)
            return headers
        }

        /// Adds a member to the list that a field is.
        fileprivate mutating func extend(_ name: HeaderName, with member: String) {
            self[name] = self[name].map { $0.isEmpty ? member : $0 + ", " + member } ?? member
        }
    }

    extension Request {
        /// Whether it came by HTTP/1.0.
        fileprivate var isOfHTTP10: Bool { (native as? Exchange)?.head?.isHTTP10 ?? false }

        /// Who asks whom, as an element of `Forwarded`.
        fileprivate var forwardedElement: Forwarded {
            let node = Forwarded.Node(peer.map { .address($0) } ?? .unknown)
            var parameters = [FieldParameter(name: "for", value: node.text)]
            if !authority.isEmpty {
                parameters.append(FieldParameter(name: "host", value: authority))
            }
            parameters.append(FieldParameter(name: "proto", value: scheme))
            return Forwarded([Forwarded.Element(parameters)])
        }
    }
#endif
