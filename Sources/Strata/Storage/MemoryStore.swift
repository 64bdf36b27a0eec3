import Synchronization

/// Keeps what the layers store in the memory of this process.
///
/// For a single instance, for tests, and for development: what is in it is gone with the process,
/// and other instances don't see it. It never holds more than its limit in bytes; the entries
/// that were used least recently go first.
public final class MemoryStore: CacheStore {
    /// A part of the keys with a lock of its own.
    private final class Shard: Sendable {
        /// Guarded: by every call for a key of the shard.
        let entries: Mutex<RecencyList>

        init(maximumBytes: Int) { entries = Mutex(RecencyList(maximumBytes: maximumBytes)) }
    }

    private let shards: [Shard]
    private let maximumEntryBytes: Int
    private let time: any TimeSource
    /// Guarded: by every call about generations.
    private let generations = Mutex(GenerationTable())
    /// The sessions, which have the same limit in bytes to themselves.
    let sessions: MemorySessions

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - maximumBytes: how much it holds, 64 MiB by default, at least 1 MiB; values count with
    ///     their `byteCount`, their keys, and what keeping them takes. Sessions count by
    ///     themselves, up to the same limit.
    ///   - maximumEntryBytes: the largest entry, by default an eighth of the whole.
    public init(
        maximumBytes: Int = 64 << 20, maximumEntryBytes: Int? = nil,
        time: any TimeSource = SystemTime()
    ) {
        let shardCount = 8
        let share = max(maximumBytes, 1 << 20) / shardCount
        shards = (0..<shardCount).map { _ in Shard(maximumBytes: share) }
        self.maximumEntryBytes = min(maximumEntryBytes ?? share, share)
        self.time = time
        sessions = MemorySessions(maximumBytes: maximumBytes, time: time)
    }

    private func shard(of key: ByteKey) -> Shard {
        shards[Int(UInt(bitPattern: key.hashValue) % UInt(shards.count))]
    }

    /// The value under the key, the very one that was set, or nil; never suspends.
    public func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? {
        let (key, now) = (ByteKey(text: key), time.now)
        return shard(of: key).entries.withLock { $0.value(for: key, at: now) }
    }

    /// The record under a key, unless it was purged; as ``value(for:as:)`` and
    /// ``generations(of:)`` would tell, in one step.
    func record(_ key: CacheKey) -> CacheRecord? {
        let now = time.now
        let found: CacheRecord? = shard(of: key.bytes).entries.withLock {
            $0.value(for: key.bytes, at: now)
        }
        guard case .response(let response) = found else { return found }
        let isCurrent = generations.withLock { table in
            response.head.generations.allSatisfy {
                table.generation(of: $0.name) == $0.generation
            }
        }
        return isCurrent ? found : nil
    }

    /// Keeps the value for at most that long; the least recently used go for it.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) {
        let cost = value.byteCount + key.utf8.count + RecencyList.overhead
        let end = time.now + timeToLive
        let key = ByteKey(text: key)
        shard(of: key).entries.withLock { entries in
            guard cost <= maximumEntryBytes, timeToLive > .zero else {
                return entries.remove(key)
            }
            entries.set(value, for: key, cost: cost, end: end)
        }
    }

    /// Removes the values under the keys.
    public func remove(_ keys: [String]) async throws(StoreError) {
        for key in keys.map(ByteKey.init(text:)) {
            shard(of: key).entries.withLock { $0.remove(key) }
        }
    }

    /// The current generations of the names.
    public func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        generations.withLock { table in names.map { table.generation(of: $0) } }
    }

    /// Gives each of the names a new generation.
    public func advanceGenerations(
        of names: [String], timeToLive: Duration
    ) async throws(StoreError) {
        let now = time.now
        generations.withLock { table in
            for name in names { table.advance(name, until: now + timeToLive, at: now) }
        }
    }

    /// How many bytes are held, as they count towards the limit; sessions not among them.
    public var byteCount: Int {
        shards.reduce(0) { $0 + $1.entries.withLock { $0.byteCount } }
    }

    /// How many entries are held, sessions not among them.
    public var entryCount: Int { shards.reduce(0) { $0 + $1.entries.withLock { $0.count } } }
}

/// The generations of names. A number is never given twice.
///
/// The table is bounded: when it is full of names that still count, it is emptied, and every name
/// that isn't in it has a generation that is new. That makes everything stored invalid, which is
/// never wrong.
struct GenerationTable: ~Copyable {
    private var entries: [ByteKey: (generation: Generation, end: Timestamp)] = [:]
    private var unnamed = Generation.first
    private var last = UInt64.random(in: 1...(.max / 2))
    private let maximumCount: Int

    init(maximumCount: Int = 100_000) { self.maximumCount = maximumCount }

    func generation(of name: String) -> Generation {
        entries.isEmpty ? unnamed : entries[ByteKey(text: name)]?.generation ?? unnamed
    }

    mutating func advance(_ name: String, until end: Timestamp, at now: Timestamp) {
        let name = ByteKey(text: name)
        if entries.count >= maximumCount, entries[name] == nil {
            entries = entries.filter { $0.value.end > now }
            if entries.count >= maximumCount / 2 {
                entries = [:]
                last += 1
                unnamed = Generation(last)
            }
        }
        last += 1
        entries[name] = (Generation(last), end)
    }
}
