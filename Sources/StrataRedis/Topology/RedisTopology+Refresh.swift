import Strata
import Synchronization

extension RedisTopology {
    /// How long is waited for one server's word on who is who.
    private var refreshLimit: Duration {
        min(configuration.connectTimeout, max(configuration.commandTimeout, .seconds(1)))
    }

    /// How long what was found out is good for, unless a command shows that it is not.
    private var interval: Duration {
        if isCluster { return configuration.reads == .primary ? .seconds(10) : .seconds(1) }
        // Who is told of changes wants to know as often that the primary is one still.
        return state.withLock { $0.subscriptions.values.map(\.heartbeat) }
            .reduce(.seconds(1), min)
    }

    func startRefreshing() {
        watchForFailover()
        let task = Task {
            var failures = 0
            while !Task.isCancelled {
                let start = time.uptime.saturatedNanoseconds
                do throws(StoreError) {
                    apply(try await findDeployment())
                    if !isCluster { verified.store(start, ordering: .relaxed) }
                    failures = 0
                } catch {
                    failures += 1
                    noteFailure(error)
                }
                refreshes.finish()
                // A pause after each, so that many who ask at the same time cost one.
                try? await Task.sleep(for: .milliseconds(10) * (1 << min(failures, 6)))
                if failures == 0 { await refreshes.nextRequest(within: interval) }
            }
        }
        state.withLock { $0.refresher = task }
    }

    private func noteFailure(_ error: StoreError) {
        let isNews = state.withLock { state in
            guard state.deployment == nil, !state.isClosed else { return false }
            defer { state.failure = error }
            return state.failure?.message != error.message
        }
        if isNews { events(RedisTopologyChange(primaries: [], failure: error)) }
    }

    private func apply(_ deployment: Deployment) {
        let primaries = deployment.primaries
        let isNews = state.withLock { state in
            // Their order says nothing: in a cluster it goes by the slots.
            guard !state.isClosed, state.primaries != Set(primaries) else { return false }
            state.primaries = Set(primaries)
            // Nobody is asked before it is told that it may be another: commands wait for that.
            (state.deployment, state.failure) = (nil, nil)
            return true
        }
        if isNews { events(RedisTopologyChange(primaries: primaries, failure: nil)) }
        let (subscriptions, dropped) = state.withLock { state in
            guard !state.isClosed else { return ([TopologySubscription](), [RedisNode]()) }
            state.deployment = deployment
            state.strangers = []
            state.failure = nil
            let wanted = deployment.endpoints.union(configuration.endpoints)
            // Commands under way hold their node until they are answered.
            let dropped = state.nodes.filter { !wanted.contains($0.key) }.map(\.value)
            state.nodes = state.nodes.filter { wanted.contains($0.key) }
            state.selectors = state.selectors.filter { wanted.contains($0.key) }
            return (Array(state.subscriptions.values), dropped)
        }
        _ = dropped
        for subscription in subscriptions { subscription.follow(primaries, of: self) }
    }

    /// The server says itself that it is the primary no more: what it answers may be behind whoever
    /// is it now, and it does not tell of what changes there. Until that one is found there is none.
    private func demote(_ endpoint: Endpoint) {
        let subscriptions = state.withLock { state in
            guard state.deployment?.primaries == [endpoint] else {
                return [TopologySubscription]()
            }
            state.deployment = nil
            state.primaries = nil
            state.failure = StoreError(
                .unavailable, "\(endpoint) is a primary no more, and no other is known yet.")
            return Array(state.subscriptions.values)
        }
        for subscription in subscriptions { subscription.follow([], of: self) }
    }

    private func findDeployment() async throws(StoreError) -> Deployment {
        switch configuration.topology {
        case .standalone: Deployment(primary: configuration.endpoint, replicas: [])
        case .replicated: try await findAmongReplicated()
        case .sentinel(let sentinel): try await askSentinels(sentinel)
        case .cluster: try await askCluster()
        }
    }

    // MARK: - A primary and its replicas

    private func findAmongReplicated() async throws(StoreError) -> Deployment {
        let former = state.withLock { $0.deployment?.shards.first?.primary }
        let (reports, refusal) = await reports(of: configuration.endpoints) { endpoint, report in
            // The others may not answer for a while.
            if endpoint == former, !report.isPrimary { self.demote(endpoint) }
        }
        guard
            let deployment = Deployment(
                reports, order: configuration.endpoints, former: former)
        else {
            let list = configuration.endpoints.map(\.description).joined(separator: ", ")
            throw refusal
                ?? StoreError(
                    .unavailable, "None of \(list) says that it is a primary; is one running?")
        }
        note(reports, deployment)
        return deployment
    }

