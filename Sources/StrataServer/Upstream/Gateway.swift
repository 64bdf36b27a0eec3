#if Server
    public import Strata

    /// The outermost layer of a reverse proxy: what an intermediary answers by itself.
    ///
    /// An origin that is lost becomes a problem document of status 502 or 504, unless a layer
    /// further in had something better. CONNECT is refused, and its connection closed.
    /// `Max-Forwards` is counted down for OPTIONS and TRACE, and at zero they are answered here
    /// (RFC 9110 §7.6.2). A request that has passed by 32 intermediaries goes round in circles, and
    /// is answered with 508.
    public struct Gateway: Middleware {
        private let events: Events

        /// Makes the layer.
        ///
        /// - Parameter events: told of each ``OriginFailed``.
        public init(events: Events = .ignored) { self.events = events }

        /// Answers the request, or has it answered.
        public func respond(to request: Request, next: Next) async throws -> Response {
            do {
                switch Decision(for: request) {
                case .forward(let forwards):
                    var forwarded = request
                    if let forwards { forwarded.headers[.maxForwards] = String(forwards) }
                    if forwarded.headers.contains(.connection) {
                        forwarded.headers.leaveConnection()
                    }
                    return telling(of: request, try await next(forwarded))
                case .answer(let response): return response
                }
            } catch let error as UpstreamError {
                throw problem(of: error, request)
            }
        }

        /// The response, whose content turns the loss of the origin into a problem as well.
        private func telling(of request: Request, _ response: Response) -> Response {
            guard case .stream(let stream) = response.body else { return response }
            var response = response
            let produce = stream.produce
            response.body = .stream(
                BodyStream(length: stream.length) { writer in
                    do {
                        try await produce(writer)
                    } catch let error as UpstreamError {
                        throw problem(of: error, request)
                    }
                })
            return response
        }

        private func problem(of error: UpstreamError, _ request: Request) -> Problem {
            events(OriginFailed(method: request.method, path: request.path, error: error))
            return error.problem
        }

        /// What becomes of a request.
        enum Decision {
            /// It goes to the origin, with that `Max-Forwards`.
            case forward(Int?)
            /// It has come to its end here.
            case answer(Response)

            /// How many intermediaries may stand in a request's `Via`.
            private static let maximumHops = 32

            init(for request: Request) {
                let hops = request.headers.lines(of: .via).reduce(0) {
                    $0 + $1.split(separator: ",").count
                }
                if hops >= Self.maximumHops {
                    // RFC 9110 §7.6.3 has Via tell of loops; the status is that of RFC 5842 §7.2.
                    let problem = Problem(508, detail: "The request goes round in circles.")
                    self = .answer(problem.response)
                    return
                }
                switch request.method {
                case .connect:
                    var problem = Problem(
                        .notImplemented, detail: "This is no proxy that makes tunnels.")
                    // What the client has sent behind it, in the belief that it gets a tunnel, is
                    // somebody else's bytes, and must not be taken for requests.
                    problem.headers[.connection] = "close"
                    self = .answer(problem.response)
                case .options, .trace:
                    guard let text = request.headers.first(.maxForwards), !text.isEmpty,
                        text.utf8.allSatisfy(\.isASCIIDigit)
                    else {
                        self = .forward(nil)
                        return
                    }
                    switch Int(text) ?? .max {
                    case 0 where request.method == .trace: self = .answer(request.trace)
                    case 0: self = .answer(Response(headers: [.contentLength: "0"]))
                    case let forwards: self = .forward(forwards - 1)
                    }
                default: self = .forward(nil)
                }
            }
        }
    }

    /// An origin gave no answer that could be used, and nothing else was there to answer with.
    public struct OriginFailed: Event {
        /// The method of the request.
        public let method: Method
        /// The path of the request.
        public let path: String
        /// What went wrong.
        public let error: UpstreamError

        /// The kind of failure.
        public var topic: String { "\(error.reason)" }

        /// What happened, on one line.
        public var description: String { "\(method) \(path): the origin failed: \(error)" }
    }

    extension HeaderName {
        /// `Max-Forwards` (RFC 9110 §7.6.2).
        static let maxForwards: HeaderName = "Max-Forwards"
    }

    extension Headers {
        /// Removes what is for this connection alone. The origin never gets it, so that it must
        /// not select among stored responses either; but the layers are still to see whether
        /// there is content.
        fileprivate mutating func leaveConnection() {
            let coding = first(.transferEncoding)
            removeConnectionFields()
            self[.transferEncoding] = coding
        }
    }

    extension Request {
        /// The request as a message, without what is secret in it (RFC 9110 §9.3.8).
        fileprivate var trace: Response {
            var bytes = Array("\(method) \(target) HTTP/1.1\r\n".utf8)
            for field in headers {
                switch field.name {
                case .authorization, .proxyAuthorization, .cookie: continue
                default: break
                }
                bytes += "\(field.name): ".utf8
                bytes += field.valueBytes
                bytes += "\r\n".utf8
            }
            bytes += "\r\n".utf8
            return Response(
                headers: [.contentType: "message/http", .cacheControl: "no-store"],
                body: .bytes(bytes))
        }
    }
#endif
