/// The encoded forms of a stored response's content, each an entry of its own beside it.
///
/// Their keys carry the moment the content came in, so those of an older content are never found
/// again, and expire by themselves.
final class StoredSiblings: EncodedSiblings {
    let identity: [UInt8]
    private let key: CacheKey
    private let timeToLive: Duration
    private let caching: Caching

    /// Makes the siblings of what is stored under the key.
    init(of stored: StoredResponse, key: CacheKey, caching: Caching) {
        identity = stored.content
        self.key = key.appending("made \(stored.head.made.nanoseconds)")
        timeToLive = caching.timeToLive(of: stored.head)
        self.caching = caching
    }

    func sibling(in coding: String) async -> EncodedSibling? {
        guard case .encoded(let sibling) = await caching.record(key.appending(coding)) else {
            return nil
        }
        return sibling
    }

    func offer(_ sibling: EncodedSibling, in coding: String) async {
        guard timeToLive > .zero else { return }
        await caching.set(.encoded(sibling), for: key.appending(coding), timeToLive: timeToLive)
    }
}
