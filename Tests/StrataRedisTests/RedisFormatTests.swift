import StrataTesting
import Testing

@testable import Strata
@testable import StrataRedis

/// What stands in Redis is read by instances of other versions at the same time, so it stays what
/// it is.
@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `What stands in Redis` {
    private static let session = SessionDigest(of: Array("a".utf8), kind: "session")
    private static let principal = SessionDigest(of: Array("ann".utf8), kind: "principal")

    @Test func `is an entry with the bytes of version 1`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        // STR1, checksum, lengths of key and value, the key, the value.
        let bytes: [UInt8] =
            [0x53, 0x54, 0x52, 0x31, 0x5a, 0x8e, 0xb0, 0x4f, 0xa5, 0x24, 0x53, 0xb0]
            + [3, 0, 0, 0, 5, 0, 0, 0] + Array("keyvalue".utf8)
        try await store.set(Array("value".utf8), for: "key", timeToLive: .seconds(60))
        let written = try await store.client.send("GET", "strata:e:key").bytes
        #expect(written == bytes)
        try await store.client.send("SET", "strata:e:key", .bytes(bytes), "PX", 60_000)
        #expect(try await store.value(for: "key", as: [UInt8].self) == Array("value".utf8))
    }

    @Test func `is an entry of a later version, which is a miss and no error`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        try await store.set([1], for: "key", timeToLive: .seconds(60))
        var bytes = try await store.client.send("GET", "strata:e:key").bytes ?? []
        bytes[3] += 1
        try await store.client.send("SET", "strata:e:key", .bytes(bytes), "PX", 60_000)
        #expect(try await store.value(for: "key", as: [UInt8].self) == nil)
        try await store.set([2], for: "key", timeToLive: .seconds(60))
        #expect(try await store.value(for: "key", as: [UInt8].self) == [2])
    }

    @Test func `is a session as an earlier instance wrote it`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let now = Int64(SystemTime().now.seconds) * 1000
        let key = RedisArgument.text("strata:s:\(Self.session)")
        let words: [RedisArgument] = [
            "v", 1, "c", .integer(now), "s", .integer(now), "i", 60_000,
            "x", .integer(now + 90_000), "p",
            .text(Self.principal.description), "k", "wrapped", ":cart", "[1]",
            // A field that came later.
            "z", "?",
        ]
        try await store.client.send(RedisCommand(["HSET", key] + words))
        try await store.client.send("PEXPIRE", key, 60_000)
        let members = RedisArgument.text("strata:p:\(Self.principal)")
        try await store.client.send(
            "ZADD", members, .integer(now), .text(Self.session.description))
        try await store.client.send("PEXPIRE", members, 90_000)
        guard case .found(let found) = try await store.load(Self.session) else {
            Issue.record("not found")
            return
        }
        #expect(found.principal == Self.principal)
        #expect(found.wrappedKey == Array("wrapped".utf8))
        #expect(found.values == ["cart": Array("[1]".utf8)])
        #expect(found.expires - found.created == .seconds(90))
    }

    @Test func `is a session with the fields that instances know`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let session = NewSession(
            lifetime: SessionLifetime(idle: .seconds(60), absolute: .seconds(90)),
            signIn: SessionSignIn(principal: Self.principal, limit: 5),
            wrappedKey: Array("wrapped".utf8), values: ["cart": [1]])
        try await store.create(session, as: Self.session)
        let key = RedisArgument.text("strata:s:\(Self.session)")
        let names = try await store.client.send("HKEYS", key).array?.compactMap(\.text)
        #expect(Set(names ?? []) == ["v", "c", "s", "i", "x", "p", "k", ":cart"])
        let members = RedisArgument.text("strata:p:\(Self.principal)")
        let listed = try await store.client.send("ZRANGE", members, 0, -1).array
        #expect(listed?.map(\.text) == [Self.session.description])
    }

    @Test func `is a session of another version, which counts as none and is left alone`()
        async throws
    {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let session = NewSession(
            lifetime: SessionLifetime(idle: .seconds(60), absolute: .seconds(90)),
            signIn: SessionSignIn(principal: Self.principal, limit: 5), values: ["cart": [1]])
        try await store.create(session, as: Self.session)
        let key = RedisArgument.text("strata:s:\(Self.session)")
        try await store.client.send("HSET", key, "v", 2)
        let before = try await store.client.send("HGETALL", key)

        #expect(try await store.load(Self.session) == .missing)
        let update = SessionUpdate(changes: ["cart": .set([2])])
        #expect(try await store.apply(update, to: Self.session) == .missing)
        #expect(try await store.end(.session(Self.session)) == false)
        #expect(try await store.sessions(of: Self.principal).isEmpty)
        #expect(try await store.client.send("HGETALL", key) == before)
    }
}
