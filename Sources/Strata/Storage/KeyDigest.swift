/// What a key is known by in memory: 128 bits that only equal keys share.
///
/// It is a hash of the key's bytes under a secret of the store's own, so nobody can find two keys
/// with one digest but by trying. A store compares 96 bits of it: among ten million entries two
/// are taken for one once in 10¹⁵ stores. So a digest stands for its key, an entry takes as much
/// room under a long key as under a short one, and finding it never compares text.
struct KeyDigest: Sendable, Hashable {
    /// Keeps others from finding keys whose digests collide.
    struct Secret: Sendable {
        fileprivate let low: UInt64
        fileprivate let high: UInt64

        /// Draws a secret.
        init() {
            low = .random(in: .min ... .max)
            high = .random(in: .min ... .max)
        }
    }

    /// What the entry is found by.
    let low: UInt64
    /// What tells it from another with the same ``low``.
    let high: UInt64

    /// Digests the bytes of a key.
    init(_ key: String, secret: Secret) {
        let digest = key.utf8.withContiguousStorageIfAvailable {
            SipHash.hash(UnsafeRawBufferPointer($0), key: (secret.low, secret.high))
        }
        (low, high) =
            digest
            ?? Array(key.utf8).withUnsafeBytes {
                SipHash.hash($0, key: (secret.low, secret.high))
            }
    }
}
