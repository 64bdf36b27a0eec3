import StrataTesting
import Synchronization
import Testing

@testable import Strata

/// Nobody gets what was made for somebody else.
///
/// The origin says in each response for whom it was made; what it says of caching is drawn by lot.
/// Fourteen requests of different identities want each URI, one after the other or all at once, which
/// makes 91 pairs of them.
@Suite struct IdentityTests {
    /// What stands in a request for who sent it, and for what it selects.
    private static let fields: [(name: HeaderName, values: [String?])] = [
        (.authorization, [nil, nil, "Bearer ada", "Bearer bob"]),
        (.cookie, [nil, nil, "id=ada", "id=bob"]),
        (.acceptLanguage, [nil, "de", "fr"]),
        ("X-Tenant", [nil, "a", "b"]),
    ]

    private static let controls: [String?] = [
        nil, "max-age=60", "max-age=60", "public, max-age=60", "s-maxage=60", "no-store",
        "private, max-age=60", "no-cache, max-age=60", "must-revalidate, max-age=60",
        "max-age=0, stale-while-revalidate=60", "max-age=10, stale-if-error=60", "public",
        "no-cache=\"X-Own\", max-age=60", "private=\"X-Own\", max-age=60",
    ]

    private static let varies: [String?] = [
        nil, nil, "Accept-Language", "X-Tenant", "Accept-Language, X-Tenant", "*",
        "Authorization", "Cookie", "cookie, AUTHORIZATION",
    ]

    /// A response for a request, its caching drawn by lot.
    private static func answer(
        _ request: Request, _ generator: inout SeededGenerator
    ) -> Response {
        var headers: Headers = [.etag: "\"\(request.headers["X-Id"] ?? "")\""]
        headers[.cacheControl] = controls.randomElement(using: &generator) ?? nil
        headers[.vary] = varies.randomElement(using: &generator) ?? nil
        if Int.random(in: 0..<8, using: &generator) == 0 { headers[.setCookie] = "id=new" }
        if Int.random(in: 0..<4, using: &generator) == 0 {
            headers[.noVarySearch] = "params"
        }
        headers["X-Own"] = request.headers["X-Id"]
        for field in fields {
            headers[HeaderName("Made-For-\(field.name.spelling)") ?? "X"] =
                request.headers[field.name]
        }
        return .of(request.headers["X-Id"] ?? "", headers)
    }

    /// What is wrong with an answer to a request.
    private static func fault(_ request: Request, _ reply: Response, _ text: String) -> String? {
        guard text != request.headers["X-Id"] else { return nil }
        func madeFor(_ name: HeaderName) -> String? {
            HeaderName("Made-For-\(name.spelling)").flatMap { reply.headers[$0] }
        }
        let control = CacheControl(reply.headers, .cacheControl)
        let isShared = control.public || control.sMaxAge != nil || control.mustRevalidate
        if control.noStore { return "no-store was stored" }
        if control.private.isEverything { return "private was stored" }
        if reply.headers.contains(.setCookie) { return "a cookie is set for another" }
        if control.private != .absent || control.noCache != .absent,
            let own = reply.headers["X-Own"], own != request.headers["X-Id"]
        {
            return "a field for another alone"
        }
        if !isShared, madeFor(.authorization) != nil { return "made for an Authorization" }
        if !isShared, madeFor(.cookie) != nil { return "made for a Cookie" }
        let vary = VaryField(reply.headers, .vary)
        if vary.isWildcard { return "Vary: * was used again" }
        for name in vary.names where madeFor(name) != request.headers[name] {
            return "selected by another \(name)"
        }
        return nil
    }

    @Test func `no response made for one identity is served to another`() async throws {
        let generator = SeededGenerator()
        let seed = generator.seed
        let lots = Mutex(generator)
        let shop = CachingHarness { request in
            // Others may come and wait, now and then.
            if lots.withLock({ Bool.random(using: &$0) }) { await Task.yield() }
            return lots.withLock { Self.answer(request, &$0) }
        }
        var sharedCount = 0
        for round in 0..<1_100 {
            let requests = (0..<14).map { number in
                var request = Request(.get, "/\(round / 2)?\(round % 2)")
                request.authority = "example.com"
                request.headers["X-Id"] = "\(round).\(number)"
                for field in Self.fields {
                    request.headers[field.name] = lots.withLock {
                        field.values.randomElement(using: &$0) ?? nil
                    }
                }
                return request
            }
            for (request, reply, text) in try await answers(shop, requests, lots) {
                sharedCount += text == request.headers["X-Id"] ? 0 : 1
                if let fault = Self.fault(request, reply, text) {
                    Issue.record("seed \(seed): \(fault): \(request.headers) got \(reply.headers)")
                    return
                }
            }
        }
        // The test would be worth nothing if nobody ever got what was made for another.
        #expect(sharedCount > 1_000)
    }

    /// The answers to all, one after the other with time passing, or all at once.
    private func answers(
        _ shop: CachingHarness, _ requests: [Request], _ lots: borrowing Mutex<SeededGenerator>
    ) async throws -> [(Request, Response, String)] {
        @Sendable func answer(_ request: Request) async throws -> (Request, Response, String) {
            let reply = try await shop.app(request)
            let text = try await reply.body.collect(upTo: 1 << 16)
            return (request, reply, String(decoding: text, as: UTF8.self))
        }
        guard lots.withLock({ Bool.random(using: &$0) }) else {
            return try await withThrowingTaskGroup { group in
                for request in requests { group.addTask { try await answer(request) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        var all: [(Request, Response, String)] = []
        for request in requests {
            all.append(try await answer(request))
            let seconds = lots.withLock { [0, 0, 5, 30, 100].randomElement(using: &$0) ?? 0 }
            shop.time.advance(by: .seconds(seconds))
        }
        return all
    }
}
