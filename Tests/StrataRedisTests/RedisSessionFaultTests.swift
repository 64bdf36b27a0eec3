import StrataTesting
import Synchronization
import Testing

@testable import Strata
@testable import StrataRedis

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Why a server that answers takes no writes.
private enum Refusal: CaseIterable {
    case full, diskFailed, replicasMissing

    /// How its refusals begin.
    var kind: String {
        switch self {
        case .full: "OOM"
        case .diskFailed: "MISCONF"
        case .replicasMissing: "NOREPLICAS"
        }
    }

    /// Whether it takes what needs no more memory than there is.
    var isForWantOfMemory: Bool { self == .full }

    /// Brings it about. A directory in the place of the dump keeps that from being written.
    func begin(_ client: RedisClient) async throws {
        switch self {
        case .full: try await client.send("CONFIG", "SET", "maxmemory", "1")
        case .diskFailed:
            let directory = try await client.send("CONFIG", "GET", "dir").array?.last?.text
            mkdir("\(try #require(directory))/dump.rdb", 0o700)
            try await client.send("CONFIG", "SET", "save", "3600 1000000")
            _ = try? await client.send("SAVE")
            try await eventually {
                _ = try? await client.send("BGSAVE")
                try await Task.sleep(for: .milliseconds(50))
                return await storeError { try await client.send("SET", "x", "", "PX", 1) } != nil
            }
        case .replicasMissing:
            try await client.send("CONFIG", "SET", "min-replicas-to-write", 1)
        }
        let refused = await storeError { try await client.send("SET", "x", "", "PX", 1) }
        #expect(refused?.redisError?.kind == kind)
    }

    func end(_ client: RedisClient) async throws {
        switch self {
        case .full: try await client.send("CONFIG", "SET", "maxmemory", "0")
        case .diskFailed:
            let directory = try await client.send("CONFIG", "GET", "dir").array?.last?.text
            rmdir("\(try #require(directory))/dump.rdb")
            try await client.send("CONFIG", "SET", "save", "")
        case .replicasMissing:
            try await client.send("CONFIG", "SET", "min-replicas-to-write", 0)
        }
    }
}

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(1)))
struct `Sessions in a Redis in disorder` {
    private static let principal = SessionDigest(of: Array("ann".utf8), kind: "principal")
    private static func digest(_ name: String) -> SessionDigest {
        SessionDigest(of: Array(name.utf8), kind: "session")
    }
    private static let (phone, desk) = (digest("phone"), digest("desk"))
    private static let key = SessionKey.random()

    private static func create(
        _ session: SessionDigest, _ store: RedisStore, idle: Duration = .seconds(60)
    ) async throws {
        try await store.create(
            NewSession(
                lifetime: SessionLifetime(idle: idle, absolute: .seconds(600)),
                signIn: SessionSignIn(principal: principal, limit: 10),
                values: ["cart": Array("1".utf8)]), as: session)
    }

    private static func values(
        _ session: SessionDigest, _ store: RedisStore
    ) async throws -> [String: [UInt8]]? {
        guard case .found(let found) = try await store.load(session) else { return nil }
        return found.values
    }

    private static func sessionKey(_ session: SessionDigest) -> RedisArgument {
        .text("strata:s:\(session)")
    }
    private static let principalKey = RedisArgument.text("strata:p:\(principal)")

    @Test(arguments: Refusal.allCases)
    fileprivate func `that takes no writes are read, and none of their changes is lost in silence`(
        refusal: Refusal
    ) async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let store = RedisStore(client: client)
        try await Self.create(Self.phone, store)
        try await Self.create(Self.desk, store)
        // So that to use it is to put its end off.
        try await client.send("PEXPIRE", Self.sessionKey(Self.phone), 30_000)
        try await refusal.begin(client)
        #expect(try await Self.values(Self.phone, store) == ["cart": Array("1".utf8)])
        let left = try await client.send("PTTL", Self.sessionKey(Self.phone)).integer ?? 0
        #expect((left > 50_000) == refusal.isForWantOfMemory)
        #expect(try await store.sessions(of: Self.principal).count == 2)

