#if Server
    import Strata
    import Synchronization

    /// One client's connection: what is known of it besides the request in progress.
    final class Connection: Sendable {
        /// Which connection of this server it is; numbers don't come back, as sockets do.
        let number: UInt64
        let peer: String?
        private let socket: Socket
        private let service: Service
        private let acceptor: Acceptor
        private let state: Mutex<State>

        /// Guarded by its mutex; used by the connection's thread, the handler's task and the
        /// acceptor.
        private struct State {
            var stage: Stage
            /// Whether there has been no request yet.
            var isFresh = true
            var isPeerGone = false
        }

        private enum Stage {
            /// Between two requests.
            case idle(since: Duration)
            /// The request line has come.
            case head(since: Duration)
            /// A request is being answered.
            case exchange(Exchange)
            /// Nothing may be done with the socket any more.
            case over
        }

        init(
            number: UInt64, socket: Socket, peer: String?, _ service: Service, _ acceptor: Acceptor
        ) {
            self.number = number
            self.socket = socket
            self.peer = peer
            self.service = service
            self.acceptor = acceptor
            state = Mutex(State(stage: .idle(since: service.now)))
        }

        /// Whether the client has closed its side.
        var isPeerGone: Bool { state.withLock { $0.isPeerGone } }

        /// Whether a request is being answered.
        var isBusy: Bool { exchange != nil }

        private var exchange: Exchange? {
            state.withLock { if case .exchange(let exchange) = $0.stage { exchange } else { nil } }
        }

        // MARK: On the connection's thread

        /// A request line has come.
        func requestLineArrived() {
            let now = service.now
            state.withLock { state in
                state.isFresh = false
                if case .idle = state.stage { state.stage = .head(since: now) }
            }
        }

        /// A request's head has come.
        ///
        /// - Returns: false where it came too late.
        func begin(_ exchange: Exchange) -> Bool {
            state.withLock { state in
                guard case .head = state.stage else { return false }
                state.stage = .exchange(exchange)
                return true
            }
        }

        /// A request is done with, and the connection may be used for another.
        func finished() {
            let now = service.now
            state.withLock { state in
                if case .over = state.stage {} else { state.stage = .idle(since: now) }
            }
        }

        /// Sends a response where libmicrohttpd would take none, as the last on the connection.
        /// The caller sees to it that libmicrohttpd then closes it.
        ///
        /// The client may be sending still. Were the socket closed with bytes unread, the client's
        /// kernel would throw away the response (RFC 9112 §9.6); so a second handle of the socket
        /// stays open until the client has closed its side, or for a short time.
        func finish(with response: Response, content: [UInt8], isHead: Bool = false) {
            state.withLock { state in
                if case .over = state.stage { return }
                state.stage = .over
                socket.send(
                    response.finalBytes(
                        content: content, isHead: isHead, at: service.configuration.time.now))
                socket.shutDownWriting()
                if let copy = socket.duplicate() { acceptor.linger(copy) }
            }
        }

        /// Sends an interim response, or nothing where the client doesn't take it now.
        func sendInterim(_ bytes: [UInt8]) {
            let sent = state.withLock { state in
                if case .exchange = state.stage { socket.send(bytes) } else { 0 }
            }
            // The response can't follow a part of another.
            if sent > 0, sent < bytes.count { reset() }
        }

        /// Answers a request that no handler sees, as the last on the connection.
        func refuse(_ problem: Problem, isHead: Bool = false) {
            service.refused(problem, from: peer)
            let response = problem.response
            finish(with: response, content: response.body.allBytes, isHead: isHead)
        }

        /// The socket is about to be closed.
        ///
        /// libmicrohttpd says nothing to a client whose first line has no two parts, and to
        /// nobody that it came. It is the one reason to close a connection without a request
        /// while the client is still there, and is answered here.
        func closed() {
            let isUnanswered = state.withLock { state in
                guard case .idle = state.stage else { return false }
                return state.isFresh && !service.isStopping && socket.isPeerThere
            }
            if isUnanswered { refuse(.unreadable(400)) }
            state.withLock { $0.stage = .over }
        }

        // MARK: From outside

        /// The client has closed its side.
        func peerIsGone() {
            let exchange = state.withLock { state -> Exchange? in
                state.isPeerGone = true
                if case .exchange(let exchange) = state.stage { return exchange }
                return nil
            }
            exchange?.peerIsGone()
        }

        /// Has the connection closed behind the response that is on its way.
        func closeBehindResponse() {
            state.withLock { state in
                if case .over = state.stage { return }
                socket.shutDownReading()
            }
        }

        /// Cuts the connection off in a way that no client takes for a regular end.
        func reset() {
            state.withLock { state in
                if case .over = state.stage { return }
                state.stage = .over
                socket.reset()
            }
        }

        /// Cancels the request in progress.
        func cancel() { exchange?.end(isComplete: false) }

        /// Closes the connection where its client has used up its time.
        func enforceTimeouts(at now: Duration) {
            let timeouts = service.configuration
            var late: Exchange?
            var isTimedOut = false
            state.withLock { state in
                switch state.stage {
                case .idle(let since):
                    guard now - since > timeouts.idleTimeout else { return }
                    state.stage = .over
                    socket.shutDown()
                case .head(let since): isTimedOut = now - since > timeouts.headTimeout
                case .exchange(let exchange):
                    guard exchange.isOverdue(at: now) else { return }
                    late = exchange
                    isTimedOut = true
                case .over: break
                }
                guard isTimedOut else { return }
                state.stage = .over
                let problem = Problem(408, detail: "The request came too slowly.")
                service.refused(problem, from: peer)
                let response = problem.response
                socket.send(
                    response.finalBytes(
                        content: response.body.allBytes, isHead: false,
                        at: service.configuration.time.now))
                socket.shutDown()
            }
            late?.end(isComplete: false)
        }
    }

    extension Body {
        /// The bytes that are all there; none of a stream.
        var allBytes: [UInt8] { if case .bytes(let bytes) = self { bytes } else { [] } }
    }
#endif
