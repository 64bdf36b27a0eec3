/// What a process does that wants to fill something that others may be filling as well.
enum FillTurn: Sendable, Hashable {
    /// It has the lease, and fills.
    case fill
    /// It waits for whoever has the lease, at most for so long.
    case wait(Duration)
    /// It fills without a lease.
    case fillAlone(Reason)

    /// Why nobody is waited for.
    enum Reason: String, Sendable, Hashable {
        /// The store can't say who has the lease: what it can't do must not keep anybody waiting.
        case storeFailed = "store-failed"
        /// It has waited for long enough.
        case waitedLongEnough = "waited-long-enough"
    }

    /// For how long a lease is taken. Whoever dies keeps the others waiting for no longer.
    static let leaseDuration = Duration.milliseconds(240)
    /// How often it is prolonged, so that it outlives a delay of two thirds of it.
    static let renewalInterval = Duration.milliseconds(80)

    /// Decides by what the store said of the lease.
    ///
    /// - Parameters:
    ///   - answer: what it said; nil where it failed.
    ///   - waited: how long was waited already.
    ///   - limit: how long may be waited.
    init(_ answer: LeaseAnswer?, waited: Duration, limit: Duration) {
        switch answer {
        case nil: self = .fillAlone(.storeFailed)
        case .taken: self = .fill
        case .held where waited >= limit: self = .fillAlone(.waitedLongEnough)
        // A moment more than is left of the lease: then it has run out, or was prolonged.
        case .held(let left):
            self = .wait(min(min(left, Self.leaseDuration) + .milliseconds(2), limit - waited))
        }
    }
}
