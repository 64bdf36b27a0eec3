import StrataTesting
import Testing

@testable import Strata

/// What the cache says about its decisions.
struct ExplanationTests {
    private func text(_ shop: CachingHarness, _ request: Request) async -> String {
        var request = request
        request.authority = "example.com"
        return await shop.caching.explain(request).description
    }

    @Test func `each step is told with its section`() async throws {
        let shop = CachingHarness(rules: [
            .path("/other").never, .path("/a/**").fresh(for: .seconds(60)).tagged("a"),
        ]) { _ in .of("x", [.vary: "Accept-Language"]) }
        let rule = "rule: 2, path /a/**: fresh for 60 s, tagged a\n"
        let key = "key: http://example.com/a/1 (RFC 9111 §2)\n"
        let request = Request(.get, "/a/1", headers: [.acceptLanguage: "de"])
        #expect(await text(shop, request) == rule + key + "stored: nothing")

        _ = try await shop.send(.get, "/a/1", [.acceptLanguage: "de"])
        shop.time.advance(by: .seconds(5))
        let stored = "stored: status 200, fresh for 60 s by rule 2"
        #expect(
            await text(shop, request) == rule + key + stored
                + ", 5 s old, selected by Accept-Language (RFC 9111 §4.2.3)\n"
                + "reuse: as it is: fresh (RFC 9111 §4.2)")
        #expect(
            await text(shop, Request(.get, "/a/1")) == rule + key
                + "stored: 1 variants, but none that the request selects by Accept-Language"
                + " (RFC 9111 §4.1)")
        shop.time.advance(by: .seconds(60))
        #expect(
            await text(shop, request).hasSuffix("reuse: validate first: stale (RFC 9111 §4.2)"))
        #expect(shop.origin.count == 1)
    }

    @Test(arguments: [
        (Request(.put, "/"), "goes past the cache: method"),
        (Request(.get, "/never"), "goes past the cache: rule-never"),
        (Request(.get, "/", headers: [.ifMatch: "*"]), "goes past the cache: precondition"),
        (Request(.get, "/" + String(repeating: "a", count: 9000)), "key-too-long"),
        (Request(.query, "/"), "and the content (RFC 10008 §2.7)"),
    ])
    func `what the cache is no part of is told`(request: Request, finding: String) async {
        let shop = CachingHarness(rules: [.path("/never").never]) { _ in .of("x", [:]) }
        #expect(await text(shop, request).contains(finding))
    }

    static let responses: [(Headers, String)] = [
        (["Cache-Control": "max-age=9"], "store: yes: fresh for 9 s by max-age (RFC 9111 §3)"),
        (["Cache-Control": "s-maxage=9"], "by s-maxage, never stale"),
        (["Expires": "Thu, 01 Jan 1970 00:00:00 GMT", "ETag": "\"1\""], "by Expires"),
        (["Cache-Control": "no-store"], "store: no: no-store (RFC 9111 §5.2.2.5)"),
        (["Cache-Control": "private"], "store: no: private (RFC 9111 §5.2.2.7)"),
        (["Set-Cookie": "a=b"], "store: no: set-cookie (RFC 9111 §7.3)"),
        (["Vary": "*"], "store: no: vary-star (RFC 9111 §4.1)"),
        ([:], "store: no: no-freshness (RFC 9111 §3)"),
    ]

    @Test(arguments: responses)
    func `why a response is stored or not is told`(headers: Headers, finding: String) async {
        let shop = CachingHarness { _ in .of("x", [:]) }
        let explanation = await shop.caching.explain(
            Request(.get, "/"), response: .of("x", headers))
        #expect(explanation.description.contains(finding), "\(explanation)")
    }

    @Test func `a response tells only where it was asked for`() async throws {
        var configuration = Caching.Configuration()
        #expect(!configuration.explains)
        configuration.explains = true
        let shop = CachingHarness(configuration: configuration) { request in
            .of("x", request.path == "/é" ? [:] : [.cacheControl: "max-age=60"])
        }
        let first = try await shop.send(.get, "/a")
        #expect(
            first["Strata-Explain"]?.hasSuffix(
                "stored: nothing; store: yes: fresh for 60 s by max-age (RFC 9111 section 3)")
                == true)
        let second = try await shop.send(.get, "/a")
        #expect(second.isHit)
        #expect(second["Strata-Explain"]?.contains("reuse: as it is: fresh") == true)
        #expect(try await shop.send(.get, "/é")["Strata-Explain"]?.contains("/??") == true)
        #expect(shop.origin.count == 2)
        let silent = CachingHarness { _ in .of("x", [:]) }
        #expect(try await silent.send(.get, "/")["Strata-Explain"] == nil)
    }
}
