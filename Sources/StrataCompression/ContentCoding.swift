import Strata

/// A way to make content smaller for its journey (RFC 9110 §8.4.1).
public enum ContentCoding: String, Sendable, Hashable, CaseIterable {
    #if Zstd
        /// `zstd`: about as dense as gzip at several times its speed (RFC 8878). Needs the trait
        /// `Zstd`.
        case zstd
    #endif
    #if Brotli
        /// `br`: denser than gzip (RFC 7932). Needs the trait `Brotli`.
        case brotli = "br"
    #endif
    /// `gzip`, understood by every client there is (RFC 1952).
    case gzip
    /// `deflate`: the same compression in the shorter frame of zlib (RFC 1950).
    case deflate

    /// The name an older client may ask for it by (RFC 9110 §8.4.1.3).
    var alias: String? { self == .gzip ? "x-gzip" : nil }

    /// The coding of that name, whatever the case of its letters (RFC 9110 §8.4.1).
    init?(named name: Substring) {
        for coding in Self.allCases
        where name.equalsIgnoringASCIICase(coding.rawValue)
            || coding.alias.map({ name.equalsIgnoringASCIICase($0) }) ?? false
        {
            self = coding
            return
        }
        return nil
    }

    /// A decompressor for one content.
    func makeDecoder() throws(CompressionError) -> any Decoder {
        switch self {
        case .gzip: try ZlibDecoder(.gzip)
        case .deflate: try ZlibDecoder(.zlib)
        #if Zstd
            case .zstd: try ZstdDecoder()
        #endif
        #if Brotli
            case .brotli: try BrotliDecoder()
        #endif
        }
    }
}
