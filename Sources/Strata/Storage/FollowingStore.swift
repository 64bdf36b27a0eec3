/// A shared store that, in the step in which it reads an entry, follows where that leads: from an
/// index of variants to the variant that a request selects (RFC 9111 §4.1), and from a response to
/// the generations that it was filled under.
///
/// So a process that knows nothing yet has all that a hit takes after one round trip.
package protocol FollowingStore: CoherentStore {
    /// What stands under the key and what that leads to.
    ///
    /// - Parameters:
    ///   - names: those whose generations are wanted whatever stands there.
    ///   - fields: the request's, each once, in the form in which an index has them.
    func trail<Value: StoreValue>(
        from key: String, as type: Value.Type, with names: [String],
        selecting fields: [SelectingField]
    ) async throws(StoreError) -> StoredTrail<Value>
}

/// What was read in one step.
package struct StoredTrail<Value: Sendable>: Sendable {
    /// What stands under the key itself, with the generations that were wanted.
    package var copy: StoredCopy<Value>
    /// The variant that the fields select, under its own key; nil where there is none, or the store
    /// has not followed. No generations stand in it.
    package var selected: (key: String, copy: StoredCopy<Value>)?
    /// The generations of what a response was filled under besides the names that were wanted; nil
    /// for one that is missing. Names may be left out.
    package var others: [(name: String, generation: Generation?)] = []

    package init(copy: StoredCopy<Value>) { self.copy = copy }
}

extension CoherentStore {
    /// What stands under the key and, where the store follows, what that leads to.
    func trail(
        from key: CacheKey, with names: [String], selecting request: Request?
    ) async throws(StoreError) -> StoredTrail<CacheRecord> {
        if let request, let store = self as? any FollowingStore {
            return try await store.trail(
                from: key.text, as: CacheRecord.self, with: names,
                selecting: Selection.fields(of: request))
        }
        return StoredTrail(copy: try await copy(of: key.text, as: CacheRecord.self, with: names))
    }
}

extension StoredTrail {
    /// All generations that were read, by their names.
    func generations(of names: [String]) -> [String: Generation?] {
        Dictionary(
            zip(names, copy.generations) + others.map { ($0.name, $0.generation) },
            uniquingKeysWith: { first, _ in first })
    }
}
