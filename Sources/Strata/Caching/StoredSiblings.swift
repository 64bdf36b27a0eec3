/// The encoded forms of a stored response's content.
///
/// A store in memory keeps them in the response's own entry, so that who finds the one has the
/// others; in other stores each is an entry of its own beside it. The keys of those carry the moment
/// the content came in, so that those of an older content are never found again, and expire by
/// themselves.
final class StoredSiblings: EncodedSiblings {
    private let stored: StoredResponse
    private let key: CacheKey
    private let cache: CacheReference

    /// Makes the siblings of the response that is stored under the key.
    init(of stored: StoredResponse, key: CacheKey, cache: CacheReference) {
        self.stored = stored
        self.key = key
        self.cache = cache
    }

    var identity: [UInt8] { stored.content }

    func hash(into hasher: inout Hasher) {
        hasher.combine(key)
        hasher.combine(stored.head.made)
    }

    func sibling(in coding: String) async -> EncodedSibling? {
        if let sibling = stored.sibling(in: coding) { return sibling }
        // It may have come since.
        if case .known(.response(let current)) = cache.caching.records?.recordNow(key),
            let sibling = current.siblings(of: stored.content).first(where: { $0.coding == coding })
        {
            return sibling.sibling
        }
        guard case .encoded(let sibling) = await cache.caching.record(key(of: coding)) else {
            return nil
        }
        return sibling
    }

    func offer(_ sibling: EncodedSibling, in coding: String) async {
        switch cache.caching.records?.attach(sibling, in: coding, to: stored, under: key) {
        case .attached, .gone: return
        case .apart, nil: break
        }
        let timeToLive = cache.caching.timeToLive(of: stored.head)
        guard timeToLive > .zero else { return }
        await cache.caching.set(.encoded(sibling), for: key(of: coding), timeToLive: timeToLive)
    }

    private func key(of coding: String) -> CacheKey {
        key.appending("made \(stored.head.made.nanoseconds) \(coding)")
    }
}

/// A cache as an object: to refer to it costs one reference, and not one for each of its parts.
final class CacheReference: Sendable {
    let caching: Caching

    init(_ caching: Caching) { self.caching = caching }
}

/// Where an encoded form is to be kept.
enum SiblingPlace: Sendable, Hashable {
    /// It is in the response's entry now.
    case attached
    /// What it was made of isn't there any more.
    case gone
    /// The store has it in an entry of its own.
    case apart
}
