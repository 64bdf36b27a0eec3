import Strata
import Synchronization

/// A subscription that follows the servers: channels at one primary, changes of keys at all.
final class TopologySubscription: Sendable {
    private struct Member: Hashable, Sendable {
        let endpoint: RedisConfiguration.Endpoint
        /// A message goes to all nodes of a cluster, and is wanted once.
        let hasChannels: Bool
    }

    private struct State: Sendable {
        var quorum = SubscriptionQuorum<Member>()
        var channels: [Member: (number: UInt64, subscription: RedisSubscription)] = [:]
        var count: UInt64 = 0
        /// Why it was ended, until the subscriber is told.
        var end: StoreError?
        var isEnded = false
    }

    /// How often the subscriber wants to know that it was told everything.
    var heartbeat: Duration { interest.heartbeat }

    private let interest: RedisInterest
    private let subscriber: @Sendable (RedisPush) -> Bool
    /// Guarded by the mutex: the channels.
    private let state = Mutex(State())
    /// Held by whoever tells the subscriber something, one thing at a time. The subscriber may end
    /// the subscription meanwhile, so nobody waits for it who ends one.
    private let turn = Mutex<Void>(())

    init(_ interest: RedisInterest, _ subscriber: @escaping @Sendable (RedisPush) -> Bool) {
        self.interest = interest
        self.subscriber = subscriber
    }

    /// Subscribes at those who are primaries now; where there are none the channel is lost.
    func follow(_ primaries: [RedisConfiguration.Endpoint], of topology: RedisTopology) {
        let primaries = primaries.sorted { "\($0)" < "\($1)" }
        let wanted = interest.trackedPrefixes.isEmpty ? primaries.prefix(1) : primaries[...]
        let members = wanted.enumerated().map { Member(endpoint: $1, hasChannels: $0 == 0) }
        turn.withLock { _ in
            let pushes = state.withLock { state in
                if state.isEnded { return [RedisPush]() }
                let (_, removed, pushes) = state.quorum.setMembers(Set(members))
                for member in removed { state.channels[member] = nil }
                for member in members where state.channels[member] == nil {
                    open(member, topology, &state)
                }
                return pushes
            }
            for push in pushes { _ = subscriber(push) }
        }
        tellEnd()
    }

    private func open(_ member: Member, _ topology: RedisTopology, _ state: inout State) {
        var interest = interest
        if !member.hasChannels {
            interest.channels = []
            interest.patterns = []
        }
        state.count += 1
        let number = state.count
        // Where a node can't be had, the next look at the servers brings another chance.
        guard
            let subscription = try? topology.node(at: member.endpoint)
                .subscribe(
                    to: interest,
                    subscriber: { [weak self, weak topology] push in
                        var push = push
                        // Perhaps somebody else is the primary by now.
                        if case .lost = push { topology?.refreshes.request() }
                        if case .current(let moment) = push, let topology {
                            let verified = topology.verified.load(ordering: .relaxed)
                            push = .current(asOf: min(moment, .nanoseconds(verified)))
                        }
                        return self?.receive(push, from: member, number) ?? true
                    })
        else { return }
        state.channels[member] = (number, subscription)
    }

    private func receive(_ push: RedisPush, from member: Member, _ number: UInt64) -> Bool {
        let isTaken = turn.withLock { _ in
            let pushes = state.withLock { state in
                guard state.channels[member]?.number == number else { return [RedisPush]() }
                return state.quorum.receive(push, from: member)
            }
            return pushes.reduce(true) { subscriber($1) && $0 }
        }
        tellEnd()
        return isTaken
    }

    /// Ends it.
    func close(_ error: StoreError) {
        state.withLock { state in
            guard !state.isEnded else { return }
            state.isEnded = true
            state.channels = [:]
            state.end = error
        }
        tellEnd()
    }

    /// Tells that it was ended, unless somebody tells something else just now, who then comes here.
    private func tellEnd() {
        // Whoever had the turn looks again behind it, as it may have ended in between.
        while state.withLock({ $0.end != nil }) {
            let told: Void? = turn.withLockIfAvailable { _ in
                let end = state.withLock { $0.end.take() }
                if let end { _ = subscriber(.lost(end)) }
            }
            if told == nil { return }
        }
    }
}

extension RedisTopology {
    /// Opens channels for a subscriber, who says whether more can be taken.
    func subscribe(
        to interest: RedisInterest, subscriber: @escaping @Sendable (RedisPush) -> Bool
    ) throws(StoreError) -> RedisSubscription {
        let subscription = TopologySubscription(interest, subscriber)
        let (number, deployment) = try state.withLock { state throws(StoreError) in
            if state.isClosed { throw .closed }
            state.subscriptionCount += 1
            state.subscriptions[state.subscriptionCount] = subscription
            return (state.subscriptionCount, state.deployment)
        }
        if let deployment { subscription.follow(deployment.primaries, of: self) }
        return RedisSubscription { [weak self] in
            let ended = self?.state.withLock { $0.subscriptions.removeValue(forKey: number) }
            ended?.close(StoreError(.unavailable, "The subscription was ended."))
        }
    }
}
