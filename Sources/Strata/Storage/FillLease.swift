/// A store in whose processes only one at a time fills a thing.
protocol LeasingStore: CacheStore {
    /// Where leases are taken; nil where the store lends none.
    var leases: (any LeaseStore)? { get }
    /// Begins to watch the lease of a name; nil where the store lends none.
    func watchLease(of name: String) -> LeaseRoom.Watch?
    /// What came of asking for a lease; nil where the store failed.
    func takeLease(of name: String, token: LeaseToken) async -> LeaseAnswer?
    /// Keeps the value, if the lease is still held; whether it was.
    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration, under lease: FillLease
    ) async throws(StoreError) -> Bool
}

extension TieredStore: LeasingStore {
    var leases: (any LeaseStore)? { shared as? any LeaseStore }

    func watchLease(of name: String) -> LeaseRoom.Watch? {
        leases == nil ? nil : tier.leaseRoom.watch(name)
    }

    func takeLease(of name: String, token: LeaseToken) async -> LeaseAnswer? {
        guard let leases else { return nil }
        do throws(StoreError) {
            return try await ask { () throws(StoreError) in
                try await leases.takeLease(of: name, token: token, for: FillTurn.leaseDuration)
            }
        } catch {
            tell(of: error)
            return nil
        }
    }

    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration, under lease: FillLease
    ) async throws(StoreError) -> Bool {
        try await write(value, for: key, timeToLive: timeToLive) { () throws(StoreError) in
            try await lease.store.set(
                value, for: key, timeToLive: timeToLive, underLeaseOf: lease.name,
                token: lease.token)
        }
    }
}

/// A lease that is held, and prolonged until it is given back.
///
/// Where prolonging fails others may fill as well, which costs a call of the handler. What is filled
/// is as right as the generations that it was filled under; but it may be of before a change that
/// nobody has purged anything for, so it replaces nothing that another has filled since.
final class FillLease: Sendable {
    let store: any LeaseStore
    let name: String
    let token: LeaseToken
    private let renewal: Task<Void, Never>

    /// Takes over a lease.
    init(
        _ store: any LeaseStore, name: String, token: LeaseToken, time: any TimeSource
    ) {
        self.store = store
        self.name = name
        self.token = token
        // Others wait for it, however little time the request has left that it was taken for.
        renewal = Task {
            await Deadline.without {
                while (try? await time.sleep(for: FillTurn.renewalInterval)) != nil {
                    let isHeld = try? await store.extendLease(
                        of: name, token: token, for: FillTurn.leaseDuration)
                    if isHeld == false { return }
                }
            }
        }
    }

    /// Gives it back, without waiting for the store.
    func release() {
        renewal.cancel()
        // In a task of its own, as the one that filled may be cancelled.
        Task { [store, name, token] in
            try? await Deadline.without { try await store.releaseLease(of: name, token: token) }
        }
    }
}
