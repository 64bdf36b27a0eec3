/// The name of a header field (RFC 9110 §5.1).
///
/// Names are compared without regard to ASCII case, and keep the spelling they came with. The
/// well-known ones carry a number, so that comparing two of them compares two bytes.
public struct HeaderName: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The name as it was spelled.
    public let spelling: String

    /// The place in ``wellKnown``, counted from one; 0 for any other name.
    let number: UInt8

    /// Whether the name is one of those that compare by their number.
    package var isWellKnown: Bool { number != 0 }

    /// The bit of a well-known name; none for any other.
    @inline(__always)
    var bit: UInt64 { number == 0 ? 0 : 1 << UInt64(number) }

    /// Makes a name from what a peer sent; nil where it is not a token (RFC 9110 §5.6.2).
    public init?(_ text: String) {
        guard text.isToken else { return nil }
        self.init(checked: text)
    }

    /// Makes a name from a literal.
    ///
    /// - Precondition: the literal is a token.
    public init(stringLiteral literal: String) {
        precondition(literal.isToken, "A field name is a token (RFC 9110 §5.1)")
        self.init(checked: literal)
    }

    private init(checked text: String) {
        spelling = text
        number = HeaderName.number(of: text)
    }

    /// Whether the names are equal, whatever the case of their ASCII letters.
    public static func == (left: HeaderName, right: HeaderName) -> Bool {
        if left.number | right.number != 0 { return left.number == right.number }
        return left.spelling.equalsIgnoringASCIICase(right.spelling)
    }

    /// Hashes the name without regard to ASCII case.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(number)
        guard number == 0 else { return }
        for byte in spelling.utf8 { hasher.combine(byte.asciiLowercased) }
    }

    /// The name as it was spelled.
    public var description: String { spelling }
}

// MARK: - The well-known names

extension HeaderName {
    /// At most 63, so that each has a bit of its own.
    private static let wellKnown: [String] = [
        "Accept", "Accept-Encoding", "Accept-Language", "Accept-Ranges", "Age", "Allow",
        "Authorization", "Cache-Control", "Cache-Status", "CDN-Cache-Control", "Connection",
        "Content-Digest", "Content-Encoding", "Content-Length", "Content-Location",
        "Content-Range", "Content-Type", "Cookie", "Date", "ETag", "Expect", "Expires",
        "Forwarded", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
        "If-Unmodified-Since", "Keep-Alive", "Last-Modified", "Link", "Location", "Origin",
        "Pragma", "Proxy-Authenticate", "Proxy-Authorization", "Range", "Repr-Digest",
        "Retry-After", "Sec-Fetch-Site", "Server", "Set-Cookie", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "User-Agent", "Vary", "Via", "Warning",
        "WWW-Authenticate", "Cache-Groups", "Cache-Group-Invalidation", "No-Vary-Search",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Proxy-Connection",
        "Digest", "Content-MD5",
    ]

    private static let table = NameTable(wellKnown)

    private static func number(of text: String) -> UInt8 { table.number(of: text.utf8.span) }

