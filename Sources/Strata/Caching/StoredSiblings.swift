import Synchronization

/// The encoded forms of a stored response's content.
///
/// In memory they stand in the response's own entry, so that who finds the one has the others; in a
/// store that is shared each is an entry of its own beside it. The keys of those carry the moment
/// the content came in, so that those of an older content are never found again, and expire by
/// themselves.
final class StoredSiblings: EncodedSiblings {
    let identity: [UInt8]

    /// The head of the response.
    private let head: StoredHead
    /// What its entry held.
    private let known: [(coding: String, sibling: EncodedSibling)]
    private let key: CacheKey
    /// Weak, because these are kept in the response's entry and the cache holds the store.
    private weak let cache: CacheReference?
    /// Guarded: by whoever encodes the response; for each coding those of the last answer.
    private let fields = Mutex<[(coding: String, fields: EncodedFields)]>([])

    /// Makes the siblings of the response that is stored under the key.
    init(of stored: StoredResponse, key: CacheKey, cache: CacheReference) {
        identity = stored.content
        head = stored.head
        known = stored.siblings
        self.key = key
        self.cache = cache
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(key)
        hasher.combine(head.made)
    }

    func sibling(in coding: String) async -> EncodedSibling? {
        if let known = known.first(where: { $0.coding == coding }) { return known.sibling }
        // It may have come since.
        if case .known(.response(let current)) = cache?.caching.records?.recordNow(key),
            let sibling = current.siblings(of: identity).first(where: { $0.coding == coding })
        {
            return sibling.sibling
        }
        guard let cache = cache?.caching,
            case .encoded(let sibling) = await cache.record(key(of: coding))
        else { return nil }
        // The next one finds it in the response's entry.
        if let records = cache.records, !records.storesAtOnce {
            _ = records.attach(sibling, in: coding, to: identity, under: key)
        }
        return sibling
    }

    func offer(_ sibling: EncodedSibling, in coding: String) async {
        guard let cache = cache?.caching else { return }
        switch cache.records?.attach(sibling, in: coding, to: identity, under: key) {
        case .attached, .gone: return
        case .apart, nil: break
        }
        let timeToLive = cache.timeToLive(of: head)
        guard timeToLive > .zero else { return }
        await cache.set(.encoded(sibling), for: key(of: coding), timeToLive: timeToLive)
    }

    func ready(in coding: String) -> (fields: EncodedFields, sibling: EncodedSibling)? {
        guard let known = known.first(where: { $0.coding == coding }),
            let kept = fields.withLock({ $0.first { $0.coding == coding }?.fields })
        else { return nil }
        return (kept, known.sibling)
    }

    func keep(_ fields: EncodedFields, in coding: String) {
        // They are of no use without the content, which is asked for anew as long as it isn't here.
        guard known.contains(where: { $0.coding == coding }) else { return }
        self.fields.withLock { kept in
            kept.removeAll { $0.coding == coding }
            kept.append((coding, fields))
        }
    }

    private func key(of coding: String) -> CacheKey {
        key.appending("made \(head.made.nanoseconds) \(coding)")
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
