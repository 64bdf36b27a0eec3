import Strata
import Synchronization

/// One connection as its users see it: they hand over commands and write them; the loop opens it,
/// reads from it, and closes it.
final class RedisConnection: Sendable {
    /// Resumed exactly once: by whoever takes it out of the machine, which gives it out once.
    typealias Waiter = UnsafeContinuation<Result<RedisValue, StoreError>, Never>

    private struct State: Sendable {
        var machine: ConnectionMachine<Waiter>
        /// The connection that the machine speaks of. Whoever writes checks that it is still his.
        var socket: Socket?
    }

    /// Answers on their way to those who wait, gathered under the lock and given out after it.
    struct Arrivals {
        var answers: [(waiter: Waiter, result: Result<RedisValue, StoreError>)] = []
        /// What was subscribed to.
        var pushes: [RedisPush] = []
    }

    /// Guarded by the mutex: everything. It is held for no system call and no resumption.
    private let state: Mutex<State>
    private let poller: Poller
    /// What the poller calls this connection.
    let key: UInt64
    private let isSubscriber: Bool

    init(settings: ConnectionMachine<Waiter>.Settings, poller: Poller, key: UInt64) {
        isSubscriber = settings.isSubscriber
        state = Mutex(State(machine: ConnectionMachine(settings: settings)))
        self.poller = poller
        self.key = key
    }

    // MARK: - For its users

    /// Hands over a command, or several with so many replies, and writes if nobody is writing.
    ///
    /// - Returns: why it was refused; the waiter is then still the caller's.
    func submit(
        _ command: [UInt8], replies: Int?, token: UInt64, waiter: Waiter, deadline: Duration,
        now: Duration
    ) -> StoreError? {
        let (submission, socket) = state.withLock { state in
            let submission = state.machine.submit(
                command, replies: replies, token: token, waiter: waiter, deadline: deadline,
                now: now)
            return (submission, state.socket)
        }
        switch submission {
        case .refused(let error): return error
        case .queued: return nil
        case .write:
            if let socket { write(to: socket) }
            return nil
        }
    }

    /// Gives up on a command; its waiter, if it stands here and still waits.
    func abandon(_ token: UInt64) -> Waiter? {
        state.withLock { $0.machine.abandon(token) }
    }

    /// Writes until there is nothing left; the caller is the writer.
    private func write(to socket: Socket) {
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
                    state.withLock { if $0.socket === socket { $0.machine.putBack(rest) } }
                    poller.change(socket, key: key, sending: true)
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
        let (due, socket) = state.withLock { ($0.machine.due(now: now), $0.socket) }
        if case .write = due.step, let socket { write(to: socket) }
        return due
    }

    var phase: ConnectionMachine<Waiter>.Phase { state.withLock { $0.machine.phase } }

    /// An attempt to connect begins.
    func beginOpening(now: Duration) { state.withLock { $0.machine.beginOpening(now: now) } }

    /// The socket is connected.
    func opened(_ socket: Socket, now: Duration) {
        state.withLock { state in
            state.socket = socket
            state.machine.opened(now: now)
        }
        write(to: socket)
    }

    /// The socket takes bytes again.
    func resumeWriting(to socket: Socket, now: Duration) {
        guard state.withLock({ $0.socket === socket && $0.machine.takeUpWriting(now: now) }) else {
            return
        }
        poller.change(socket, key: key, sending: false)
        write(to: socket)
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
            return state.machine.lose(error, now: now, jitter: jitter)
        }
    }

    /// The connection is not to be used any more; those who waited for an answer.
    func close(_ error: StoreError) -> [Waiter] {
        state.withLock { state in
            state.socket = nil
            return state.machine.close(error)
        }
    }
}
