public import Strata
import Synchronization

/// A client of one Redis server, for any number of tasks at the same time.
///
/// All tasks share a few connections, on which their commands are pipelined by themselves: whoever
/// has a command while nobody is writing writes for everybody. A command that is cancelled, or out
/// of time, gives up its place and nothing else. A connection that is lost is opened anew in the
/// background; until it stands, commands are refused at once with `unavailable`. So they are when
/// three commands in a row were not answered in time, until Redis answers a ping. Large values have
/// a connection of their own, so that small ones never wait behind them.
///
/// A command that fails with `timedOut`, `cancelled` or `unavailable` may or may not have been
/// carried out. Commands that block (`BLPOP`), or change the connection (`SELECT`, `MULTI`,
/// `SUBSCRIBE`), must not be sent: the connection is everybody's. For transactions there is
/// ``transaction(_:within:)``.
///
/// ```swift
/// let client = try RedisClient(RedisConfiguration(url: "redis://127.0.0.1:6379"))
/// try await client.send("SET", "greeting", "hello", "PX", 60_000)
/// let greeting = try await client.send("GET", "greeting").text
/// ```
public final class RedisClient: Sendable {
    /// What the client was made with.
    public let configuration: RedisConfiguration

    /// The connections that small commands are spread over, and after them the one for large ones.
    private let connections: [RedisConnection]
    private let poller: Poller
    private let loop: RedisLoop
    private let time = SystemTime()
    private let tokens = Atomic<UInt64>(0)
    private let subscriptions = Atomic<UInt64>(0)

    /// Makes a client, which begins to connect in the background.
    ///
    /// Commands that are sent before the first attempt is decided wait for it; a server that can't
    /// be reached is no error here.
    ///
    /// - Throws: ``StoreError`` with `misconfigured` where the configuration can't work, and
    ///   `unavailable` where the process has no file descriptor left.
    public init(_ configuration: RedisConfiguration, events: Events = .ignored) throws(StoreError) {
        try configuration.validate()
        self.configuration = configuration
        let tls = try configuration.tls.map { tls throws(StoreError) in
            try TLSContext(tls, host: configuration.endpoint.host)
        }
        let poller = try Poller()
        connections = (0...configuration.connections).map { index in
            let lane = index == configuration.connections ? RedisLane.large : .small
            return RedisConnection(
                settings: configuration.settings(for: lane), poller: poller, key: UInt64(index))
        }
        self.poller = poller
        loop = RedisLoop(poller: poller, configuration: configuration, tls: tls)
        for (index, connection) in connections.enumerated() {
            loop.add(
                connection, maximumReplyBytes: configuration.maximumReplyBytes,
                audience: .lane(index == configuration.connections ? .large : .small, events))
        }
        loop.start()
    }

    deinit { loop.stop() }

    /// Closes the connections; commands under way fail, and so do those that are sent later.
    public func close() { loop.stop() }

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
    /// - Throws: ``StoreError``; where Redis refused, the underlying error is its
    ///   ``RedisError``.
    @discardableResult
    public func send(
        _ command: RedisCommand, within limit: Duration? = nil, lane: RedisLane = .small
    ) async throws(StoreError) -> RedisValue {
        try await submit(command.bytes, replies: nil, within: limit, lane: lane)
    }

