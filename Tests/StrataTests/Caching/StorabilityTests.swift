import StrataTesting
import Testing

@testable import Strata

/// RFC 9111 §3, row by row.
struct StorabilityTests {
    private static let now = Timestamp(seconds: 1_000_000_000)  // 2001-09-09T01:46:40Z

    struct Row: Sendable, CustomTestStringConvertible {
        let section: String
        var method: Strata.Method = .get
        var status: Status = .ok
        var request: Headers = [:]
        let response: Headers
        var rule: CachingRule?
        var storesSetCookie = false
        /// Nil where the response may be stored.
        let reason: Storability.Reason?

        var testDescription: String { "\(section): \(response) → \(reason?.rawValue ?? "stored")" }
    }

    static let rows: [Row] = [
        Row(section: "§3 explicit", response: [.cacheControl: "max-age=60"], reason: nil),
        Row(section: "§3 shared", response: [.cacheControl: "s-maxage=60"], reason: nil),
        Row(
            section: "§5.3 Expires", response: [.expires: "Sun, 09 Sep 2001 02:46:40 GMT"],
            reason: nil),
        Row(section: "§3 nothing said", response: [:], reason: .withoutFreshness),
        Row(
            section: "§5.2.2.1 stale at once, for who waits",
            response: [.cacheControl: "max-age=0"], reason: nil),
        Row(
            section: "§5.2.2.2 stale at once, and never to be used stale",
            response: [.cacheControl: "max-age=0, must-revalidate"], reason: .withoutFreshness),
        Row(
            section: "§5.2.2.4 stale at once, and never to be used unvalidated",
            response: [.cacheControl: "max-age=0, no-cache"], reason: .withoutFreshness),
        Row(section: "§4.3.1 validator", response: [.etag: "\"1\""], reason: nil),
        Row(
            section: "§4.2.2 heuristic",
            response: [.lastModified: "Sat, 08 Sep 2001 01:46:40 GMT"], reason: nil),
        Row(
            section: "§4.2.2 status not heuristically cacheable", status: 202,
            response: [.lastModified: "Sat, 08 Sep 2001 01:46:40 GMT"],
            reason: .withoutFreshness),
        Row(
            section: "§5.2.2.9 public makes it so", status: 202,
            response: [
                .lastModified: "Sat, 08 Sep 2001 01:46:40 GMT", .cacheControl: "public",
            ], reason: nil),
        Row(
            section: "§3 unknown status with explicit freshness", status: 299,
            response: [.cacheControl: "max-age=60"], reason: nil),
        Row(
            section: "§5.2.2.3 must-understand, unknown status", status: 299,
            response: [.cacheControl: "max-age=60, must-understand"], reason: .notUnderstood),
        Row(
            section: "§5.2.2.3 must-understand over no-store",
            response: [.cacheControl: "max-age=60, must-understand, no-store"], reason: nil),
        Row(
            section: "§5.2.2.5", response: [.cacheControl: "max-age=60, no-store"],
            reason: .noStore),
        Row(
            section: "§5.2.2.7", response: [.cacheControl: "max-age=60, private"],
            reason: .isPrivate),
        Row(
            section: "§5.2.2.7 qualified",
            response: [.cacheControl: "max-age=60, private=\"X-Secret\""], reason: nil),
        Row(
            section: "§5.2.1.5", request: [.cacheControl: "no-store"],
            response: [.cacheControl: "max-age=60"], reason: .requestNoStore),
        Row(
            section: "§3.5", request: [.authorization: "Basic x"],
            response: [.cacheControl: "max-age=60"], reason: .authorization),
        Row(
            section: "§3.5 public", request: [.authorization: "Basic x"],
            response: [.cacheControl: "max-age=60, public"], reason: nil),
        Row(
            section: "§3.5 must-revalidate", request: [.authorization: "Basic x"],
            response: [.cacheControl: "max-age=60, must-revalidate"], reason: nil),
        Row(
            section: "§3.5 s-maxage", request: [.authorization: "Basic x"],
            response: [.cacheControl: "s-maxage=60"], reason: nil),
        Row(
            section: "§4.1", response: [.cacheControl: "max-age=60", .vary: "Accept, *"],
            reason: .varyWildcard),
        Row(
            section: "§7.3 Set-Cookie",
            response: [.cacheControl: "max-age=60, public", .setCookie: "a=b"],
            reason: .setCookie),
        Row(
            section: "§7.3 Set-Cookie, where it is stored",
            response: [.cacheControl: "max-age=60", .setCookie: "a=b"], storesSetCookie: true,
            reason: nil),
        Row(
            section: "§3 method", method: .delete, response: [.cacheControl: "max-age=60"],
            reason: .method),
        Row(
            section: "9110 §9.3.3 POST", method: .post, response: [.cacheControl: "max-age=60"],
            reason: .method),
        Row(
            section: "9110 §9.3.3 POST with Content-Location", method: .post,
            response: [.cacheControl: "max-age=60", .contentLocation: "/here"], reason: nil),
        Row(
            section: "9110 §8.7 Content-Location in other words", method: .post,
            response: [
                .cacheControl: "max-age=60", .contentLocation: "HTTP://Example.com:80/a/../here#x",
            ], reason: nil),
        Row(
            section: "9110 §8.7 Content-Location elsewhere", method: .post,
            response: [.cacheControl: "max-age=60", .contentLocation: "http://example.org/here"],
            reason: .method),
        Row(
            section: "9110 §9.3.3 POST with another Content-Location", method: .post,
            response: [.cacheControl: "max-age=60", .contentLocation: "/there"],
            reason: .method),
        Row(
            section: "§3.3 partial", status: 206, response: [.cacheControl: "max-age=60"],
            reason: .range),
        Row(
            section: "9110 §15.5.17 nothing of it", status: 416,
            response: [.cacheControl: "max-age=60", .contentRange: "bytes */100"],
            reason: .range),
        Row(
            section: "§3.3 partial that says which part", status: 206,
            response: [.cacheControl: "max-age=60", .contentRange: "bytes 0-9/100"],
            reason: nil),
        Row(
            section: "§4.3.4 304", status: 304, response: [.cacheControl: "max-age=60"],
            reason: .status),
        Row(
            section: "rule never", response: [.cacheControl: "max-age=60"],
            rule: CachingRule.everything.never, reason: .rule),
        Row(
            section: "rule fills in", response: [:],
            rule: .everything.fresh(for: .seconds(1)), reason: nil),
        Row(
            section: "rule beneath private", response: [.cacheControl: "private"],
            rule: .everything.fresh(for: .seconds(1)), reason: .isPrivate),
        Row(
            section: "rule above private", response: [.cacheControl: "private"],
            rule: .everything.fresh(for: .seconds(1), over: .originHeaders), reason: nil),
        Row(
            section: "rule beneath Authorization", request: [.authorization: "Basic eA=="],
            response: [:], rule: .everything.fresh(for: .seconds(1), over: .originHeaders),
            reason: .authorization),
        Row(
            section: "rule and Authorization, with the origin's word",
            request: [.authorization: "Basic eA=="], response: [.cacheControl: "public"],
            rule: .everything.fresh(for: .seconds(1), over: .originHeaders), reason: nil),
        Row(
            section: "rule beneath Set-Cookie", response: [.setCookie: "a=b"],
            rule: .everything.fresh(for: .seconds(1), over: .originHeaders),
            reason: .setCookie),
    ]

