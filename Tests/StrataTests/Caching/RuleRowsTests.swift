import StrataTesting
import Testing

@testable import Strata

/// Rules that show only in what several requests get, a row for each with its section.
struct RuleRowsTests {
    // MARK: Invalidation

    struct Unsafe: Sendable, CustomStringConvertible {
        let section: String
        var method: Strata.Method = .post
        var status: Status = .ok
        var fields: Headers = [:]
        /// The targets that are invalid afterwards.
        let invalid: [String]
        var description: String { "\(section): \(method) \(status.code) \(fields)" }
    }

    private static let unsafe: [Unsafe] = [
        Unsafe(section: "9111 §4.4", method: .put, invalid: ["/a"]),
        Unsafe(section: "9111 §4.4", method: .delete, status: .noContent, invalid: ["/a"]),
        Unsafe(section: "9111 §4.4", method: .patch, invalid: ["/a"]),
        Unsafe(section: "9111 §4.4, unknown", method: "FROB", invalid: ["/a"]),
        Unsafe(section: "9111 §4.4, 3xx", status: .seeOther, invalid: ["/a"]),
        Unsafe(section: "9111 §4.4, error", status: .badRequest, invalid: []),
        Unsafe(section: "9111 §4.4, error", status: .internalServerError, invalid: []),
        Unsafe(section: "9110 §9.2.1, safe", method: .options, invalid: []),
        Unsafe(section: "9110 §9.2.1, safe", method: .trace, invalid: []),
        Unsafe(section: "9111 §4.4", fields: [.location: "/b"], invalid: ["/a", "/b"]),
        Unsafe(section: "9111 §4.4", fields: [.contentLocation: "b"], invalid: ["/a", "/b"]),
        Unsafe(
            section: "9111 §4.4",
            fields: [.location: "/b", .contentLocation: "http://example.com:80/c"],
            invalid: ["/a", "/b", "/c"]),
        Unsafe(
            section: "9111 §4.4, other origin", fields: [.location: "http://example.org/b"],
            invalid: ["/a"]),
        Unsafe(
            section: "9111 §4.4, other origin", fields: [.location: "https://example.com/b"],
            invalid: ["/a"]),
        Unsafe(
            section: "9111 §4.4, error", status: .notFound, fields: [.location: "/b"], invalid: []),
        Unsafe(
            section: "9875 §3", fields: [.cacheGroupInvalidation: "\"one\""],
            invalid: ["/a", "/b"]),
        Unsafe(
            section: "9875 §3, several", fields: [.cacheGroupInvalidation: "\"x\", \"two\";a=1"],
            invalid: ["/a", "/b", "/c"]),
        Unsafe(
            section: "9875 §2.2, compared exactly", fields: [.cacheGroupInvalidation: "\"One\""],
            invalid: ["/a"]),
        Unsafe(
            section: "9875 §2, no strings", fields: [.cacheGroupInvalidation: "one"],
            invalid: ["/a"]),
        Unsafe(
            section: "9875 §3, safe", method: .options,
            fields: [.cacheGroupInvalidation: "\"one\""], invalid: []),
    ]

    @Test(arguments: unsafe)
    func `an unsafe request makes invalid what the RFC says`(row: Unsafe) async throws {
        let groups = ["/b": "\"one\", \"two\"", "/c": "\"two\""]
        let cache = CachingHarness { request in
            guard request.method == .get else {
                return Response(status: row.status, headers: row.fields)
            }
            var response = Response.of(request.path, [.cacheControl: "max-age=60"])
            response.headers[.cacheGroups] = groups[request.path]
            return response
        }
        let targets = ["/a", "/b", "/c"]
        for target in targets { _ = try await cache.send(.get, target) }
        _ = try await cache.send(row.method, "/a")
        var invalid: [String] = []
        for target in targets where try await !cache.send(.get, target).isHit {
            invalid.append(target)
        }
        #expect(invalid == row.invalid)
    }

