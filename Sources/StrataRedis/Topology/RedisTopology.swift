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
        /// The primaries that were told of last. By redirections the deployment may know of more.
        var primaries: Set<Endpoint>?
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
            state.failure = .closed
            return former
        }
        refresher?.cancel()
        for subscription in subscriptions.values { subscription.close(.closed) }
        for node in nodes.values { node.close() }
        refreshes.finish()
    }

    // MARK: - The servers

    /// The server at the endpoint, which is connected to if it was not known.
    func node(at endpoint: Endpoint) throws(StoreError) -> RedisNode {
        try state.withLock { state throws(StoreError) in try node(at: endpoint, in: &state) }
    }

    private func node(
        at endpoint: Endpoint, in state: inout State
    ) throws(StoreError) -> RedisNode {
        if state.isClosed { throw .closed }
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
    func redirectedNode(at endpoint: Endpoint) throws(StoreError) -> RedisNode {
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
        throw .closed
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
                latency: load?.latency(now: now))
        }
        var generator = SystemRandomNumberGenerator()
        return state.selectors[shard.primary, default: ReadSelector()]
            .choose(choice, among: candidates, using: &generator).map { near[$0] }
    }
}