    @Test(arguments: rows)
    func `a response is stored where the RFC allows it`(row: Row) {
        let decision = decide(row)
        switch (decision, row.reason) {
        case (.store, nil): break
        case (.skip(let reason), let expected): #expect(reason == expected)
        default: Issue.record("\(decision)")
        }
    }

    private func decide(_ row: Row, targetFields: [HeaderName] = []) -> Storability {
        var request = Request(row.method, "/here", headers: row.request)
        request.authority = "example.com"
        return Storability(
            request,
            Response(status: row.status, headers: row.response, body: .text("0123456789")),
            rule: row.rule,
            targetFields: targetFields, storesSetCookie: row.storesSetCookie, now: Self.now)
    }

    private func storedTerms(
        _ headers: Headers, rule: CachingRule? = nil, targetFields: [HeaderName] = []
    ) -> ReuseTerms? {
        let row = Row(section: "", response: headers, rule: rule, reason: nil)
        guard case .store(let terms) = decide(row, targetFields: targetFields) else { return nil }
        return terms
    }

    @Test(
        arguments: [
            ("§4.2.1 s-maxage first", [.cacheControl: "max-age=1, s-maxage=2"], 2),
            (
                "§5.3 max-age before Expires",
                [.cacheControl: "max-age=1", .expires: "Sun, 09 Sep 2001 02:46:40 GMT"], 1
            ),
            (
                "§4.2.1 Expires minus Date",
                [
                    .expires: "Sun, 09 Sep 2001 01:46:50 GMT",
                    .date: "Sun, 09 Sep 2001 01:46:30 GMT",
                ], 20
            ),
            (
                "§5.3 RFC 850 form", [.etag: "\"1\"", .expires: "Sunday, 09-Sep-01 01:46:50 GMT"],
                10
            ),
            ("§5.3 asctime form", [.etag: "\"1\"", .expires: "Sun Sep  9 01:46:50 2001"], 10),
            ("§5.3 invalid is past", [.etag: "\"1\"", .expires: "0"], 0),
            ("§4.2.2 a tenth", [.lastModified: "Sun, 09 Sep 2001 01:30:00 GMT"], 100),
            (
                "§4.2.1 invalid max-age is stale",
                [.etag: "\"1\"", .cacheControl: "max-age=x"], 0
            ),
        ] as [(String, Headers, Int)])
    func `the lifetime is what the first of its sources says`(
        section: String, headers: Headers, seconds: Int
    ) throws {
        #expect(try #require(storedTerms(headers)).lifetime == .seconds(seconds), "\(section)")
    }

