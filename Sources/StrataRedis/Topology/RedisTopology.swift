import Strata
import Synchronization

/// Several servers: which there are, and the way of a command to the one that has its key.
///
/// A task of its own finds out which servers there are, again and again, and at once when a command
/// shows that something has changed. Commands go by what was found out last.
final class RedisTopology: Sendable {
    typealias Endpoint = RedisConfiguration.Endpoint

    struct State: Sendable {
        /// Nil until the first was found out.
        var deployment: Deployment?
        /// Why nothing is known yet; nil while the first attempt lasts.
        var failure: StoreError?
        var nodes: [Endpoint: RedisNode] = [:]
        /// Who was met by redirections alone since the servers were last found out.
        var strangers: Set<Endpoint> = []
        var lags = ReplicaLags()
        var selectors: [Endpoint: ReadSelector] = [:]
        var subscriptions: [UInt64: TopologySubscription] = [:]
        var subscriptionCount: UInt64 = 0
        /// Tells of failovers; what it holds ends with it.
        var watches: [RedisSubscription] = []
        var refresher: Task<Void, Never>?
        var isClosed = false
    }

    let configuration: RedisConfiguration
    let time = SystemTime()
    let events: Events
    /// Guarded by the mutex: everything that is known of the servers.
    let state = Mutex(State())
    let refreshes = Refreshes()
    /// When it was asked last whether the primary is one still, in nanoseconds of the machine's
    /// uptime: what a former primary tells of says nothing of what came after. Nodes of a cluster
    /// refuse what is another's by themselves.
    let verified: Atomic<Int64>

    init(_ configuration: RedisConfiguration, events: Events) throws(StoreError) {
        self.configuration = configuration
        self.events = events
        verified = Atomic(configuration.topology == .cluster ? .max : .min)
        // What can't work with one server can't with any.
        _ = try node(at: configuration.endpoint)
        startRefreshing()
    }

    var isCluster: Bool { configuration.topology == .cluster }

    /// Closes the connections for good.
    func close() {
        let (refresher, nodes, subscriptions) = state.withLock { state in
            let former = (state.refresher, state.nodes, state.subscriptions)
            state = State()
            state.isClosed = true
            state.failure = Self.closed
            return former
        }
        refresher?.cancel()
        for subscription in subscriptions.values { subscription.close(Self.closed) }
        for node in nodes.values { node.close() }
        refreshes.finish()
    }

    private static let closed = StoreError(.unavailable, "The Redis client was closed.")

    // MARK: - The servers

    /// The server at the endpoint, which is connected to if it was not known.
    func node(at endpoint: Endpoint) throws(StoreError) -> RedisNode {
        try state.withLock { state throws(StoreError) in try node(at: endpoint, in: &state) }
    }

    private func node(
        at endpoint: Endpoint, in state: inout State
    ) throws(StoreError) -> RedisNode {
        if state.isClosed { throw Self.closed }
        if let node = state.nodes[endpoint] { return node }
        var own = configuration.node(at: endpoint)
        if case .sentinel(let sentinel) = configuration.topology,
            configuration.endpoints.contains(endpoint)
        {
            own = configuration.node(at: endpoint, asked: sentinel)
        }
        let node = try RedisNode(own, events: events)
        state.nodes[endpoint] = node
        return node
    }

    /// How many servers a redirection may lead to before they are named by the cluster itself:
    /// each has connections and a thread, and a peer can think of any number.
    private static let maximumStrangers = 16

    /// The server that a redirection leads to.
    private func redirectedNode(at endpoint: Endpoint) throws(StoreError) -> RedisNode {
        try state.withLock { state throws(StoreError) in
            if state.nodes[endpoint] == nil, !state.strangers.contains(endpoint) {
                guard state.strangers.count < Self.maximumStrangers else {
                    throw StoreError(
                        .unavailable,
                        "Redis names ever new servers, \(endpoint) at last; they are followed to "
                            + "when CLUSTER SLOTS names them as well.")
                }
                state.strangers.insert(endpoint)
            }
            return try node(at: endpoint, in: &state)
        }
    }

    /// Who is to be asked, and whether that is a replica.
    struct Destination {
        var node: RedisNode
        var isReplica = false
        /// Whether the server is asked for a key that is on its way to it.
        var isAsking = false
    }

    /// The server for the slot; waits for the first outcome of finding out which there are.
    func destination(
        for slot: Int?, reads: RedisReads, by deadline: Duration
    ) async throws(StoreError) -> Destination {
        for attempt in 0... {
            let destination = try state.withLock { state throws(StoreError) -> Destination? in
                guard let deployment = state.deployment else {
                    if let failure = state.failure { throw failure }
                    return nil
                }
                guard let shard = deployment.shard(for: slot) else {
                    if attempt == 0 { return nil }
                    throw StoreError(
                        .unavailable,
                        "No node of the cluster serves the key; see CLUSTER INFO.")
                }
                if case .replicas(let choice, let maximumLag) = reads,
                    let replica = replica(
                        of: shard, choice, maximumLag: maximumLag, in: &state)
                {
                    return Destination(node: try node(at: replica, in: &state), isReplica: true)
                }
                return Destination(node: try node(at: shard.primary, in: &state))
            }
            if let destination { return destination }
            try await refreshed(by: deadline)
        }
        throw Self.closed
    }