    // MARK: Ranges

    struct Ranged: Sendable, CustomStringConvertible {
        let section: String
        let fields: Headers
        let status: Int
        var text: String?
        var contentRange: String?
        var description: String { "\(section): \(fields)" }
    }

    private static let modified = "Sun, 09 Sep 2001 01:46:40 GMT"
    private static let whole = "0123456789"

    private static let ranged: [Ranged] = [
        Ranged(
            section: "9110 §14.1.1", fields: [.range: "BYTES=2-4"], status: 206, text: "234",
            contentRange: "bytes 2-4/10"),
        Ranged(
            section: "9110 §14.1.2, suffix", fields: [.range: "bytes=-99"], status: 206,
            text: whole, contentRange: "bytes 0-9/10"),
        Ranged(
            section: "9110 §14.1.2, beyond", fields: [.range: "bytes=9-18446744073709551616"],
            status: 206, text: "9", contentRange: "bytes 9-9/10"),
        Ranged(
            section: "9110 §14.1.1, one of two", fields: [.range: "bytes=3-3,10-12"], status: 206,
            text: "3", contentRange: "bytes 3-3/10"),
        Ranged(
            section: "9110 §15.5.17", fields: [.range: "bytes=10-"], status: 416,
            contentRange: "bytes */10"),
        Ranged(
            section: "9110 §15.5.17", fields: [.range: "bytes=-0"], status: 416,
            contentRange: "bytes */10"),
        Ranged(
            section: "9110 §15.5.17, all of them", fields: [.range: "bytes=10-,-0,99-100"],
            status: 416, contentRange: "bytes */10"),
        Ranged(
            section: "9110 §14.2, invalid", fields: [.range: "bytes=4-2"], status: 200, text: whole),
        Ranged(
            section: "9110 §14.2, other unit", fields: [.range: "lines=1-2"], status: 200,
            text: whole),
        Ranged(
            section: "9110 §13.1.5, strong", fields: [.range: "bytes=0-1", .ifRange: "\"1\""],
            status: 206, text: "01", contentRange: "bytes 0-1/10"),
        Ranged(
            section: "9110 §13.1.5, other", fields: [.range: "bytes=0-1", .ifRange: "\"2\""],
            status: 200, text: whole),
        Ranged(
            section: "9110 §13.1.5, weak", fields: [.range: "bytes=0-1", .ifRange: "W/\"1\""],
            status: 200, text: whole),
        Ranged(
            section: "9110 §13.1.5, date", fields: [.range: "bytes=0-1", .ifRange: modified],
            status: 206, text: "01", contentRange: "bytes 0-1/10"),
        Ranged(
            section: "9110 §13.1.5, later date",
            fields: [.range: "bytes=0-1", .ifRange: "Sun, 09 Sep 2001 01:46:41 GMT"], status: 200,
            text: whole),
        Ranged(
            section: "9110 §13.1.5, before 416", fields: [.range: "bytes=99-", .ifRange: "\"2\""],
            status: 200, text: whole),
        Ranged(
            section: "9110 §13.2.2, precedence",
            fields: [.range: "bytes=0-1", .ifNoneMatch: "\"1\""], status: 304, text: ""),
        Ranged(
            section: "9110 §13.2.2, precedence",
            fields: [.range: "bytes=0-1", .ifNoneMatch: "\"2\""], status: 206, text: "01",
            contentRange: "bytes 0-1/10"),
    ]