    /// What the servers say of their part in replication; those that do not answer say nothing.
    /// And why the first one that is there does not talk to this client.
    ///
    /// - Parameter tell: is told each report as it comes.
    private func reports(
        of endpoints: [Endpoint], tell: (Endpoint, ReplicationReport) -> Void = { _, _ in }
    ) async -> (reports: [Endpoint: ReplicationReport], refusal: StoreError?) {
        let answers = await replies(RedisCommand("INFO", "replication"), of: endpoints) {
            if let report = try? ReplicationReport($1.get()) { tell($0, report) }
        }
        let refusals = endpoints.compactMap { endpoint -> StoreError? in
            guard case .failure(let error) = answers[endpoint], error.code == .misconfigured
            else { return nil }
            return error
        }
        return (answers.compactMapValues { try? ReplicationReport($0.get()) }, refusals.first)
    }

    /// What the servers answer.
    private func replies(
        _ command: RedisCommand, of endpoints: [Endpoint],
        tell: (Endpoint, Result<RedisValue, StoreError>) -> Void = { _, _ in }
    ) async -> [Endpoint: Result<RedisValue, StoreError>] {
        await withTaskGroup(of: (Endpoint, Result<RedisValue, StoreError>).self) { group in
            for endpoint in endpoints {
                group.addTask { (endpoint, await self.reply(command, of: endpoint)) }
            }
            return await group.reduce(into: [:]) {
                tell($1.0, $1.1)
                $0[$1.0] = $1.1
            }
        }
    }

    private func reply(
        _ command: RedisCommand, of endpoint: Endpoint
    ) async -> Result<RedisValue, StoreError> {
        do throws(StoreError) {
            let node = try node(at: endpoint)
            return .success(
                try await node.submit(
                    command.bytes, replies: nil, within: refreshLimit, lane: .small))
        } catch {
            return .failure(error)
        }
    }

    private func note(_ reports: [Endpoint: ReplicationReport], _ deployment: Deployment) {
        let now = time.uptime
        state.withLock { state in
            for shard in deployment.shards { state.lags.note(shard, reports, at: now) }
            state.lags.keep(deployment.endpoints)
        }
    }

    // MARK: - Sentinels

    /// Has a failover looked into as soon as a sentinel tells of one.
    private func watchForFailover() {
        guard case .sentinel(let sentinel) = configuration.topology else { return }
        var interest = RedisInterest(channels: ["+switch-master"])
        interest.heartbeat = .seconds(5)
        let watches = configuration.endpoints.compactMap { endpoint in
            try? node(at: endpoint).subscribe(to: interest) { [refreshes] push in
                if case .message(_, _, let payload) = push,
                    String(decoding: payload, as: UTF8.self)
                        .hasPrefix(sentinel.primaryName + " ")
                {
                    refreshes.request()
                }
                return true
            }
        }
        state.withLock { $0.watches = watches }
    }

    /// Asks all at once, and goes by the first whose word holds: the others may hang.
    private func askSentinels(
        _ sentinel: RedisConfiguration.Sentinel
    ) async throws(StoreError) -> Deployment {
        let name = RedisArgument.text(sentinel.primaryName)
        let question = RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        let outcome = await withTaskGroup(
            of: (Endpoint, Result<RedisValue, StoreError>).self
        ) { group -> Result<Deployment, StoreError> in
            for endpoint in configuration.endpoints {
                group.addTask { (endpoint, await self.reply(question, of: endpoint)) }
            }
            var failures: [Endpoint: StoreError] = [:]
            var answered: Set<Endpoint> = []
            var named: Set<Endpoint> = []
            for await (endpoint, answer) in group {
                if case .success = answer { answered.insert(endpoint) }
                do throws(StoreError) {
                    let primary = try primary(in: answer, of: endpoint, sentinel)
                    guard named.insert(primary).inserted else { continue }
                    let deployment = try await verify(primary, by: endpoint, name: name)
                    group.cancelAll()
                    return .success(deployment)
                } catch {
                    failures[endpoint] = error
                }
            }
            // What one says tells more than that another says nothing.
            let order = configuration.endpoints.filter { failures[$0] != nil }
            let first = order.first(where: answered.contains) ?? order.first
            return .failure(
                first.flatMap { failures[$0] }
                    ?? StoreError(.unavailable, "No sentinel answers."))
        }
        return try outcome.get()
    }

    /// The primary that a sentinel names.
    private func primary(
        in answer: Result<RedisValue, StoreError>, of endpoint: Endpoint,
        _ sentinel: RedisConfiguration.Sentinel
    ) throws(StoreError) -> Endpoint {
        switch answer {
        case .success(.null):
            throw StoreError(
                .misconfigured,
                "The sentinel at \(endpoint) knows no primary called "
                    + "\(sentinel.primaryName); check the name in the URL.")
        case .success(let reply):
            guard let primary = Endpoint(sentinelReply: reply.array ?? []) else {
                throw StoreError(
                    .protocolViolation,
                    "The sentinel at \(endpoint) names a primary that is no address; is it a "
                        + "sentinel?")
            }
            return primary
        case .failure(let error) where error.redisError?.kind == "ERR":
            throw StoreError(
                .misconfigured,
                "Redis at \(endpoint) is no sentinel (\(error.message)); name the sentinels, "
                    + "or use redis://.", underlying: error.underlying)
        case .failure(let error): throw error
        }
    }

