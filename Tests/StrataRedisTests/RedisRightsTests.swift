import StrataTesting
import Testing

@testable import Strata
@testable import StrataRedis

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(1)))
struct `A Redis user who lacks a right` {
    /// A server, a client of an administrator, and one of a user with all rights but those.
    private static func server(
        without rules: String, events: Events = .ignored
    ) async throws -> (RedisServer, admin: RedisClient, app: RedisClient) {
        let server = try await RedisServer()
        let admin = try server.client()
        let words =
            ["app", "on", ">secret", "~*", "&*", "+@all"]
            + rules.split(separator: " ").map(String.init)
        try await admin.send(RedisCommand(["ACL", "SETUSER"] + words.map(RedisArgument.text)))
        let app = try server.client(events: events) {
            $0.username = "app"
            $0.password = "secret"
        }
        return (server, admin, app)
    }

    /// How many connections the server has taken so far.
    private static func connections(_ admin: RedisClient) async throws -> Int {
        let text = try await admin.send("INFO", "stats").text ?? ""
        let count = text.split(separator: "total_connections_received:").last?
            .prefix { $0.isNumber }
        return count.flatMap { Int($0) } ?? 0
    }

    @Test(
        arguments: [
            ("-client|tracking", "+client|tracking"), ("-client|id", "+client|id"),
            ("-subscribe", "+subscribe"), ("resetchannels", "&name"), ("-ping", "+ping"),
        ])
    func `to hear of changes is told so once, and has all else`(
        rule: String, advice: String
    ) async throws {
        let (server, admin, app) = try await Self.server(without: rule)
        let faults = Recorder<StoreFault>()
        var configuration = TieredStore.Configuration()
        configuration.maximumStaleness = .milliseconds(300)
        let store = TieredStore(
            memory: MemoryStore(), shared: RedisStore(client: app, events: faults.events),
            configuration: configuration)
        try await store.set([1], for: "a", timeToLive: .seconds(60))
        #expect(try await store.value(for: "a", as: [UInt8].self) == [1])
        let before = try await Self.connections(admin)
        try await eventually { try await Self.connections(admin) >= before + 4 }
        #expect(!store.isCoherent)
        #expect(faults.all.count == 1, "\(faults.all)")
        let error = try #require(faults.all.first?.error)
        #expect(error.code == .misconfigured)
        #expect(error.message.contains(advice), "\(error)")
        try await admin.send("ACL", "SETUSER", "app", "+@all", "allchannels")
        try await eventually { store.isCoherent }
        withExtendedLifetime(server) {}
    }

    @Test func `to ping any more is told what Redis says`() async throws {
        let (server, admin, app) = try await Self.server(without: "")
        let faults = Recorder<StoreFault>()
        let store = TieredStore(
            memory: MemoryStore(), shared: RedisStore(client: app, events: faults.events))
        try await eventually { store.isCoherent }
        try await admin.send("ACL", "SETUSER", "app", "-ping")
        try await eventually {
            faults.all.contains { $0.error.redisError?.kind == "NOPERM" }
        }
        #expect(faults.all.allSatisfy { $0.error.code == .misconfigured }, "\(faults.all)")
        withExtendedLifetime(server) {}
    }

    @Test(arguments: ["-getrange", "-pttl", "-mget"])
    func `to read an entry in a script is told so, and is given none`(rule: String) async throws {
        let (server, admin, app) = try await Self.server(without: rule)
        try await RedisStore(client: admin).set([1], for: "a", timeToLive: .seconds(60))
        let error = await storeError {
            _ = try await RedisStore(client: app)
                .trail(from: "a", as: [UInt8].self, with: ["everything"], selecting: [])
        }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("ACL") == true, "\(String(describing: error))")
        withExtendedLifetime(server) {}
    }

    @Test(arguments: ["-pexpire", "-pttl", "-hset", "-zadd", "-zrange", "-type"])
    func `to begin a session leaves no key without an end`(rule: String) async throws {
        let (server, admin, app) = try await Self.server(without: rule)
        let error = await storeError {
            try await RedisStore(client: app).create(
                NewSession(
                    lifetime: SessionLifetime(idle: .seconds(60), absolute: .seconds(600)),
                    signIn: SessionSignIn(
                        principal: SessionDigest(of: Array("ann".utf8), kind: "principal"),
                        limit: 2), values: [:]),
                as: SessionDigest(of: Array("phone".utf8), kind: "session"))
        }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("ACL") == true, "\(String(describing: error))")
        try await Self.expectEnds(admin)
        withExtendedLifetime(server) {}
    }

    @Test(arguments: ["-set", "-setrange"])
    func `to purge leaves no generation without an end`(rule: String) async throws {
        let (server, admin, app) = try await Self.server(without: rule)
        _ = try await RedisStore(client: admin).generations(of: ["tag a"])
        let error = await storeError {
            try await RedisStore(client: app).advanceGenerations(
                of: ["tag a"], .soft(at: Timestamp(nanoseconds: 1)), timeToLive: .seconds(60))
        }
        #expect(error?.code == .misconfigured)
        try await Self.expectEnds(admin)
        withExtendedLifetime(server) {}
    }

    /// Each key has a time to live.
    private static func expectEnds(_ admin: RedisClient) async throws {
        for key in try await admin.send("KEYS", "*").array ?? [] {
            let name = key.text ?? ""
            let left = try await admin.send("PTTL", .text(name)).integer ?? -1
            #expect(left > 0, "\(name)")
        }
    }

    @Test func `to connect is told why once, however often it is tried`() async throws {
        let changes = Recorder<RedisConnectionChange>()
        let (server, admin, app) = try await Self.server(without: "off", events: changes.events)
        let before = try await Self.connections(admin)
        try await eventually { try await Self.connections(admin) >= before + 8 }
        for lane in [RedisLane.small, .large] {
            let told = changes.all.filter { $0.lane == lane }
            #expect(told.map(\.failure?.code) == [.misconfigured], "\(told)")
        }
        try await admin.send("ACL", "SETUSER", "app", "on")
        try await eventually { (try? await app.send("PING")) != nil }
        #expect(changes.all.filter { $0.lane == .small }.last?.failure == nil)
        withExtendedLifetime(server) {}
    }
}
