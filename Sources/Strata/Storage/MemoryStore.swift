#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Synchronization

/// Keeps what the layers store in the memory of this process.
///
/// For a single instance, for tests, and in front of a store that instances share: what is in it
/// is gone with the process, and other instances don't see it. It never holds more than its limit
/// in bytes. Which entries go when room is needed is learned from the load: W-TinyLFU with a
/// window between next to nothing and everything, where it is LRU. So a scan of things that
/// are asked for once doesn't push out what is asked for often.
///
/// A hit is found and handed back without suspending, decoding or copying: what comes out is the
/// very value that was put in. Expired entries are not handed out any more; their room is taken
/// back when they are asked for, when it is needed, and a few at each write, but not by a clock: a
/// store that nobody writes to keeps what it has.
///
/// ```swift
/// let store = MemoryStore(maximumBytes: 256 << 20)
/// let app = wrap(handler) { Caching(store: store) }
/// ```
public final class MemoryStore: CacheStore {
    /// A part of the keys with locks of its own.
    private struct Shard: ~Copyable {
        /// Guarded: by every call for a key of the shard.
        let entries: Mutex<MemoryEntries>
        /// Guarded: by every call about the generation of a name of the shard.
        let generations = Mutex(GenerationTable(maximumCount: 8192))
        /// Keeps the next shard's lock out of this one's cache lines.
        private let padding: (Int, Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0, 0)

        init(maximumBytes: Int) { entries = Mutex(MemoryEntries(maximumBytes: maximumBytes)) }
    }

    /// The parts, as many as a power of two.
    ///
    /// `@unchecked Sendable`: the pointer never changes, what it points at is only read, and shared
    /// by its own locks. They are not objects, because every call for a key would count up and down
    /// a reference that all threads share.
    private final class Shards: @unchecked Sendable {
        private let shards: UnsafeMutablePointer<Shard>
        let count: Int

        init(count: Int, maximumBytes: Int) {
            self.count = count
            shards = .allocate(capacity: count)
            for index in 0..<count {
                (shards + index).initialize(to: Shard(maximumBytes: maximumBytes / count))
            }
        }

        deinit {
            shards.deinitialize(count: count)
            shards.deallocate()
        }

        subscript(index: Int) -> Shard {
            @inline(__always) _read { yield shards[index] }
        }

        /// The part that a key or a name belongs to.
        subscript(key: KeyDigest) -> Shard {
            @inline(__always) _read {
                yield shards[Int(truncatingIfNeeded: key.high >> 32) & (count - 1)]
            }
        }
    }

    /// How many bytes an entry counts for beside its value.
    public static var entryOverhead: Int { MemoryEntries.overhead }

    /// How many bytes the values may take in all, with what keeping them takes.
    public let maximumBytes: Int
    /// How many bytes one value may take.
    public let maximumEntryBytes: Int

    private let shards: Shards
    private let time: any TimeSource
    private let isSystemTime: Bool
    private let secret = KeyDigest.Secret()

    /// Guarded: by whoever has uses to tell, and never held together with a shard's lock.
    private let advisor: Mutex<WindowAdvisor>
    /// What the advisor says: the raw value of a ``WindowSetting``, and which uses it wants to
    /// hear of. A shard that reads an old value is no worse for it.
    private let setting = Atomic(WindowSetting.whole.rawValue)
    private let sampleMask = Atomic<UInt64>(0)

    /// The number of the last generation that was given; random at first, so that no two stores
    /// give the same ones.
    private let lastGeneration = Atomic(UInt64.random(in: 1 ... .max / 2))
    /// Whether any generation was ever advanced.
    private let hasGenerations = Atomic(false)

