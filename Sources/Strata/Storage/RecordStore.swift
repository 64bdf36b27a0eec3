/// A store that the cache asks for what it keeps there in one step, purges and all.
protocol RecordStore: CacheStore {
    /// Whether what is set is there at once, so that nobody waits for it.
    var storesAtOnce: Bool { get }

    /// The record under a key, where that is known without waiting.
    func recordNow(_ key: CacheKey) -> PromptRecord

    /// The record under a key, as purges have left it.
    ///
    /// - Parameter names: those that it can be expected to be purged by.
    func record(
        _ key: CacheKey, names: @Sendable () -> [String]
    ) async throws(StoreError) -> CacheRecord?

    /// Whether there was a purge, hard or soft, since the fill began, as far as is known here.
    func wasPurged(_ head: StoredHead) async -> Bool

    /// The generations of the names as they are now, and not as they were last told.
    func generationsNow(of names: [String]) async throws(StoreError) -> [Generation]

    /// Puts an encoded form of a response's content into the response's entry, without waiting.
    func attach(
        _ sibling: EncodedSibling, in coding: String, to content: [UInt8], under key: CacheKey
    ) -> SiblingPlace
}

extension RecordStore {
    var storesAtOnce: Bool { false }

    /// What is shared with other processes is written for each form by itself.
    func attach(
        _ sibling: EncodedSibling, in coding: String, to content: [UInt8], under key: CacheKey
    ) -> SiblingPlace { .apart }
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

    func record(
        _ key: CacheKey, names: @Sendable () -> [String]
    ) async throws(StoreError) -> CacheRecord? { record(key) }

    func wasPurged(_ head: StoredHead) async -> Bool { isOutdated(head) }

    func generationsNow(of names: [String]) async throws(StoreError) -> [Generation] {
        try await generations(of: names)
    }
}

extension CoherentStore {
    /// The record under a key, as purges have left it; in one round trip where the names that it was
    /// filled under are among those that are expected.
    func record(
        _ key: CacheKey, expecting names: [String]
    ) async throws(StoreError) -> CacheRecord? {
        let copy = try await copy(of: key.text, as: CacheRecord.self, with: names)
        guard case .response(let response)? = copy.value else { return copy.value }
        var known = Dictionary(
            zip(names, copy.generations), uniquingKeysWith: { first, _ in first })
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
}
