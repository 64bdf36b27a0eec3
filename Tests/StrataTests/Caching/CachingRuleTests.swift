import Testing

@testable import Strata

@Suite struct CachingRuleTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let rule: CachingRule
        let isForRequest: Bool
        var isForResponse = true

        init(_ words: String, _ rule: CachingRule, _ isForRequest: Bool, _ isForResponse: Bool) {
            testDescription = words
            self.rule = rule
            self.isForRequest = isForRequest
            self.isForResponse = isForResponse
        }
    }

    static let rows: [Row] = [
        Row("everything", .everything, true, true),
        Row("its path", .path("/shop/{id}"), true, true),
        Row("another path", .path("/shop"), false, true),
        Row("its host, in other case", .everything.host("Shop.Example"), true, true),
        Row("its host and the scheme's port", .everything.host("shop.example:80"), true, true),
        Row("its host and another port", .everything.host("shop.example:8080"), false, true),
        Row("another host", .everything.host("example"), false, true),
        Row("its method", .everything.method(.get), true, true),
        Row("another method", .everything.method(.query), false, true),
        Row("a field that is there", .everything.header("X-Tenant"), true, true),
        Row("a field with its value", .everything.header("X-Tenant", "a"), true, true),
        Row("a field with another value", .everything.header("X-Tenant", "b"), false, true),
        Row("a field that isn't there", .everything.header("X-Other"), false, true),
        Row("a predicate that holds", .everything.when { $0.query == "a=1" }, true, true),
        Row("a predicate that doesn't", .everything.when { $0.query == nil }, false, true),
        Row("its status", .everything.status(.notFound), true, true),
        Row("a range with its status", .everything.status(400...499), true, true),
        Row("another status", .everything.status(.ok), true, false),
        Row("its content type", .everything.contentType("text/html"), true, true),
        Row("a range of content types", .everything.contentType("text/*"), true, true),
        Row("another content type", .everything.contentType("text/plain"), true, false),
        Row(
            "all of several conditions",
            .path("/shop/**").host("shop.example").method(.get).status(.notFound), true, true),
        Row(
            "one of several that doesn't hold",
            .path("/shop/**").host("shop.example").method(.post).status(.ok), false, false),
    ]

    @Test(arguments: rows)
    func `a rule is for what all its conditions hold for`(row: Row) {
        var request = Request(.get, "/shop/7?a=1", headers: ["X-Tenant": "a"])
        request.authority = "shop.example"
        let response = Response(
            status: .notFound, headers: [.contentType: "Text/HTML; charset=utf-8"])
        #expect(row.rule.matches(request) == row.isForRequest)
        #expect(row.rule.matches(response) == row.isForResponse)
    }

    @Test(arguments: [
        (CachingRule.QueryKey.exact, ["b=2&a=1", "a=1&b=2"]), (.sorted, ["a=1&b=2&utm=x"]),
        (.only(["a"]), ["a=2&b=2"]), (.ignoring(["utm"]), ["a=1", "a=1&b=3"]),
    ])
    func `other queries are other responses where the key says so`(
        key: CachingRule.QueryKey, others: [String]
    ) async throws {
        let cache = CachingHarness(rules: [.everything.fresh(for: .seconds(60)).key(key)]) {
            .of($0.query ?? "", [:])
        }
        let query = key == .exact ? "a=1&b=2&utm=x" : "a=1&b=2"
        _ = try await cache.send(.get, "/?" + query)
        for other in others { #expect(try await !cache.send(.get, "/?" + other).isHit) }
    }

    @Test(arguments: [
        (CachingRule.QueryKey.exact, "a=1&b=2"), (.sorted, "b=2&a=1"),
        (.only(["a"]), "a=1&b=9&c=1"), (.ignoring(["utm"]), "utm=y&b=2&a=1"),
    ])
    func `the same key leads to the same response`(
        key: CachingRule.QueryKey, query: String
    ) async throws {
        let cache = CachingHarness(rules: [.everything.fresh(for: .seconds(60)).key(key)]) {
            .of($0.query ?? "", [:])
        }
        _ = try await cache.send(.get, "/?a=1&b=2")
        #expect(try await cache.send(.get, "/?" + query).isHit)
    }
}
