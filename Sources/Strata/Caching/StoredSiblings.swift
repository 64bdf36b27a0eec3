/// The encoded forms of a stored response's content, each an entry of its own beside it.
///
/// Their keys carry the moment the content came in, so that those of an older content are never
/// found again, and expire by themselves.
final class StoredSiblings: EncodedSiblings {
    let identity: [UInt8]
    private let head: StoredHead
    private let key: CacheKey
    private let caching: Caching

    /// Makes the siblings of the content that is stored under the key.
    init(of content: [UInt8], head: StoredHead, key: CacheKey, caching: Caching) {
        identity = content
        self.head = head
        self.key = key
        self.caching = caching
    }

    var name: String { "\(key.text)\n\(head.made.nanoseconds)" }

    func sibling(in coding: String) async -> EncodedSibling? {
        guard case .encoded(let sibling) = await caching.record(key(of: coding)) else {
            return nil
        }
        return sibling
    }

    func offer(_ sibling: EncodedSibling, in coding: String) async {
        let timeToLive = caching.timeToLive(of: head)
        guard timeToLive > .zero else { return }
        await caching.set(.encoded(sibling), for: key(of: coding), timeToLive: timeToLive)
    }

    private func key(of coding: String) -> CacheKey {
        key.appending("made \(head.made.nanoseconds) \(coding)")
    }
}
