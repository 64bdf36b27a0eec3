/// A store that the cache asks for what it keeps there in one step, purges and all.
protocol RecordStore: CacheStore {
    /// Whether what is set is there at once, so that nobody waits for it.
    var storesAtOnce: Bool { get }

    /// The record under a key, where that is known without waiting.
    func recordNow(_ key: CacheKey) -> PromptRecord

    /// The record under a key, as purges have left it.
    ///
    /// - Parameters:
    ///   - request: the one that it is for, where it may lead to one of several variants.
    ///   - names: those that it can be expected to be purged by.
    func reading(
        _ key: CacheKey, for request: Request?, names: @Sendable () -> [String]
    ) async throws(StoreError) -> RecordReading

    /// Whether there was a purge, hard or soft, since the fill began, as far as is known here.
    func wasPurged(_ head: StoredHead) async -> Bool

    /// The generations of the names as they are now, and not as they were last told.
    func generationsNow(of names: [String]) async throws(StoreError) -> [Generation]

    /// Puts an encoded form of a response's content into the response's entry, without waiting, as
    /// far as that is in memory.
    func attach(
        _ sibling: EncodedSibling, in coding: String, to content: [UInt8], under key: CacheKey
    ) -> SiblingPlace
}

extension RecordStore {
    var storesAtOnce: Bool { false }
}

/// What a store was found to hold.
struct RecordReading: Sendable {
    /// The record under the key that was asked for, as purges have left it.
    var record: CacheRecord?
    /// What that led to and was read along with it, as purges have left it.
    var selected: (key: CacheKey, record: CacheRecord?)?
}

/// What a store can say without waiting.
enum PromptRecord: Sendable {
    /// There is this, or there is nothing.
    case known(CacheRecord?)
    /// It has to be asked.
    case unknown
}

extension MemoryStore: RecordStore {
    var storesAtOnce: Bool { true }

    func recordNow(_ key: CacheKey) -> PromptRecord { .known(record(key)) }

    func reading(
        _ key: CacheKey, for request: Request?, names: @Sendable () -> [String]
    ) async throws(StoreError) -> RecordReading { RecordReading(record: record(key)) }

    func wasPurged(_ head: StoredHead) async -> Bool { isOutdated(head) }

    func generationsNow(of names: [String]) async throws(StoreError) -> [Generation] {
        try await generations(of: names)
    }
}

extension CoherentStore {
    /// The record under a key, and what it leads to, as purges have left them; in one round trip
    /// where the store follows, or where there is nothing to follow.
    func reading(
        _ key: CacheKey, for request: Request?, expecting names: [String]
    ) async throws(StoreError) -> RecordReading {
        let trail = try await trail(from: key, with: names, selecting: request)
        var known = trail.generations(of: names)
        func left(_ record: CacheRecord?) async throws(StoreError) -> CacheRecord? {
            guard case .response(let response)? = record else { return record }
            let unexpected = response.head.generations.map(\.name).filter { known[$0] == nil }
            if !unexpected.isEmpty {
                for (name, generation) in zip(unexpected, try await generations(of: unexpected)) {
                    known[name] = generation
                }
            }
            let current = response.head.generations.compactMap { known[$0.name] ?? nil }
            guard current.count == response.head.generations.count else { return nil }
            return response.afterPurges(current).map(CacheRecord.response)
        }
        var reading = RecordReading(record: try await left(trail.copy.value))
        if let (key, copy) = trail.selected {
            reading.selected = (CacheKey(stored: key), try await left(copy.value))
        }
        return reading
    }
}
