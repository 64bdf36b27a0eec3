/// A ``CacheStore`` that several processes share and that tells each of them of changes, so that
/// they may keep copies: what a ``TieredStore`` needs of the store behind it.
public protocol CoherentStore: CacheStore {
    /// The value under the key with what is needed to keep a copy of it, and the current
    /// generations of the names in their order; one round trip for all.
    ///
    /// A name without a generation, be it that the store has lost it, gets none here: nothing that
    /// is kept was filled under it.
    func copy<Value: StoreValue>(
        of key: String, as type: Value.Type, with names: [String]
    ) async throws(StoreError) -> StoredCopy<Value>

    /// Begins to tell of changes, by whomever they are made, in the order in which they are made.
    ///
    /// - Parameters:
    ///   - heartbeat: how often the observer is told that it was told everything. A store that
    ///     can't be heard of for about as long is ``StoreChange/lost``.
    ///   - observer: is told one thing at a time, must be quick, and must not wait.
    /// - Throws: ``StoreError`` where the store can't tell of changes as it is configured; that it
    ///   can't be reached now is no error.
    func observeChanges(
        heartbeat: Duration, _ observer: @escaping @Sendable (StoreChange) -> Void
    ) throws(StoreError) -> StoreObservation
}

/// A value as it was read, for whoever keeps a copy.
public struct StoredCopy<Value: Sendable>: Sendable {
    /// The value; nil where there is none.
    public let value: Value?
    /// How much longer the store keeps it.
    public let timeToLive: Duration
    /// The generations that were asked for, as they were when the value was read or later.
    public let generations: [Generation?]

    /// Makes a copy.
    public init(value: Value?, timeToLive: Duration, generations: [Generation?]) {
        self.value = value
        self.timeToLive = timeToLive
        self.generations = generations
    }
}

/// What the observer of a ``CoherentStore`` is told.
public enum StoreChange: Sendable {
    /// From now on everything is told.
    case established
    /// The values under the keys were replaced or removed, have expired, or were evicted.
    case values([String])
    /// The names have other generations.
    case generations([String])
    /// The leases of the names were taken, prolonged or given back, or have run out.
    case leases([String])
    /// Everything may have changed: what was read before is not to be trusted.
    case everything
    /// Everything that happened before that moment of the machine's uptime has been told.
    case current(asOf: Duration)
    /// Nothing is told until ``established``; it is tried again by itself.
    case lost
}

/// An observation of a store, which lasts until it is cancelled or nobody holds it any more.
public final class StoreObservation: Sendable {
    private let end: @Sendable () -> Void

    /// Makes an observation that is ended so; it may be ended more than once.
    public init(end: @escaping @Sendable () -> Void) { self.end = end }

    deinit { end() }

    /// Ends it.
    public func cancel() { end() }
}

/// A store that lends the right to do something to one process at a time.
///
/// A lease ends by itself when its holder does not prolong it: it died, or can't reach the store.
/// The token fences what it writes: one that stood still, and does not know that its lease is
/// another's by now, replaces nothing. That a value is valid is made sure of by generations.
public protocol LeaseStore: CacheStore {
    /// Takes the lease of a name for so long, unless another holds it.
    ///
    /// - Parameter token: tells this holder from all others.
    func takeLease(
        of name: String, token: LeaseToken, for duration: Duration
    ) async throws(StoreError) -> LeaseAnswer

    /// Prolongs a lease, from now on; whether it was still held under that token.
    func extendLease(
        of name: String, token: LeaseToken, for duration: Duration
    ) async throws(StoreError) -> Bool

    /// Gives a lease back, if it is still held under that token.
    func releaseLease(of name: String, token: LeaseToken) async throws(StoreError)

    /// Keeps the value under the key as ``CacheStore/set(_:for:timeToLive:)`` does, if the lease of
    /// the name is still held under that token; whether it was.
    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration,
        underLeaseOf name: String, token: LeaseToken
    ) async throws(StoreError) -> Bool
}

/// What came of asking for a lease.
public enum LeaseAnswer: Sendable, Hashable {
    /// It is the caller's.
    case taken
    /// Another holds it, and for so long if it isn't prolonged.
    case held(Duration)
}

/// Who holds a lease: a number that nobody else draws.
public struct LeaseToken: Sendable, Hashable {
    /// The number.
    public let number: UInt64

    /// Draws a token.
    public init() { number = .random(in: 1 ... .max) }
}
