/// Looking for what is stored.
extension Caching {
    /// What the store holds for a request.
    enum Found: Sendable {
        /// Nothing.
        case nothing
        /// The request selects none of the variants.
        case noVariant(CacheKey, VariantIndex)
        /// The last response could not be stored.
        case uncacheable
        /// A response that has only some of the bytes, and not those that are wanted.
        case part(StoredResponse, CacheKey)
        /// A response, under its key.
        case response(StoredResponse, CacheKey, VariantIndex?)

        var stored: StoredResponse? {
            if case .response(let stored, _, _) = self { stored } else { nil }
        }

        var index: VariantIndex? {
            switch self {
            case .response(_, _, let index): index
            case .noVariant(_, let index): index
            case .nothing, .uncacheable, .part: nil
            }
        }
    }

    /// What is stored for a request under a key.
    ///
    /// - Parameter prompt: what the store has said of the key already.
    func lookUp(
        _ request: Request, _ target: Target, under base: CacheKey, _ prompt: PromptRecord
    ) async -> Found {
        let reading: RecordReading
        if case .known(let known) = prompt {
            reading = RecordReading(record: known)
        } else {
            reading = await self.reading(base, for: request) { self.purgeNames(request, target) }
        }
        switch reading.record {
        case nil, .encoded, .searches: return .nothing
        case .uncacheable: return .uncacheable
        case .response(let response):
            return found(response, base, nil, request)
        case .variants(let index):
            func response(under key: CacheKey) async -> Found? {
                let record: CacheRecord?
                if let selected = reading.selected, selected.key == key {
                    record = selected.record
                } else {
                    record = await self.record(key) { self.purgeNames(request, target) }
                }
                switch record {
                case .response(let response): return found(response, key, index, request)
                case .uncacheable: return .uncacheable
                case nil, .encoded, .searches, .variants: return nil
                }
            }
            let exact = index.nameSets.map { index.key($0, of: request, base: base) }
            let listed = exact.filter { key in index.variants.contains { $0.key == key.text } }
            for key in listed {
                if let found = await response(under: key) { return found }
            }
            for variant in index.variants where Selection.isAnswered(request, by: variant) {
                let key = CacheKey(stored: variant.key)
                guard !exact.contains(key), let found = await response(under: key) else { continue }
                // That one can't be stored says nothing of another.
                if case .uncacheable = found { continue }
                return found
            }
            // Two that filled at the same time may have left one of them out of the index.
            for key in exact where !listed.contains(key) {
                if let found = await response(under: key) { return found }
            }
            guard let names = index.nameSets.first else { return .nothing }
            return .noVariant(index.key(names, of: request, base: base), index)
        }
    }

    private func found(
        _ stored: StoredResponse, _ key: CacheKey, _ index: VariantIndex?, _ request: Request
    ) -> Found {
        guard let part = stored.head.part else { return .response(stored, key, index) }
        let ranges = Partial.ranges(request, of: stored.head, now: time.now)
        return Partial.holds(part, ranges) ? .response(stored, key, index) : .part(stored, key)
    }

    /// The record under a key, as purges have left it.
    ///
    /// - Parameter names: those that it can be expected to be purged by.
    func record(
        _ key: CacheKey, names: @Sendable () -> [String] = { [] }
    ) async -> CacheRecord? {
        await reading(key, for: nil, names: names).record
    }

    /// The record under a key and, where the store follows, the variant that it leads the request
    /// to, as purges have left them.
    private func reading(
        _ key: CacheKey, for request: Request?, names: @Sendable () -> [String]
    ) async -> RecordReading {
        if let records, case .known(let record) = records.recordNow(key) {
            return RecordReading(record: record)
        }
        do {
            if let records { return try await records.reading(key, for: request, names: names) }
            if let coherent = store as? any CoherentStore {
                return try await coherent.reading(key, for: request, expecting: names())
            }
            guard let record = try await store.value(for: key.text, as: CacheRecord.self) else {
                return RecordReading()
            }
            guard case .response(let response) = record else {
                return RecordReading(record: record)
            }
            let current = try await store.generations(of: response.head.generations.map(\.name))
            return RecordReading(
                record: response.afterPurges(current).map(CacheRecord.response))
        } catch {
            events(StoreFault(error))
            return RecordReading()
        }
    }
}
