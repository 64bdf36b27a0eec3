import Strata
import Synchronization

/// One connection as its users see it: they hand over commands and write them; the loop opens it,
/// reads from it, and closes it.
final class RedisConnection: Sendable {
    /// Resumed exactly once: by whoever takes it out of the machine, which gives it out once.
    typealias Waiter = UnsafeContinuation<Result<RedisValue, StoreError>, Never>

    private struct State: Sendable {
        var machine: ConnectionMachine<Waiter>
        /// The last command's.
        var token: UInt64 = 0
        /// The connection that the machine speaks of. Whoever writes checks that it is still his.
        var socket: Socket?
        /// Who reads from the socket, where one who waits for an answer does not.
        var line: Line?
        var reading = PromptReading()
        /// Whether one who waits for an answer reads now.
        var isReadByWaiter = false
        /// Whether the loop is told of what arrives: always, but while waiters read again and again.
        var isWatched = true
        /// When a waiter last read.
        var lastReading = Duration.zero
    }

    /// How long one who waits for an answer keeps the thread at most.
    private static let readingLimit = Duration.microseconds(100)
    /// How long after a waiter has read the loop is told of arrivals again.
    private static let watchDelay = Duration.milliseconds(20)

    /// Answers on their way to those who wait, gathered under the lock and given out after it.
    struct Arrivals {
        var answers: [(waiter: Waiter, result: Result<RedisValue, StoreError>)] = []
        /// What was subscribed to.
        var pushes: [RedisPush] = []
    }

    /// Guarded by the mutex: everything. It is held for no resumption, and for no system call but
    /// the one that changes what the socket is watched for.
    private let state: Mutex<State>
    private let poller: Poller
    private let executor: RedisExecutor
    /// What the poller calls this connection.
    let key: UInt64
    private let isSubscriber: Bool
    private let time = SystemTime()

    init(
        settings: ConnectionMachine<Waiter>.Settings, poller: Poller, executor: RedisExecutor,
        key: UInt64
    ) {
        isSubscriber = settings.isSubscriber
        state = Mutex(State(machine: ConnectionMachine(settings: settings)))
        self.poller = poller
        self.executor = executor
        self.key = key
    }

    // MARK: - For its users

    /// What is to be done for a command that was handed over.
    private enum Step {
        case done, refused(StoreError)
        case write(Socket)
        /// The sender is alone, and reads the answer as well.
        case writeAndRead(Socket, Line)
    }

    /// Hands over a command, or several with so many replies, and writes if nobody is writing.
    ///
    /// - Parameter place: is told where it waits.
    /// - Returns: why it was refused; the waiter is then still the caller's.
    func submit(
        _ command: [UInt8], replies: Int?, waiter: Waiter, deadline: Duration, now: Duration,
        place: borrowing CommandPlace
    ) -> StoreError? {
        let isOnExecutor = executor.isCurrent
        let step = state.withLock { state in
            // Who is on the thread that reads gives it back to have the answer read.
            let isAlone = !isOnExecutor && state.machine.phase == .ready && state.machine.isIdle
            state.token += 1
            let submission = state.machine.submit(
                command, replies: replies, token: state.token, waiter: waiter,
                deadline: deadline, now: now)
            // One that was refused waits nowhere, and its token finds nobody.
            place.note(connection: key, token: state.token)
            return next(after: submission, isAlone: isAlone, now: now, in: &state)
        }
        switch step {
        case .done: return nil
        case .refused(let error): return error
        case .write(let socket) where isOnExecutor: executor.holdBack(self, socket)
        case .write(let socket): write(to: socket)
        case .writeAndRead(let socket, let line):
            write(to: socket)
            read(from: socket, by: line, until: min(deadline, now + Self.readingLimit))
        }
        return nil
    }

    private func next(
        after submission: ConnectionMachine<Waiter>.Submission, isAlone: Bool, now: Duration,
        in state: inout State
    ) -> Step {
        let shallRead = state.reading.shallRead(isAlone: isAlone)
        if case .refused(let error) = submission { return .refused(error) }
        guard let socket = state.socket else { return .done }
        if shallRead, case .write = submission, let line = state.line {
            state.isReadByWaiter = true
            state.lastReading = now
            watch(false, socket, in: &state)
            return .writeAndRead(socket, line)
        }
        if !state.isReadByWaiter { watch(true, socket, in: &state) }
        if case .write = submission { return .write(socket) }
        return .done
    }

    /// Has the loop told of what arrives, or not.
    private func watch(_ isWatched: Bool, _ socket: Socket, in state: inout State) {
        guard state.isWatched != isWatched else { return }
        state.isWatched = isWatched
        poller.change(socket, key: key, for: isWatched ? .receiving : .nothing)
    }

    /// Reads on the sender's thread until all is answered, or for as long as it may be kept.
    private func read(from socket: Socket, by line: Line, until limit: Duration) {
        var left = limit - time.uptime
        while left > .zero, line.takeNext(from: socket, upTo: left),
            state.withLock({ $0.socket === socket && !$0.machine.isIdle })
        {
            left = limit - time.uptime
        }
        state.withLock { state in
            state.isReadByWaiter = false
            guard state.socket === socket, !state.machine.isIdle else { return }
            if left <= .zero || time.uptime >= limit { state.reading.noteLateness() }
            watch(true, socket, in: &state)
        }
    }

