#if Server
    import Strata

    /// A request's head that was held against the rules of RFC 9110 and 9112.
    ///
    /// What could be read in two ways, so that another server on the way may have read it in the
    /// other, is refused, never repaired.
    struct RequestHead {
        /// The request, still without its content.
        var request: Request
        /// How the content is delimited.
        var content: Content
        /// Whether the client speaks HTTP/1.0.
        var isHTTP10: Bool
        /// Whether the client waits for `100 Continue` before it sends content.
        var expectsContinue: Bool

        enum Content: Hashable {
            case none
            case length(Int)
            case chunked
        }

        /// Checks a head.
        ///
        /// - Parameters:
        ///   - method: what stands first on the request line.
        ///   - target: what stands second on it, as it came.
        ///   - isHTTP10: whether the version is 1.0; all others here are 1.1.
        ///   - headers: the fields, which are well-formed one by one.
        ///   - peer: the address of the client.
        init(
            method: String, target: String, isHTTP10: Bool, headers: Headers, peer: String?
        ) throws(Problem) {
            guard let method = Method(method) else {
                throw .malformed("The method must be a token (RFC 9110 §9.1).")
            }
            self.isHTTP10 = isHTTP10
            var host: String?
            var length: String?
            var coding: String?
            var expectation: String?
            for field in headers {
                switch field.name {
                case .host:
                    guard host == nil else {
                        throw .malformed("There must be one Host field (RFC 9112 §3.2).")
                    }
                    host = field.value
                case .contentLength:
                    guard length == nil else {
                        throw .malformed("There must be one Content-Length (RFC 9112 §6.3).")
                    }
                    length = field.value
                case .transferEncoding:
                    guard coding == nil else {
                        throw .malformed("There must be one Transfer-Encoding (RFC 9112 §6.1).")
                    }
                    coding = field.value
                case .expect: expectation = field.value
                default: break
                }
            }
            content = try Self.content(length: length, coding: coding, isHTTP10: isHTTP10)
            expectsContinue =
                !isHTTP10 && content != .none
                && expectation?.equalsIgnoringASCIICase("100-continue") ?? false

            guard let host = host ?? (isHTTP10 ? "" : nil) else {
                throw .malformed("The Host field is missing (RFC 9112 §3.2).")
            }
            guard host.isEmpty || host[...].isAuthority else {
                throw .malformed("The Host field must be a host and a port (RFC 9110 §7.2).")
            }
            request = Request(
                method: method, authority: host, headers: headers, peer: peer)
            // Nobody on the way is to take it for an expectation (RFC 9110 §10.1.1).
            if isHTTP10 { request.headers.remove(.expect) }
            try Self.read(target: target, into: &request)
        }

        /// How the content is delimited (RFC 9112 §6.3).
        private static func content(
            length: String?, coding: String?, isHTTP10: Bool
        ) throws(Problem) -> Content {
            if let coding {
                guard length == nil, !isHTTP10 else {
                    throw .malformed(
                        "Transfer-Encoding goes neither with Content-Length nor with HTTP/1.0 "
                            + "(RFC 9112 §6.1).")
                }
                guard coding.equalsIgnoringASCIICase("chunked") else {
                    throw Problem(
                        .notImplemented,
                        detail: "The only transfer coding here is chunked (RFC 9112 §6.1).")
                }
                return .chunked
            }
            guard let length else { return .none }
            guard !length.isEmpty, length.utf8.allSatisfy(\.isASCIIDigit) else {
                throw .malformed("Content-Length must be one number (RFC 9110 §8.6).")
            }
            guard let number = Int(length) else { throw .contentTooLarge(limit: .max) }
            return number == 0 ? .none : .length(number)
        }

        /// Takes the target apart (RFC 9112 §3.2).
        private static func read(
            target: String, into request: inout Request
        ) throws(Problem) {
            guard target.utf8.allSatisfy(\.isTargetByte) else {
                throw .malformed("The target holds bytes that must be encoded (RFC 9112 §3.2).")
            }
            if request.method == .connect {
                guard target[...].isAuthority else {
                    throw .malformed("CONNECT needs a host and a port (RFC 9112 §3.2.3).")
                }
                request.authority = target
                request.path = ""
            } else if target.utf8.first == UInt8(ascii: "/") {
                request.target = target
            } else if target == "*" {
                guard request.method == .options else {
                    throw .malformed("The target * is for OPTIONS only (RFC 9112 §3.2.4).")
                }
                request.path = target
            } else {
                try read(absoluteForm: target, into: &request)
            }
        }

        /// Takes a whole URI apart; its authority counts instead of the Host field's
        /// (RFC 9112 §3.2.2).
        ///
        /// No connection here is secured, so that a target which must only come over one that is
        /// can't have come to the right place (RFC 9110 §7.4). Were it taken, a client could pass
        /// for one that TLS was spoken with.
        private static func read(
            absoluteForm target: String, into request: inout Request
        ) throws(Problem) {
            guard let colon = target.utf8.firstIndex(of: UInt8(ascii: ":")),
                target[colon...].hasPrefix("://")
            else {
                throw .malformed("The target must begin with / or be a URI (RFC 9112 §3.2).")
            }
            let scheme = target[..<colon]
            guard scheme.equalsIgnoringASCIICase("http") else {
                guard scheme.equalsIgnoringASCIICase("https") else {
                    throw .malformed("The target's scheme must be http (RFC 9110 §4.2).")
                }
                throw Problem(
                    421, detail: "An https target needs a secured connection (RFC 9110 §7.4).")
            }
            let rest = target[target.utf8.index(colon, offsetBy: 3)...]
            let end =
                rest.utf8.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
                ?? rest.endIndex
            let authority = rest[..<end]
            guard authority.isAuthority else {
                throw .malformed("The target must name a host (RFC 9110 §4.2.1).")
            }
            request.authority = String(authority)
            request.target = String(rest[end...])
            if request.path.isEmpty {
                request.path =
                    request.method == .options && request.query == nil ? "*" : "/"
            }
        }
    }

    extension Problem {
        /// A request that breaks the rules of HTTP.
        static func malformed(_ detail: String) -> Problem { Problem(.badRequest, detail: detail) }
    }

    extension Substring {
        /// Whether it is a host, and perhaps a port behind a colon (RFC 9110 §7.2).
        var isAuthority: Bool {
            guard utf8.allSatisfy(\.isAuthorityCharacter) else { return false }
            var host = self
            // Other colons, and brackets, stand in an address of version 6 only.
            if let colon = utf8.lastIndex(of: UInt8(ascii: ":")),
                self[colon...].dropFirst().utf8.allSatisfy(\.isASCIIDigit)
            {
                host = self[..<colon]
            }
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            if isBracketed { host = host.dropFirst().dropLast() }
            return !host.isEmpty
                && host.utf8.allSatisfy {
                    switch $0 {
                    case UInt8(ascii: "["), UInt8(ascii: "]"): false
                    case UInt8(ascii: ":"): isBracketed
                    default: true
                    }
                }
        }
    }

    extension UInt8 {
        /// What a target may consist of: no white space, no controls, no fragment. Bytes beyond
        /// ASCII are against RFC 3986, but sent by clients, and let through as they came.
        fileprivate var isTargetByte: Bool {
            self > 0x20 && self != 0x7F && self != UInt8(ascii: "#")
        }

        /// What a host and a port consist of (RFC 3986 §3.2.2): in particular neither `@`, nor
        /// `/`, nor white space.
        var isAuthorityCharacter: Bool {
            switch self {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
                UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
                UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"),
                UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
    }
#endif
