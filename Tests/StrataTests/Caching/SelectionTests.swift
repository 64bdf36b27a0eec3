import StrataTesting
import Testing

@testable import Strata

/// RFC 9111 §4.1, row by row.
struct SelectionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let section: String
        let vary: String
        /// The request that was answered.
        let first: Headers
        /// What the answer was.
        var response: Headers = [:]
        /// The request that comes next.
        let next: Headers
        let isHit: Bool

        var testDescription: String { "\(section): \(first) then \(next) → \(isHit)" }

        static func fields(
            _ section: String, _ vary: String, _ first: [String], _ next: [String], _ isHit: Bool
        ) -> Row {
            func headers(_ lines: [String]) -> Headers {
                var headers = Headers()
                for line in lines { try? headers.append("Foo", line) }
                return headers
            }
            return Row(
                section: section, vary: vary, first: headers(first), next: headers(next),
                isHit: isHit)
        }

        static func language(
            _ section: String, _ first: String?, _ language: String?, _ next: String?, _ isHit: Bool
        ) -> Row {
            Row(
                section: section, vary: "Accept-Language",
                first: first.map { [.acceptLanguage: $0] } ?? [:],
                response: language.map { ["Content-Language": $0] } ?? [:],
                next: next.map { [.acceptLanguage: $0] } ?? [:], isHit: isHit)
        }

        static func coding(
            _ section: String, _ first: String?, _ coding: String?, _ next: String?, _ isHit: Bool
        ) -> Row {
            Row(
                section: section, vary: "Accept-Encoding",
                first: first.map { [.acceptEncoding: $0] } ?? [:],
                response: coding.map { [.contentEncoding: $0] } ?? [:],
                next: next.map { [.acceptEncoding: $0] } ?? [:], isHit: isHit)
        }
    }

    static let rows: [Row] = [
        .fields("§4.1 the same value", "Foo", ["1"], ["1"], true),
        .fields("§4.1 another value", "Foo", ["1"], ["2"], false),
        .fields("§4.1 missing in the new request", "Foo", ["1"], [], false),
        .fields("§4.1 missing in the first request", "Foo", [], ["1"], false),
        .fields("§4.1 missing in both", "Foo", [], [], true),
        .fields("§4.1 lines combined", "Foo", ["1, 2"], ["1", "2"], true),
        .fields("§4.1 white space", "Foo", ["1,2"], [" 1 ,  2 "], true),
        .fields("§4.1 another order of unknown members", "Foo", ["1, 2"], ["2, 1"], false),
        .fields("§4.1 a comma in quotes", "Foo", ["\"1, 2\""], ["\"1,2\""], false),
        .fields("§4.1 a comma in a comment", "Foo", ["1 (2, 3)"], ["1 (2,3)"], false),
        .fields("§4.1 quoted lines combined", "Foo", ["\"1\"", " \"2\""], ["\"1\",\"2\""], true),
        .fields("§4.1 a wildcard", "*", ["1"], ["1"], false),
        .fields("§4.1 a wildcard behind a name", "Foo, *", ["1"], ["1"], false),
        .fields("§4.1 a wildcard behind nothing", ", *", ["1"], ["1"], false),
        .language("§4.1 order of equal weights", "en, de", nil, "de, en", true),
        .language("§4.1 case and weight of one", "en, de", nil, "DE;q=1.0 , eN", true),
        .language("§4.1 what is liked best is there", "en, de", "de", "fr;q=0.5, de", true),
        .language("§4.1 in another case", "en, de", "de-CH", "DE-ch, en;q=0.9", true),
        .language("§4.1 it isn't liked best", "en, de", "de", "fr, de;q=0.5", false),
        .language("§4.1 something is liked as much", "en, de", "de", "fr, de", false),
        .language("§4.1 something else is liked as much", "en, de", "de", "de, fr", false),
        .language("§4.1 nothing else is liked", "en, de", "de", "de", true),
        .language("§4.1 it is refused", "en, de", "de", "de;q=0", false),
        .language("§4.1 its parts are not the same", "en, de", "de", "de-CH", false),
        .language("§4.1 several languages", "en, de", "de, en", "de", false),
        .language("§4.1 no language is named", "en, de", nil, "de", false),
        .language("§4.1 nothing is asked for", "en, de", "de", nil, false),
        .coding("§4.1 another browser's list", "gzip, br", "gzip", "gzip, deflate, br", true),
        .coding("§4.1 gzip in another case", "gzip", "GZIP", "br, Gzip", true),
        .coding("§4.1 another coding is liked better", "gzip", "gzip", "gzip;q=0.5, br", false),
        .coding("§4.1 it is refused", "gzip", "gzip", "gzip;q=0, identity", false),
        .coding("§4.1 it isn't accepted", "gzip, br", "br", "gzip", false),
        .coding("§4.1 nothing is said", "gzip", "gzip", nil, false),
        .coding("§4.1 not coded though it could have been", "gzip, br", nil, "br", true),
        .coding("§4.1 not coded for want of a choice", nil, nil, "gzip", false),
        .coding("§4.1 not coded, and no choice now", nil, nil, "identity", true),
        .coding("§4.1 anything is accepted", "gzip", nil, "*", false),
        .coding("§4.1 identity is refused", "gzip", nil, "gzip, identity;q=0", false),
        .coding("§4.1 two codings", "gzip, br", "gzip, br", "br", false),
    ]

    @Test(arguments: rows)
    func `a variant is used for all requests that it is the answer to`(row: Row) async throws {
        let cache = CachingHarness { _ in
            var response = Response.of("x", row.response)
            response.headers[.vary] = row.vary
            response.headers[.cacheControl] = "max-age=60"
            return response
        }
        _ = try await cache.send(.get, "/", row.first)
        #expect(try await cache.send(.get, "/", row.next).isHit == row.isHit)
    }

    @Test func `a store is told of no field that is secret, repeated or very long`() {
        let headers: Headers = [
            .host: "a", .cookie: "b", .authorization: "c", .acceptEncoding: "gzip",
            .acceptLanguage: "en", .acceptLanguage: "de",
            "X-Long": String(repeating: "x", count: 257),
            "X-Short": String(repeating: "x", count: 256),
        ]
        let fields = Selection.fields(of: Request(.get, "/", headers: headers))
        let names: [HeaderName] = [.acceptEncoding, .acceptLanguage, "X-Short"]
        #expect(fields.map(\.name) == names)
    }

    @Test func `a variant that was selected by nothing answers nobody as one`() {
        let variant = VariantIndex.Variant(.test(headers: ["Content-Language": "de"]), key: "k")
        #expect(!Selection.isAnswered(Request(.get, "/"), by: variant))
    }

    @Test func `all other fields still have to be the same`() async throws {
        let cache = CachingHarness { _ in
            .of(
                "x",
                [
                    .cacheControl: "max-age=60", .vary: "Accept-Language, X-Kind",
                    "Content-Language": "de",
                ])
        }
        _ = try await cache.send(.get, "/", [.acceptLanguage: "de, en", "X-Kind": "a"])
        let other = try await cache.send(.get, "/", [.acceptLanguage: "de", "X-Kind": "b"])
        #expect(!other.isHit)
        let same = try await cache.send(
            .get, "/", [.acceptLanguage: "de, fr;q=0.1", "X-Kind": "a"])
        #expect(same.isHit)
    }

    @Test func `a variant that went stale is validated for whom it answers`() async throws {
        let cache = CachingHarness { request in
            let headers: Headers = [
                .cacheControl: "max-age=60", .vary: "Accept-Encoding", .etag: "\"g\"",
                .contentEncoding: "gzip",
            ]
            let isKnown = request.headers[.ifNoneMatch]?.contains("\"g\"") ?? false
            return isKnown ? Response(status: .notModified, headers: headers) : .of("x", headers)
        }
        _ = try await cache.send(.get, "/", [.acceptEncoding: "gzip"])
        cache.time.advance(by: .seconds(61))
        let validated = try await cache.send(.get, "/", [.acceptEncoding: "gzip, br"])
        #expect(validated.text == "x" && validated.cacheStatus.contains("fwd-status=304"))
        #expect(try await cache.send(.get, "/", [.acceptEncoding: "gzip, br"]).isHit)
    }
}