    /// Gives up on a command; its waiter, if it stands here and still waits.
    func abandon(_ token: UInt64) -> Waiter? {
        state.withLock { $0.machine.abandon(token) }
    }

    /// Writes until there is nothing left; the caller is the writer.
    func write(to socket: Socket) {
        var chunk = ConnectionMachine<Waiter>.Chunk()
        while state.withLock({ state in
            state.socket === socket && state.machine.nextOutput(&chunk)
        }) {
            guard seal(&chunk, for: socket) else { return socket.shutDown() }
            while chunk.sent < chunk.bytes.count {
                let outcome = chunk.bytes.withUnsafeBytes { bytes in
                    socket.send(UnsafeRawBufferPointer(rebasing: bytes[chunk.sent...]))
                }
                switch outcome {
                case .moved(let count): chunk.sent += count
                case .wouldBlock:
                    let rest = chunk
                    state.withLock { state in
                        guard state.socket === socket else { return }
                        state.machine.putBack(rest)
                        state.isWatched = true
                        poller.change(socket, key: key, for: .both)
                    }
                    return
                case .ended, .failed:
                    // The loop finds out, and tells everybody who waits.
                    return socket.shutDown()
                }
            }
        }
    }

    private func seal(_ chunk: inout ConnectionMachine<Waiter>.Chunk, for socket: Socket) -> Bool {
        guard let tls = socket.tls, !chunk.isSealed else { return true }
        guard let sealed = try? tls.seal(chunk.bytes) else { return false }
        chunk.bytes = sealed
        chunk.isSealed = true
        return true
    }

    // MARK: - For the loop

    /// What the machine says of the time; written is what it wants to be.
    func due(now: Duration) -> ConnectionMachine<Waiter>.Due {
        let (due, socket) = state.withLock { state in
            var due = state.machine.due(now: now)
            if let socket = state.socket, !state.isWatched {
                let moment = state.lastReading + Self.watchDelay
                if !state.isReadByWaiter, moment <= now || !state.machine.isIdle {
                    watch(true, socket, in: &state)
                } else {
                    let next = max(moment, now + Self.watchDelay)
                    due.next = min(due.next ?? next, next)
                }
            }
            return (due, state.socket)
        }
        if case .write = due.step, let socket { write(to: socket) }
        return due
    }

    /// Refuses commands until the server answers a ping, as another connection to it does already.
    ///
    /// - Returns: whether they were taken before.
    func adopt(_ breach: StoreError) -> Bool { state.withLock { $0.machine.adopt(breach) } }

    var phase: ConnectionMachine<Waiter>.Phase { state.withLock { $0.machine.phase } }

    /// An attempt to connect begins.
    func beginOpening(now: Duration) { state.withLock { $0.machine.beginOpening(now: now) } }

    /// The socket is connected.
    func opened(_ socket: Socket, line: Line, now: Duration) {
        state.withLock { state in
            state.socket = socket
            state.line = isSubscriber ? nil : line
            state.isWatched = true
            state.machine.opened(now: now)
        }
        write(to: socket)
    }

    /// The socket takes bytes again.
    func resumeWriting(to socket: Socket, now: Duration) {
        let mustWrite = state.withLock { state in
            guard state.socket === socket, state.machine.takeUpWriting(now: now) else {
                return false
            }
            poller.change(socket, key: key, for: .receiving)
            return true
        }
        if mustWrite { write(to: socket) }
    }

    /// Takes replies in; the answers and pushes they are, and whether commands may be written from now on.
    func receive(
        _ replies: [RedisValue], now: Duration, arrivals: inout Arrivals
    ) throws(StoreError) -> Bool {
        let (batch, isReady, failure, socket) = state.withLock { state in
            var batch = Arrivals()
            batch.answers.reserveCapacity(replies.count)
            var isReady = false
            for reply in replies {
                switch state.machine.receive(reply, now: now) {
                case .none: break
                case .answer(let waiter, .error(let error)):
                    batch.answers.append((waiter, .failure(StoreError(error))))
                case .answer(let waiter, let value):
                    batch.answers.append((waiter, .success(value)))
                case .pushed(let push): batch.pushes.append(push)
                case .ready:
                    isReady = true
                    if isSubscriber { batch.pushes.append(.established) }
                case .failed(let error):
                    return (batch, isReady, error as StoreError?, nil as Socket?)
                }
            }
            // The loop tells of it, and sees to it.
            if state.machine.hasNews { poller.wake() }
            let mustWrite = state.machine.beginWriting()
            return (batch, isReady, nil, mustWrite ? state.socket : nil)
        }
        arrivals.answers += batch.answers
        arrivals.pushes += batch.pushes
        if let failure { throw failure }
        if let socket { write(to: socket) }
        return isReady
    }

    /// The connection was lost; those who waited for an answer.
    func lose(_ error: StoreError, now: Duration, jitter: Double) -> [Waiter] {
        state.withLock { state in
            state.socket = nil
            state.line = nil
            return state.machine.lose(error, now: now, jitter: jitter)
        }
    }

    /// The connection is not to be used any more; those who waited for an answer.
    func close(_ error: StoreError) -> [Waiter] {
        state.withLock { state in
            state.socket = nil
            state.line = nil
            return state.machine.close(error)
        }
    }
}
