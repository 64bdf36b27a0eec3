import StrataTesting
import Synchronization
import Testing

@testable import Strata

@Suite struct CSRFProtectionTests {
    struct Row: Sendable {
        var method: Method = .post
        var headers: Headers = [:]
        var authority = "shop.example"
        let verdict: CSRFVerdict
    }

    static let rows: [Row] = [
        Row(
            method: .get, headers: [.secFetchSite: "cross-site"], verdict: .pass(.safeMethod)),
        Row(method: .head, headers: [.origin: "null"], verdict: .pass(.safeMethod)),
        Row(method: "PURGE", headers: [.secFetchSite: "cross-site"], verdict: .refuse(.otherSite)),
        Row(headers: [.secFetchSite: "same-origin"], verdict: .pass(.sameOrigin)),
        Row(headers: [.secFetchSite: "none"], verdict: .pass(.sameOrigin)),
        Row(headers: [.secFetchSite: "same-site"], verdict: .refuse(.otherSite)),
        Row(headers: [.secFetchSite: "cross-site"], verdict: .refuse(.otherSite)),
        Row(headers: [.secFetchSite: ""], verdict: .refuse(.otherSite)),
        Row(headers: [.secFetchSite: "same-origin, cross-site"], verdict: .refuse(.otherSite)),
        Row(
            headers: [.secFetchSite: "same-origin", .origin: "https://other.example"],
            verdict: .pass(.sameOrigin)),
        Row(
            headers: [.secFetchSite: "cross-site", .origin: "https://shop.example"],
            verdict: .refuse(.otherSite)),
        Row(
            headers: [.secFetchSite: "cross-site", .origin: "https://pay.example"],
            verdict: .pass(.trustedOrigin)),
        Row(headers: [.origin: "https://pay.example:444"], verdict: .refuse(.otherSite)),
        Row(headers: [.origin: "https://shop.example"], verdict: .pass(.sameOrigin)),
        Row(headers: [.origin: "http://SHOP.example"], verdict: .pass(.sameOrigin)),
        Row(
            headers: [.origin: "http://shop.example:8080"], authority: "shop.example:8080",
            verdict: .pass(.sameOrigin)),
        Row(headers: [.origin: "https://shop.example:8080"], verdict: .refuse(.otherSite)),
        Row(headers: [.origin: "https://shop.example.evil"], verdict: .refuse(.otherSite)),
        Row(headers: [.origin: "https://evil/shop.example"], verdict: .refuse(.otherSite)),
        Row(headers: [.origin: "null"], verdict: .refuse(.otherSite)),
        Row(headers: [.origin: ""], verdict: .refuse(.otherSite)),
        Row(headers: [.origin: "https://"], authority: "", verdict: .refuse(.otherSite)),
        Row(verdict: .pass(.noCookies)),
        Row(headers: [.cookie: "a=b"], verdict: .needsToken),
    ]

    @Test(arguments: rows)
    func `where a request comes from decides whether it passes`(row: Row) {
        let request = Request(method: row.method, authority: row.authority, headers: row.headers)
        let protection = CSRFProtection(trustedOrigins: ["https://pay.example"])
        #expect(protection.verdict(on: request) == row.verdict)
    }

    @Test func `what is refused gets 403 and never reaches the handler`() async throws {
        let heard = Mutex<[CrossSiteRequestRefused]>([])
        let app = wrap({ _ in
            Issue.record("the handler was reached")
            return Response()
        }) {
            CSRFProtection(
                events: Events { event in
                    guard let event = event as? CrossSiteRequestRefused else { return }
                    heard.withLock { $0.append(event) }
                })
        }
        for headers in [[.secFetchSite: "cross-site"], [.cookie: "a=b"]] as [Headers] {
            let response = try await app(Request(.post, "/", headers: headers))
            #expect(response.status == .forbidden)
            #expect(response.headers[.contentType] == "application/problem+json")
        }
        #expect(heard.withLock { $0.map(\.reason) } == [.otherSite, .noToken])
    }

    @Test func `a session's tokens pass, each of another look, until its id changes`() async throws
    {
        let service = Service()
        let client = service.client
        #expect(try await token(client) == nil)
        try await client.send { try await $0.set(1, for: "a") }
        let first = try #require(try await token(client))
        let second = try #require(try await token(client))
        #expect(first != second && first.prefix(40) != second.prefix(40))
        for token in [first, second] {
            #expect(try await post(client, ["X-CSRF-Token": token]) == .ok)
        }
        let stranger = service.client
        try await stranger.send { try await $0.set(1, for: "a") }
        #expect(try await post(stranger, ["X-CSRF-Token": first]) == .forbidden)
        for token in ["", "x", String(first.dropLast()), first + "A", String(first.reversed())] {
            #expect(try await post(client, ["X-CSRF-Token": token]) == .forbidden)
        }
        let replaced = Client(
            Service(keys: [.random(), Service.key], store: service.store).sessions,
            cookies: client.cookies)
        #expect(try await post(replaced, ["X-CSRF-Token": first]) == .ok)
        try await client.send { try await $0.rotate() }
        #expect(try await post(client, ["X-CSRF-Token": first]) == .forbidden)
    }

    @Test func `a form brings its token along, and the handler still reads it`() async throws {
        let client = Service().client
        try await client.send { try await $0.set(1, for: "a") }
        let token = try #require(try await token(client))
        let type = "application/x-www-form-urlencoded; charset=utf-8"
        let form = "item=1&csrf_token=\(token)&x=%C3%A9"
        #expect(try await post(client, [.contentType: type], form) == .ok)
        #expect(try await post(client, [.contentType: "text/plain"], form) == .forbidden)
        #expect(try await post(client, [.contentType: type], "item=1") == .forbidden)
        let long = form + String(repeating: "x", count: 65_536)
        #expect(try await post(client, [.contentType: type], long) == .forbidden)
    }

    private func token(_ client: Client) async throws -> String? {
        let token = Mutex<String?>(nil)
        let response = try await client.send { session in
            let made = try session.csrfToken
            token.withLock { $0 = made }
        }
        #expect(response.headers[.cacheControl] == "private, no-cache")
        return token.withLock { $0 }
    }

    /// Posts as a browser that tells nothing about where the request comes from.
    private func post(
        _ client: Client, _ headers: Headers, _ form: String = ""
    ) async throws -> Status {
        var request = client.request
        request.method = .post
        for field in headers { request.headers.append(field) }
        request.body = RequestBody(Array(form.utf8))
        let handler = wrap({ request in
            let bytes = try await request.body.collect(upTo: 100_000)
            #expect(bytes == Array(form.utf8))
            return Response()
        }) {
            CSRFProtection()
        }
        return try await client.respond(request, handler).status
    }
}
