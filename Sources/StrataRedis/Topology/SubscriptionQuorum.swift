import Strata

/// Makes one channel of those to several servers: it stands while all of them do, and is up to
/// date as far as the last of them.
struct SubscriptionQuorum<Member: Hashable & Sendable>: Sendable {
    private struct Channel: Sendable {
        var isEstablished = false
        var current = Duration.zero
    }

    private var channels: [Member: Channel] = [:]
    private var isEstablished = false

    /// Sets whom it needs; who is to be added, who is to be removed, and what is to be told.
    mutating func setMembers(
        _ members: Set<Member>
    ) -> (added: Set<Member>, removed: Set<Member>, pushes: [RedisPush]) {
        let added = members.subtracting(channels.keys)
        let removed = Set(channels.keys).subtracting(members)
        for member in removed { channels[member] = nil }
        for member in added { channels[member] = Channel() }
        guard !added.isEmpty || !removed.isEmpty, isEstablished else { return (added, removed, []) }
        // Somebody else may have served meanwhile what nobody told of.
        isEstablished = false
        var pushes: [RedisPush] = [
            .lost(StoreError(.unavailable, "The servers of Redis have changed."))
        ]
        pushes += establish()
        return (added, removed, pushes)
    }

    /// What to tell of what a member told.
    mutating func receive(_ push: RedisPush, from member: Member) -> [RedisPush] {
        guard channels[member] != nil else { return [] }
        switch push {
        case .established:
            channels[member] = Channel(isEstablished: true)
            return establish()
        case .lost:
            channels[member]?.isEstablished = false
            isEstablished = false
            return [push]
        case .current(let moment):
            channels[member]?.current = moment
            guard isEstablished, let first = channels.values.map(\.current).min(), first > .zero
            else { return [] }
            return [.current(asOf: first)]
        case .message, .invalidated, .invalidatedAll: return [push]
        }
    }

    private mutating func establish() -> [RedisPush] {
        guard !isEstablished, !channels.isEmpty,
            channels.values.allSatisfy(\.isEstablished)
        else { return [] }
        isEstablished = true
        return [.established]
    }
}
