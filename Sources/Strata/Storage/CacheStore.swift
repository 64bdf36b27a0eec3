/// What ``Caching`` keeps its entries in: values under keys, each with a time to live, and the
/// generations that purges advance.
///
/// A store may forget anything at any time. What it answers must be what was set: a value that is
/// damaged, of an unknown version or under the wrong key is no value. Every call is safe from any
/// number of tasks at the same time. A failure is thrown as ``StoreError`` within the store's own
/// time limit, and whoever asked decides what it means; it never reaches a client by itself.
public protocol CacheStore: Sendable {
    /// The value under the key, or nil.
    ///
    /// A store in memory hands back the very value that was set, without decoding anything and
    /// without suspending.
    func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value?

    /// Keeps the value under the key for at most that long; replaces what was there.
    ///
    /// A value that is larger than the store's limit for one entry is not kept, and what was
    /// there is removed.
    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError)

    /// Removes the values under the keys.
    func remove(_ keys: [String]) async throws(StoreError)

    /// The current generations of the names, in their order.
    ///
    /// A value is valid while the generations it was filled under are current: ask before the
    /// fill begins, keep the answer with the value, which names them
    /// (``StoreValue/generationNames``), and compare at each use.
    func generations(of names: [String]) async throws(StoreError) -> [Generation]

    /// Gives each of the names a new generation, which makes everything filled under an older one
    /// invalid or stale at once, however much that is.
    ///
    /// - Parameters:
    ///   - purge: after a hard one the number is unlike any before; a soft one keeps it.
    ///   - timeToLive: how long the new generation must be remembered: longer than anything
    ///     filled under an older one can live.
    func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError)
}

/// A value that a ``CacheStore`` can keep: as it is in memory, as bytes elsewhere.
public protocol StoreValue: Sendable {
    /// About how many bytes it takes in memory; counts towards a store's limit.
    var byteCount: Int { get }

    /// The bytes that ``init(storeBytes:)`` makes an equal value of.
    var storeBytes: [UInt8] { get }

    /// Makes the value from its bytes; nil where they are not such a value. The bytes have come
    /// through a checksum, but may have been written by another version.
    init?(storeBytes: [UInt8])

    /// The names whose generations the value was filled under; none by default.
    ///
    /// A store that forgets generations remembers these for as long as it keeps the value.
    var generationNames: [String] { get }
}

extension StoreValue {
    /// A value that no purge concerns.
    public var generationNames: [String] { [] }
}

/// A value that was asked of a source, which may have changed since.
package protocol FilledValue: StoreValue {
    /// When the source was asked, by the clock of whoever did; nil where the value can't be out of
    /// date.
    var filled: Timestamp? { get }
}

/// Bytes are kept as they are.
extension [UInt8]: StoreValue {
    /// How many bytes the array takes in memory, with its header and what the allocator adds.
    public var byteCount: Int { capacity == 0 ? 0 : capacity + 40 }
    /// The bytes themselves.
    public var storeBytes: [UInt8] { self }
    /// Makes the value of its bytes.
    public init?(storeBytes: [UInt8]) { self = storeBytes }
}

/// What becomes of what was filled before a purge.
public enum PurgeKind: Sendable, Hashable {
    /// It is gone.
    case hard
    /// It is stale since that moment: it can still be validated, and served stale where that is
    /// allowed.
    case soft(at: Timestamp)
}

/// A point in the history of a name: it changes when the name is purged, and never comes back.
public struct Generation: Sendable, Hashable {
    /// Zero before the first hard purge, or long after the last; else unlike any other. What was
    /// filled under another number is gone.
    public let number: UInt64
    /// When the name was last purged softly since the number is this one, if it was. What was
    /// filled under another moment is stale since this one.
    public let staleSince: Timestamp?

    /// Makes a generation.
    public init(_ number: UInt64, staleSince: Timestamp? = nil) {
        self.number = number
        self.staleSince = staleSince
    }

    /// The generation of a name that was never purged.
    public static let first = Generation(0)
}