    /// Sends several commands at once, and returns their replies in the same order.
    ///
    /// Where one is refused the others are still carried out; its ``RedisError`` stands in its
    /// place.
    ///
    /// - Parameters:
    ///   - limit: how long it may take; the configuration's `commandTimeout` if nil.
    ///   - lane: ``RedisLane/large`` where the replies may be large; large commands take that lane
    ///     by themselves.
    public func pipeline(
        _ commands: [RedisCommand], within limit: Duration? = nil, lane: RedisLane = .small
    ) async throws(StoreError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(commands.reduce(0) { $0 + $1.bytes.count })
        for command in commands { bytes += command.bytes }
        let reply = try await submit(
            bytes, replies: commands.count, within: limit, lane: lane)
        return reply.array ?? []
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
        let replies = try await pipeline(
            [RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")], within: limit)
        switch replies.last {
        case .array(let values): return values
        case .error(let error):
            // The first refusal says what is wrong, EXEC only that something is.
            for case .error(let first) in replies { throw StoreError(first) }
            throw StoreError(error)
        default:
            throw StoreError(.protocolViolation, "Redis' answer to EXEC can't be understood.")
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
        do {
            return try await send(
                RedisCommand(["EVALSHA", .text(script.digest)] + rest), within: limit)
        } catch  where error.redisError?.kind == "NOSCRIPT" {
            return try await send(
                RedisCommand(["EVAL", .text(script.source)] + rest), within: limit)
        }
    }

    // MARK: - Subscriptions

    /// Opens a connection for a subscriber, who says whether more can be taken.
    func subscribe(
        to interest: RedisInterest, subscriber: @escaping @Sendable (RedisPush) -> Bool
    ) throws(StoreError) -> RedisSubscription {
        try interest.validate()
        let number = subscriptions.wrappingAdd(1, ordering: .relaxed).newValue
        let connection = RedisConnection(
            settings: interest.settings(configuration), poller: poller,
            key: UInt64(connections.count) + number)
        loop.add(
            connection, maximumReplyBytes: interest.maximumMessageBytes,
            audience: .subscriber(subscriber))
        return RedisSubscription { [loop] in loop.remove(connection) }
    }

    // MARK: - The way of every command

    private func submit(
        _ bytes: [UInt8], replies: Int?, within limit: Duration?, lane: RedisLane
    ) async throws(StoreError) -> RedisValue {
        let limit = limit ?? configuration.commandTimeout
        guard limit > .zero else {
            throw StoreError(.timedOut, "No time was left to ask Redis.")
        }
        if Task.isCancelled { throw Self.cancelled }
        let token = tokens.wrappingAdd(1, ordering: .relaxed).newValue
        let lane = bytes.count > RedisLane.threshold ? RedisLane.large : lane
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { (waiter: RedisConnection.Waiter) in
                start(
                    bytes, replies: replies, token: token, waiter: waiter, within: limit,
                    lane: lane)
                // A cancellation from before the command was handed over found nothing to end.
                if Task.isCancelled { abandon(token) }
            }
        } onCancel: {
            abandon(token)
        }
        return try result.get()
    }

    private func start(
        _ bytes: [UInt8], replies: Int?, token: UInt64, waiter: RedisConnection.Waiter,
        within limit: Duration, lane: RedisLane
    ) {
        let now = time.uptime
        let deadline = now + limit
        var refusal: StoreError?
        let candidates = lane == .large ? 1 : configuration.connections
        for attempt in 0..<candidates {
            let index =
                lane == .large
                ? connections.count - 1
                : (Int(truncatingIfNeeded: token) &+ attempt) % candidates
            refusal = connections[index].submit(
                bytes, replies: replies, token: token, waiter: waiter, deadline: deadline,
                now: now)
            if refusal == nil { break }
        }
        if let refusal {
            waiter.resume(returning: .failure(refusal))
        } else {
            loop.watch(deadline)
        }
    }

    private func abandon(_ token: UInt64) {
        for connection in connections {
            guard let waiter = connection.abandon(token) else { continue }
            waiter.resume(returning: .failure(Self.cancelled))
        }
    }

    private static let cancelled = StoreError(
        .cancelled, "The task was cancelled before Redis answered.")
}

/// Which of a client's connections a command takes.
public enum RedisLane: Sendable, Hashable {
    /// Those for commands and replies that are short; a large one would delay all behind it.
    case small
    /// The one for large values, where nobody minds to wait for one.
    case large

    /// How many bytes are large.
    package static let threshold = 64 * 1024
}