    /// `Accept` (RFC 9110 §12.5.1).
    public static let accept: HeaderName = "Accept"
    /// `Accept-Encoding` (RFC 9110 §12.5.3).
    public static let acceptEncoding: HeaderName = "Accept-Encoding"
    /// `Accept-Language` (RFC 9110 §12.5.4).
    public static let acceptLanguage: HeaderName = "Accept-Language"
    /// `Accept-Ranges` (RFC 9110 §14.3).
    public static let acceptRanges: HeaderName = "Accept-Ranges"
    /// `Age` (RFC 9111 §5.1).
    public static let age: HeaderName = "Age"
    /// `Allow` (RFC 9110 §10.2.1).
    public static let allow: HeaderName = "Allow"
    /// `Authorization` (RFC 9110 §11.6.2).
    public static let authorization: HeaderName = "Authorization"
    /// `Cache-Control` (RFC 9111 §5.2).
    public static let cacheControl: HeaderName = "Cache-Control"
    /// `Cache-Status` (RFC 9211).
    public static let cacheStatus: HeaderName = "Cache-Status"
    /// `CDN-Cache-Control` (RFC 9213 §3.1).
    public static let cdnCacheControl: HeaderName = "CDN-Cache-Control"
    /// `Cache-Groups` (RFC 9875 §2).
    public static let cacheGroups: HeaderName = "Cache-Groups"
    /// `Cache-Group-Invalidation` (RFC 9875 §3).
    public static let cacheGroupInvalidation: HeaderName = "Cache-Group-Invalidation"
    /// `Connection` (RFC 9110 §7.6.1).
    public static let connection: HeaderName = "Connection"
    /// `Content-Digest` (RFC 9530 §2).
    public static let contentDigest: HeaderName = "Content-Digest"
    /// `Content-Encoding` (RFC 9110 §8.4).
    public static let contentEncoding: HeaderName = "Content-Encoding"
    /// `Content-Length` (RFC 9110 §8.6).
    public static let contentLength: HeaderName = "Content-Length"
    /// `Content-Location` (RFC 9110 §8.7).
    public static let contentLocation: HeaderName = "Content-Location"
    /// `Content-MD5` (RFC 1864), long abolished (RFC 7231 appendix B).
    public static let contentMD5: HeaderName = "Content-MD5"
    /// `Content-Range` (RFC 9110 §14.4).
    public static let contentRange: HeaderName = "Content-Range"
    /// `Content-Type` (RFC 9110 §8.3).
    public static let contentType: HeaderName = "Content-Type"
    /// `Cookie` (RFC 6265 §4.2).
    public static let cookie: HeaderName = "Cookie"
    /// `Date` (RFC 9110 §6.6.1).
    public static let date: HeaderName = "Date"
    /// `Digest` (RFC 3230), what `Repr-Digest` replaces (RFC 9530).
    public static let digest: HeaderName = "Digest"
    /// `ETag` (RFC 9110 §8.8.3).
    public static let etag: HeaderName = "ETag"
    /// `Expect` (RFC 9110 §10.1.1).
    public static let expect: HeaderName = "Expect"
    /// `Expires` (RFC 9111 §5.3).
    public static let expires: HeaderName = "Expires"
    /// `Forwarded` (RFC 7239).
    public static let forwarded: HeaderName = "Forwarded"
    /// `Host` (RFC 9110 §7.2).
    public static let host: HeaderName = "Host"
    /// `If-Match` (RFC 9110 §13.1.1).
    public static let ifMatch: HeaderName = "If-Match"
    /// `If-Modified-Since` (RFC 9110 §13.1.3).
    public static let ifModifiedSince: HeaderName = "If-Modified-Since"
    /// `If-None-Match` (RFC 9110 §13.1.2).
    public static let ifNoneMatch: HeaderName = "If-None-Match"
    /// `If-Range` (RFC 9110 §13.1.5).
    public static let ifRange: HeaderName = "If-Range"
    /// `If-Unmodified-Since` (RFC 9110 §13.1.4).
    public static let ifUnmodifiedSince: HeaderName = "If-Unmodified-Since"
    /// `Keep-Alive` (RFC 9112 §C.2.2).
    public static let keepAlive: HeaderName = "Keep-Alive"
    /// `Last-Modified` (RFC 9110 §8.8.2).
    public static let lastModified: HeaderName = "Last-Modified"
    /// `Link` (RFC 8288 §3).
    public static let link: HeaderName = "Link"
    /// `Location` (RFC 9110 §10.2.2).
    public static let location: HeaderName = "Location"
    /// `No-Vary-Search` (draft-ietf-httpbis-no-vary-search).
    public static let noVarySearch: HeaderName = "No-Vary-Search"
    /// `Origin` (RFC 6454 §7).
    public static let origin: HeaderName = "Origin"
    /// `Pragma` (RFC 9111 §5.4).
    public static let pragma: HeaderName = "Pragma"
    /// `Proxy-Authenticate` (RFC 9110 §11.7.1).
    public static let proxyAuthenticate: HeaderName = "Proxy-Authenticate"
    /// `Proxy-Authorization` (RFC 9110 §11.7.2).
    public static let proxyAuthorization: HeaderName = "Proxy-Authorization"
    /// `Proxy-Connection`: never defined, still sent, never to be forwarded (RFC 9110 §7.6.1).
    public static let proxyConnection: HeaderName = "Proxy-Connection"
    /// `Range` (RFC 9110 §14.2).
    public static let range: HeaderName = "Range"
    /// `Repr-Digest` (RFC 9530 §3).
    public static let reprDigest: HeaderName = "Repr-Digest"
    /// `Retry-After` (RFC 9110 §10.2.3).
    public static let retryAfter: HeaderName = "Retry-After"
    /// `Sec-Fetch-Site` (Fetch Metadata §2.4).
    public static let secFetchSite: HeaderName = "Sec-Fetch-Site"
    /// `Server` (RFC 9110 §10.2.4).
    public static let server: HeaderName = "Server"
    /// `Set-Cookie` (RFC 6265 §4.1).
    public static let setCookie: HeaderName = "Set-Cookie"
    /// `TE` (RFC 9110 §10.1.4).
    public static let te: HeaderName = "TE"
    /// `Trailer` (RFC 9110 §6.6.2).
    public static let trailer: HeaderName = "Trailer"
    /// `Transfer-Encoding` (RFC 9112 §6.1).
    public static let transferEncoding: HeaderName = "Transfer-Encoding"
    /// `Upgrade` (RFC 9110 §7.8).
    public static let upgrade: HeaderName = "Upgrade"
    /// `User-Agent` (RFC 9110 §10.1.5).
    public static let userAgent: HeaderName = "User-Agent"
    /// `Vary` (RFC 9110 §12.5.5).
    public static let vary: HeaderName = "Vary"
    /// `Via` (RFC 9110 §7.6.3).
    public static let via: HeaderName = "Via"
    /// `Warning` (obsolete; RFC 9111 §5.5).
    public static let warning: HeaderName = "Warning"
    /// `WWW-Authenticate` (RFC 9110 §11.6.1).
    public static let wwwAuthenticate: HeaderName = "WWW-Authenticate"
    /// `X-Forwarded-For`, what `Forwarded` replaces (RFC 7239 §1).
    public static let xForwardedFor: HeaderName = "X-Forwarded-For"
    /// `X-Forwarded-Host`, what `Forwarded` replaces (RFC 7239 §1).
    public static let xForwardedHost: HeaderName = "X-Forwarded-Host"
    /// `X-Forwarded-Proto`, what `Forwarded` replaces (RFC 7239 §1).
    public static let xForwardedProto: HeaderName = "X-Forwarded-Proto"
}

