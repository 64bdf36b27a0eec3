import StrataTesting
import Testing

@testable import Strata

/// RFC 9111 §4.2 and §5.2.1, row by row.
struct ReuseTests {
    private static let born = Timestamp(seconds: 1_000_000_000)

    struct Row: Sendable, CustomTestStringConvertible {
        let section: String
        let age: Int
        var terms = ReuseTerms(lifetime: .seconds(10))
        var request: Headers = [:]
        let expected: Reuse

        var testDescription: String { "\(section): age \(age), \(request)" }
    }

    static let rows: [Row] = [
        Row(section: "§4.2 younger than its lifetime", age: 9, expected: .fresh),
        Row(section: "§4.2 as old as its lifetime", age: 10, expected: .validate(.stale)),
        Row(
            section: "§5.2.2.4", age: 1,
            terms: ReuseTerms(lifetime: .seconds(10), requiresValidation: true),
            expected: .validate(.noCache)),
        Row(
            section: "§5.2.1.4", age: 1, request: [.cacheControl: "no-cache"],
            expected: .validate(.requestNoCache)),
        Row(
            section: "§5.4", age: 1, request: [.pragma: "no-cache"],
            expected: .validate(.requestNoCache)),
        Row(
            section: "§5.4 beside Cache-Control", age: 1,
            request: [.pragma: "no-cache", .cacheControl: "max-age=5"], expected: .fresh),
        Row(
            section: "§5.2.1.1", age: 5, request: [.cacheControl: "max-age=4"],
            expected: .validate(.requestMaxAge)),
        Row(section: "§5.2.1.1", age: 5, request: [.cacheControl: "max-age=5"], expected: .fresh),
        Row(
            section: "§5.2.1.1 beside max-stale", age: 5,
            request: [.cacheControl: "max-age=4, max-stale=60"],
            expected: .validate(.requestMaxAge)),
        Row(
            section: "§5.2.1.1 zero beside max-stale", age: 5,
            request: [.cacheControl: "max-age=0, max-stale"], expected: .validate(.requestMaxAge)),
        Row(section: "§5.2.1.3", age: 5, request: [.cacheControl: "min-fresh=5"], expected: .fresh),
        Row(
            section: "§5.2.1.3", age: 5, request: [.cacheControl: "min-fresh=6"],
            expected: .validate(.requestMinFresh)),
        Row(
            section: "§5.2.1.2", age: 15, request: [.cacheControl: "max-stale=5"],
            expected: .staleAsRequested),
        Row(
            section: "§5.2.1.2", age: 16, request: [.cacheControl: "max-stale=5"],
            expected: .validate(.stale)),
        Row(
            section: "§5.2.1.2 without a number", age: 1000,
            request: [.cacheControl: "max-stale"], expected: .staleAsRequested),
        Row(
            section: "§4.2.4", age: 11,
            terms: ReuseTerms(lifetime: .seconds(10), forbidsStale: true),
            request: [.cacheControl: "max-stale"], expected: .validate(.stale)),
        Row(
            section: "5861 §3", age: 14,
            terms: ReuseTerms(lifetime: .seconds(10), staleWhileRevalidate: .seconds(4)),
            expected: .staleWhileRevalidate),
        Row(
            section: "5861 §3 over", age: 15,
            terms: ReuseTerms(lifetime: .seconds(10), staleWhileRevalidate: .seconds(4)),
            expected: .validate(.stale)),
        Row(
            section: "5861 §3 with the request's max-age", age: 14,
            terms: ReuseTerms(lifetime: .seconds(10), staleWhileRevalidate: .seconds(4)),
            request: [.cacheControl: "max-age=12"], expected: .validate(.requestMaxAge)),
    ]

    @Test(arguments: rows)
    func `a stored response is used where the RFC allows it`(row: Row) {
        let head = StoredHead.test(terms: row.terms, born: Self.born)
        let request = Request(.get, "/", headers: row.request)
        let decision = Reuse(
            head, directives: request.cacheDirectives, now: Self.born + .seconds(row.age))
        #expect(decision == row.expected)
    }

