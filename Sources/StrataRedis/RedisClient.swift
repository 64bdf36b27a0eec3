public import Strata
import Synchronization

/// A client of Redis, for any number of tasks at the same time: of one server, of a primary and its
/// replicas, of what sentinels watch over, or of a cluster.
///
/// All tasks share a few connections to each server, on which their commands are pipelined by
/// themselves: whoever has a command while nobody is writing writes for everybody. A command that
/// is cancelled, or out of time, gives up its place and nothing else. A connection that is lost is
/// opened anew in the background; until it stands, commands are refused at once with `unavailable`.
/// So they are when commands were not answered in time, until Redis answers a ping. Large values have
/// a connection of their own, so that small ones never wait behind them. A task that is alone with
/// the client reads its answer itself and doesn't give up its thread, for 100 µs at most.
///
/// A command takes no longer than `commandTimeout`, or its own limit, nor than what is left of the
/// task's ``Deadline``. A command that fails with `timedOut`, `cancelled` or `unavailable` may or
/// may not have been carried out. Commands that block (`BLPOP`), or change the connection (`SELECT`, `MULTI`,
/// `SUBSCRIBE`), are refused with `misconfigured`: the connection is everybody's. For transactions
/// there is ``transaction(_:within:)``, for channels ``subscribe(to:handler:)``.
///
/// Where there are several servers each command goes to the one that has its key, and is sent on as
/// long as its time lasts when that has moved. Of commands that are not known to only read, and of
/// those unknown, a primary is asked. In a cluster `MGET`, `MSET`, `DEL`, `UNLINK`, `EXISTS` and
/// `TOUCH` may have keys of several servers, and are then several steps; keys of any other command,
/// script or transaction must have the same hash tag. A command without a key (`SCAN`, `DBSIZE`,
/// `FLUSHALL`) is carried out by any one of the primaries, for the keys that are there.
///
/// ```swift
/// let client = try RedisClient(RedisConfiguration(url: "redis://127.0.0.1:6379"))
/// try await client.send("SET", "greeting", "hello", "PX", 60_000)
/// let greeting = try await client.send("GET", "greeting").text
/// ```
public final class RedisClient: Sendable {
    /// What the client was made with.
    public let configuration: RedisConfiguration

    private enum Servers {
        case one(RedisNode)
        case several(RedisTopology)
    }
    private let servers: Servers
    /// Tells when Redis may have lost something.
    let renewals = RedisRenewals()
    private let closed = Atomic(false)

    /// Makes a client, which begins to connect in the background.
    ///
    /// Commands that are sent before the first attempt is decided wait for it; a server that can't
    /// be reached is no error here.
    ///
    /// - Throws: ``StoreError`` with `misconfigured` where the configuration can't work, and
    ///   `unavailable` where the process has no file descriptor or thread left.
    public init(_ configuration: RedisConfiguration, events: Events = .ignored) throws(StoreError) {
        try configuration.validate()
        self.configuration = configuration
        let events = renewals.overhearing(events)
        servers =
            switch configuration.topology {
            case .standalone: .one(try RedisNode(configuration, events: events))
            case .replicated, .sentinel, .cluster:
                .several(try RedisTopology(configuration, events: events))
            }
    }

    deinit { close() }

    /// Closes the connections; commands under way fail, and so do those that are sent later.
    public func close() {
        closed.store(true, ordering: .relaxed)
        switch servers {
        case .one(let node): node.close()
        case .several(let topology): topology.close()
        }
    }

    /// Whether it was closed.
    var isClosed: Bool { closed.load(ordering: .relaxed) }

    /// Runs tasks on the client's own thread, where their answers are read; nil where there are
    /// several servers, each of which has a thread of its own.
    ///
    /// A task that is run there goes on without another thread being woken, and many of them send
    /// what they have together, which is the quickest way to have Redis asked by many tasks. All of
    /// them share one thread with the client's input and output: a task that computes for more than
    /// some microseconds, or blocks, keeps all commands waiting and does better without. When the
    /// client is closed, its tasks go on in the ordinary pool.
    ///
    /// It is a preference (SE-0417): child tasks inherit it; unstructured tasks, and actors with
    /// executors of their own, do not.
    ///
    /// ```swift
    /// try await withTaskExecutorPreference(client.executor) {
    ///     try await withThrowingTaskGroup(of: Void.self) { group in
    ///         for key in keys { group.addTask { try await client.send("TOUCH", .text(key)) } }
    ///         try await group.waitForAll()
    ///     }
    /// }
    /// ```
    public var executor: (any TaskExecutor)? {
        switch servers {
        case .one(let node): node.executor
        case .several: nil
        }
    }

    // MARK: - Commands

    /// Sends a command, and returns Redis' reply.
    ///
    /// - Throws: ``StoreError``; where Redis refused, the underlying error is its
    ///   ``RedisError``.
    @discardableResult
    public func send(_ words: RedisArgument...) async throws(StoreError) -> RedisValue {
        try await send(RedisCommand(words))
    }

