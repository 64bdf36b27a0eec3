import Strata
import Synchronization

/// One Redis server, and the connections to it.
///
/// All tasks share a few connections, on which their commands are pipelined by themselves. Large
/// values have a connection of their own, so that small ones never wait behind them.
final class RedisNode: Sendable {
    /// Where the server is, and the limits.
    let configuration: RedisConfiguration
    /// What is known of the server's speed, for whoever chooses between several.
    let load = NodeLoad()

    /// The connections that small commands are spread over, and after them the one for large ones.
    private let connections: [RedisConnection]
    private let poller: Poller
    private let loop: RedisLoop
    private let time = SystemTime()
    /// Whose turn it is of several connections.
    private let turns = Atomic<UInt>(0)
    private let subscriptions = Atomic<UInt64>(0)

    /// Begins to connect in the background.
    ///
    /// - Parameter resolver: finds the addresses of a name.
    /// - Throws: ``StoreError`` with `misconfigured` where the configuration can't work, and
    ///   `unavailable` where the process has no file descriptor or thread left.
    init(
        _ configuration: RedisConfiguration, events: Events,
        resolver: @escaping Lookup.Resolver = SocketAddress.resolve(host:port:)
    ) throws(StoreError) {
        self.configuration = configuration
        let tls = try configuration.tls.map { tls throws(StoreError) in
            try TLSContext(tls, host: configuration.endpoint.host)
        }
        let poller = try Poller()
        let executor = RedisExecutor(poller: poller)
        connections = (0...configuration.connections).map { index in
            let lane = index == configuration.connections ? RedisLane.large : .small
            return RedisConnection(
                settings: configuration.settings(for: lane), poller: poller,
                executor: executor, key: UInt64(index))
        }
        self.poller = poller
        loop = RedisLoop(
            poller: poller, executor: executor, configuration: configuration, tls: tls,
            resolver: resolver)
        // What one of them learns of the server is true for all; but where large values take too long
        // it may be for their size alone.
        let share: @Sendable (StoreError) -> Void = { [connections, poller] breach in
            var isNews = false
            for connection in connections where connection.adopt(breach) { isNews = true }
            if isNews { poller.wake() }
        }
        for (index, connection) in connections.enumerated() {
            let lane = index == configuration.connections ? RedisLane.large : .small
            try loop.add(
                connection, maximumReplyBytes: configuration.maximumReplyBytes,
                audience: .lane(lane, events, isBreached: { if lane == .small { share($0) } }))
        }
        try loop.start()
    }

    deinit { loop.stop() }

    /// Runs tasks on the thread that reads the server's answers.
    var executor: any TaskExecutor { loop.executor }

    /// Closes the connections; commands under way fail, and so do those that are sent later.
    func close() { loop.stop() }

    /// Opens a connection for a subscriber, who says whether more can be taken.
    func subscribe(
        to interest: RedisInterest, subscriber: @escaping @Sendable (RedisPush) -> Bool
    ) throws(StoreError) -> RedisSubscription {
        let number = subscriptions.wrappingAdd(1, ordering: .relaxed).newValue
        let connection = RedisConnection(
            settings: interest.settings(configuration), poller: poller,
            executor: loop.executor, key: UInt64(connections.count) + number)
        try loop.add(
            connection, maximumReplyBytes: interest.maximumMessageBytes,
            audience: .subscriber(subscriber))
        return RedisSubscription { [loop] in loop.remove(connection) }
    }

    /// Has several commands carried out with nothing of anybody else in between.
    ///
    /// - Parameter isAsking: whether the server is asked for keys that are on their way to it.
    func transaction(
        _ commands: [RedisCommand], within limit: Duration, isAsking: Bool = false
    ) async throws(StoreError) -> [RedisValue] {
        let asking = isAsking ? [RedisCommand("ASKING")] : []
        let whole = asking + [RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")]
        let reply = try await submit(
            RedisCommand.joined(whole), replies: whole.count, within: limit, lane: .small)
        let replies = reply.array ?? []
        switch replies.last {
        case .array(let values):
            // What Redis refuses without giving up on the others has no place among the values.
            var rest = values[...]
            return replies.dropFirst(asking.count + 1).dropLast().map { reply in
                if case .error = reply { reply } else { rest.popFirst() ?? .null }
            }
        case .error(let error):
            // The first refusal says what is wrong, EXEC only that something is.
            for case .error(let first) in replies { throw StoreError(first) }
            throw StoreError(error)
        default:
            throw StoreError(.protocolViolation, "Redis' answer to EXEC can't be understood.")
        }
    }

    // MARK: - The way of every command

    /// Sends commands, encoded, that have one reply, or so many, which are then an array.
    func submit(
        _ bytes: [UInt8], replies: Int?, within limit: Duration, lane: RedisLane
    ) async throws(StoreError) -> RedisValue {
        guard limit > .zero else {
            throw StoreError(.timedOut, "No time was left to ask Redis.")
        }
        if Task.isCancelled { throw Self.cancelled }
        let place = CommandPlace()
        let lane = bytes.count > RedisLane.threshold ? RedisLane.large : lane
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { (waiter: RedisConnection.Waiter) in
                start(
                    bytes, replies: replies, waiter: waiter, within: limit, lane: lane,
                    place: place)
                // A cancellation from before the command was handed over found nothing to end.
                if Task.isCancelled { abandon(place) }
            }
        } onCancel: {
            abandon(place)
        }
        return try result.get()
    }

    private func start(
        _ bytes: [UInt8], replies: Int?, waiter: RedisConnection.Waiter, within limit: Duration,
        lane: RedisLane, place: borrowing CommandPlace
    ) {
        let now = time.uptime
        let deadline = now + limit
        var refusal: StoreError?
        let candidates = lane == .large ? 1 : configuration.connections
        let turn = candidates == 1 ? 0 : turns.wrappingAdd(1, ordering: .relaxed).newValue
        for attempt in 0..<candidates {
            let index =
                lane == .large
                ? connections.count - 1 : (Int(turn % UInt(candidates)) + attempt) % candidates
            refusal = connections[index].submit(
                bytes, replies: replies, waiter: waiter, deadline: deadline, now: now,
                place: place)
            if refusal == nil { break }
        }
        if let refusal {
            waiter.resume(returning: .failure(refusal))
        } else {
            loop.watch(deadline)
        }
    }

    private func abandon(_ place: borrowing CommandPlace) {
        guard let (key, token) = place.known else { return }
        connections[Int(key)].abandon(token)?.resume(returning: .failure(Self.cancelled))
    }

    private static let cancelled = StoreError(
        .cancelled, "The task was cancelled before Redis answered.")
}