    @Test(arguments: [
        (
            "within the response's window", ReuseTerms(lifetime: .zero, staleIfError: .seconds(20)),
            "", true
        ),
        ("beyond it", ReuseTerms(lifetime: .zero, staleIfError: .seconds(5)), "", false),
        ("the request's window", ReuseTerms(lifetime: .zero), "stale-if-error=20", true),
        (
            "forbidden", ReuseTerms(lifetime: .zero, forbidsStale: true), "stale-if-error=20",
            false
        ),
        (
            "no-cache",
            ReuseTerms(lifetime: .zero, staleIfError: .seconds(20), requiresValidation: true), "",
            false
        ),
        ("still fresh", ReuseTerms(lifetime: .seconds(60)), "", true),
        ("still fresh, and not wanted", ReuseTerms(lifetime: .seconds(60)), "no-cache", false),
        (
            "still fresh, not wanted, within the window",
            ReuseTerms(lifetime: .seconds(60), staleIfError: .seconds(1)), "no-cache", true
        ),
        ("as old as its lifetime", ReuseTerms(lifetime: .seconds(10)), "", false),
        (
            "as old as its lifetime, within the window",
            ReuseTerms(lifetime: .seconds(10), staleIfError: .seconds(1)), "", true
        ),
    ])
    func `a stale response stands in for an error only where that is allowed`(
        name: String, terms: ReuseTerms, control: String, isAllowed: Bool
    ) {
        let head = StoredHead.test(terms: terms, born: Self.born)
        #expect(
            Reuse.isAllowedOnError(
                head, directives: CacheControl(control), now: Self.born + .seconds(10))
                == isAllowed, "\(name)")
    }

    @Test(
        arguments: [
            ("§4.2.3 nothing said", [:], 0, 0),
            ("§4.2.3 apparent age", [.date: "Sun, 09 Sep 2001 01:46:30 GMT"], 0, 10),
            ("§4.2.3 a date ahead", [.date: "Sun, 09 Sep 2001 01:46:50 GMT"], 0, 0),
            ("§4.2.3 Age and the delay", [.age: "5"], 3, 8),
            ("§4.2.3 the delay alone", [:], 3, 3),
            ("§4.2.3 the delay beside a malformed Age", [.age: "old"], 3, 3),
            ("§5.1 an empty Age", [.age: ""], 0, 0),
            ("§5.1 a parameter is none of it", [.age: "90;a=1"], 0, 0),
            (
                "§4.2.3 the greater of both",
                [.age: "5", .date: "Sun, 09 Sep 2001 01:46:30 GMT"], 3, 10
            ),
            ("§5.1 the first of a list", [.age: "5, 90"], 0, 5),
            ("§5.1 no number", [.age: "5.5"], 0, 0),
            ("§5.1 negative", [.age: "-5"], 0, 0),
            ("§1.2.2 huge", [.age: "99999999999999999999"], 0, 2_147_483_648),
        ] as [(String, Headers, Int, Int)])
    func `a response is as old as its fields and its way say`(
        section: String, headers: Headers, delay: Int, age: Int
    ) {
        let received = Timestamp(seconds: 1_000_000_000)
        let born = InitialAge.born(
            headers, requested: received - .seconds(delay), received: received)
        #expect(received - born == .seconds(age), "\(section)")
    }
}

extension StoredHead {
    static func test(
        headers: Headers = [:], terms: ReuseTerms = ReuseTerms(lifetime: .seconds(60)),
        born: Timestamp = Timestamp(seconds: 1_000_000_000)
    ) -> StoredHead {
        StoredHead(
            status: .ok, headers: headers, born: born, made: born, terms: terms, selection: [],
            generations: [NamedGeneration(name: "everything", generation: .first)])
    }
}
