/// What a key is known by in memory: 128 bits that only equal keys share.
///
/// Two runs of SipHash over the key's bytes (that is what `Hasher` is, with a secret drawn anew
/// for each process), told apart by a secret of the store's own. Nobody can find two keys with one
/// digest but by trying: among ten million entries that happens once in 10²⁴ stores. So a digest
/// stands for its key, an entry takes as much room under a long key as under a short one, and
/// finding it never compares text.
struct KeyDigest: Sendable, Hashable {
    /// What the entry is found by.
    let low: UInt64
    /// What tells it from another with the same ``low``.
    let high: UInt64

    /// Digests the bytes of a key.
    init(_ key: String, secret: UInt64) {
        let digest = key.utf8.withContiguousStorageIfAvailable {
            Self.digest(UnsafeRawBufferPointer($0), secret: secret)
        }
        (low, high) =
            digest
            ?? Array(key.utf8).withUnsafeBytes { Self.digest($0, secret: secret) }
    }

    private static func digest(
        _ bytes: UnsafeRawBufferPointer, secret: UInt64
    ) -> (UInt64, UInt64) {
        var first = Hasher()
        first.combine(secret)
        first.combine(bytes: bytes)
        var second = Hasher()
        second.combine(~secret)
        second.combine(bytes: bytes)
        return (
            UInt64(bitPattern: Int64(first.finalize())),
            UInt64(bitPattern: Int64(second.finalize()))
        )
    }
}
