import Strata
import Synchronization

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Runs tasks on the thread that reads a client's answers.
///
/// A task of the ordinary pool that waits for an answer has its thread woken by another one, which
/// takes longer than Redis does. A task that is run here goes on where its answer was read; and
/// what all tasks send that went on with the same arrival goes out together, once they all wait
/// again. What is held back that way waits for nothing else.
///
/// Tasks share that thread with everything that the client does: whoever computes for long, or
/// blocks, keeps all commands of the client waiting, and their time limits running.
final class RedisExecutor: TaskExecutor {
    private struct State: Sendable {
        var jobs: [UnownedJob] = []
        /// Whose writers are held back until the jobs have run.
        var writers: [(connection: RedisConnection, socket: Socket)] = []
        var isEnded = false
    }

    /// Guarded by the mutex: what is to be run and written.
    private let state = Mutex(State())
    /// The thread that runs jobs just now; 0 for none.
    private let runner = Atomic<UInt>(0)
    private let poller: Poller

    /// How often the jobs that jobs have left behind are run before sockets get their turn.
    private static let rounds = 16

    init(poller: Poller) { self.poller = poller }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let (isFirst, isEnded) = state.withLock { state in
            if state.isEnded { return (false, true) }
            state.jobs.append(job)
            return (state.jobs.count == 1, false)
        }
        if isEnded { return globalConcurrentExecutor.enqueue(job) }
        if isFirst, !isCurrent { poller.wake() }
    }

    /// Whether the caller is run by this executor.
    var isCurrent: Bool { runner.load(ordering: .relaxed) == Self.thread }

    private static var thread: UInt {
        #if canImport(Musl)
            UInt(bitPattern: pthread_self())
        #else
            pthread_self()
        #endif
    }

    /// Has the connection's writer, who is the caller and run by this executor, write later.
    func holdBack(_ connection: RedisConnection, _ socket: Socket) {
        state.withLock { $0.writers.append((connection, socket)) }
    }

    // MARK: - For the loop

    /// The thread is the executor's from now on.
    func begin() { runner.store(Self.thread, ordering: .relaxed) }

    /// Runs the jobs, and those that they leave behind, and writes what they want written.
    ///
    /// - Returns: whether there are jobs left.
    func run() -> Bool {
        for _ in 0..<Self.rounds {
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                return state.jobs
            }
            if jobs.isEmpty { break }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
        let (writers, isBusy) = state.withLock { state in
            defer { state.writers = [] }
            return (state.writers, !state.jobs.isEmpty)
        }
        for writer in writers { writer.connection.write(to: writer.socket) }
        return isBusy
    }

    /// The thread ends; what is left is run where all tasks are run.
    func end() {
        runner.store(0, ordering: .relaxed)
        let jobs = state.withLock { state in
            state.isEnded = true
            defer { state.jobs = [] }
            return state.jobs
        }
        for job in jobs { globalConcurrentExecutor.enqueue(job) }
    }
}
