import StrataTesting
import Synchronization
import Testing

@testable import Strata
@testable import StrataRedis

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(1)))
struct `When Redis is in disorder` {
    private static func value(_ store: RedisStore, _ key: String) async throws -> [UInt8]? {
        try await store.value(for: key, as: [UInt8].self)
    }

    /// Fills the server beyond its memory.
    private static func fill(_ store: RedisStore) async -> [StoreError] {
        var errors: [StoreError] = []
        for index in 0..<64 {
            let error = await storeError {
                try await store.set(
                    [UInt8](repeating: 1, count: 100_000), for: "fill-\(index)",
                    timeToLive: .seconds(600))
            }
            if let error { errors.append(error) }
        }
        return errors
    }

    @Test(arguments: [
        "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
        "volatile-random", "volatile-ttl",
    ])
    func `a full server evicts, and what is gone is a miss`(policy: String) async throws {
        let server = try await RedisServer(
            options: ["--maxmemory", "4mb", "--maxmemory-policy", policy])
        let store = RedisStore(client: try server.client())
        #expect(await Self.fill(store).isEmpty)
        var hits = 0
        for index in 0..<64 {
            guard let value = try await Self.value(store, "fill-\(index)") else { continue }
            #expect(value == [UInt8](repeating: 1, count: 100_000))
            hits += 1
        }
        #expect((1..<64).contains(hits))
    }

    @Test func `a full server that evicts nothing refuses writes, and reads go on`() async throws {
        let server = try await RedisServer(
            options: ["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"])
        let store = RedisStore(client: try server.client())
        try await store.set([1], for: "first", timeToLive: .seconds(600))
        let errors = await Self.fill(store)
        #expect(!errors.isEmpty)
        #expect(errors.allSatisfy { $0.code == .refused && $0.message.contains("maxmemory") })
        #expect(try await Self.value(store, "first") == [1])
        // What is removed makes room; the purge itself is refused until then.
        try await store.remove((0..<64).map { "fill-\($0)" })
        try await eventually {
            await storeError {
                try await store.set([2], for: "second", timeToLive: .seconds(60))
            } == nil
        }
    }

    @Test func `a server that became a replica refuses writes at once`() async throws {
        let (old, new) = (try await RedisServer(), try await RedisServer())
        let client = try old.client()
        let store = RedisStore(client: client)
        try await store.set([1], for: "key", timeToLive: .seconds(600))
        try await client.send("REPLICAOF", "127.0.0.1", .integer(new.port))
        let error = await storeError {
            try await store.set([2], for: "key", timeToLive: .seconds(600))
        }
        #expect(error?.code == .refused)
        #expect(error?.redisError?.kind == "READONLY")
    }

    @Test func `a server that is still loading counts as none, and is used once it has loaded`()
        async throws
    {
        let server = try await RedisServer(
            options: [
                "--save", "3600 1000000", "--key-load-delay", "2000",
                "--loading-process-events-interval-bytes", "1024",
            ])
        let client = try server.client()
        let commands = (0..<300).map {
            RedisCommand("SET", .text("key-\($0)"), "v", "PX", "600000")
        }
        _ = try await client.pipeline(commands)
        try await client.send("SAVE")
        server.kill()
        try await server.start()
        let store = RedisStore(client: try server.client())
        let error = await storeError { _ = try await Self.value(store, "x") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("LOADING") == true)
        try await eventually { await storeError { _ = try await Self.value(store, "x") } == nil }
        // The other client has been told to come again as well, and does so in its own time.
        try await eventually { (try? await client.send("GET", "key-299"))?.text == "v" }
    }

