import Strata
import StrataTesting
import Testing

@Suite struct HeaderNameTests {
    /// Each name that has a constant of its own, and its spelling.
    static let constants: [(HeaderName, String)] = [
        (.accept, "Accept"), (.acceptEncoding, "Accept-Encoding"),
        (.acceptLanguage, "Accept-Language"), (.acceptRanges, "Accept-Ranges"), (.age, "Age"),
        (.allow, "Allow"), (.authorization, "Authorization"), (.cacheControl, "Cache-Control"),
        (.cacheStatus, "Cache-Status"), (.cdnCacheControl, "CDN-Cache-Control"),
        (.cacheGroups, "Cache-Groups"), (.cacheGroupInvalidation, "Cache-Group-Invalidation"),
        (.connection, "Connection"), (.contentDigest, "Content-Digest"),
        (.contentEncoding, "Content-Encoding"), (.contentLength, "Content-Length"),
        (.contentLocation, "Content-Location"), (.contentRange, "Content-Range"),
        (.contentType, "Content-Type"), (.cookie, "Cookie"), (.date, "Date"), (.etag, "ETag"),
        (.expect, "Expect"), (.expires, "Expires"), (.forwarded, "Forwarded"), (.host, "Host"),
        (.ifMatch, "If-Match"), (.ifModifiedSince, "If-Modified-Since"),
        (.ifNoneMatch, "If-None-Match"), (.ifRange, "If-Range"),
        (.ifUnmodifiedSince, "If-Unmodified-Since"), (.keepAlive, "Keep-Alive"),
        (.lastModified, "Last-Modified"), (.link, "Link"), (.location, "Location"),
        (.noVarySearch, "No-Vary-Search"), (.origin, "Origin"), (.pragma, "Pragma"),
        (.proxyAuthenticate, "Proxy-Authenticate"), (.proxyAuthorization, "Proxy-Authorization"),
        (.proxyConnection, "Proxy-Connection"), (.range, "Range"), (.reprDigest, "Repr-Digest"),
        (.retryAfter, "Retry-After"), (.secFetchSite, "Sec-Fetch-Site"), (.server, "Server"),
        (.setCookie, "Set-Cookie"), (.te, "TE"), (.trailer, "Trailer"),
        (.transferEncoding, "Transfer-Encoding"), (.upgrade, "Upgrade"),
        (.userAgent, "User-Agent"), (.vary, "Vary"), (.via, "Via"), (.warning, "Warning"),
        (.wwwAuthenticate, "WWW-Authenticate"), (.xForwardedFor, "X-Forwarded-For"),
        (.xForwardedHost, "X-Forwarded-Host"), (.xForwardedProto, "X-Forwarded-Proto"),
    ]

    @Test(arguments: constants)
    func `every constant is a well-known name, and found by any spelling`(
        name: HeaderName, spelling: String
    ) {
        #expect(name.isWellKnown)
        #expect(name.spelling == spelling)
        for other in [spelling, spelling.lowercased(), spelling.uppercased()] {
            #expect(HeaderName(other) == name)
            #expect(HeaderName(other)?.spelling == other)
            #expect(HeaderName(other)?.hashValue == name.hashValue)
        }
        #expect(Self.constants.filter { $0.0 == name }.count == 1)
        #expect(HeaderName(spelling + "x") != name)
    }

    @Test func `names are equal whatever their case, and then hash alike`() {
        var generator = SeededGenerator()
        let letters = Array("aAbBzZ-1_~".utf8)
        for _ in 0..<2000 {
            let texts = (0..<2).map { _ in
                String(
                    decoding: (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                        letters.randomElement(using: &generator) ?? 0
                    }, as: UTF8.self)
            }
            let left = HeaderName(texts[0])
            let right = HeaderName(texts[1])
            #expect((left == right) == (texts[0].lowercased() == texts[1].lowercased()))
            if left == right { #expect(left.hashValue == right.hashValue) }
        }
    }

    @Test(arguments: [
        "", " ", "a b", "a:", "a\r", "a\n", "a\u{0}", "\u{e9}", "a\"", "(a)", "a,b", "a/b", "a@b",
        "[a]", "{a}", "a\\", "\u{212a}", "a;", "a=", "a?", "<a>", "a\u{7f}",
    ])
    func `what is no token of RFC 9110 §5.6.2 is no name`(text: String) {
        #expect(HeaderName(text) == nil)
    }

    @Test func `every character of a token is one, and no other byte`() {
        let allowed = Set(
            "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        for byte in UInt8.min ... .max {
            #expect(byte.isTokenCharacter == allowed.contains(byte))
        }
    }

    @Test func `a letter that lower-cases to ASCII is another letter`() {
        // KELVIN SIGN lower-cases to k, LATIN SMALL LETTER DOTLESS I upper-cases to I.
        #expect(!"\u{212a}".equalsIgnoringASCIICase("k"))
        #expect(!"\u{131}".equalsIgnoringASCIICase("i"))
        #expect(!"@".equalsIgnoringASCIICase("`"))
        #expect(!"[".equalsIgnoringASCIICase("{"))
    }
}