    private func replica(
        of shard: Deployment.Shard, _ choice: RedisReads.Choice, maximumLag: Duration,
        in state: inout State
    ) -> Endpoint? {
        let now = time.uptime
        let near = shard.replicas.filter { endpoint in
            state.lags.lag(of: endpoint, now: now).map { $0 <= maximumLag } ?? false
        }
        let candidates = near.map { endpoint in
            let load = state.nodes[endpoint]?.load
            return ReadSelector.Candidate(
                name: endpoint.description, outstanding: load?.outstanding ?? 0,
                latency: load?.latency)
        }
        var generator = SystemRandomNumberGenerator()
        return state.selectors[shard.primary, default: ReadSelector()]
            .choose(choice, among: candidates, using: &generator).map { near[$0] }
    }

    // MARK: - Commands

    /// Has the operation carried out by the server that has the slot, wherever that leads.
    private func deliver<Value: Sendable>(
        slot: Int?, reads: RedisReads, by deadline: Duration, after failed: Failure? = nil,
        _ operation: (Destination, Duration) async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        var redirection = Redirection()
        var failure = failed
        var reads = reads
        var redirected: Destination?
        while true {
            if let failure {
                switch redirection.step(
                    after: failure.error, asked: failure.endpoint, isReplica: failure.isReplica)
                {
                case .fail: throw failure.error
                case .follow(let endpoint, let isAsking, let pause):
                    if pause > .zero { try await wait(pause, by: deadline, failure.error) }
                    redirected = Destination(
                        node: try redirectedNode(at: endpoint), isAsking: isAsking)
                    if !isAsking, let slot { note(slot, at: endpoint) }
                case .askPrimary:
                    state.withLock { $0.lags.forget(failure.endpoint) }
                    reads = .primary
                    redirected = nil
                case .retry(let pause): try await wait(pause, by: deadline, failure.error)
                case .refresh(let pause):
                    redirected = nil
                    try await wait(pause, by: deadline, failure.error)
                    try? await refreshed(by: deadline)
                }
            }
            var destination: Destination
            if let known = redirected {
                destination = known
            } else {
                destination = try await self.destination(for: slot, reads: reads, by: deadline)
            }
            var left = deadline - time.uptime
            // So that there is time left to ask the primary.
            if destination.isReplica { left = left / 2 }
            destination.node.load.begin()
            let start = time.uptime
            defer { destination.node.load.end(after: time.uptime - start) }
            do {
                return try await operation(destination, left)
            } catch {
                if error.code == .unavailable || error.redisError?.kind == "MOVED" {
                    refreshes.request()
                }
                failure = Failure(error, destination)
            }
        }
    }

    /// A command that was not carried out, and by whom not.
    private struct Failure {
        let error: StoreError
        let endpoint: Endpoint
        let isReplica: Bool

        init(_ error: StoreError, _ destination: Destination) {
            self.error = error
            endpoint = destination.node.configuration.endpoint
            isReplica = destination.isReplica
        }
    }

    private func note(_ slot: Int, at endpoint: Endpoint) {
        state.withLock { $0.deployment?.move(slot, to: endpoint) }
    }

