import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataRedis

/// Purges that Redis acknowledged and lost, or could not be told of.
@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `A purge that Redis does not have` {
    private static let name = "tag news"
    private static let kinds = [PurgeKind.hard, .soft(at: Timestamp(seconds: 7))]

    private static func generation(_ store: some CacheStore) async throws -> Generation? {
        try await store.generations(of: [name]).first
    }

    private static func purge(_ store: some CacheStore, _ kind: PurgeKind) async throws {
        try await store.advanceGenerations(of: [name], kind, timeToLive: .seconds(600))
    }

    /// Whether what was filled under one generation is left by the kind of purge in another.
    private static func isPurged(_ old: Generation, _ new: Generation?, _ kind: PurgeKind) -> Bool {
        kind == .hard ? new?.number != old.number : new?.staleSince != nil
    }

    private static func tiered(_ store: RedisStore) -> TieredStore {
        TieredStore(memory: MemoryStore(), shared: store)
    }

    @Test(arguments: kinds)
    func `is made again after a restart from a snapshot`(kind: PurgeKind) async throws {
        let server = try await RedisServer()
        let repeated = Recorder<RedisPurgesRepeated>()
        let store = RedisStore(client: try server.client(), events: repeated.events)
        let instance = Self.tiered(store)
        try await eventually { instance.isCoherent }
        let old = try #require(try await Self.generation(store))
        try await store.client.send("SAVE")
        try await Self.purge(instance, kind)
        server.kill()
        try await server.start()
        let other = RedisStore(client: try server.client())
        try await eventually { Self.isPurged(old, try await Self.generation(other), kind) }
        try await eventually { repeated.all.map(\.count) == [1] }
    }

    @Test func `of one URI is made again after a restart from a snapshot`() async throws {
        let server = try await RedisServer()
        let version = Atomic<UInt8>(1)
        func app(_ store: some CacheStore) -> Handler {
            wrap({ _ in
                Response(
                    headers: [.cacheControl: "max-age=600"],
                    body: .bytes([version.load(ordering: .relaxed)]))
            }) { Caching(store: store) }
        }
        let instance = Self.tiered(RedisStore(client: try server.client()))
        let other = RedisStore(client: try server.client())
        let (writer, reader) = (app(instance), app(other))
        func isHit(_ expected: UInt8) async throws -> Bool {
            let response = try await reader(Request(path: "/a"))
            let content = try await response.body.collect(upTo: 1)
            return response.cacheStatus.contains("; hit") && content == [expected]
        }
        try await eventually { instance.isCoherent }
        try await eventually { try await isHit(1) }
        try await other.client.send("SAVE")
        version.store(2, ordering: .relaxed)
        // An unsafe method makes what is stored for its target invalid (RFC 9111 §4.4).
        _ = try await writer(Request(method: .put, path: "/a"))
        server.kill()
        try await server.start()
        try await eventually { try await isHit(2) }
    }

    @Test(arguments: kinds)
    func `is made again at a replica that was promoted without it`(kind: PurgeKind) async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let store = RedisStore(client: try patientClient(url: servers.url))
        let instance = Self.tiered(store)
        try await eventually { instance.isCoherent }
        let old = try #require(try await Self.generation(store))
        let new = RedisStore(client: try servers.replicas[0].client())
        try await eventually {
            try await new.client.send("EXISTS", "strata:g:{strata:}\(Self.name)").integer == 1
        }
        try await new.client.send("REPLICAOF", "NO", "ONE")
        // The former primary is believed as long as it is there.
        try await Self.purge(store, kind)
        #expect(try await Self.generation(new) == old)
        servers.primary.kill()
        try await eventually { Self.isPurged(old, try await Self.generation(new), kind) }
    }

    @Test(arguments: kinds)
    func `since it was away is made when it is back`(kind: PurgeKind) async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client { $0.commandTimeout = .seconds(1) })
        let old = try #require(try await Self.generation(store))
        try await store.client.send("SAVE")
        server.kill()
        #expect(await storeError { try await Self.purge(store, kind) }?.code == .unavailable)
        try await server.start()
        let other = RedisStore(client: try server.client())
        try await eventually { Self.isPurged(old, try await Self.generation(other), kind) }
    }

    @Test func `is made though its request had no time left`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let old = try #require(try await Self.generation(store))
        let error = await Deadline.within(.zero) {
            await storeError { try await Self.purge(store, .hard) }
        }
        #expect(error?.code == .timedOut)
        try await eventually { Self.isPurged(old, try await Self.generation(store), .hard) }
    }

    @Test func `is of all that an unsafe request is about, though that had no time left`()
        async throws
    {
        let server = try await RedisServer()
        let caching = Caching(store: RedisStore(client: try server.client()))
        let app = wrap({ _ in
            Response(headers: [.cacheControl: "max-age=60", "No-Vary-Search": #"params=("utm")"#])
        }) { caching }
        func isHit() async throws -> Bool {
            try await app(Request(path: "/a", query: "utm=x")).cacheStatus.contains("hit")
        }
        try await eventually { try await isHit() }
        _ = try await Deadline.within(.zero) {
            try await app(Request(method: .delete, path: "/a", query: "utm=y"))
        }
        #expect(try await !isHit())
    }

    @Test func `keeps no client that nobody has any more`() async throws {
        let server = try await RedisServer()
        weak var client: RedisClient?
        do {
            let store = RedisStore(client: try server.client { $0.commandTimeout = .seconds(1) })
            client = store.client
            _ = try await Self.generation(store)
            server.kill()
            #expect(await storeError { try await Self.purge(store, .hard) } != nil)
            #expect(client != nil)
        }
        try await eventually { client == nil }
    }

    @Test func `takes the place of what was looked at, and of nothing newer`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        func replace(_ former: RedisArgument, _ new: RedisArgument) async throws -> Int64? {
            let reply = try await client.run(
                .replaceGenerations, keys: ["g"], arguments: [former, new, 60_000])
            return reply.array?.first?.integer
        }
        #expect(try await replace("1", "2") == 0)
        #expect(try await client.send("EXISTS", "g").integer == 0)
        #expect(try await replace("", "1") == 1)
        #expect(try await replace("", "3") == 0)
        try await client.send("PEXPIRE", "g", 90_000)
        #expect(try await replace("1", "2") == 1)
        #expect(try await client.send("GET", "g").text == "2")
        #expect(try await client.send("PTTL", "g").integer ?? 0 > 60_000)
    }

    @Test(
        arguments: [
            ([], Generation.first), (Array("00000000000000000007".utf8), Generation(7)),
            (Array("00000000000000000007@3".utf8), Generation(7)),
        ] as [([UInt8], Generation)])
    func `makes a generation unlike any before`(former: [UInt8], expected: Generation) {
        let moment = Timestamp(seconds: 9)
        func generation() -> Generation {
            RedisGeneration.read(RedisGeneration.bytes(after: former, .soft(at: moment), nil))
        }
        let (one, other) = (generation(), generation())
        #expect(one.number == expected.number && one != other)
        let since = one.staleSince ?? Timestamp(seconds: 0)
        #expect(since > moment && since < moment + .milliseconds(1))
        let hard = RedisGeneration.bytes(after: former, .hard, 8)
        #expect(RedisGeneration.read(hard) == Generation(8))
    }

    @Test func `is told from one that it has`() async throws {
        let server = try await RedisServer()
        let repeated = Recorder<RedisPurgesRepeated>()
        let store = RedisStore(client: try server.client(), events: repeated.events)
        let instance = Self.tiered(store)
        try await eventually { instance.isCoherent }
        try await Self.purge(instance, .hard)
        let purged = try await Self.generation(store)
        let admin = try server.client()
        func questions() async throws -> Int {
            try await `Memory in front of Redis`.calls(admin, of: ["mget"])
        }
        let before = try await questions()
        try await admin.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        // Redis is asked for what it has, once the connection is there again.
        try await eventually { try await questions() > before }
        #expect(try await Self.generation(store) == purged)
        #expect(repeated.all.isEmpty)
    }
}
