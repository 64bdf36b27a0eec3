#if Server
    import Glibc
    import Strata
    import Synchronization

    /// The thread that lets clients in and keeps an eye on them: it accepts connections, learns
    /// when a client closes its side (libmicrohttpd doesn't look while a connection is suspended),
    /// and enforces the time limits.
    final class Acceptor: Sendable {
        /// How often the time limits are looked at, in milliseconds.
        private static let tick: Int32 = 200

        /// How often it is looked whether something that is waited for has come, in milliseconds.
        private static let quickTick: Int32 = 5

        /// How long a closed connection's socket is kept for its client to close it too.
        private static let lingerTime = Duration.seconds(2)

        private static let wakeupNumber: UInt64 = 0
        private static let listenerNumber: UInt64 = 1

        private let service: Service
        private let listener: Int32
        private let maximumConnections: Int
        private let poll = EventPoll()
        private let wakeup = Wakeup()
        private let state = Mutex(State())

        /// Guarded by its mutex; used by all threads of the server.
        private struct State {
            var lastNumber: UInt64 = 1
            var connections: [UInt64: Connection] = [:]
            /// Those that libmicrohttpd hasn't begun to serve, by their sockets.
            var arriving: [Int32: Connection] = [:]
            /// Sockets of connections that are over, and until when they are kept.
            var lingering: [UInt64: (descriptor: Int32, end: Duration)] = [:]
            var isListening = true
            var isEnding = false
            /// Who waits for what, and until when.
            var waiter: Waiter?
        }

        private struct Waiter {
            let milestone: Milestone
            let end: Duration
            let continuation: CheckedContinuation<Void, Never>
        }

        /// What can be waited for when the server stops.
        enum Milestone {
            /// No request is being answered.
            case idle
            /// No connection is left.
            case empty
        }

        init(_ service: Service, listener: Int32, maximumConnections: Int) {
            self.service = service
            self.listener = listener
            self.maximumConnections = maximumConnections
        }

        // MARK: For the connections' threads

        /// The connection of a socket that libmicrohttpd begins to serve.
        func claim(_ descriptor: Int32) -> Connection? {
            state.withLock { $0.arriving.removeValue(forKey: descriptor) }
        }

        /// The connection is closed.
        func remove(_ connection: Connection) {
            let wasFull = state.withLock { state in
                defer { state.connections[connection.number] = nil }
                return state.connections.count >= maximumConnections
            }
            if wasFull { wakeup.signal() }
        }

        /// Keeps the socket until its client has closed it, or for a short time.
        func linger(_ descriptor: Int32) {
            let end = service.now + Self.lingerTime
            let number: UInt64? = state.withLock { state in
                guard !state.isEnding else { return nil }
                state.lastNumber += 1
                state.lingering[state.lastNumber] = (descriptor, end)
                return state.lastNumber
            }
            if let number {
                poll.add(descriptor, .readable, number: number)
            } else {
                closeDescriptor(descriptor)
            }
        }

        // MARK: For the server

        /// Waits until it has come so far, or for the time at most; one waits at a time.
        func wait(for milestone: Milestone, atMost duration: Duration) async {
            let end = service.now + duration
            await withCheckedContinuation { continuation in
                state.withLock {
                    $0.waiter = Waiter(milestone: milestone, end: end, continuation: continuation)
                }
                wakeup.signal()
            }
        }

        /// Cancels all requests in progress, and has all connections closed.
        func closeAll() { for connection in connections { connection.close() } }

        /// Has no further connection accepted.
        func stopListening() {
            state.withLock { $0.isListening = false }
            wakeup.signal()
        }

        /// Ends the thread.
        func end() {
            state.withLock { $0.isEnding = true }
            wakeup.signal()
        }

        private var connections: [Connection] { state.withLock { Array($0.connections.values) } }

        /// Begins.
        ///
        /// - Parameter serve: hands a connected socket on.
        func start(_ serve: @escaping @Sendable (Accepted) -> Bool) {
            startThread { self.run(serve) }
        }

        // MARK: On its own thread

        private func run(_ serve: (Accepted) -> Bool) {
            poll.add(wakeup.descriptor, .readable, number: Self.wakeupNumber)
            var isAccepting = false
            var isOpen = true
            var nextTick = service.now
            while true {
                let (mayAccept, isListening, isEnding) = state.withLock { state in
                    (
                        state.connections.count < maximumConnections, state.isListening,
                        state.isEnding
                    )
                }
                if isEnding { break }
                if isOpen, !isListening {
                    closeDescriptor(listener)
                    isOpen = false
                    isAccepting = false
                }
                if isOpen, mayAccept != isAccepting {
                    if mayAccept {
                        poll.add(listener, .readable, number: Self.listenerNumber)
                    } else {
                        poll.remove(listener)
                    }
                    isAccepting = mayAccept
                }
                let isAwaited = tellWaiter()
                for event in poll.wait(milliseconds: isAwaited ? Self.quickTick : Self.tick) {
                    switch event.number {
                    case Self.wakeupNumber: wakeup.clear()
                    case Self.listenerNumber:
                        if isAccepting, !acceptAll(serve) {
                            // The process has no descriptor left: look again at the next tick.
                            poll.remove(listener)
                            isAccepting = false
                        }
                    default: take(event)
                    }
                }
                let now = service.now
                if now >= nextTick {
                    nextTick = now + .milliseconds(Int(Self.tick))
                    for connection in connections { connection.enforceTimeouts(at: now) }
                    endLingering(at: now)
                }
            }
            if isOpen { closeDescriptor(listener) }
            for (descriptor, _) in state.withLock({ $0.lingering.values }) {
                closeDescriptor(descriptor)
            }
            poll.close()
            wakeup.close()
        }

        /// Accepts who waits.
        ///
        /// - Returns: false where that is impossible for now.
        private func acceptAll(_ serve: (Accepted) -> Bool) -> Bool {
            for _ in 0..<64 {
                switch acceptConnection(listener) {
                case .nobody: return true
                case .impossible: return false
                case .connected(let accepted):
                    let socket = Socket(descriptor: accepted.descriptor)
                    let peer = accepted.peer
                    let (connection, isFull) = state.withLock { state in
                        state.lastNumber += 1
                        let connection = Connection(
                            number: state.lastNumber, socket: socket, peer: peer, service, self)
                        state.connections[connection.number] = connection
                        state.arriving[socket.descriptor] = connection
                        return (connection, state.connections.count >= maximumConnections)
                    }
                    poll.add(socket.descriptor, .hangUp, number: connection.number)
                    if !serve(accepted) {
                        _ = claim(socket.descriptor)
                        remove(connection)
                    }
                    if isFull { return true }
                }
            }
            return true
        }

        /// Tells who waits, where it is time to.
        ///
        /// - Returns: whether somebody still waits.
        private func tellWaiter() -> Bool {
            guard let waiter = state.withLock({ $0.waiter }) else { return false }
            let hasCome =
                switch waiter.milestone {
                case .idle: !connections.contains(where: \.isBusy)
                case .empty: connections.isEmpty
                }
            guard hasCome || service.now >= waiter.end else { return true }
            state.withLock { $0.waiter = nil }
            waiter.continuation.resume()
            return false
        }

        private func take(_ happening: EventPoll.Event) {
            let number = happening.number
            let (connection, lingering) = state.withLock { state in
                (state.connections[number], state.lingering[number])
            }
            connection?.peerHasClosed(isBroken: happening.isBroken)
            if let lingering, !discardInput(lingering.descriptor) {
                state.withLock { _ = $0.lingering.removeValue(forKey: number) }
                endLingering(lingering.descriptor)
            }
        }

        private func endLingering(at now: Duration) {
            let ended = state.withLock { state in
                let ended = state.lingering.filter { $0.value.end <= now }
                for number in ended.keys { state.lingering[number] = nil }
                return ended
            }
            for lingering in ended.values { endLingering(lingering.descriptor) }
        }

        /// Closes a socket that was kept, and the connection, should libmicrohttpd still have it.
        private func endLingering(_ descriptor: Int32) {
            Socket(descriptor: descriptor).shutDown()
            closeDescriptor(descriptor)
        }
    }
#endif
