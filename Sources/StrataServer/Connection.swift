#if Server
    import Strata
    import Synchronization

    /// One client's connection: what is known of it besides the request in progress.
    final class Connection: Sendable {
        /// Which connection of this server it is; numbers don't come back, as sockets do.
        let number: UInt64
        let peer: String?
        private let socket: Socket
        let service: Service
        private let acceptor: Acceptor
        private let state: Mutex<State>

        /// Guarded by its mutex; used by the connection's thread, the handler's task and the
        /// acceptor. Whoever holds it may not ask the exchange for anything, because an exchange
        /// sends interim responses while it holds its own.
        fileprivate struct State {
            var stage: Stage
            /// The request whose line has come, until libmicrohttpd is done with it.
            var exchange: Exchange?
            /// Whether there has been no request yet.
            var isFresh = true
            /// Since when the client's side is closed.
            var peerClosed: Duration?
            /// Whether nothing can be sent to the client any more.
            var isBroken = false
            /// The socket, while its descriptor leads elsewhere.
            var diverted: Socket?
            /// Whether the socket is no longer this connection's.
            var isClosed = false
        }

        fileprivate enum Stage {
            /// Between two requests.
            case idle(since: Duration)
            /// The request line has come.
            case head(since: Duration)
            /// A request is being answered.
            case busy
            /// The last word is said.
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

        /// Whether the client is gone for certain.
        var isBroken: Bool { state.withLock { $0.isBroken } }

        /// Whether a request is being answered.
        var isBusy: Bool { state.withLock { if case .busy = $0.stage { true } else { false } } }

        // MARK: On the connection's thread

        /// A request line has come. The exchange lives until ``finished(_:)`` or ``closed()``.
        func requestLineArrived(_ exchange: Exchange) {
            let now = service.now
            state.withLock { state in
                state.isFresh = false
                state.exchange = exchange
                if case .idle = state.stage { state.stage = .head(since: now) }
            }
        }

        /// A request's head has come.
        ///
        /// - Returns: false where it came too late.
        func begin() -> Bool {
            state.withLock { state in
                guard case .head = state.stage, !service.isCancelling else { return false }
                state.stage = .busy
                return true
            }
        }

        /// A request is done with, and the connection may be used for another.
        ///
        /// - Parameter isComplete: whether the client has got all of the response.
        func finished(isComplete: Bool) {
            let now = service.now
            let exchange = state.withLock { state in
                state.endDiversion(of: socket)
                if case .over = state.stage {} else { state.stage = .idle(since: now) }
                return state.exchange.take()
            }
            exchange?.end(isComplete: isComplete)
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
                let socket = state.socket(or: socket)
                socket.send(
                    response.finalBytes(
                        content: content, isHead: isHead, at: service.configuration.time.now))
                socket.shutDownWriting()
                if let copy = socket.duplicate() { acceptor.linger(copy) }
            }
        }

        /// Sends a response that has no content in the place of libmicrohttpd, which puts either a
        /// length or an end of the connection on each. What libmicrohttpd sends next goes nowhere,
        /// until the request is done with.
        ///
        /// - Returns: false where nothing was sent, and it is libmicrohttpd's to do.
        func sendBodiless(_ bytes: [UInt8]) -> Bool {
            enum Outcome { case sent, untouched, broken }
            let outcome: Outcome = state.withLock { state in
                guard case .busy = state.stage, state.diverted == nil,
                    let kept = socket.divert()
                else { return .untouched }
                let sent = kept.send(bytes)
                guard sent > 0 else {
                    socket.endDiversion(kept)
                    return .untouched
                }
                state.diverted = kept
                return sent == bytes.count ? .sent : .broken
            }
            if case .broken = outcome { reset() }
            return outcome != .untouched
        }

        /// Sends an interim response, or nothing where the client doesn't take it now.
        func sendInterim(_ bytes: [UInt8]) {
            let sent = state.withLock { state in
                if case .busy = state.stage { state.socket(or: socket).send(bytes) } else { 0 }
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
                state.endDiversion(of: socket)
                guard case .idle = state.stage else { return false }
                return state.isFresh && !service.isStopping && socket.isPeerThere
            }
            if isUnanswered { refuse(.unreadable(400)) }
            let exchange = state.withLock { state in
                state.stage = .over
                state.isClosed = true
                return state.exchange.take()
            }
            // libmicrohttpd doesn't always say that a request has ended with its connection.
            exchange?.end(isComplete: false)
        }

        // MARK: From outside

        /// The client has closed its side, and where the connection is broken the other one too.
        ///
        /// A client that only has no more to say waits for its answer (RFC 9112 §9.6 calls that a
        /// half-closed connection); one that is gone looks the same until something is sent to it.
        func peerHasClosed(isBroken: Bool) {
            let now = service.now
            let exchange = state.withLock { state -> Exchange? in
                if state.peerClosed == nil { state.peerClosed = now }
                guard isBroken else { return nil }
                state.isBroken = true
                if case .busy = state.stage { return state.exchange }
                return nil
            }
            exchange?.peerIsGone()
        }

        /// Has the connection closed behind the response that is on its way.
        func closeBehindResponse() {
            state.withLock { state in
                if case .over = state.stage { return }
                state.socket(or: socket).shutDownReading()
            }
        }

        /// Cuts the connection off in a way that no client takes for a regular end.
        func reset() {
            state.withLock { state in
                if case .over = state.stage { return }
                state.stage = .over
                state.socket(or: socket).reset()
            }
        }

        /// Cancels the request in progress, and has libmicrohttpd close the connection.
        func close() {
            let exchange = state.withLock { state in
                if !state.isClosed { state.socket(or: socket).shutDown() }
                return state.exchange
            }
            exchange?.end(isComplete: false)
        }

        /// Closes the connection where its client has used up its time.
        func enforceTimeouts(at now: Duration) {
            let timeouts = service.configuration
            let (exchange, isHalfClosed) = state.withLock { ($0.exchange, $0.isHalfClosed(now)) }
            if isHalfClosed { exchange?.doubtPeer(at: now) }
            if let exchange, let (response, content) = exchange.takeAnswerToStalled(at: now) {
                return finish(with: response, content: content, isHead: exchange.isHead)
            }
            let late = exchange.flatMap { $0.expire(at: now) ? $0 : nil }
            let isTooSlow = state.withLock { state in
                let socket = state.socket(or: socket)
                switch state.stage {
                case .idle(let since)
                where now - since > timeouts.idleTimeout || state.isAbandoned(since, now):
                    state.stage = .over
                    socket.shutDown()
                    return false
                case .head(let since) where state.isAbandoned(since, now):
                    state.stage = .over
                    socket.shutDown()
                    return false
                case .head(let since) where now - since > timeouts.headTimeout: break
                case .busy where late != nil: break
                default: return false
                }
                state.stage = .over
                let response = Problem.tooSlow.response
                socket.send(
                    response.finalBytes(
                        content: response.body.allBytes, isHead: false,
                        at: service.configuration.time.now))
                socket.shutDown()
                return true
            }
            late?.end(isComplete: false)
            if isTooSlow { service.refused(.tooSlow, from: peer) }
        }
    }

    extension Connection.State {
        /// Has the descriptor lead to its own socket again, if it doesn't.
        mutating func endDiversion(of socket: Socket) {
            if let kept = diverted.take() { socket.endDiversion(kept) }
        }

        /// Whether the client has closed its side, and has left nothing to be answered.
        ///
        /// libmicrohttpd misses the end of what a client sends when it comes at once with a
        /// request, and would wait for more.
        func isAbandoned(_ since: Duration, _ now: Duration) -> Bool {
            guard let peerClosed else { return false }
            return now - max(since, peerClosed) > .seconds(1)
        }

        /// Whether the client has closed its side for a while, and an answer is being made.
        func isHalfClosed(_ now: Duration) -> Bool {
            guard case .busy = stage, let peerClosed else { return false }
            return now - peerClosed > .seconds(1)
        }

        /// The socket, wherever its descriptor leads.
        func socket(or usual: Socket) -> Socket { diverted ?? usual }
    }

    extension Body {
        /// The bytes that are all there; none of a stream.
        var allBytes: [UInt8] { if case .bytes(let bytes) = self { bytes } else { [] } }
    }
#endif
