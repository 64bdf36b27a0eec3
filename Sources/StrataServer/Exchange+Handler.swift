#if Server
    import Strata
    import Synchronization

    // MARK: - In the handler's task

    extension Exchange {
        /// Has the request answered, and the response's content made.
        func run() async {
            guard let head else { return abort() }
            var request = head.request
            request.native = self
            switch head.content {
            case .none: break
            case .length(let length):
                request.body = RequestBody(length: length, IncomingContent(exchange: self))
            case .chunked: request.body = RequestBody(IncomingContent(exchange: self))
            }
            var response: Response
            do {
                response = try await service.handler(request)
                if response.status.statusClass == .informational {
                    throw InterimStatus(status: response.status)
                }
            } catch is CancellationError where Task.isCancelled {
                return abort()
            } catch let problem as Problem {
                response = problem.response
            } catch let error as BodyTooLarge {
                response = Problem.contentTooLarge(limit: error.limit).response
            } catch {
                report(error, of: request)
                response = Problem(.internalServerError).response
            }
            let content = ResponseContent(of: response, to: request.method)
            answer(response, content)
            guard case .stream(let stream) = content else { return }
            do {
                let writer = ResponseWriter(exchange: self, length: stream.length)
                try await stream.produce(writer)
                try writer.checkEnd()
                produced(.finished)
            } catch let problem as Problem {
                produced(.failed, problem)
            } catch {
                if !(error is CancellationError) { report(error, of: request) }
                produced(.failed)
            }
        }

        private func answer(_ response: Response, _ content: ResponseContent) {
            state.withLock { state in
                guard !state.isOver else { return }
                state.isAnswered = true
                state.response = (response, content)
                if case .complete = state.incoming {
                } else {
                    state.clientTime.start(at: service.now)
                }
                state.resume()
            }
        }

        /// Closes the connection without an answer.
        private func abort() {
            state.withLock { state in
                state.isOver = true
                state.resume()
            }
        }

        private func produced(
            _ production: Production, _ problem: Problem = Problem(.internalServerError)
        ) {
            state.withLock { state in
                state.production = production
                if case .failed = production, state.response != nil {
                    // Nothing was sent yet, so that the client can still be told.
                    let response = problem.response
                    state.response = (response, .bytes(response.body.allBytes))
                }
                state.resume()
            }
        }

        private func report(_ error: any Error, of request: Request) {
            service.configuration.events(
                HandlerFailed(method: request.method, path: request.path, error: error))
        }
    }

    // MARK: - Interim responses

    extension Exchange: InterimResponding {
        /// libmicrohttpd knows no interim responses but its own. While the handler runs nothing
        /// else is written on the connection, so that they can be written past it.
        func sendInterim(_ response: Response) async {
            precondition(
                response.status.statusClass == .informational && response.status != 101,
                "An interim status is 1xx")
            // HTTP/1.0 has none (RFC 9110 §15.2).
            guard let head, !head.isHTTP10 else { return }
            let bytes = response.interimBytes
            state.withLock { state in
                if !state.isOver, !state.isAnswered { connection.sendInterim(bytes) }
            }
        }
    }

    extension Exchange.State {
        /// The content as it is to be sent: a stream that has ended before its head was sent is
        /// sent as bytes.
        mutating func settled(_ content: ResponseContent) -> ResponseContent {
            if case .stream = content, case .finished = production {
                return .bytes(outgoing.takeAll())
            }
            return content
        }
    }

    // MARK: - The request's content

    /// The content of a request, read from its connection as the handler asks for it.
    private struct IncomingContent: RequestBodySource {
        let exchange: Exchange

        func next() async throws -> [UInt8]? {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { exchange.read($0) }
            } onCancel: {
                exchange.stopReading()
            }
        }
    }

    extension Exchange {
        private enum Readiness {
            case waits, complete
            case failed(any Error)
        }

        fileprivate func read(_ reader: CheckedContinuation<[UInt8]?, any Error>) {
            let readiness: Readiness = state.withLock { state in
                if state.isOver { return .failed(CancellationError()) }
                switch state.incoming {
                case .complete: return .complete
                case .tooLarge: return .failed(BodyTooLarge(limit: service.contentLimit))
                case .open where Task.isCancelled: return .failed(CancellationError())
                case .open:
                    precondition(state.reader == nil, "A request's body has one reader at a time")
                    state.reader = reader
                    state.clientTime.start(at: service.now)
                    state.resume()
                    return .waits
                }
            }
            switch readiness {
            case .waits: break
            case .complete: reader.resume(returning: nil)
            case .failed(let error): reader.resume(throwing: error)
            }
        }

        fileprivate func stopReading() {
            let reader = state.withLock { state in
                state.clientTime.pause(at: service.now)
                return state.reader.take()
            }
            reader?.resume(throwing: CancellationError())
        }
    }

    // MARK: - The response's content

    /// Takes what a producer writes, as fast as the client takes it.
    private final class ResponseWriter: BodyWriter {
        private let exchange: Exchange
        private let length: Int?
        private var written = 0

        init(exchange: Exchange, length: Int?) {
            self.exchange = exchange
            self.length = length
        }

        func write(_ chunk: borrowing RawSpan) async throws {
            if let length, chunk.byteCount > length - written {
                exchange.connection.closeBehindResponse()
                throw WrongLength(announced: length)
            }
            written += chunk.byteCount
            var offset = try exchange.take(chunk, from: 0)
            while offset < chunk.byteCount {
                let exchange = exchange
                try await withTaskCancellationHandler {
                    try await withCheckedThrowingContinuation { exchange.awaitRoom($0) }
                } onCancel: {
                    exchange.stopWriting()
                }
                offset += try exchange.take(chunk, from: offset)
            }
        }

        /// Called when the producer is done.
        func checkEnd() throws {
            if let length, written != length { throw WrongLength(announced: length) }
        }
    }

    extension Exchange {
        fileprivate func take(_ chunk: borrowing RawSpan, from offset: Int) throws -> Int {
            var isOver = false
            var taken = 0
            state.withLock { state in
                isOver = state.isOver
                guard !isOver else { return }
                taken = state.outgoing.append(chunk, from: offset)
                if taken > 0 { state.resume() }
            }
            if isOver { throw CancellationError() }
            return taken
        }

        fileprivate func awaitRoom(_ writer: CheckedContinuation<Void, any Error>) {
            let hasRoom: Bool? = state.withLock { state in
                if state.isOver || Task.isCancelled { return nil }
                if state.outgoing.hasRoom { return true }
                state.writer = writer
                return false
            }
            switch hasRoom {
            case true: writer.resume()
            case false: break
            case nil: writer.resume(throwing: CancellationError())
            }
        }

        fileprivate func stopWriting() {
            state.withLock { $0.writer.take() }?.resume(throwing: CancellationError())
        }
    }

    /// A stream wrote more or fewer bytes than it had announced.
    private struct WrongLength: Error, CustomStringConvertible {
        let announced: Int
        var description: String { "the stream did not have the \(announced) bytes it announced" }
    }

    /// A handler gave an interim status as its answer.
    private struct InterimStatus: Error, CustomStringConvertible {
        let status: Status
        var description: String { "\(status.code) is no status of a final response" }
    }
#endif