    @Test func `a server that comes back empty is a miss, and is filled again`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        try await store.set([1], for: "key", timeToLive: .seconds(600))
        server.kill()
        #expect(await storeError { _ = try await Self.value(store, "key") }?.code == .unavailable)
        try await server.start()
        try await eventually {
            await storeError { _ = try await Self.value(store, "key") } == nil
        }
        #expect(try await Self.value(store, "key") == nil)
        try await store.set([2], for: "key", timeToLive: .seconds(600))
        #expect(try await Self.value(store, "key") == [2])
    }

    @Test func `a wrong type, a flipped bit and a cut entry are misses, and are overwritten`()
        async throws
    {
        let server = try await RedisServer()
        let unreadable = Recorder<StoreEntryUnreadable>()
        let store = RedisStore(client: try server.client(), events: unreadable.events)
        let client = store.client
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let value = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        for round in 0..<60 {
            try await store.set(value, for: "key", timeToLive: .seconds(600))
            var bytes = try await client.send("GET", "strata:e:key").bytes ?? []
            switch round % 3 {
            case 0:
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes = Array(bytes.prefix(Int.random(in: 1..<bytes.count, using: &generator)))
            default: break
            }
            if round % 3 == 2 {
                try await client.send("DEL", "strata:e:key")
                try await client.send("LPUSH", "strata:e:key", "x")
            } else {
                try await client.send("SET", "strata:e:key", .bytes(bytes), "PX", 600_000)
            }
            #expect(try await Self.value(store, "key") == nil, "seed \(seed)")
            #expect(unreadable.all.count == round + 1, "seed \(seed)")
        }
        try await store.set(value, for: "key", timeToLive: .seconds(600))
        #expect(try await Self.value(store, "key") == value)
    }

    @Test func `a slow link costs the deadline, and answers as soon as it can`() async throws {
        let server = try await RedisServer()
        let link = try SlowLink(to: server.socketPath)
        var configuration = try RedisConfiguration(url: "unix://\(link.path)")
        configuration.commandTimeout = .seconds(10)
        let client = try RedisClient(configuration)
        let store = RedisStore(client: client, timeLimit: .milliseconds(100))
        try await store.set([1], for: "key", timeToLive: .seconds(600))
        link.delay = .milliseconds(20)
        #expect(try await Self.value(store, "key") == [1])
        link.delay = .milliseconds(400)
        let time = await elapsed {
            let error = await storeError { _ = try await Self.value(store, "key") }
            #expect(error?.code == .timedOut)
        }
        #expect(time < .milliseconds(300))
        link.delay = .zero
        try await eventually { (try? await Self.value(store, "key")) == [1] }
    }

    @Test func `a link that is always too slow costs the deadline now and then at most`()
        async throws
    {
        let server = try await RedisServer()
        let link = try SlowLink(to: server.socketPath)
        let store = try await RedisStore(url: "unix://\(link.path)")
        link.delay = .milliseconds(60)
        var late = 0
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .seconds(2) {
            let time = await elapsed { _ = try? await Self.value(store, "key") }
            if time > .milliseconds(20) { late += 1 }
            try await Task.sleep(for: .milliseconds(2))
        }
        #expect(late < 5)
        link.delay = .zero
        try await eventually { await storeError { _ = try await Self.value(store, "key") } == nil }
    }

    @Test func `a half-open connection is given up and another one opened`() async throws {
        let server = try await RedisServer()
        let link = try SlowLink(to: server.socketPath)
        var configuration = try RedisConfiguration(url: "unix://\(link.path)")
        configuration.commandTimeout = .milliseconds(50)
        configuration.stallTimeout = .milliseconds(300)
        let client = try RedisClient(configuration)
        try await client.send(RedisCommand("SET", "key", "v"), within: .seconds(5))
        // The peer is gone without a word: nothing is refused, and nothing answered.
        link.swallow()
        #expect(await storeError { try await client.send("GET", "key") }?.code == .timedOut)
        try await eventually { (try? await client.send("GET", "key"))?.text == "v" }
    }

    @Test(arguments: [
        ("noeviction", false), ("volatile-lru", true), ("allkeys-lru", true),
        ("volatile-ttl", true), ("allkeys-random", true),
    ])
    func `a server that may evict sessions is told of`(policy: String, isTold: Bool) async throws {
        let server = try await RedisServer(
            options: ["--maxmemory", "100mb", "--maxmemory-policy", policy])
        let recorder = Recorder<SessionEvictionRisk>()
        let store = RedisStore(client: try server.client(), events: recorder.events)
        #expect(await store.sessionEvictionRisk()?.policy == (isTold ? policy : nil))
        // At start-up, before there is any session, and once.
        let tiered = TieredStore(memory: MemoryStore(), shared: store)
        for _ in 0..<2 { _ = Sessions(store: tiered, keys: [.random()]) }
        try await eventually { recorder.all.count == (isTold ? 1 : 0) }
        let session = SessionDigest(of: Array("x".utf8), kind: "session")
        for _ in 0..<3 { _ = try await store.load(session) }
        #expect(recorder.all.count == (isTold ? 1 : 0))
        // Without a limit nothing is evicted, whatever the policy.
        try await store.client.send("CONFIG", "SET", "maxmemory", "0")
        #expect(await store.sessionEvictionRisk() == nil)
    }

    @Test func `a server that was away at start-up is asked with the first session`() async throws {
        let server = try await RedisServer(
            options: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
        let recorder = Recorder<SessionEvictionRisk>()
        let store = RedisStore(client: try server.client(), events: recorder.events)
        server.kill()
        try await eventually {
            await storeError { try await store.client.send("PING") }?.code == .unavailable
        }
        _ = Sessions(store: store, keys: [.random()])
        try await server.start()
        let session = SessionDigest(of: Array("x".utf8), kind: "session")
        try await eventually {
            _ = try? await store.load(session)
            return recorder.all.count == 1
        }
    }

    @Test func `a server that took no more clients at start-up is asked later`() async throws {
        let server = try await RedisServer(
            options: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
        let admin = try server.client()
        try await admin.send("CONFIG", "SET", "maxclients", 1)
        let told = Mutex<[String]>([])
        let store = RedisStore(
            client: try server.client(),
            events: Events { event in told.withLock { $0.append("\(event)") } })
        _ = Sessions(store: store, keys: [.random()])
        try await eventually {
            await storeError { try await store.client.send("PING") }?.message
                .contains("maxclients") == true
        }
        try await admin.send("CONFIG", "SET", "maxclients", 100)
        let session = SessionDigest(of: Array("x".utf8), kind: "session")
        try await eventually {
            _ = try? await store.load(session)
            return told.withLock { !$0.isEmpty }
        }
        #expect(told.withLock { $0.allSatisfy { $0.contains("allkeys-lru") } })
    }

    @Test func `a server that may not be asked is not asked again, which is told`() async throws {
        let server = try await RedisServer(
            options: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
        let admin = try server.client()
        try await admin.send("ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-info")
        let faults = Recorder<StoreFault>()
        let store = RedisStore(
            client: try server.client {
                $0.username = "app"
                $0.password = "secret"
            }, events: faults.events)
        _ = Sessions(store: store, keys: [.random()])
        try await eventually { !faults.all.isEmpty }
        let fault = try #require(faults.all.first)
        #expect(fault.error.message.contains("noeviction"))
        try await admin.send("CONFIG", "RESETSTAT")
        let session = SessionDigest(of: Array("x".utf8), kind: "session")
        for _ in 0..<10 { _ = try await store.load(session) }
        #expect(faults.all.count == 1)
        let statistics = try await admin.send("INFO", "commandstats").text ?? ""
        let calls = statistics.split(separator: "cmdstat_evalsha:calls=").last?
            .prefix { $0.isNumber }
        #expect((10...12).contains(calls.flatMap { Int($0) } ?? 0), "\(statistics)")
    }

    @Test func `a full server that evicts nothing purges all the same`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let store = RedisStore(client: client)
        let names = [PurgeName.any, PurgeName.tag("a"), PurgeName.tag("new")]
        let before = try await store.generations(of: Array(names.prefix(2)))
        let uri = "http://shop/a"
        try await store.set([1], for: uri, timeToLive: .seconds(60))
        try await client.send("CONFIG", "SET", "maxmemory", "1")
        // What there is nothing under needs no room.
        try await store.advanceGenerations(of: names, .hard, timeToLive: .seconds(60))
        let hard = try await store.generations(of: Array(names.prefix(2)))
        #expect(hard[0] != before[0] && hard[1] != before[1])
        let moment = Timestamp(seconds: 7)
        try await store.advanceGenerations(of: names, .soft(at: moment), timeToLive: .seconds(60))
        let soft = try await store.generations(of: Array(names.prefix(2)))
        #expect(soft == hard.map { Generation($0.number, staleSince: moment) })
        #expect(try await client.send("DBSIZE").integer == 3)
        // A single URI is away, and that its variants may come back is told.
        let error = await storeError {
            try await store.advanceGenerations(
                of: [PurgeName.any, "uri \(uri)"], .hard, timeToLive: .seconds(60))
        }
        #expect(error?.redisError?.kind == "OOM")
        #expect(try await Self.value(store, uri) == nil)
        try await client.send("CONFIG", "SET", "maxmemory", "0")
        try await eventually { try await store.generations(of: ["uri \(uri)"]) != [.first] }
        for key in try await client.send("KEYS", "*").array ?? [] {
            #expect(try await client.send("PTTL", .bytes(key.bytes ?? [])).integer ?? 0 > 0)
        }
    }

    @Test(arguments: [
        RedisCommand("LPUSH", "key", "x"), RedisCommand("HSET", "key", "x", "y"),
        RedisCommand("SADD", "key", "x"), RedisCommand("ZADD", "key", 1, "x"),
        RedisCommand("XADD", "key", "*", "x", "y"),
    ])
    func `what is of another type where purges and leases are is replaced`(
        foreign: RedisCommand
    ) async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let store = RedisStore(client: client)
        func replace(_ key: String) async throws {
            let words = foreign.words.map { RedisArgument.bytes(Array($0)) }
            try await client.send("DEL", .text(key))
            try await client.send(RedisCommand([words[0], .text(key)] + words[2...]))
        }
        let (tag, key) = (PurgeName.tag("a"), store.generationKey(PurgeName.tag("a")))
        let before = try await store.generations(of: [tag])
        try await replace(key)
        let after = try await store.generations(of: [tag])
        #expect(after != before && after[0] != .first)
        #expect(try await store.generations(of: [tag]) == after)
        for kind in [PurgeKind.hard, .soft(at: Timestamp(seconds: 7))] {
            let before = try await store.generations(of: [tag])
            try await replace(key)
            try await store.advanceGenerations(of: [tag], kind, timeToLive: .seconds(60))
            #expect(try await store.generations(of: [tag]) != before)
        }
        // As after a restart from an older snapshot.
        try await store.advanceGenerations(of: [tag], .hard, timeToLive: .seconds(60))
        try await replace(key)
        store.losses.doubt()
        store.settlePurges()
        try await eventually { store.losses.purges.update { $0.owed(atMost: 1, now: 0) } == nil }

        let token = LeaseToken()
        try await replace(store.leaseKey("page"))
        #expect(try await store.extendLease(of: "page", token: token, for: .seconds(9)) == false)
        try await store.releaseLease(of: "page", token: token)
        #expect(try await store.takeLease(of: "page", token: token, for: .seconds(9)) == .taken)
        guard
            case .held = try await store.takeLease(
                of: "page", token: LeaseToken(), for: .seconds(9))
        else {
            Issue.record("The lease was taken twice.")
            return
        }
        try await store.releaseLease(of: "page", token: token)
        #expect(try await client.send("EXISTS", .text(store.leaseKey("page"))).integer == 0)
    }

    @Test func `a purged URI stays away though Redis evicts its generation`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let store = RedisStore(client: client)
        let name = "uri http://shop/a"
        try await store.set([1], for: "http://shop/a", timeToLive: .seconds(60))
        try await store.set([2], for: "http://shop/b", timeToLive: .seconds(60))
        try await store.advanceGenerations(of: [name], .hard, timeToLive: .seconds(60))
        let generation = RedisArgument.text(store.generationKey(name))
        #expect(try await client.send("DEL", generation).integer == 1)
        #expect(try await store.value(for: "http://shop/a", as: [UInt8].self) == nil)
        #expect(try await store.value(for: "http://shop/b", as: [UInt8].self) == [2])
        // A soft purge leaves what is stale where it is.
        try await store.advanceGenerations(
            of: ["uri http://shop/b"], .soft(at: Timestamp(nanoseconds: 1)),
            timeToLive: .seconds(60))
        #expect(try await store.value(for: "http://shop/b", as: [UInt8].self) == [2])
    }
}