    private func wait(
        _ pause: Duration, by deadline: Duration, _ error: StoreError
    ) async throws(StoreError) {
        guard time.uptime + pause < deadline else { throw error }
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw StoreError(.cancelled, "The task was cancelled before Redis answered.")
        }
    }

    /// A command on its way.
    private struct Parcel: Sendable {
        let command: RedisCommand
        let slot: Int?
        let reads: RedisReads

        init(_ command: RedisCommand, slot: Int?, _ shape: CommandShape, _ reads: RedisReads) {
            self.command = command
            self.slot = slot
            self.reads = shape.isReadOnly ? reads : .primary
        }
    }

    private func deliver(
        _ parcel: Parcel, lane: RedisLane, by deadline: Duration, after failure: Failure? = nil
    ) async throws(StoreError) -> RedisValue {
        try await deliver(
            slot: parcel.slot, reads: parcel.reads, by: deadline, after: failure
        ) { destination, limit throws(StoreError) in
            guard destination.isAsking else {
                return try await destination.node.submit(
                    parcel.command.bytes, replies: nil, within: limit, lane: lane)
            }
            // Both in one piece, so that nothing comes in between.
            let reply = try await destination.node.submit(
                RedisCommand.joined([RedisCommand("ASKING"), parcel.command]), replies: 2,
                within: limit, lane: lane)
            guard let value = reply.array?.last else { return .null }
            if case .error(let error) = value { throw StoreError(error) }
            return value
        }
    }

    /// Sends a command; in parts, where its keys belong to several slots of a cluster.
    func send(
        _ command: RedisCommand, within limit: Duration, lane: RedisLane, reads: RedisReads
    ) async throws(StoreError) -> RedisValue {
        let deadline = time.uptime + limit
        let shape = CommandShape(command)
        guard isCluster else {
            return try await deliver(
                Parcel(command, slot: nil, shape, reads), lane: lane, by: deadline)
        }
        let parts = shape.parts()
        guard !parts.isEmpty, let split = shape.split else {
            return try await deliver(
                Parcel(command, slot: shape.slot, shape, reads), lane: lane, by: deadline)
        }
        let replies = try await deliver(
            parts.map { Parcel($0.command, slot: $0.slot, shape, reads) }, lane: lane, by: deadline)
        let joined = CommandShape.join(Array(zip(parts, replies)), split)
        if case .error(let error) = joined { throw StoreError(error) }
        return joined
    }

    /// Sends commands, those for one server together.
    func pipeline(
        _ commands: [RedisCommand], within limit: Duration, lane: RedisLane, reads: RedisReads
    ) async throws(StoreError) -> [RedisValue] {
        let deadline = time.uptime + limit
        var parcels: [Parcel] = []
        /// What each command has become of: so many parcels, to be joined like that.
        var pieces: [(parts: [CommandShape.Part], split: CommandShape.Split?)] = []
        for command in commands {
            let shape = CommandShape(command)
            let parts = isCluster ? shape.parts() : []
            pieces.append((parts, shape.split))
            if parts.isEmpty {
                parcels.append(
                    Parcel(command, slot: isCluster ? shape.slot : nil, shape, reads))
            } else {
                parcels += parts.map { Parcel($0.command, slot: $0.slot, shape, reads) }
            }
        }
        var replies = try await deliver(parcels, lane: lane, by: deadline)[...]
        return pieces.map { parts, split in
            guard !parts.isEmpty, let split else { return replies.popFirst() ?? .null }
            defer { replies = replies.dropFirst(parts.count) }
            return CommandShape.join(Array(zip(parts, replies)), split)
        }
    }

    /// Delivers parcels, those for one server together; a refusal stands in its place.
    private func deliver(
        _ parcels: [Parcel], lane: RedisLane, by deadline: Duration
    ) async throws(StoreError) -> [RedisValue] {
        var groups: [ObjectIdentifier: (destination: Destination, places: [Int])] = [:]
        for (place, parcel) in parcels.enumerated() {
            let destination = try await destination(
                for: parcel.slot, reads: parcel.reads, by: deadline)
            groups[ObjectIdentifier(destination.node), default: (destination, [])].places
                .append(place)
        }
        let outcome = await withTaskGroup(
            of: Result<[(Int, RedisValue)], StoreError>.self
        ) { group in
            for (destination, places) in groups.values {
                group.addTask {
                    do throws(StoreError) {
                        return .success(
                            try await self.deliver(
                                places.map { ($0, parcels[$0]) }, to: destination, lane: lane,
                                by: deadline))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            var replies = [RedisValue](repeating: .null, count: parcels.count)
            var failure: StoreError?
            for await result in group {
                switch result {
                case .success(let values): for (place, value) in values { replies[place] = value }
                case .failure(let error): failure = failure ?? error
                }
            }
            return (replies, failure)
        }
        if let failure = outcome.1 { throw failure }
        return outcome.0
    }

    /// Delivers parcels to one server, and those on that it does not carry out.
    private func deliver(
        _ parcels: [(place: Int, parcel: Parcel)], to destination: Destination, lane: RedisLane,
        by deadline: Duration
    ) async throws(StoreError) -> [(Int, RedisValue)] {
        var values: [RedisValue] = []
        var failure: StoreError?
        let left = deadline - time.uptime
        destination.node.load.begin()
        let start = time.uptime
        do {
            values =
                try await destination.node.submit(
                    RedisCommand.joined(parcels.map(\.parcel.command)), replies: parcels.count,
                    within: destination.isReplica ? left / 2 : left, lane: lane
                ).array ?? []
        } catch {
            failure = error
            if error.code == .unavailable { refreshes.request() }
        }
        destination.node.load.end(after: time.uptime - start)
        var outcome: [(Int, RedisValue)] = []
        for (index, (place, parcel)) in parcels.enumerated() {
            var error = failure
            if failure == nil {
                guard index < values.count else { break }
                guard case .error(let refusal) = values[index] else {
                    outcome.append((place, values[index]))
                    continue
                }
                error = StoreError(refusal)
            }
            guard let error else { continue }
            do {
                let value = try await deliver(
                    parcel, lane: lane, by: deadline, after: Failure(error, destination))
                outcome.append((place, value))
            } catch {
                guard let refusal = error.redisError else { throw error }
                outcome.append((place, .error(refusal)))
            }
        }
        return outcome
    }

    /// Has commands carried out together, by the server of the first one's key.
    func transaction(
        _ commands: [RedisCommand], within limit: Duration
    ) async throws(StoreError) -> [RedisValue] {
        let slot = isCluster ? commands.lazy.compactMap { CommandShape($0).slot }.first : nil
        return try await deliver(
            slot: slot, reads: .primary, by: time.uptime + limit
        ) { destination, limit throws(StoreError) in
            try await destination.node.transaction(
                commands, within: limit, isAsking: destination.isAsking)
        }
    }
}
