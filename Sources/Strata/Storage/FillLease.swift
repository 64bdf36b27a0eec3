import Synchronization

/// A store in whose processes only one at a time fills a thing.
protocol LeasingStore: Sendable {
    /// Where leases are taken; nil where the store lends none.
    var leases: (any LeaseStore)? { get }
    /// Begins to watch the lease of a name; nil where the store lends none.
    func watchLease(of name: String) -> LeaseRoom.Watch?
    /// What came of asking for a lease; nil where the store failed.
    func takeLease(of name: String, token: LeaseToken) async -> LeaseAnswer?
}

extension TieredStore: LeasingStore {
    var leases: (any LeaseStore)? { shared as? any LeaseStore }

    func watchLease(of name: String) -> LeaseRoom.Watch? {
        leases == nil ? nil : tier.leaseRoom.watch(name)
    }

    func takeLease(of name: String, token: LeaseToken) async -> LeaseAnswer? {
        guard let leases else { return nil }
        return try? await ask { () throws(StoreError) in
            try await leases.takeLease(of: name, token: token, for: FillTurn.leaseDuration)
        }
    }
}

/// A lease that is held, and prolonged until it is given back.
///
/// Where prolonging fails others may fill as well, which costs a call of the handler: what is filled
/// is as right as the generations that it was filled under. Only what another has filled since is
/// not replaced then, which may be of after a change that nobody has purged anything for.
final class FillLease: Sendable {
    private let store: any LeaseStore
    private let name: String
    private let token: LeaseToken
    private let time: any TimeSource
    private let renewal: Task<Void, Never>
    /// Until when nobody else has it, in nanoseconds of the machine's uptime.
    private let end: End

    private final class End: Sendable {
        let moment: Atomic<Int64>

        init(_ moment: Int64) { self.moment = Atomic(moment) }
    }

    /// Takes over a lease.
    ///
    /// - Parameter asked: when it was asked for, by the machine's uptime.
    init(
        _ store: any LeaseStore, name: String, token: LeaseToken, asked: Duration,
        time: any TimeSource
    ) {
        self.store = store
        self.name = name
        self.token = token
        self.time = time
        let end = End(Self.end(of: asked))
        self.end = end
        // Others wait for it, however little time the request has left that it was taken for.
        renewal = Task {
            await Deadline.without {
                while (try? await time.sleep(for: FillTurn.renewalInterval)) != nil {
                    let asked = time.uptime
                    let isHeld = try? await store.extendLease(
                        of: name, token: token, for: FillTurn.leaseDuration)
                    switch isHeld {
                    case true?: end.moment.store(Self.end(of: asked), ordering: .relaxed)
                    case false?: return end.moment.store(.min, ordering: .relaxed)
                    case nil: break
                    }
                }
            }
        }
    }

    private static func end(of asked: Duration) -> Int64 {
        (asked + FillTurn.leaseDuration).saturatedNanoseconds
    }

    /// Whether another may have it: it could not be prolonged in time, be it that the process
    /// stood still.
    var isLost: Bool {
        end.moment.load(ordering: .relaxed) <= time.uptime.saturatedNanoseconds
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