/// The well-known names in lower case, those of one length side by side, so that a name off the wire
/// is held against a handful of others.
private struct NameTable {
    /// The names' bytes, one behind the other, in the order of their lengths.
    private var bytes: [UInt8] = []
    /// Their numbers, in the same order.
    private var numbers: [UInt8] = []
    /// For each length, where the first of its names stands in ``bytes`` and in ``numbers``; and
    /// behind the last length, their ends.
    private var starts: [(byte: Int, number: Int)] = []

    init(_ names: [String]) {
        for length in 0...(names.map(\.utf8.count).max() ?? 0) {
            starts.append((bytes.count, numbers.count))
            for (index, name) in names.enumerated() where name.utf8.count == length {
                bytes += name.utf8.map(\.asciiLowercased)
                numbers.append(UInt8(index + 1))
            }
        }
        starts.append((bytes.count, numbers.count))
    }

    /// The number of a name; 0 where it isn't known.
    func number(of name: Span<UInt8>) -> UInt8 {
        guard name.count < starts.count - 1 else { return 0 }
        let start = starts[name.count]
        for place in start.number..<starts[name.count + 1].number {
            let known = start.byte + (place - start.number) * name.count
            var index = 0
            while index < name.count, name[index].asciiLowercased == bytes[known + index] {
                index += 1
            }
            if index == name.count { return numbers[place] }
        }
        return 0
    }
}
