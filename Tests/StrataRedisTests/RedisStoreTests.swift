import Strata
import StrataTesting
import Testing

@testable import StrataRedis

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `The store in Redis` {
    static func bytes(_ store: RedisStore, _ key: String) async throws -> [UInt8]? {
        try await store.value(for: key, as: [UInt8].self)
    }

    @Test(arguments: CacheStoreConformance.checks)
    func `keeps the contract of stores`(check: CacheStoreConformance.Check) async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client(), maximumValueBytes: 1_000_000)
        let failures = await check.failures(of: store, maximumEntryBytes: 1_000_000) {
            try await Task.sleep(for: $0)
        }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test func `gives every key its prefix and a time to live`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client(), prefix: "shop:")
        try await store.set([1], for: "a", timeToLive: .seconds(60))
        try await store.set([1], for: "b", timeToLive: .seconds(Int64.max))
        try await store.advanceGenerations(of: ["tag", "site"], .hard, timeToLive: .seconds(60))
        try await store.advanceGenerations(
            of: ["soft", "tag"], .soft(at: Timestamp(seconds: 7)), timeToLive: .seconds(60))
        let keys = try await store.client.send("KEYS", "*").array ?? []
        #expect(keys.count == 5)
        for key in keys.compactMap(\.text) {
            #expect(key.hasPrefix("shop:"))
            #expect(try await store.client.send("PTTL", .text(key)).integer ?? 0 > 50_000)
        }
    }

    @Test(arguments: [0, 1, 65_500, 65_536, 1 << 20, 16 << 20])
    func `keeps values of any size`(count: Int) async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167) }
        try await store.set(value, for: "key", timeToLive: .seconds(60))
        #expect(try await Self.bytes(store, "key") == value)
    }

    @Test func `large values keep to the connection that is theirs`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        /// The last command on the connection of that name.
        func last(on name: String) async throws -> Substring? {
            let command = RedisCommand("CLIENT", "LIST")
            let lane = name == "strata" ? RedisLane.large : .small
            let list = try await store.client.send(command, lane: lane).text ?? ""
            return list.split(separator: "\n").first { $0.contains(" name=\(name) ") }?
                .split(separator: " ").first { $0.hasPrefix("cmd=") }
        }
        // At first the store asks for other things as well.
        try await eventually {
            try await store.set([1], for: "key", timeToLive: .seconds(60))
            return try await last(on: "strata") == "cmd=set"
        }
        try await eventually {
            #expect(try await Self.bytes(store, "key") == [1])
            return try await last(on: "strata") == "cmd=pttl"
        }
        let large = [UInt8](repeating: 7, count: 2_000_000)
        try await eventually {
            try await store.client.send("PING")
            try await store.set(large, for: "key", timeToLive: .seconds(60))
            return try await last(on: "strata") == "cmd=ping"
        }
        #expect(try await last(on: "strata-large") != "cmd=getrange")
        #expect(try await Self.bytes(store, "key") == large)
        #expect(try await last(on: "strata-large") == "cmd=getrange")
    }

    @Test func `an entry that is not as it was written is a miss, told, and overwritten`()
        async throws
    {
        let server = try await RedisServer()
        let unreadable = Recorder<StoreEntryUnreadable>()
        let store = RedisStore(client: try server.client(), events: unreadable.events)
        let client = store.client
        let envelope = StoreEnvelope.encode(Array("value".utf8), key: "key")
        var flipped = envelope
        flipped[25] ^= 4
        let damages: [RedisCommand] = [
            RedisCommand("SET", "strata:e:key", .bytes(flipped)),
            RedisCommand("SET", "strata:e:key", .bytes(Array(envelope.dropLast()))),
            RedisCommand("SET", "strata:e:key", "hello"),
            RedisCommand(
                "SET", "strata:e:key", .bytes(StoreEnvelope.encode([1], key: "other"))),
            RedisCommand("LPUSH", "strata:e:key", "x"),
        ]
        for (index, damage) in damages.enumerated() {
            _ = try await client.pipeline([RedisCommand("DEL", "strata:e:key"), damage])
            #expect(try await Self.bytes(store, "key") == nil)
            #expect(unreadable.all.count == index + 1)
            #expect(unreadable.all.last?.key == "key")
            try await store.set([7], for: "key", timeToLive: .seconds(60))
            #expect(try await Self.bytes(store, "key") == [7])
        }
    }

    @Test func `a generation that can't be read differs from the first and stays the same`()
        async throws
    {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        try await store.client.send("SET", "strata:g:tag", "garbage")
        let one = try await store.generations(of: ["tag", "other"])
        #expect(one[0] != .first)
        #expect(try await store.generations(of: ["tag", "other"]) == one)
        try await store.advanceGenerations(of: ["tag"], .hard, timeToLive: .seconds(60))
        #expect(try await store.generations(of: ["tag"])[0] != one[0])
    }

    @Test func `starts without a server, fails at once, and finds it later`() async throws {
        let server = try await RedisServer()
        server.kill()
        let changes = Recorder<RedisConnectionChange>()
        let store = try await RedisStore(
            url: server.url, timeLimit: .seconds(10), events: changes.events)
        #expect(changes.all.first?.failure?.code == .unavailable)
        #expect(await storeError { _ = try await Self.bytes(store, "a") }?.code == .unavailable)
        try await server.start()
        try await eventually {
            await storeError { _ = try await Self.bytes(store, "a") }?.code == nil
        }
        try await store.set([1], for: "a", timeToLive: .seconds(60))
        #expect(try await Self.bytes(store, "a") == [1])
    }

    @Test func `a wrong URL is an error at the start`() async {
        #expect(
            await storeError { _ = try await RedisStore(url: "reddis://h") }?.code == .misconfigured
        )
    }

    @Test func `two stores on one server share entries and generations`() async throws {
        let server = try await RedisServer()
        let one = try await RedisStore(url: server.url, timeLimit: .seconds(10))
        let other = try await RedisStore(url: server.unixURL, timeLimit: .seconds(10))
        try await one.set([1, 2], for: "key", timeToLive: .seconds(60))
        #expect(try await Self.bytes(other, "key") == [1, 2])
        try await other.advanceGenerations(of: ["tag"], .hard, timeToLive: .seconds(60))
        #expect(try await one.generations(of: ["tag"]) == other.generations(of: ["tag"]))
        try await other.remove(["key", "none"])
        #expect(try await Self.bytes(one, "key") == nil)
    }
}

extension `The store in Redis` {
    @Test func `encoded forms of a response are shared by the instances`() async throws {
        let server = try await RedisServer()
        func instance() throws -> Handler {
            let store = RedisStore(client: try server.client())
            return wrap({ _ in
                var response = Response(
                    headers: [.cacheControl: "max-age=60"], body: .text("the content"))
                response.compression = .always
                return response
            }) {
                Caching(store: store)
            }
        }
        let (one, other) = (try instance(), try instance())
        let request = Request(.get, "/", headers: [.acceptEncoding: "gzip"])
        let first = try await one(request)
        await first.encodedSiblings?.offer(.densest([1, 2]), in: "gzip")
        // Were the other asked before the first one's response is there, it would store its own.
        try await eventually {
            try await one(request).headers[.cacheStatus]?.contains("hit") == true
        }
        let hit = try await other(request)
        #expect(hit.compression == .always)
        #expect(await hit.encodedSiblings?.sibling(in: "gzip") == .densest([1, 2]))
    }
}