        for change in [.set([2]), .add(1)] as [SessionChange] {
            let error = await storeError {
                _ = try await store.apply(SessionUpdate(changes: ["cart": change]), to: Self.phone)
            }
            #expect(error?.redisError?.message.contains(refusal.kind) == true, "\(change)")
        }
        let new = Self.digest("new")
        #expect(await storeError { try await Self.create(new, store) }?.code == .refused)
        let rotation = SessionUpdate(rotation: .init(to: new, grace: .seconds(30)))
        let outcome = try? await store.apply(rotation, to: Self.desk)
        #expect((outcome != nil) == refusal.isForWantOfMemory)
        #expect(try await Self.values(Self.desk, store) == ["cart": Array("1".utf8)])
        // Whoever logs out of a full server is out.
        let hasEnded = try? await store.end(.others(than: Self.phone))
        #expect((hasEnded == true) == refusal.isForWantOfMemory)
        #expect((try await Self.values(Self.desk, store) == nil) == refusal.isForWantOfMemory)
        try await refusal.end(client)
        #expect(try await Self.values(Self.phone, store) == ["cart": Array("1".utf8)])
        let sum = SessionUpdate(changes: ["cart": .add(1)])
        try await eventually {
            try await store.apply(sum, to: Self.phone) == .applied(rotated: false)
        }
        #expect(try await Self.values(Self.phone, store) == ["cart": Array("2".utf8)])
    }

    /// What is done to what stands in Redis, and whether the session is one all the same.
    private static let damages: [(commands: [RedisCommand], isThere: Bool)] = [
        (
            [RedisCommand("DEL", sessionKey(phone)), RedisCommand("LPUSH", sessionKey(phone), 1)],
            false
        ),
        (
            [RedisCommand("DEL", sessionKey(phone)), RedisCommand("SET", sessionKey(phone), 1)],
            false
        ),
        ([RedisCommand("DEL", principalKey), RedisCommand("SET", principalKey, 1)], false),
        ([RedisCommand("DEL", principalKey), RedisCommand("HSET", principalKey, 1, 1)], false),
        ([RedisCommand("HSET", sessionKey(phone), "x", "soon")], false),
        ([RedisCommand("HSET", sessionKey(phone), "i", "")], false),
        ([RedisCommand("HSET", sessionKey(phone), "c", "-")], false),
        ([RedisCommand("HDEL", sessionKey(phone), "s")], false),
        ([RedisCommand("HDEL", sessionKey(phone), "x", "i")], false),
        ([RedisCommand("HSET", sessionKey(phone), "p", "nobody")], false),
        ([RedisCommand("HSET", sessionKey(phone), ":cart", "{")], true),
    ]

    @Test(arguments: damages.indices)
    func `that are damaged are none, and whoever had one may log in`(index: Int) async throws {
        let (commands, isThere) = Self.damages[index]
        let server = try await RedisServer()
        let client = try server.client()
        let store = RedisStore(client: client)
        try await Self.create(Self.phone, store)
        _ = try await client.pipeline(commands)
        #expect((try await Self.values(Self.phone, store) != nil) == isThere)
        let update = SessionUpdate(changes: ["cart": .set([2])])
        let isChanged = try await store.apply(update, to: Self.phone) != .missing
        #expect(isChanged || !isThere)
        #expect(try await store.sessions(of: Self.principal).count <= 1)

        try await Self.create(Self.desk, store)
        #expect(try await Self.values(Self.desk, store) == ["cart": Array("1".utf8)])
        #expect(try await store.sessions(of: Self.principal).last?.digest == Self.desk)
        _ = try await store.end(.session(Self.phone))
        #expect(try await store.end(.principal(Self.principal)))
        #expect(try await Self.values(Self.desk, store) == nil)
        #expect(try await Self.values(Self.phone, store) == nil)
    }
}