    /// The deployment, if the server says itself that it is the primary.
    private func verify(
        _ primary: Endpoint, by sentinel: Endpoint, name: RedisArgument
    ) async throws(StoreError) -> Deployment {
        var replicas: [Endpoint] = []
        if configuration.reads != .primary {
            let answer = await replies(RedisCommand("SENTINEL", "REPLICAS", name), of: [sentinel])
            replicas = Endpoint.replicas(try? answer[sentinel]?.get())
        }
        let (reports, refusal) = await reports(of: [primary] + replicas)
        guard reports[primary]?.isPrimary == true else {
            throw refusal
                ?? StoreError(
                    .unavailable,
                    "The sentinels' primary at \(primary) is not a primary, or does not answer; "
                        + "a failover may be under way.")
        }
        let deployment = Deployment(primary: primary, replicas: replicas)
        note(reports, deployment)
        return deployment
    }

    // MARK: - Clusters

    private func askCluster() async throws(StoreError) -> Deployment {
        let known = state.withLock { $0.deployment?.primaries ?? [] }
        var failure: StoreError?
        for endpoint in known.shuffled() + configuration.endpoints {
            let answer = await replies(RedisCommand("CLUSTER", "SLOTS"), of: [endpoint])
            do throws(StoreError) {
                guard let deployment = try clusterDeployment(answer[endpoint], of: endpoint) else {
                    continue
                }
                if configuration.reads != .primary {
                    note(await reports(of: Array(deployment.endpoints)).reports, deployment)
                }
                return deployment
            } catch {
                // What somebody has to mend says more than that others are away.
                if failure?.code != .misconfigured { failure = error }
            }
        }
        throw failure ?? StoreError(.unavailable, "No node of the cluster answers.")
    }

    /// What a node's answer to `CLUSTER SLOTS` says; nil where it was not asked.
    private func clusterDeployment(
        _ answer: Result<RedisValue, StoreError>?, of endpoint: Endpoint
    ) throws(StoreError) -> Deployment? {
        switch answer {
        case nil: return nil
        case .failure(let error) where error.code == .refused:
            throw StoreError(
                .misconfigured,
                "Redis at \(endpoint) is no node of a cluster (\(error.message)); use a "
                    + "redis:// URL, or set cluster-enabled.", underlying: error.underlying)
        case .failure(let error): throw error
        case .success(.array([])):
            throw StoreError(
                .unavailable, "The cluster's node at \(endpoint) knows of no slots yet.")
        case .success(let reply):
            guard let deployment = Deployment(clusterSlots: reply, asked: endpoint) else {
                throw StoreError(
                    .protocolViolation,
                    "What Redis at \(endpoint) says of the cluster's slots can't be understood.")
            }
            return deployment
        }
    }
}

extension RedisConfiguration {
    /// All endpoints, as configured.
    var endpoints: [Endpoint] { [endpoint] + otherEndpoints }
}

extension RedisConfiguration.Endpoint {
    /// What a sentinel names as an address.
    init?(sentinelReply parts: [RedisValue]) {
        guard parts.count == 2, let host = parts[0].text, !host.isEmpty,
            let number = parts[1].integer, let port = UInt16(exactly: number), port > 0
        else { return nil }
        self = .tcp(host: host, port: port)
    }

    /// The replicas that a sentinel takes for reachable.
    static func replicas(_ reply: RedisValue?) -> [Self] {
        (reply?.array ?? []).compactMap { replica in
            let flat = replica.array ?? []
            var fields: [String: RedisValue] = [:]
            for index in stride(from: 0, to: flat.count - 1, by: 2) {
                if let name = flat[index].text { fields[name] = flat[index + 1] }
            }
            let flags = fields["flags"]?.text?.split(separator: ",") ?? []
            guard !flags.contains(where: { ["s_down", "o_down", "disconnected"].contains($0) }),
                let host = fields["ip"], let port = fields["port"]
            else { return nil }
            return Self(sentinelReply: [host, port])
        }
    }
}

extension Deployment {
    /// Who is the primary, and who are its replicas, by their own words.
    ///
    /// Where several say that they are the primary, after a failover that one of them missed, it
    /// is the one with most replicas, then the one that it was before, then the one that has
    /// written most.
    init?(
        _ reports: [Endpoint: ReplicationReport], order: [Endpoint], former: Endpoint?
    ) {
        let primaries = order.filter { reports[$0]?.isPrimary == true }
        func rank(_ endpoint: Endpoint) -> (Int, Int, Int64) {
            let report = reports[endpoint]
            return (report?.replicaCount ?? 0, endpoint == former ? 1 : 0, report?.offset ?? 0)
        }
        guard let primary = primaries.max(by: { rank($0) < rank($1) }) else { return nil }
        self.init(
            primary: primary, replicas: order.filter { reports[$0]?.isPrimary == false })
    }
}