    /// Sends a command, and returns Redis' reply.
    ///
    /// - Parameters:
    ///   - limit: how long it may take; the configuration's `commandTimeout` if nil.
    ///   - lane: ``RedisLane/large`` where the reply may be large; a large command takes that lane
    ///     by itself.
    ///   - reads: which servers may answer; as configured if nil. ``RedisReads/primary`` where the
    ///     answer must not be older than the last write.
    /// - Throws: ``StoreError``; where Redis refused, the underlying error is its
    ///   ``RedisError``.
    @discardableResult
    public func send(
        _ command: RedisCommand, within limit: Duration? = nil, lane: RedisLane = .small,
        reads: RedisReads? = nil
    ) async throws(StoreError) -> RedisValue {
        try command.requireShareable()
        let limit = bounded(limit)
        switch servers {
        case .one(let node):
            return try await node.submit(command.bytes, replies: nil, within: limit, lane: lane)
        case .several(let topology):
            return try await topology.send(
                command, within: limit, lane: lane, reads: reads ?? configuration.reads)
        }
    }

    /// Sends several commands at once, and returns their replies in the same order.
    ///
    /// Where one is refused the others are still carried out; its ``RedisError`` stands in its
    /// place. Where there are several servers, only the commands to one server keep their order.
    ///
    /// - Parameters:
    ///   - limit: how long it may take; the configuration's `commandTimeout` if nil.
    ///   - lane: ``RedisLane/large`` where the replies may be large; large commands take that lane
    ///     by themselves.
    ///   - reads: which servers may answer commands that only read; as configured if nil.
    public func pipeline(
        _ commands: [RedisCommand], within limit: Duration? = nil, lane: RedisLane = .small,
        reads: RedisReads? = nil
    ) async throws(StoreError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        for command in commands { try command.requireShareable() }
        let limit = bounded(limit)
        switch servers {
        case .one(let node):
            let reply = try await node.submit(
                RedisCommand.joined(commands), replies: commands.count, within: limit, lane: lane)
            return reply.array ?? []
        case .several(let topology):
            return try await topology.pipeline(
                commands, within: limit, lane: lane, reads: reads ?? configuration.reads)
        }
    }

    /// Has several commands carried out with nothing of anybody else in between (`MULTI` and
    /// `EXEC`), and returns their replies in the same order.
    ///
    /// - Parameter limit: how long it may take; the configuration's `commandTimeout` if nil.
    /// - Throws: ``StoreError`` with `refused` when Redis carries out none of them, because one
    ///   is malformed or there is no memory. One that fails while it is carried out stops no
    ///   other; its ``RedisError`` stands in its place.
    public func transaction(
        _ commands: [RedisCommand], within limit: Duration? = nil
    ) async throws(StoreError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        for command in commands { try command.requireShareable(isInTransaction: true) }
        let limit = bounded(limit)
        switch servers {
        case .one(let node): return try await node.transaction(commands, within: limit)
        case .several(let topology):
            return try await topology.transaction(commands, within: limit)
        }
    }

    /// Runs a script: by its digest, and where Redis does not know it, by its source.
    ///
    /// - Parameter limit: how long it may take; the configuration's `commandTimeout` if nil.
    @discardableResult
    public func run(
        _ script: RedisScript, keys: [String] = [], arguments: [RedisArgument] = [],
        within limit: Duration? = nil
    ) async throws(StoreError) -> RedisValue {
        let rest = [.integer(keys.count)] + keys.map(RedisArgument.text) + arguments
        let time = SystemTime()
        let deadline = time.uptime + bounded(limit)
        do {
            return try await send(
                RedisCommand(["EVALSHA", .text(script.digest)] + rest), within: limit)
        } catch  where error.redisError?.kind == "NOSCRIPT" {
            return try await send(
                RedisCommand(["EVAL", .text(script.source)] + rest),
                within: deadline - time.uptime)
        }
    }

    /// Whether one server has all of the keys, so that a script may be about them.
    func hasOneServer(for keys: [String]) -> Bool {
        configuration.topology != .cluster
            || Set(keys.map { KeySlot.slot(of: Array($0.utf8)) }).count == 1
    }

    /// How long a command may take, by its own time, or the configuration's, and by what the request
    /// that it is sent for has left.
    private func bounded(_ limit: Duration?) -> Duration {
        let limit = limit ?? configuration.commandTimeout
        return Deadline.timeLeft.map { min($0, limit) } ?? limit
    }

    // MARK: - Subscriptions

    /// Opens a channel for a subscriber, who says whether more can be taken.
    func subscribe(
        to interest: RedisInterest, subscriber: @escaping @Sendable (RedisPush) -> Bool
    ) throws(StoreError) -> RedisSubscription {
        try interest.validate()
        switch servers {
        case .one(let node): return try node.subscribe(to: interest, subscriber: subscriber)
        case .several(let topology):
            return try topology.subscribe(to: interest, subscriber: subscriber)
        }
    }
}

extension RedisCommand {
    /// The commands one behind the other, as they go over the wire.
    static func joined(_ commands: [RedisCommand]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(commands.reduce(0) { $0 + $1.bytes.count })
        for command in commands { bytes += command.bytes }
        return bytes
    }
}
