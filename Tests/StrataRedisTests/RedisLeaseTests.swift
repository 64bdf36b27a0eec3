import Strata
import StrataTesting
import Testing

@testable import StrataRedis

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(1)))
struct `What is filled under a lease` {
    /// A value of that many bytes, which a tag concerns.
    private struct Page: StoreValue, Equatable {
        var storeBytes: [UInt8]
        var byteCount: Int { storeBytes.count }
        var generationNames: [String] { ["tag a"] }

        init(_ byte: UInt8, count: Int) { storeBytes = Array(repeating: byte, count: count) }
        init?(storeBytes: [UInt8]) { self.storeBytes = storeBytes }
    }

    @Test(arguments: [false, true], [10, 100_000])
    func `is kept as long as that is held, and replaces nothing later`(
        isCluster: Bool, count: Int
    ) async throws {
        let server: RedisServer? = isCluster ? nil : try await RedisServer()
        let cluster: RedisCluster? = isCluster ? try await RedisCluster() : nil
        let client = try server?.client() ?? cluster?.client()
        let store = RedisStore(client: try #require(client))
        let names = Page(0, count: 0).generationNames
        _ = try await store.generations(of: names)
        func set(_ byte: UInt8, _ token: LeaseToken) async throws -> Bool {
            try await store.set(
                Page(byte, count: count), for: "page", timeToLive: .seconds(60),
                underLeaseOf: "lease", token: token)
        }
        let slow = LeaseToken()
        let next = LeaseToken()
        #expect(try await store.takeLease(of: "lease", token: slow, for: .seconds(9)) == .taken)
        #expect(try await set(1, slow))
        try await store.client.send("DEL", .text(store.leaseKey("lease")))
        #expect(try await store.takeLease(of: "lease", token: next, for: .seconds(9)) == .taken)
        #expect(try await set(2, next))
        // It stood still, and another has the lease by now, or had it.
        #expect(try await !set(3, slow))
        try await store.releaseLease(of: "lease", token: next)
        #expect(try await !set(3, slow))
        let kept = try await store.value(for: "page", as: Page.self)
        #expect(kept == Page(2, count: count))

        // Its generation is gone, and so is what was filled under that.
        #expect(try await store.takeLease(of: "lease", token: next, for: .seconds(9)) == .taken)
        try await store.client.send("DEL", .text(store.generationKey(names[0])))
        #expect(try await set(4, next))
        #expect(try await store.value(for: "page", as: Page.self) == nil)
    }

    @Test func `is refused by a full server, which nothing gets past`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        _ = try await store.generations(of: ["tag a"])
        let token = LeaseToken()
        #expect(try await store.takeLease(of: "lease", token: token, for: .seconds(9)) == .taken)
        try await store.client.send("CONFIG", "SET", "maxmemory", 1)
        let error = await storeError {
            _ = try await store.set(
                Page(1, count: 10), for: "page", timeToLive: .seconds(3600),
                underLeaseOf: "lease", token: token)
        }
        #expect(error?.code == .refused)
        #expect(try await store.client.send("EXISTS", .text(store.entryKey("page"))).integer == 0)
    }
}
