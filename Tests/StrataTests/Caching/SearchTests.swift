import StrataTesting
import Synchronization
import Testing

@testable import Strata

/// Responses that answer several URIs (draft-ietf-httpbis-no-vary-search).
struct SearchTests {
    private static func shop(
        _ field: String = #"params=("utm")"#, _ more: Headers = [:],
        store: (any CacheStore)? = nil
    ) -> CachingHarness {
        CachingHarness(store: store) { request in
            var headers: Headers = [.cacheControl: "max-age=60", .noVarySearch: field]
            for field in more { headers.append(field) }
            return .of(request.target, headers)
        }
    }

    @Test func `a hit is found for a URI that differs in what doesn't matter`() async throws {
        let shop = Self.shop()
        #expect(try await !shop.send(.get, "/a?id=1&utm=x").isHit)
        for target in ["/a?id=1&utm=x", "/a?id=1&utm=y", "/a?utm=&id=1", "/a?id=1"] {
            let reply = try await shop.send(.get, target)
            #expect(reply.isHit && reply.text == "/a?id=1&utm=x", "\(target)")
        }
        for target in ["/a?id=2", "/a", "/b?id=1"] {
            #expect(try await !shop.send(.get, target).isHit, "\(target)")
        }
    }

    @Test func `a store outside the process finds it as well`() async throws {
        let memory = MemoryStore()
        let shop = Self.shop(store: FaultyStore(memory))
        _ = try await shop.send(.get, "/a?utm=x")
        // It is answered before it is stored: what is remembered of the path, and the response.
        while memory.entryCount < 2 { await Task.yield() }
        #expect(try await shop.send(.get, "/a").isHit)
    }

    @Test func `variants are found for each of the URIs`() async throws {
        let shop = Self.shop("params", [.vary: "Accept-Language"])
        _ = try await shop.send(.get, "/a?1", [.acceptLanguage: "de"])
        #expect(try await shop.send(.get, "/a?2", [.acceptLanguage: "de"]).isHit)
        #expect(try await !shop.send(.get, "/a?2", [.acceptLanguage: "fr"]).isHit)
        #expect(try await shop.send(.get, "/a?3", [.acceptLanguage: "fr"]).isHit)
    }

    @Test(arguments: [Strata.Method.post, .delete, "FROB"])
    func `what makes one of the URIs invalid does so for all`(method: Strata.Method) async throws {
        let shop = Self.shop()
        _ = try await shop.send(.get, "/a?utm=x")
        _ = try await shop.send(method, "/a?utm=y")
        #expect(try await !shop.send(.get, "/a?utm=z").isHit)
    }

    @Test func `a purge of one of the URIs is one of all`() async throws {
        let shop = Self.shop()
        _ = try await shop.send(.get, "/a?utm=x")
        try await shop.caching.purge(.uri("http://example.com/a?utm=y"))
        #expect(try await !shop.send(.get, "/a?utm=x").isHit)
    }

    @Test func `a response that begins to answer several URIs takes the place of its own`()
        async throws
    {
        let field = Mutex("")
        let shop = CachingHarness { request in
            .of(
                request.target,
                [.cacheControl: "max-age=60", .noVarySearch: field.withLock { $0 }])
        }
        _ = try await shop.send(.get, "/a?utm=x")
        field.withLock { $0 = "params" }
        shop.time.advance(by: .seconds(61))
        #expect(try await shop.send(.get, "/a?utm=x").cacheStatus.contains("fwd=stale"))
        #expect(try await shop.send(.get, "/a?utm=x").isHit)
        #expect(try await shop.send(.get, "/a?utm=y").isHit)
        // And when it ends, each URI has its own again.
        field.withLock { $0 = "" }
        shop.time.advance(by: .seconds(61))
        #expect(try await shop.send(.get, "/a?utm=y").text == "/a?utm=y")
        #expect(try await shop.send(.get, "/a?utm=y").isHit)
        #expect(try await shop.send(.get, "/a?utm=x").text == "/a?utm=x")
    }

    @Test func `a herd on several of the URIs gets each its own when responses stop answering all`()
        async throws
    {
        let isShared = Mutex(true)
        let gate = Gate()
        let shop = CachingHarness { request in
            if isShared.withLock({ $0 }) {
                return .of(
                    request.target, [.cacheControl: "max-age=60", .noVarySearch: "params"])
            }
            try await gate.pass()
            return .of(request.target, [.cacheControl: "max-age=60"])
        }
        _ = try await shop.send(.get, "/a?0")
        isShared.withLock { $0 = false }
        shop.time.advance(by: .seconds(61))
        async let one = shop.send(.get, "/a?1")
        async let other = shop.send(.get, "/a?2")
        try await gate.waitForWaiters(2)
        gate.open()
        #expect(try await [one.text, other.text] == ["/a?1", "/a?2"])
    }

    @Test func `what is remembered of a path is bounded`() async throws {
        let shop = CachingHarness { request in
            .of(
                request.target,
                [
                    .cacheControl: "max-age=60",
                    .noVarySearch: #"params=("x" "\#(request.query ?? "")")"#,
                ])
        }
        for number in 0..<9 { _ = try await shop.send(.get, "/a?p\(number)") }
        #expect(try await shop.send(.get, "/a?x").isHit)
        guard
            case .searches(let remembered)? = await shop.caching.record(
                CacheKey(stored: "http://example.com/a\nsearch"))
        else {
            Issue.record("nothing is remembered")
            return
        }
        #expect(remembered.count == 4)
    }
}