    @Test(arguments: ranged)
    func `a range is answered from what is stored as the RFC says`(row: Ranged) async throws {
        let cache = CachingHarness { _ in
            .of(
                Self.whole,
                [
                    .cacheControl: "max-age=60", .etag: "\"1\"", .lastModified: Self.modified,
                    .date: "Sun, 09 Sep 2001 02:46:40 GMT",
                ])
        }
        cache.time.setWallClock(to: Timestamp(seconds: 1_000_003_600))
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", row.fields)
        #expect(reply.status == row.status)
        #expect(reply[.contentRange] == row.contentRange)
        if let text = row.text { #expect(reply.text == text) }
        #expect(cache.origin.count == 1)
        // Other methods have no ranges (RFC 9110 §14.2).
        let head = try await cache.send(.head, "/", row.fields)
        #expect(head.status == (row.status == 304 ? 304 : 200))
    }

    // MARK: QUERY

    struct Queried: Sendable, CustomStringConvertible {
        let section: String
        var content = "a"
        var fields: Headers = [.contentType: "text/plain"]
        var target = "/"
        let isHit: Bool
        var description: String { "\(section): \(content) \(fields)" }
    }

    @Test(arguments: [
        Queried(section: "10008 §2.7", isHit: true),
        Queried(section: "10008 §2.7, content", content: "b", isHit: false),
        Queried(section: "10008 §2.7, content", content: "a ", isHit: false),
        Queried(section: "10008 §2.7, target", target: "/?x", isHit: false),
        Queried(section: "10008 §2.7, type", fields: [.contentType: "text/html"], isHit: false),
        Queried(section: "10008 §2.7, type", fields: [:], isHit: false),
        Queried(
            section: "10008 §2.7, coding",
            fields: [.contentType: "text/plain", .contentEncoding: "gzip"], isHit: false),
        Queried(
            section: "10008 §2.7, language",
            fields: [.contentType: "text/plain", "Content-Language": "de"], isHit: false),
        Queried(
            section: "9111 §4.1, other fields",
            fields: [.contentType: "text/plain", "X-Other": "1"], isHit: true),
    ])
    func `a QUERY is answered from what is stored as the RFC says`(row: Queried) async throws {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=60"]) }
        func send(_ row: Queried) async throws -> Bool {
            try await cache.send(
                .query, row.target, row.fields, body: RequestBody(Array(row.content.utf8))
            ).isHit
        }
        let first = Queried(section: "", isHit: false)
        #expect(try await !send(first))
        #expect(try await send(row) == row.isHit)
        #expect(try await !cache.send(.get, "/").isHit)
        // Whatever is under the URI is invalid after an unsafe request (RFC 9111 §4.4).
        #expect(try await send(first))
        _ = try await cache.send(.post, "/")
        #expect(try await !send(first))
    }

    @Test(
        arguments: [
            ("10008 §2.6", [.ifNoneMatch: "\"1\""], 304, ""),
            ("10008 §2.6, another version", [.ifNoneMatch: "\"2\""], 200, "0123456789"),
            ("10008 §2.8", [.range: "bytes=2-4"], 206, "234"),
            ("10008 §2.8, beyond the end", [.range: "bytes=10-"], 416, nil),
            ("10008 §2.8, another version", [.range: "bytes=2-", .ifRange: "\"2\""], 200, nil),
        ] as [(String, Headers, Int, String?)])
    func `conditions and ranges of a QUERY are those of what it finds`(
        section: String, fields: Headers, status: Int, text: String?
    ) async throws {
        let cache = CachingHarness { _ in
            .of("0123456789", [.cacheControl: "max-age=60", .etag: "\"1\""])
        }
        let body = RequestBody(Array("q".utf8))
        _ = try await cache.send(.query, "/", body: body)
        let reply = try await cache.send(.query, "/", fields, body: body)
        #expect(reply.isHit)
        #expect(reply.status == status)
        if let text { #expect(reply.text == text) }
    }

    @Test(arguments: [
        ("6.1.1, case", "Example.COM", true), ("6.2.3, its scheme's port", "example.com:80", true),
        ("6.2.3, an empty port", "example.com:", true),
        ("6.2.3, another port", "example.com:8080", false),
        ("6.2.3, another scheme's port", "example.com:443", false),
        ("another host", "example.com.", false), ("an address", "[::80]", false),
    ])
    func `a host written in other words is the same one (RFC 3986)`(
        section: String, host: String, isSame: Bool
    ) async throws {
        let cache = CachingHarness { request in
            .of("x", [.cacheControl: "max-age=60", .location: "/made", "Cache-Groups": "\"g\""])
        }
        func send(_ method: Strata.Method, host: String) async throws -> Bool {
            var request = Request(method, "/")
            request.authority = host
            return try await cache.app(request).headers[.cacheStatus]?.contains("hit") ?? false
        }
        #expect(try await !send(.get, host: "example.com"))
        #expect(try await send(.get, host: host) == isSame)
        // What one of them changes is changed for all (RFC 9111 §4.4).
        _ = try await send(.post, host: host)
        #expect(try await send(.get, host: "example.com") != isSame)
        #expect(
            CacheKey(uri: "http://\(host)/")
                == CacheKey(scheme: "http", authority: host, path: "/", query: nil))
    }

    // MARK: Targeted fields

    struct Targeted: Sendable, CustomStringConvertible {
        let section: String
        let fields: Headers
        let isHit: Bool
        var description: String { "\(section): \(fields)" }
    }

    private static let one: HeaderName = "One-Cache-Control"
    private static let two: HeaderName = "Two-Cache-Control"

    private static let targeted: [Targeted] = [
        Targeted(
            section: "9213 §2.2", fields: [one: "max-age=9", .cacheControl: "no-store"],
            isHit: true),
        Targeted(
            section: "9213 §2.2", fields: [one: "no-store", .cacheControl: "max-age=9"],
            isHit: false),
        Targeted(
            section: "9213 §2.2, Expires", fields: [one: "max-age=9", .expires: "0"], isHit: true),
        Targeted(
            section: "9213 §2.2, in the place of both",
            fields: [one: "public", .cacheControl: "max-age=9", .expires: "0"], isHit: false),
        Targeted(
            section: "9213 §2.2, the first counts",
            fields: [two: "max-age=9", one: "max-age=0"], isHit: false),
        Targeted(
            section: "9213 §2.2, the next", fields: [two: "max-age=9", .cacheControl: "max-age=0"],
            isHit: true),
        Targeted(
            section: "9213 §2.1, invalid as a whole",
            fields: [one: "max-age=9, &", .cacheControl: "max-age=0"], isHit: false),
        Targeted(
            section: "9213 §2.1, invalid as a whole",
            fields: [one: "no-store, &", two: "max-age=9", .cacheControl: "max-age=0"], isHit: true),
        Targeted(
            section: "9213 §2.1, empty", fields: [one: "", .cacheControl: "max-age=9"],
            isHit: true),
        Targeted(
            section: "9651 §3.2, keys are lowercase",
            fields: [one: "Max-Age=9", .cacheControl: "max-age=0"], isHit: false),
        Targeted(
            section: "9651 §3.2, the last counts",
            fields: [one: "max-age=0, max-age=9", .cacheControl: "max-age=0"], isHit: true),
        Targeted(
            section: "9213 §2.1, parameters",
            fields: [one: "max-age=9;x=1", .cacheControl: "max-age=0"], isHit: true),
        Targeted(
            section: "9213 §2, not a target of ours",
            fields: ["Three-Cache-Control": "max-age=9", .cacheControl: "max-age=0"], isHit: false),
    ]

    @Test(arguments: targeted)
    func `targeted fields count as the RFC says, and are passed on`(row: Targeted) async throws {
        var configuration = Caching.Configuration()
        configuration.targetFields = [Self.one, Self.two]
        let cache = CachingHarness(configuration: configuration) { _ in .of("x", row.fields) }
        let replies = [try await cache.send(), try await cache.send()]
        #expect(replies[1].isHit == row.isHit)
        for reply in replies {
            for field in row.fields { #expect(reply[field.name] == field.value) }
        }
    }
}
