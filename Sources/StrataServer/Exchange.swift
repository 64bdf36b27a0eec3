#if Server
    import Strata
    import Synchronization

    /// One request and its response: stands between the thread of the connection, on which
    /// libmicrohttpd comes by when there is something to do, and the task of the handler.
    ///
    /// While the handler has nothing for the client and wants nothing from it, the connection is
    /// suspended. Whoever changes that resumes it, and libmicrohttpd comes by again.
    ///
    /// `@unchecked Sendable`: `phase` and `head` are written on the connection's thread only, and
    /// `head` before the handler's task is made, which reads it; all else that changes is in
    /// `state`.
    final class Exchange: @unchecked Sendable {
        /// What the connection's thread is to do.
        enum Step {
            /// Go on reading from the client.
            case proceed
            /// Nothing: the connection was suspended.
            case wait
            /// Send the response, through libmicrohttpd.
            case answer(Response, ResponseContent)
            /// Send the response at once, in the midst of the request, and close the connection.
            case finish(Response, content: [UInt8])
            /// Answer in the place of the handler, and close the connection.
            case refuse(Problem)
            /// Close the connection.
            case close
        }

        /// How far the request has come.
        private enum Phase {
            case head, handlerToStart, beforeContent, content, answering
        }

        /// How much content is thrown away to keep a connection whose handler has answered
        /// without reading it all.
        private static let discardLimit = 1024 * 1024

        let connection: Connection
        let target: RawTarget
        private(set) var head: RequestHead?
        private var phase = Phase.head
        let state = Mutex(State())

        /// Not kept here: all threads would count its references up and down with each request.
        var service: Service { connection.service }

        init(_ connection: Connection, _ target: RawTarget) {
            self.connection = connection
            self.target = target
        }
    }

    // MARK: - What the threads share

    extension Exchange {
        /// Guarded by its mutex; used by the connection's thread, the handler's task and the
        /// acceptor.
        struct State {
            /// The connection, while it is suspended.
            var suspended: MicroConnection?
            /// The handler's task.
            var task: Task<Void, Never>?
            /// Whether nothing can be sent or received any more.
            var isOver = false

            /// The handler, where it waits for content.
            var reader: CheckedContinuation<[UInt8]?, any Error>?
            /// Whether there will be more content.
            var incoming = Incoming.open
            var received = 0
            var discarded = 0
            var clientTime = ClientTime()

            /// Whether the handler has answered.
            var isAnswered = false
            /// The response, until it is on its way.
            var response: (Response, ResponseContent)?
            /// The producer, where it waits for room.
            var writer: CheckedContinuation<Void, any Error>?
            /// What was written and is not yet taken.
            var outgoing = OutgoingBytes()
            /// Whether the producer is done.
            var production = Production.running
            /// How much the client has taken, and what its silence amounts to.
            var taken = 0
            var silence: Silence?
        }

        enum Incoming { case open, complete, tooLarge }

        /// Since when a client that closed its side has taken nothing more.
        struct Silence {
            var taken: Int
            var since: Duration
        }

        enum Production { case running, finished, failed }

        /// Suspends the connection. Inside the mutex, so that whoever resumes it finds it so.
        private func suspend(_ state: inout State, _ handle: MicroConnection) -> Bool {
            // Once the server cancels what is left, nothing may be suspended any more.
            guard !service.isCancelling else { return false }
            handle.suspend()
            state.suspended = handle
            return true
        }
    }

    extension Exchange.State {
        /// Whether all of the request has come.
        var isReadToEnd: Bool { if case .complete = incoming { true } else { false } }

        /// Has libmicrohttpd come by again, where it had nothing to do.
        mutating func resume() {
            suspended?.resume()
            suspended = nil
        }
    }

    // MARK: - On the connection's thread

    extension Exchange {
        /// Whether the response must have no content.
        var isHead: Bool { head?.request.method == .head }

        /// Whether the request line is all that is known of the request.
        var needsHead: Bool { phase == .head }

        /// The head is there.
        func headArrived(_ head: RequestHead, on handle: MicroConnection) -> Step {
            self.head = head
            switch head.content {
            case .none:
                // The next call follows at once, and only a response given then keeps the
                // connection.
                state.withLock { $0.incoming = .complete }
                phase = .handlerToStart
                return .proceed
            case .length(let length) where length > service.contentLimit:
                return .refuse(.contentTooLarge(limit: service.contentLimit))
            case .length, .chunked:
                phase = .beforeContent
                startHandler()
                return cameBy(handle)
            }
        }

        /// libmicrohttpd comes by without content.
        func cameBy(_ handle: MicroConnection) -> Step {
            switch phase {
            case .head: return .close
            case .handlerToStart:
                phase = .answering
                startHandler()
            case .beforeContent: break
            case .content:
                phase = .answering
                let reader = state.withLock { state in
                    if case .open = state.incoming { state.incoming = .complete }
                    state.clientTime.pause(at: service.now)
                    return state.reader.take()
                }
                reader?.resume(returning: nil)
                if connection.isBroken { peerIsGone() }
            case .answering: break
            }
            let isBeforeContent = phase == .beforeContent
            let step: Step = state.withLock { state in
                // Looked at under the lock that it is suspended under: whoever asks for content in
                // between would find nothing to resume.
                if isBeforeContent, isWanted(state) { return .proceed }
                if state.isOver { return .close }
                if let (response, content) = state.response.take() {
                    state.clientTime.pause(at: service.now)
                    return .answer(response, state.settled(content))
                }
                return suspend(&state, handle) ? .wait : .close
            }
            if isBeforeContent, case .proceed = step { phase = .content }
            return step
        }

        /// Whether content that has not begun is to be read now: for the handler, or to throw it
        /// away behind an answer, so that the connection can be kept. A client that waits for
        /// leave to send gets the answer instead.
        private func isWanted(_ state: State) -> Bool {
            if state.isOver { return false }
            return state.reader != nil
                || (state.response != nil && !(head?.expectsContinue ?? false))
        }

        /// libmicrohttpd comes by with content; after `.wait` it comes with the same again.
        func contentArrived(_ bytes: UnsafeRawBufferPointer, on handle: MicroConnection) -> Step {
            let now = service.now
            let limit = service.contentLimit
            let (step, reader): (Step, CheckedContinuation<[UInt8]?, any Error>?) =
                state.withLock { state in
                    if state.isOver { return (.close, nil) }
                    if let (response, content) = state.response {
                        state.discarded += bytes.count
                        state.clientTime.received(bytes.count, at: now)
                        if state.discarded > Self.discardLimit, case .bytes(let bytes) = content {
                            return (.finish(response, content: bytes), nil)
                        }
                        return (.proceed, nil)
                    }
                    guard let reader = state.reader.take() else {
                        return (suspend(&state, handle) ? .wait : .close, nil)
                    }
                    state.received += bytes.count
                    state.clientTime.received(bytes.count, at: now)
                    state.clientTime.pause(at: now)
                    if state.received > limit { state.incoming = .tooLarge }
                    return (.proceed, reader)
                }
            guard let reader else { return step }
            if state.withLock({ $0.received > limit }) {
                reader.resume(throwing: BodyTooLarge(limit: limit))
            } else {
                reader.resume(returning: [UInt8](bytes))
            }
            return step
        }

        /// Sends the response at once where libmicrohttpd can't: it has no content, and no length
        /// is known that could be told, on a connection that goes on.
        ///
        /// - Returns: whether it was sent.
        func sendsBodiless(_ response: Response, _ content: ResponseContent) -> Bool {
            guard case .withheld(nil) = content, phase == .answering, let head,
                !head.request.headers.askToClose, !head.isHTTP10, !response.headers.askToClose,
                !service.isStopping, state.withLock({ $0.isReadToEnd })
            else { return false }
            let configuration = service.configuration
            return connection.sendBodiless(
                response.bodilessBytes(server: configuration.name, at: configuration.time.now))
        }

        /// What became of room that was offered for the response's content.
        enum Filled { case bytes(Int), nothingYet, end, failed }

        /// libmicrohttpd has room for content of the response.
        func fill(_ room: UnsafeMutableRawBufferPointer, _ handle: MicroConnection) -> Filled {
            let (filled, writer): (Filled, CheckedContinuation<Void, any Error>?) =
                state.withLock { state in
                    if state.isOver { return (.failed, nil) }
                    if case .failed = state.production { return (.failed, nil) }
                    let count = state.outgoing.take(into: room)
                    if count > 0 {
                        state.taken += count
                        return (.bytes(count), state.outgoing.hasRoom ? state.writer.take() : nil)
                    }
                    if case .finished = state.production { return (.end, nil) }
                    return (suspend(&state, handle) ? .nothingYet : .failed, nil)
                }
            writer?.resume()
            return filled
        }

        /// Has libmicrohttpd come by once more, whatever it finds.
        ///
        /// It doesn't close a connection whose content has failed before it comes by again, which
        /// can be when its time is up. A connection that was resumed is always looked at.
        func comeByAgain(_ handle: MicroConnection) {
            state.withLock { state in
                if suspend(&state, handle) { state.resume() }
            }
        }

        private func startHandler() {
            let task = Task.immediate { await self.run() }
            let isOver = state.withLock { state in
                state.task = task
                return state.isOver
            }
            if isOver { task.cancel() }
            if connection.isBroken { peerIsGone() }
        }
    }

    // MARK: - From outside

    extension Exchange {
        /// How long a client that closed its side is believed to be there without a sign of it.
        private static let patience = Duration.seconds(10)

        /// The client has closed its side some time ago: it may wait for its answer, or be gone.
        ///
        /// Only what is sent to it tells, because the kernel of one that is gone answers that the
        /// connection is broken. Before the response there is an interim one that means nothing
        /// and that every client passes over (RFC 9110 §15.2.1). Where none can be sent, a client
        /// that takes nothing for a while is taken for gone.
        func doubtPeer(at now: Duration) {
            let isAsked = !(head?.isHTTP10 ?? true)
            let task = state.withLock { state -> Task<Void, Never>? in
                guard !state.isOver else { return nil }
                let (isFirst, since) = (state.silence == nil, state.silence?.since ?? now)
                if isFirst || state.silence?.taken != state.taken {
                    state.silence = Silence(taken: state.taken, since: now)
                }
                if isAsked, !state.isAnswered {
                    guard isFirst || now - since > Self.patience else { return nil }
                    state.silence?.since = now
                    connection.sendInterim(Response(status: 100).interimBytes)
                    return nil
                }
                return now - (state.silence?.since ?? now) > Self.patience ? state.task : nil
            }
            task?.cancel()
        }

        /// The client is gone. The handler is cancelled, but not before it has got what content
        /// there is.
        func peerIsGone() {
            let task: Task<Void, Never>? = state.withLock { state in
                if case .open = state.incoming { return nil }
                return state.task
            }
            task?.cancel()
        }

        /// Nothing more can be sent or received: everyone who waits is told.
        ///
        /// - Parameter isComplete: whether the client has got all of the response; if not, the
        ///   handler is cancelled.
        func end(isComplete: Bool) {
            let (task, reader, writer) = state.withLock { state in
                state.isOver = true
                state.response = nil
                state.resume()
                return (state.task.take(), state.reader.take(), state.writer.take())
            }
            if !isComplete { task?.cancel() }
            reader?.resume(throwing: CancellationError())
            writer?.resume(throwing: CancellationError())
        }

        /// How long a client may stop amid its content before it is told what it was answered.
        private static let stallLimit = Duration.seconds(1)

        /// Takes the answer to a client that has stopped amid its content, and ends the exchange:
        /// libmicrohttpd sends nothing before the rest has come, which may be never.
        func takeAnswerToStalled(at now: Duration) -> (Response, [UInt8])? {
            state.withLock { state in
                guard !state.isOver, case .open = state.incoming, state.suspended == nil,
                    state.clientTime.isStalled(Self.stallLimit, at: now),
                    let (response, content) = state.response,
                    case .bytes(let bytes) = state.settled(content)
                else { return nil }
                state.isOver = true
                state.response = nil
                return (response, bytes)
            }
        }

        /// Ends the exchange where the client has used up its time for content. No response is on
        /// its way then, nor will one be; ``end(isComplete:)`` has to follow.
        ///
        /// - Returns: whether it has.
        func expire(at now: Duration) -> Bool {
            let allowed = service.configuration.contentTimeout
            return state.withLock { state in
                guard !state.isOver, state.clientTime.isOver(allowed, at: now) else { return false }
                state.isOver = true
                return true
            }
        }
    }
#endif