    /// The sessions, which have the same limit in bytes to themselves.
    let sessions: MemorySessions

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - maximumBytes: how much it holds, 64 MiB by default. Values count with their
    ///     `byteCount` and 64 bytes for what keeping one takes; keys count for nothing, as only
    ///     digests of them are kept. Sessions count by themselves, up to the same limit. Beside
    ///     that, a store takes up to half a megabyte for learning from the load, and up to 8,192
    ///     purged names for each 8 MiB.
    ///   - maximumEntryBytes: how many bytes one value may take, by default a sixteenth of the
    ///     whole, and never more than half of it or 1 GiB. Entries are divided among parts with
    ///     locks of their own, each at least 8 MiB and twice this large: a great limit for one
    ///     entry leaves fewer of them.
    ///   - time: what times to live are measured with.
    public init(
        maximumBytes: Int = 64 << 20, maximumEntryBytes: Int? = nil,
        time: any TimeSource = SystemTime()
    ) {
        precondition(maximumBytes >= 0, "A store can't hold less than nothing")
        let most = min(maximumBytes / 2, EntryLink.maximumCost) - MemoryEntries.overhead
        let entryBytes = min(maximumEntryBytes ?? maximumBytes / 16, max(most, 0))
        let leastShare = max(8 << 20, 2 * (entryBytes + MemoryEntries.overhead))
        let wanted = 4 * max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        var shardCount = 1
        while shardCount < wanted, maximumBytes / (shardCount * 2) >= leastShare { shardCount *= 2 }
        self.maximumBytes = maximumBytes
        self.maximumEntryBytes = entryBytes
        shards = Shards(count: shardCount, maximumBytes: maximumBytes)
        advisor = Mutex(WindowAdvisor(capacity: maximumBytes))
        self.time = time
        isSystemTime = time is SystemTime
        sessions = MemorySessions(maximumBytes: maximumBytes, time: time)
    }

    /// How many bytes are held, as they count towards the limit; sessions not among them.
    public var byteCount: Int {
        (0..<shards.count).reduce(0) { $0 + shards[$1].entries.withLock { $0.byteCount } }
    }

    /// How many entries are held, sessions not among them.
    public var entryCount: Int {
        (0..<shards.count).reduce(0) { $0 + shards[$1].entries.withLock { $0.count } }
    }

    /// The value under the key, the very one that was set, or nil; never suspends.
    public func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? { valueNow(for: key, as: type) }

    /// Keeps the value for at most that long; others may go for it.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) { setNow(value, for: key, timeToLive: timeToLive) }

    /// Removes the values under the keys.
    public func remove(_ keys: [String]) async throws(StoreError) { removeNow(keys) }

    /// The current generations of the names.
    public func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        names.map(generation(of:))
    }

    /// Gives each of the names a new generation.
    public func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        let now = uptime
        let end = now.addingReportingOverflow(timeToLive.saturatedNanoseconds)
        for name in names {
            let name = KeyDigest(name, secret: secret)
            shards[name].generations.withLock {
                $0.advance(name, purge, until: end.overflow ? .max : end.partialValue, now: now) {
                    lastGeneration.add(1, ordering: .relaxed).newValue
                }
            }
        }
        if !names.isEmpty { hasGenerations.store(true, ordering: .releasing) }
    }
}

extension MemoryStore {
    /// What ``set(_:for:timeToLive:)`` does, where no `await` is wanted.
    func setNow<Value: StoreValue>(_ value: Value, for key: String, timeToLive: Duration) {
        let key = KeyDigest(key, secret: secret)
        let size = value.byteCount
        guard size <= maximumEntryBytes, timeToLive > .zero else { return remove(key) }
        let now = uptime
        let end = now.addingReportingOverflow(timeToLive.saturatedNanoseconds)
        var remainder = MemoryEntries.Remainder()
        shards[key].entries.withLock {
            $0.set(
                value, cost: max(size, 0) + MemoryEntries.overhead,
                end: end.overflow ? .max : end.partialValue, for: key, now: now,
                setting: WindowSetting(rawValue: setting.load(ordering: .relaxed)) ?? .whole,
                sampleMask: sampleMask.load(ordering: .relaxed), remainder: &remainder)
        }
        tell(remainder)
    }

    /// What ``remove(_:)`` does, where no `await` is wanted.
    func removeNow(_ keys: [String]) {
        for key in keys { remove(KeyDigest(key, secret: secret)) }
    }

    /// The value under the key, the very one that was set, or nil: what
    /// ``value(for:as:)`` does, where no `await` is wanted.
    package func valueNow<Value: StoreValue>(for key: String, as type: Value.Type) -> Value? {
        let key = KeyDigest(key, secret: secret)
        let now = uptime
        var isWorkDue = false
        let value: Value? = shards[key].entries.withLock {
            $0.value(for: key, now: now, isWorkDue: &isWorkDue)
        }
        if isWorkDue { work(on: key, now: now) }
        return value
    }

