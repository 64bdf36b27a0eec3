#if Server
    import Strata
    import Synchronization

    /// A request as it goes to an origin.
    struct OutgoingRequest: Sendable {
        enum Content: Sendable, Hashable {
            case none
            case length(Int)
            case chunked
        }

        var method: Method
        var target: String
        /// The value of the Host field.
        var host: String
        /// All other field lines, without those that are about the connection; the first has a
        /// value.
        var fields: Headers
        var content: Content
        /// Whether the origin is asked before content is sent.
        var expectsContinue: Bool

        /// Whether the request may go over a connection that was used before.
        ///
        /// The origin may be closing such a connection at this very moment. libcurl then sends
        /// the request again over another, which is right only where that is the same as sending
        /// it once (RFC 9110 §9.2.2), and possible only where no content is gone already.
        var mayReuseConnection: Bool { method.isIdempotent && content == .none }
    }

    /// One request to an origin and its response: stands between the tasks that want it and the
    /// thread on which libcurl does it.
    final class Transfer: Sendable {
        /// What comes from the origin, in this order.
        enum Arrival {
            /// Any number of interim heads, and a final one.
            case head(ResponseHead)
            /// Some content.
            case content([UInt8])
            /// The end of the content.
            case end
        }

        typealias Waiter = CheckedContinuation<Void, Never>

        /// How many times more of a response is held while the request's content is still sent.
        private static let leadFactor = 16

        let request: OutgoingRequest
        private let loop: CurlLoop
        private let bufferLimit: Int
        private let state: Mutex<State>

        /// Guarded by its mutex; used by libcurl's thread, the task that takes the response and
        /// the one that sends the content.
        private struct State {
            /// What it has come to. Whoever sets it wakes those who wait, because nobody else may:
            /// the transfer can be taken from libcurl before that says that it is done.
            var end: End?

            var reader: ResponseHeadReader
            var heads: [ResponseHead] = []
            var content: [UInt8] = []
            /// Whether libcurl was told to receive nothing for now.
            var isReceptionPaused = false
            /// The task that takes the response, where it waits for more of it.
            var receiver: Waiter?

            var mayContinue: Bool
            var isAnswered = false
            var outgoing: ArraySlice<UInt8> = []
            var outgoingCount = 0
            var isOutgoingComplete = false
            /// Whether libcurl was told that there is nothing to send for now.
            var isSendingPaused = false
            /// Whether the request's content is still on its way, if there is any.
            var isSending = true
            /// The task that sends the content, where it waits for the last piece to be taken.
            var sender: Waiter?

            mutating func takeWaiters() -> [Waiter] {
                [receiver.take(), sender.take()].compactMap { $0 }
            }
        }

        private enum End {
            case complete
            case failed(any Error)
        }

        init(_ request: OutgoingRequest, _ configuration: Upstream.Configuration, _ loop: CurlLoop)
        {
            self.request = request
            self.loop = loop
            bufferLimit = configuration.maximumBufferedBytes
            state = Mutex(
                State(
                    reader: ResponseHeadReader(limit: configuration.maximumHeadBytes),
                    mayContinue: !request.expectsContinue))
        }

        func start() { loop.start(self) }

        /// Ends the transfer, whatever it has come to, unless it is at its end.
        func fail(_ error: any Error) {
            let waiters: [Waiter]? = state.withLock { state in
                guard state.end == nil else { return nil }
                state.end = .failed(error)
                return state.takeWaiters()
            }
            guard let waiters else { return }
            for waiter in waiters { waiter.resume() }
            loop.look(at: self)
        }
    }

    // MARK: - For the tasks

    extension Transfer {
        /// What comes next.
        ///
        /// - Throws: ``UpstreamError``, what ``fail(_:)`` was given, or `CancellationError`, after
        ///   which the transfer has failed.
        func next() async throws -> Arrival {
            while true {
                let (arrival, isUnpaused) = try state.withLock { state in
                    let arrival = try take(from: &state)
                    return (arrival, arrival != nil && state.isReceptionPaused)
                }
                if isUnpaused { loop.look(at: self) }
                if let arrival { return arrival }
                try await wait(\.receiver) {
                    $0.heads.isEmpty && $0.content.isEmpty && $0.end == nil
                } onCancel: {
                    fail(CancellationError())
                }
            }
        }

        private func take(from state: inout State) throws -> Arrival? {
            if !state.heads.isEmpty { return .head(state.heads.removeFirst()) }
            if !state.content.isEmpty {
                defer { state.content = [] }
                return .content(state.content)
            }
            switch state.end {
            case .failed(let error): throw error
            case .complete: return .end
            case nil: return nil
            }
        }

        /// All content, where it has come to its end already.
        func takeCompleteContent() -> [UInt8]? {
            state.withLock { state in
                guard case .complete = state.end, state.heads.isEmpty else { return nil }
                defer { state.content = [] }
                return state.content
            }
        }

        /// Waits until the origin wants the content, or has left that open for too long.
        ///
        /// - Throws: where none is wanted any more.
        func waitForLeaveToSend() async throws {
            while !state.withLock({ $0.mayContinue || $0.end != nil }) {
                try await wait(\.sender) {
                    !$0.mayContinue && $0.end == nil
                } onCancel: {
                    stopSending()
                }
            }
            if state.withLock({ $0.end != nil }) { throw CancellationError() }
        }

        /// Sends a piece of content, and returns when the next one is wanted.
        ///
        /// - Throws: where none is wanted any more.
        func send(_ piece: [UInt8]) async throws {
            let isUnpaused = try state.withLock { state in
                if state.end != nil { throw CancellationError() }
                state.outgoing = piece[...]
                return state.isSendingPaused
            }
            if isUnpaused { loop.look(at: self) }
            while state.withLock({ !$0.outgoing.isEmpty && $0.end == nil }) {
                try await wait(\.sender) {
                    !$0.outgoing.isEmpty && $0.end == nil
                } onCancel: {
                    stopSending()
                }
            }
        }

        /// There is no more content.
        func endContent() {
            state.withLock { state in
                state.isOutgoingComplete = true
                state.isSending = false
            }
            loop.look(at: self)
        }

        private func wait(
            _ place: any WritableKeyPath<State, Waiter?> & Sendable,
            while condition: (State) -> Bool, onCancel: @Sendable () -> Void
        ) async throws {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let waits = state.withLock { state in
                        guard condition(state), !Task.isCancelled else { return false }
                        state[keyPath: place] = continuation
                        return true
                    }
                    if !waits { continuation.resume() }
                }
            } onCancel: {
                onCancel()
            }
            try Task.checkCancellation()
        }

        private func stopSending() { state.withLock { $0.sender.take() }?.resume() }
    }

    // MARK: - On libcurl's thread

    extension Transfer {
        /// A line of a head has come.
        ///
        /// - Returns: whom to wake, and whether the transfer is to be ended.
        func received(
            headLine line: UnsafeRawBufferPointer
        ) -> (waiters: [Waiter], isOver: Bool) {
            state.withLock { state in
                guard state.end == nil else { return ([], true) }
                do throws(UpstreamError) {
                    guard let head = try state.reader.take(line) else { return ([], false) }
                    // It is for this proxy: a client that waits for it gets one of its own, once its
                    // content is wanted.
                    if head.status == 100, request.expectsContinue {
                        state.mayContinue = true
                        return ([state.sender.take()].compactMap { $0 }, false)
                    }
                    if !head.isInterim {
                        _ = try ResponseFraming(of: head, to: request.method)
                        state.isAnswered = true
                        // An error ends the sending; any other answer is a leave to send, too.
                        if head.status.code < 400 {
                            state.mayContinue = true
                        } else {
                            state.isSending = false
                        }
                    }
                    state.heads.append(head)
                    let sender = state.mayContinue ? state.sender.take() : nil
                    return ([state.receiver.take(), sender].compactMap { $0 }, false)
                } catch {
                    state.end = .failed(error)
                    return (state.takeWaiters(), true)
                }
            }
        }

        enum Reception {
            case taken(Waiter?)
            case full
            case over([Waiter])
        }

        /// Some content has come.
        func received(_ bytes: UnsafeRawBufferPointer) -> Reception {
            state.withLock { state in
                guard state.end == nil else { return .over([]) }
                if state.content.count >= bufferLimit {
                    // Nobody takes the response while the request's content is still sent. An
                    // origin that won't take that before it has sent this would wait forever.
                    guard state.isSending, request.content != .none else {
                        state.isReceptionPaused = true
                        return .full
                    }
                    guard state.content.count < bufferLimit * Self.leadFactor else {
                        state.end = .failed(
                            UpstreamError(.lost, "the response overtakes the request's content"))
                        return .over(state.takeWaiters())
                    }
                }
                state.content.append(contentsOf: bytes)
                return .taken(state.receiver.take())
            }
        }

        enum Sending {
            case bytes(Int, Waiter?)
            case nothingYet
            case end
            case over
        }

        /// There is room for content.
        func fill(_ room: UnsafeMutableRawBufferPointer) -> Sending {
            state.withLock { state in
                guard state.end == nil else { return .over }
                let count = min(room.count, state.outgoing.count)
                if count > 0 {
                    room.copyBytes(from: state.outgoing.prefix(count))
                    state.outgoing.removeFirst(count)
                    state.outgoingCount += count
                    return .bytes(count, state.outgoing.isEmpty ? state.sender.take() : nil)
                }
                guard state.isOutgoingComplete else {
                    state.isSendingPaused = true
                    return .nothingYet
                }
                if case .length(let length) = request.content, length != state.outgoingCount {
                    return .over
                }
                return .end
            }
        }

        struct Wishes {
            var isOver: Bool
            var isReceptionPaused: Bool
            var isSendingPaused: Bool
            var hasChanged: Bool
        }

        /// What libcurl is to do from now on.
        func wishes() -> Wishes {
            state.withLock { state in
                let canReceive = state.isReceptionPaused && state.content.count < bufferLimit / 2
                // libcurl sends nothing more once it was answered with an error, but finds no
                // end while it is told to pause.
                let canSend =
                    state.isSendingPaused
                    && (!state.outgoing.isEmpty || state.isOutgoingComplete || state.isAnswered)
                if canReceive { state.isReceptionPaused = false }
                if canSend { state.isSendingPaused = false }
                return Wishes(
                    isOver: state.end != nil, isReceptionPaused: state.isReceptionPaused,
                    isSendingPaused: state.isSendingPaused, hasChanged: canReceive || canSend)
            }
        }

        /// Whether it is the origin that the transfer waits for.
        var waitsForOrigin: Bool {
            state.withLock { !$0.isReceptionPaused && (!$0.isSendingPaused || $0.isAnswered) }
        }

        /// Whether there was a final head.
        var isAnswered: Bool { state.withLock { $0.isAnswered } }

        /// Sends content although the origin didn't say that it wants it.
        func stopWaitingForLeaveToSend() -> Waiter? {
            state.withLock { state in
                guard !state.mayContinue else { return nil }
                state.mayContinue = true
                return state.sender.take()
            }
        }

        /// libcurl is done.
        func finished(_ error: UpstreamError?) -> [Waiter] {
            state.withLock { state in
                if state.end == nil {
                    if let error {
                        state.end = .failed(error)
                    } else if state.isAnswered {
                        state.end = .complete
                    } else {
                        state.end = .failed(UpstreamError(.lost, "there was no response"))
                    }
                }
                return state.takeWaiters()
            }
        }
    }
#endif
