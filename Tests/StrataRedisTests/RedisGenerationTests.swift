import Strata
import StrataTesting
import Testing

@testable import StrataRedis

/// For how long generations are remembered.
@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(1)))
struct `A generation in Redis` {
    /// A page that two tags concern.
    private struct Page: StoreValue, Equatable {
        var storeBytes: [UInt8] { [1] }
        var byteCount: Int { 1 }
        var generationNames = ["tag a", "tag b", "uri http://host/"]

        init() {}
        init?(storeBytes: [UInt8]) { self.init() }
    }

    /// How long each of the keys that match has left.
    private static func left(
        _ store: RedisStore, _ pattern: String
    ) async throws -> [Duration] {
        var left: [Duration] = []
        for key in try await store.client.send("KEYS", .text("strata:\(pattern)")).array ?? [] {
            let reply = try await store.client.send("PTTL", .bytes(key.bytes ?? []))
            left.append(.milliseconds(reply.integer ?? 0))
        }
        return left
    }

    @Test func `under which nothing is stored is soon forgotten`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let app = wrap({ _ in
            Response(headers: [.cacheControl: "private, max-age=86400"], body: .text("yours"))
        }) { Caching(store: store) }
        for index in 0..<10 { _ = try await app(Request(path: "/\(index)/a/b")) }
        let left = try await Self.left(store, "g:*")
        // Of any, of everything, and of the prefixes.
        #expect(left.count == 3 + 10 * 2)
        #expect(left.allSatisfy { .seconds(290) <= $0 && $0 <= .seconds(600) })
    }

    @Test(arguments: [Duration.seconds(60), .seconds(86_400), .seconds(30 * 86_400)])
    func `is remembered for as long as what was filled under it`(life: Duration) async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let app = wrap({ _ in
            var response = Response(
                headers: [.cacheControl: "max-age=\(life.components.seconds)"],
                body: .text("everybody's"))
            response.cacheTags = ["news"]
            return response
        }) { Caching(store: store) }
        _ = try await app(Request(path: "/a/b"))
        try await eventually { try await !Self.left(store, "e:*").isEmpty }
        let entries = try await Self.left(store, "e:*")
        var generations = try await Self.left(store, "g:*")
        // That of any says what is being filled, and nothing is stored under it.
        generations.remove(
            at: try #require(generations.indices.min { generations[$0] < generations[$1] }))
        #expect(generations.count == 4)
        let needed = max(life - .seconds(1), RedisStore.fillTime)
        #expect(generations.allSatisfy { $0 >= needed }, "\(generations)")
        #expect(generations.allSatisfy { $0 <= entries[0] + .seconds(86_400 + 600) })
    }

    @Test func `that is gone invalidates what comes to be stored`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let page = Page()
        _ = try await store.generations(of: page.generationNames)
        try await store.set(page, for: "page", timeToLive: .seconds(60))
        #expect(try await store.value(for: "page", as: Page.self) == page)
        try await store.client.send("DEL", .text(store.generationKey("tag b")))
        try await store.set(page, for: "page", timeToLive: .seconds(60))
        #expect(try await store.value(for: "page", as: Page.self) == nil)
        #expect(try await store.client.send("EXISTS", .text(store.entryKey("page"))) == .integer(0))
    }

    @Test func `is not prolonged by each that is stored`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let page = Page()
        _ = try await store.generations(of: page.generationNames)
        try await store.set(page, for: "page", timeToLive: .seconds(3600))
        let former = try await Self.left(store, "g:*")
        try await Task.sleep(for: .milliseconds(5))
        try await store.set(page, for: "page", timeToLive: .seconds(3600))
        let left = try await Self.left(store, "g:*")
        #expect(former.count == 2 && left.count == 2)
        #expect(try #require(left.max()) < (try #require(former.min())))
        // What lives for less leaves them as they are, too.
        try await store.set(page, for: "page", timeToLive: .seconds(1))
        #expect(try await Self.left(store, "g:*").allSatisfy { $0 > .seconds(3600) })
    }
}
