import Strata
import Synchronization

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The thread that opens a client's connections, reads from them, and watches the time.
///
/// Those who have a command write it themselves; so all that this thread does for a command is to
/// read its answer and resume its task. It sleeps until something arrives or is due.
final class RedisLoop: Sendable {
    /// A connection that the loop is to serve, or not any more.
    private enum Change: Sendable {
        case add(RedisConnection, maximumReplyBytes: Int, Line.Audience)
        case remove(key: UInt64)
    }

    private let poller: Poller
    /// Runs tasks on the loop's thread.
    let executor: RedisExecutor
    private let configuration: RedisConfiguration
    private let time = SystemTime()
    private let tls: TLSContext?
    private let resolver: Lookup.Resolver
    /// Guarded by the mutex: what the thread has to learn yet; nil once it has ended.
    private let changes = Mutex<[Change]?>([])
    /// When the thread will look at the time again, in nanoseconds of uptime.
    private let nextLook = Atomic<Int64>(.min)
    private let isStopping = Atomic<Bool>(false)

    init(
        poller: Poller, executor: RedisExecutor, configuration: RedisConfiguration,
        tls: TLSContext?, resolver: @escaping Lookup.Resolver
    ) {
        self.poller = poller
        self.executor = executor
        self.configuration = configuration
        self.tls = tls
        self.resolver = resolver
    }

    /// Serves the connection from now on.
    ///
    /// - Throws: ``StoreError`` with `unavailable` where the loop has ended.
    func add(
        _ connection: RedisConnection, maximumReplyBytes: Int, audience: Line.Audience
    ) throws(StoreError) {
        let isAdded = changes.withLock { changes in
            changes?.append(.add(connection, maximumReplyBytes: maximumReplyBytes, audience))
            return changes != nil
        }
        guard isAdded else { throw .closed }
        poller.wake()
    }

    /// Closes the connection.
    func remove(_ connection: RedisConnection) {
        changes.withLock { $0?.append(.remove(key: connection.key)) }
        poller.wake()
    }

    /// Starts the thread.
    func start() throws(StoreError) {
        try Thread.detach { [self] in run() }
    }

    /// Closes the connections and ends the thread; those who wait are told that it is closed.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        poller.wake()
    }

    /// Has the thread look at the time no later than then.
    func watch(_ deadline: Duration) {
        if deadline.saturatedNanoseconds < nextLook.load(ordering: .acquiring) { poller.wake() }
    }

    private func run() {
        var lines: [UInt64: Line] = [:]
        executor.begin()
        while !isStopping.load(ordering: .acquiring) {
            // Promise nothing before looking: whoever comes after the look sees the promise that
            // was made before it, and whoever comes before it is seen by the look.
            nextLook.store(.max, ordering: .sequentiallyConsistent)
            makeChanges(&lines)
            var next: Duration?
            let now = time.uptime
            var replica: SocketAddress?
            for line in lines.values {
                let look = line.look(now: now)
                if let moment = look.next { next = min(next ?? moment, moment) }
                replica = look.replica ?? replica
            }
            // What one of them learns is true for all, subscribers included.
            if let replica { for line in lines.values { line.lookAgain(shunning: replica) } }
            if let next { nextLook.store(next.saturatedNanoseconds, ordering: .releasing) }

            // Arrivals alone are no reason to look at the time again.
            var isDue = false
            var isBusy = executor.run()
            while !isDue {
                // What has arrived is taken before anything counts as late, even where this
                // thread itself is late.
                let limit = isBusy ? .zero : next.map { max(.zero, $0 - time.uptime) }
                let wait = poller.wait(upTo: limit)
                isDue = wait.wasWoken || next.map { $0 <= time.uptime } ?? false
                for ready in wait.ready {
                    isDue = lines[ready.key]?.handle(ready, now: time.uptime) ?? false || isDue
                }
                isBusy = executor.run()
            }
        }
        makeChanges(&lines)
        changes.withLock { $0 = nil }
        for line in lines.values { line.close() }
        executor.end()
    }

    private func makeChanges(_ lines: inout [UInt64: Line]) {
        let list = changes.withLock { changes in
            defer { if changes != nil { changes = [] } }
            return changes ?? []
        }
        for change in list {
            switch change {
            case .add(let connection, let maximumReplyBytes, let audience):
                lines[connection.key] = Line(
                    connection, poller: poller, configuration: configuration, tls: tls,
                    resolver: resolver, maximumReplyBytes: maximumReplyBytes, audience: audience)
            case .remove(let key):
                lines.removeValue(forKey: key)?.close()
            }
        }
    }
}

/// A thread, which is nobody's to wait for.
enum Thread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    /// Runs the body on a thread of its own, which takes no signals.
    ///
    /// - Throws: ``StoreError`` with `unavailable` where the system has no thread left.
    static func detach(_ body: @escaping @Sendable () -> Void) throws(StoreError) {
        var all = sigset_t()
        var former = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &former)
        defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
        var thread = pthread_t()
        let pointer = Unmanaged.passRetained(Body(body)).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { pointer in
                pointer.map { Unmanaged<Body>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            }, pointer)
        guard error == 0 else {
            Unmanaged<Body>.fromOpaque(pointer).release()
            throw .io("A thread for Redis' connections can't be had", error)
        }
        pthread_detach(thread)
    }
}
