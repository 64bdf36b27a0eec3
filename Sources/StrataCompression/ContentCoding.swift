/// A way to make content smaller for its journey (RFC 9110 §8.4.1).
public enum ContentCoding: String, Sendable, Hashable, CaseIterable {
    /// `gzip`, understood by every client there is (RFC 1952).
    case gzip
    /// `deflate`: the same compression in the shorter frame of zlib (RFC 1950).
    case deflate

    /// The name an older client may ask for it by (RFC 9110 §8.4.1.3).
    var alias: String? { self == .gzip ? "x-gzip" : nil }
}
