#if Server
    public import Strata

    /// An origin that requests are forwarded to, as an intermediary does it (RFC 9110 §7.6).
    ///
    /// Content streams both ways and stays as it is, targets and field values pass byte for byte,
    /// and no redirect is followed. Fields about the connection are left out in both directions;
    /// `Via`, `Forwarded` and the `X-Forwarded-*` fields tell the origin who asked. The Host field
    /// stays the client's. Interim responses go to the client as they come.
    ///
    /// Connections are kept and used again for requests without content whose method is
    /// idempotent: such a request is sent once more where the origin closed a kept connection
    /// without a word. Every other request gets a connection of its own, so that it is never sent
    /// twice (RFC 9110 §9.2.2).
    ///
    /// Content of a HEAD request isn't forwarded, nor are trailers. A response begins to go to the
    /// client when all of the request's content has come, unless it is an error; an origin that
    /// sends more than 4 MiB before that is given up.
    ///
    /// ```swift
    /// let origin = try Upstream("http://127.0.0.1:3000")
    /// let app = wrap(origin.handler) {
    ///     Gateway()
    ///     Caching(store: MemoryStore())
    /// }
    /// ```
    public final class Upstream: Sendable {
        private let origin: Origin
        private let configuration: Configuration
        private let loop: CurlLoop

        /// Makes a client of an origin; nothing is connected yet.
        ///
        /// - Parameter url: `http://HOST:PORT` or `https://HOST:PORT`, without a path.
        /// - Throws: ``ServerError`` where the URL is something else.
        public init(
            _ url: String, _ configuration: Configuration = Configuration()
        ) throws(ServerError) {
            precondition(configuration.name.isToken, "A name in Via is a token")
            origin = try Origin(url)
            self.configuration = configuration
            loop = CurlLoop(base: origin.base, configuration)
            loop.run()
        }

        deinit { loop.end() }

        /// ``respond(to:)``, to be wrapped in layers.
        public var handler: Handler { { try await self.respond(to: $0) } }

        /// Asks the origin.
        ///
        /// - Throws: ``UpstreamError`` where the origin gives no answer that can be used; so does
        ///   the body of a response that breaks off.
        public func respond(to request: Request) async throws -> Response {
            let transfer = Transfer(
                origin.forwarded(request, by: configuration.name), configuration, loop)
            let exchange = UpstreamExchange(transfer)
            transfer.start()
            let upload = transfer.request.content == .none ? nil : exchange.upload(request.body)
            defer { upload?.cancel() }
            while true {
                guard case .head(let head) = try await transfer.next() else {
                    throw UpstreamError(.malformed, "content came before its head")
                }
                if head.isInterim {
                    await request.sendInterim(head.interimResponse)
                    continue
                }
                // An error ends the sending. Any other answer may come while content is sent, but
                // a client can't be answered before all its content was read.
                if head.status.code < 400, let upload {
                    await withTaskCancellationHandler {
                        await upload.value
                    } onCancel: {
                        upload.cancel()
                    }
                }
                return try response(head, exchange)
            }
        }

        private func response(
            _ head: ResponseHead, _ exchange: UpstreamExchange
        ) throws -> Response {
            let transfer = exchange.transfer
            var response = Response(
                status: head.status,
                headers: head.forwardedHeaders(by: configuration.name, at: configuration.time.now))
            let length: Int?
            switch try ResponseFraming(of: head, to: transfer.request.method) {
            case .none where !response.headers.contains(.contentLength):
                // How long the content would have been is not known: not that there is none.
                response.body = .stream(BodyStream { _ in })
                return response
            case .none, .length(0): return response
            case .length(let known): length = known
            case .chunked, .untilClose: length = nil
            }
            response.headers.remove(.contentLength)
            if let bytes = transfer.takeCompleteContent() {
                response.body = .bytes(bytes)
            } else {
                response.body = .stream(BodyStream(length: length, exchange.download))
            }
            return response
        }
    }

    /// A transfer for as long as somebody wants it: when nobody does any more, it ends.
    private final class UpstreamExchange: Sendable {
        let transfer: Transfer

        init(_ transfer: Transfer) { self.transfer = transfer }

        deinit { transfer.fail(CancellationError()) }

        /// Sends the content of the request.
        func upload(_ body: RequestBody) -> Task<Void, Never> {
            let transfer = transfer
            return Task {
                do {
                    try await transfer.waitForLeaveToSend()
                    for try await piece in body { try await transfer.send(piece) }
                    transfer.endContent()
                } catch {
                    // Where the origin has answered with an error, it is done with the content.
                    if !(error is CancellationError) || !transfer.isAnswered {
                        transfer.fail(error)
                    }
                }
            }
        }

        /// Writes the content of the response.
        @Sendable func download(_ writer: any BodyWriter) async throws {
            while true {
                switch try await transfer.next() {
                case .content(let bytes): try await writer.write(bytes)
                case .end: return
                case .head: throw UpstreamError(.malformed, "a head came in the midst of content")
                }
            }
        }
    }
#endif
