import StrataTesting
import Testing

@testable import Strata
@testable import StrataRedis

/// What the wire sees of a process that has nothing in memory yet.
@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `The first hit of a process` {
    /// How an instance keeps what it stores.
    enum Arrangement: CaseIterable { case tiered, redisAlone }

    /// An instance whose Redis is behind the link, connected.
    private static func instance(
        _ link: SlowLink, _ arrangement: Arrangement, _ fields: Headers
    ) async throws -> Handler {
        let configuration = try RedisConfiguration(url: "unix://\(link.path)")
        let redis = RedisStore(client: try RedisClient(configuration))
        let store: any CacheStore
        switch arrangement {
        case .redisAlone:
            store = redis
            _ = try await redis.client.send("PING")
        case .tiered:
            var configuration = TieredStore.Configuration()
            // No confirmation comes while round trips are counted.
            configuration.maximumStaleness = .seconds(600)
            let tiered = TieredStore(
                memory: MemoryStore(), shared: redis, configuration: configuration)
            try await eventually { tiered.isCoherent }
            store = tiered
        }
        // The other connections are greeted as well, each when its turn comes.
        try await Self.silence(of: link)
        return wrap({ request in
            var response = Response(
                headers: fields, body: .bytes(Array((request.headers[.acceptLanguage] ?? "").utf8)))
            response.headers[.cacheControl] = "max-age=60"
            response.cacheTags = ["a-tag", "another"]
            return response
        }) { Caching(store: store) }
    }

    /// Waits until nothing has been sent for a while.
    private static func silence(of link: SlowLink) async throws {
        var pieces = 0
        try await eventually {
            defer { pieces = link.pieces }
            try await Task.sleep(for: .milliseconds(50))
            return link.pieces == pieces
        }
    }

    @Test(
        arguments: Arrangement.allCases,
        [
            [:],
            [.vary: "Accept-Language"],
            [.vary: "accept-language, X-Shape, X-None"],
            [.vary: "Accept-Language", .cacheGroups: "\"spring\""],
        ] as [Headers])
    func `is one round trip`(arrangement: Arrangement, fields: Headers) async throws {
        let server = try await RedisServer()
        func link() throws -> SlowLink { try SlowLink(to: server.socketPath) }
        func request(_ language: String) -> Request {
            var request = Request(path: "/a")
            request.headers[.acceptLanguage] = language
            request.headers["X-Shape"] = "round, square"
            request.headers["User-Agent"] = "a browser"
            return request
        }
        let filling = try link()
        let first = try await Self.instance(filling, arrangement, fields)
        for language in ["de", "fr", "en"] {
            _ = try await first(request(language))
            // It is written behind the answer.
            try await eventually {
                try await first(request(language)).headers["Cache-Status"]?.contains("; hit")
                    == true
            }
            // And the list of variants behind that.
            try await Self.silence(of: filling)
        }
        for language in fields.contains(.vary) ? ["de", "fr", "en"] : ["en"] {
            let fresh = try link()
            let app = try await Self.instance(fresh, arrangement, fields)
            let before = fresh.pieces
            let response = try await app(request(language))
            #expect(response.headers["Cache-Status"]?.contains("; hit") == true)
            if fields.contains(.vary) {
                #expect(try await response.body.collect(upTo: 10) == Array(language.utf8))
            }
            #expect(fresh.pieces == before + 1)
        }
    }
}