    @Test func `a repeated Expires is in the past`() throws {
        var headers: Headers = [.etag: "\"1\""]
        for _ in 0..<2 { try headers.append(.expires, "Sun, 09 Sep 2001 02:46:40 GMT") }
        #expect(try #require(storedTerms(headers)).lifetime == .zero)
    }

    @Test func `a heuristic is a day at most`() throws {
        let headers: Headers = [.lastModified: "Sat, 09 Sep 1995 01:46:40 GMT"]
        #expect(try #require(storedTerms(headers)).lifetime == .seconds(86_400))
    }

    @Test(arguments: [
        ("max-age=1, stale-while-revalidate=5, stale-if-error=7", 5, 7, false),
        ("max-age=1, must-revalidate, stale-while-revalidate=5", 0, 0, true),
        ("max-age=1, proxy-revalidate, stale-if-error=5", 0, 0, true),
        ("s-maxage=1", 0, 0, true),
        ("s-maxage=1, stale-while-revalidate=5", 5, 0, true),
        ("max-age=1", 20, 30, false),
    ])
    func `how long it may be stale is what the response allows, else the rule`(
        control: String, whileRevalidate: Int, ifError: Int, forbidsStale: Bool
    ) throws {
        let rule = CachingRule.everything.staleWhileRevalidate(for: .seconds(20))
            .staleIfError(for: .seconds(30))
        let terms = try #require(
            storedTerms([.cacheControl: control], rule: control == "max-age=1" ? rule : nil))
        #expect(terms.staleWhileRevalidate == .seconds(whileRevalidate))
        #expect(terms.staleIfError == .seconds(ifError))
        #expect(terms.forbidsStale == forbidsStale)
    }

    @Test(arguments: [false, true])
    func `only a rule above the origin's headers lifts what they demand`(isAbove: Bool) throws {
        let rule =
            isAbove
            ? CachingRule.everything.fresh(for: .seconds(1), over: .originHeaders)
            : CachingRule.everything.fresh(for: .seconds(1))
        let headers: Headers = [.cacheControl: "no-cache, must-revalidate", .etag: "\"1\""]
        let terms = try #require(storedTerms(headers, rule: rule))
        #expect(terms.requiresValidation == !isAbove)
        #expect(terms.forbidsStale == !isAbove)
    }

    @Test(
        arguments: [
            ("max-age=-1", \.maxAge, 0), ("max-age=5", \.maxAge, 5),
            ("s-maxage=-1", \.sMaxAge, 0), ("s-maxage=5", \.sMaxAge, 5),
            ("stale-while-revalidate=-1", \.staleWhileRevalidate, 0),
            ("stale-while-revalidate=5", \.staleWhileRevalidate, 5),
            ("stale-if-error=-1", \.staleIfError, 0), ("stale-if-error=5", \.staleIfError, 5),
        ] as [(String, KeyPath<CacheControl, Int?> & Sendable, Int)])
    func `a targeted field's seconds are never negative`(
        value: String, property: KeyPath<CacheControl, Int?> & Sendable, seconds: Int
    ) throws {
        let control = try #require(CacheControl(targeted: value))
        #expect(control[keyPath: property] == seconds)
    }

    @Test func `a targeted field stands in the place of Expires, too`() throws {
        let headers: Headers = [
            .etag: "\"1\"", .expires: "Sun, 09 Sep 2001 02:46:40 GMT",
            "CDN-Cache-Control": "public",
        ]
        let terms = storedTerms(headers, targetFields: ["CDN-Cache-Control"])
        #expect(try #require(terms).lifetime == .zero)
    }

    @Test(arguments: [
        ("max-age=2", 2), ("max-age=2, no-store=?0", 2), ("", 1), ("max-age=2,", 1),
        ("Max-Age=2", 1), ("max-age=\"2\", a", 0), ("max-age=2;x=1, private=?0", 2),
    ])
    func `a targeted field that is no dictionary counts as if it weren't there`(
        value: String, seconds: Int
    ) throws {
        let headers: Headers = [
            .etag: "\"1\"", .cacheControl: "max-age=1", "CDN-Cache-Control": value,
        ]
        let terms = storedTerms(headers, targetFields: ["CDN-Cache-Control"])
        #expect(try #require(terms).lifetime == .seconds(seconds))
    }

    @Test(
        arguments: [
            (["CDN-Cache-Control"], 2), (["Strata-Cache-Control", "CDN-Cache-Control"], 3), ([], 1),
        ] as [([HeaderName], Int)])
    func `the first targeted field that is there counts in the place of Cache-Control`(
        fields: [HeaderName], seconds: Int
    ) throws {
        let headers: Headers = [
            .cacheControl: "max-age=1", "CDN-Cache-Control": "max-age=2",
            "Strata-Cache-Control": "max-age=3",
        ]
        #expect(
            try #require(storedTerms(headers, targetFields: fields)).lifetime == .seconds(seconds))
    }
}