    /// The record under a key as purges have left it; as ``value(for:as:)`` and
    /// ``generations(of:)`` would tell, in one step.
    func record(_ key: CacheKey) -> CacheRecord? {
        let found = valueNow(for: key.text, as: CacheRecord.self)
        guard case .response(let response) = found,
            hasGenerations.load(ordering: .acquiring)
        else { return found }
        let current = response.head.generations.map { generation(of: $0.name) }
        return response.afterPurges(current).map(CacheRecord.response)
    }

    /// Puts an encoded form of a response's content into the response's entry, where there is room
    /// for both in one.
    func attach(
        _ sibling: EncodedSibling, in coding: String, to content: [UInt8], under key: CacheKey
    ) -> SiblingPlace {
        amend(key.text, as: CacheRecord.self) { record in
            guard case .response(let kept) = record, kept.content.isSameArray(as: content)
            else { return nil }
            return .response(kept.adding(sibling, in: coding))
        }
    }

    /// Puts a value in the place of the one under a key, for as long as that would have been kept;
    /// `.gone` where there is none, or `body` gives nil, and `.apart` where it is too large.
    func amend<Value: StoreValue>(
        _ key: String, as type: Value.Type, _ body: (Value) -> Value?
    ) -> SiblingPlace {
        let key = KeyDigest(key, secret: secret)
        let now = uptime
        let mask = sampleMask.load(ordering: .relaxed)
        var remainder = MemoryEntries.Remainder()
        var isWorkDue = false
        defer {
            tell(remainder)
            if isWorkDue { work(on: key, now: now) }
        }
        return shards[key].entries.withLock { entries in
            let current: Value? = entries.value(for: key, now: now, isWorkDue: &isWorkDue)
            guard let current, let value = body(current) else { return .gone }
            let size = value.byteCount
            guard size <= maximumEntryBytes else { return .apart }
            entries.replace(
                key, with: value, cost: size + MemoryEntries.overhead, sampleMask: mask,
                remainder: &remainder)
            return .attached
        }
    }

    /// Whether there was a purge, hard or soft, of what was filled under these generations.
    func isOutdated(_ head: StoredHead) -> Bool {
        head.generations.contains { generation(of: $0.name) != $0.generation }
    }

    private func generation(of name: String) -> Generation {
        guard hasGenerations.load(ordering: .acquiring) else { return .first }
        let name = KeyDigest(name, secret: secret)
        return shards[name].generations.withLock { $0.generation(of: name) }
    }

    /// Does what reads leave to be done; apart, so that a read is short.
    @inline(never)
    private func work(on key: KeyDigest, now: Int64) {
        var remainder = MemoryEntries.Remainder()
        shards[key].entries.withLock {
            $0.work(
                on: key, now: now, sampleMask: sampleMask.load(ordering: .relaxed),
                remainder: &remainder)
        }
        tell(remainder)
    }

    private func remove(_ key: KeyDigest) {
        var remainder = MemoryEntries.Remainder()
        shards[key].entries.withLock {
            $0.remove(
                key, sampleMask: sampleMask.load(ordering: .relaxed), remainder: &remainder)
        }
        tell(remainder)
    }

    /// The machine's uptime in nanoseconds, past the arithmetic of `Duration` where that is a cost.
    private var uptime: Int64 {
        isSystemTime ? SystemTime.uptimeNanoseconds : time.uptime.saturatedNanoseconds
    }

    /// Tells the advisor of uses, and does as it says.
    private func tell(_ remainder: borrowing MemoryEntries.Remainder) {
        guard !remainder.uses.isEmpty else { return }
        advisor.withLock { advisor in
            for use in remainder.uses { advisor.note(hash: use.hash, cost: use.cost) }
            setting.store(advisor.setting.rawValue, ordering: .relaxed)
            sampleMask.store(advisor.mask, ordering: .relaxed)
        }
    }

    /// What is wrong with what is kept; nothing as long as this type is right.
    var inconsistencies: [String] {
        (0..<shards.count).flatMap { shards[$0].entries.withLock { $0.inconsistencies } }
            + (byteCount > maximumBytes ? ["\(byteCount) bytes are held"] : [])
    }
}
