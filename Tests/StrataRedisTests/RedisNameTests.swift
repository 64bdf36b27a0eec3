import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataRedis

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `A server's name` {
    /// What a name server says: where the name leads.
    private final class Directory: Sendable {
        private let servers: Mutex<[RedisServer]>
        let lookups = Atomic(0)

        init(_ servers: [RedisServer]) { self.servers = Mutex(servers) }

        func point(to list: [RedisServer]) { servers.withLock { $0 = list } }

        func addresses() -> [SocketAddress] {
            lookups.wrappingAdd(1, ordering: .relaxed)
            let ports = servers.withLock { $0.map(\.port) }
            return ports.compactMap { SocketAddress.address(host: "127.0.0.1", port: $0) }
        }

        func node(events: Events = .ignored) throws -> RedisNode {
            var configuration = RedisConfiguration(endpoint: .tcp(host: "redis.test", port: 6379))
            configuration.commandTimeout = .seconds(10)
            return try RedisNode(configuration, events: events) { _, _ in self.addresses() }
        }
    }

    private static func ask(_ node: RedisNode, _ words: RedisArgument...) async throws -> RedisValue
    {
        try await node.submit(
            RedisCommand(words).bytes, replies: nil, within: .seconds(10), lane: .small)
    }

    private static func demote(_ server: RedisServer, to primary: RedisServer) async throws {
        try await server.client().send("REPLICAOF", "127.0.0.1", .integer(Int(primary.port)))
    }

    @Test func `is looked up again when what it led to takes no writes any more`() async throws {
        let (old, new) = (try await RedisServer(), try await RedisServer())
        let directory = Directory([old])
        let node = try directory.node()
        let established = Atomic(0)
        let subscription = try node.subscribe(to: RedisInterest(channels: ["news"])) { push in
            if case .established = push { established.wrappingAdd(1, ordering: .relaxed) }
            return true
        }
        _ = try await Self.ask(node, "SET", "a", "1")
        try await eventually { established.load(ordering: .relaxed) == 1 }

        try await Self.demote(old, to: new)
        directory.point(to: [new])
        try await eventually { (try? await Self.ask(node, "SET", "a", "2")) != nil }
        #expect(try await new.client().send("GET", "a").text == "2")
        // Whoever listens is told by the same server.
        try await eventually { try await new.client().publish("x", to: "news") == 1 }
        #expect(established.load(ordering: .relaxed) == 2)
        withExtendedLifetime(subscription) {}
    }

    @Test func `that leads to several is followed to the one that takes writes`() async throws {
        let (replica, primary) = (try await RedisServer(), try await RedisServer())
        try await Self.demote(replica, to: primary)
        let node = try Directory([replica, primary]).node()
        try await eventually { (try? await Self.ask(node, "SET", "a", "1")) != nil }
    }

    @Test func `that leads nowhere else costs a look-up a second, and no connection`() async throws
    {
        let (replica, primary) = (try await RedisServer(), try await RedisServer())
        try await Self.demote(replica, to: primary)
        let losses = Atomic(0)
        let directory = Directory([replica])
        let node = try directory.node(
            events: Events { event in
                guard let change = event as? RedisConnectionChange, change.failure != nil else {
                    return
                }
                losses.wrappingAdd(1, ordering: .relaxed)
            })
        _ = try await Self.ask(node, "PING")
        let before = directory.lookups.load(ordering: .relaxed)
        for _ in 0..<1000 {
            let error = await storeError { _ = try await Self.ask(node, "SET", "a", "1") }
            #expect(error?.redisError?.kind == "READONLY")
        }
        // Each of the two connections looks once a second, however many are refused meanwhile.
        try await eventually { directory.lookups.load(ordering: .relaxed) > before }
        #expect(directory.lookups.load(ordering: .relaxed) <= before + 60)
        _ = try await Self.ask(node, "PING")
        #expect(losses.load(ordering: .relaxed) == 0)
    }
}
