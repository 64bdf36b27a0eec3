import Strata
import StrataRedis
import StrataTesting
import Synchronization
import Testing

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `Memory in front of Redis` {
    /// One instance's store.
    static func instance(
        _ server: RedisServer, maximumStaleness: Duration = .seconds(60),
        copyLifetime: Duration = .seconds(60)
    ) throws -> TieredStore {
        var configuration = TieredStore.Configuration()
        configuration.maximumStaleness = maximumStaleness
        configuration.copyLifetime = copyLifetime
        return TieredStore(
            memory: MemoryStore(),
            shared: RedisStore(client: try server.client(), maximumValueBytes: 1_000_000),
            configuration: configuration)
    }

    /// How many commands Redis has carried out so far, those of the subscriber not among them.
    static func calls(_ client: RedisClient, of names: Set<String>) async throws -> Int {
        let text = try await client.send("INFO", "commandstats").text ?? ""
        return text.split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            guard line.hasPrefix("cmdstat_"), let colon = line.firstIndex(of: ":") else {
                return sum
            }
            let name = String(line[..<colon].dropFirst("cmdstat_".count))
            guard names.contains(name) else { return sum }
            let count = line.dropFirst(line.prefix { $0 != "=" }.count + 1).prefix { $0 != "," }
            return sum + (Int(count) ?? 0)
        }
    }

    @Test(arguments: CacheStoreConformance.checks)
    func `keeps the contract of stores`(check: CacheStoreConformance.Check) async throws {
        let server = try await RedisServer()
        let store = try Self.instance(server)
        let failures = await check.failures(of: store, maximumEntryBytes: 1_000_000) {
            try await Task.sleep(for: $0)
        }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test(arguments: SessionStoreConformance.checks)
    func `keeps the contract of sessions' stores`(
        check: SessionStoreConformance.Check
    ) async throws {
        let server = try await RedisServer()
        let store = try Self.instance(server)
        let failures = await check.failures(of: store) { try await Task.sleep(for: $0) }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test
    func `a database that is swapped for another, of which Redis tells nobody, is shared soon`()
        async throws
    {
        let server = try await RedisServer()
        let stores = try (0..<2).map { _ in
            try Self.instance(server, copyLifetime: .milliseconds(200))
        }
        let apps = stores.map { store in
            wrap({ _ in Response(headers: [.cacheControl: "max-age=60"], body: .bytes([1])) }) {
                Caching(store: store)
            }
        }
        try await eventually { stores.allSatisfy(\.isCoherent) }
        func isHit(_ app: Handler, _ path: String) async throws -> Bool {
            try await app(Request(path: path)).headers.first("Cache-Status")?
                .contains("hit") == true
        }
        // Until both know all generations but those of single URIs.
        for number in 0..<10 {
            for app in apps { _ = try await isHit(app, "/a/\(number)") }
            try await Task.sleep(for: .milliseconds(5))
        }
        _ = try await server.client().send("SWAPDB", .integer(0), .integer(1))
        try await eventually {
            let path = "/a/\(UInt64.random(in: 0 ... .max))"
            _ = try await isHit(apps[0], path)
            return try await isHit(apps[1], path)
        }
    }

    @Test func `a hit in memory asks Redis nothing, and one in Redis once`() async throws {
        let server = try await RedisServer()
        let (one, other) = (try Self.instance(server), try Self.instance(server))
        let client = try server.client()
        func app(_ store: TieredStore) -> Handler {
            wrap({ _ in
                var response = Response(
                    headers: [.cacheControl: "max-age=60", .vary: "Accept-Language"],
                    body: .bytes([1]))
                response.cacheTags = ["a-tag"]
                return response
            }) { Caching(store: store) }
        }
        let (first, second) = (app(one), app(other))
        try await eventually { one.isCoherent && other.isCoherent }
        func hit(_ handler: Handler) async throws -> Bool {
            let response = try await handler(Request(path: "/a"))
            return response.cacheStatus.contains("hit")
        }
        _ = try await hit(first)
        try await eventually { try await hit(second) }
        // Once Redis has told of the fill.
        try await eventually {
            let asked = try await Self.calls(client, of: ["getrange", "mget", "evalsha"])
            guard try await hit(first), try await hit(second) else { return false }
            return try await Self.calls(client, of: ["getrange", "mget", "evalsha"]) == asked
        }
    }

    @Test func `what one instance purges is gone from the memory of the others`() async throws {
        let server = try await RedisServer()
        let stores = try (0..<3).map { _ in try Self.instance(server) }
        let cachings = stores.map { Caching(store: $0) }
        let apps = cachings.map { caching in
            wrap({ _ in
                var response = Response(
                    headers: [.cacheControl: "max-age=60"], body: .bytes([1]))
                response.cacheTags = ["news"]
                return response
            }) { caching }
        }
        try await eventually { stores.allSatisfy(\.isCoherent) }
        func hits() async throws -> [Bool] {
            var hits: [Bool] = []
            for app in apps {
                let response = try await app(Request(path: "/a"))
                hits.append(response.cacheStatus.contains("hit"))
            }
            return hits
        }
        _ = try await hits()
        try await eventually { try await hits() == [true, true, true] }
        try await cachings[0].purge(.tag("news"))
        try await eventually {
            // The first to ask fills it anew, and the others hit that.
            try await apps[2](Request(path: "/a")).cacheStatus.contains("stored")
        }
    }

    @Test func `a generation that Redis lost leaves purged what it purged`() async throws {
        let server = try await RedisServer()
        let redis = RedisStore(client: try server.client())
        let before = try await redis.generations(of: ["tag a"])
        try await redis.advanceGenerations(of: ["tag a"], .hard, timeToLive: .seconds(60))
        let purged = try await redis.generations(of: ["tag a"])
        for key in try await redis.client.send("KEYS", "strata:g:*").array ?? [] {
            try await redis.client.send("DEL", .text(key.text ?? ""))
        }
        let after = try await redis.generations(of: ["tag a"])
        #expect(Set(before + purged + after).count == 3)
        #expect(try await redis.generations(of: ["tag a"]) == after)
        for key in try await redis.client.send("KEYS", "*").array ?? [] {
            #expect(try await redis.client.send("PTTL", .text(key.text ?? "")).integer ?? 0 > 0)
        }
    }

    @Test func `while Redis hangs memory answers for as long as it may, and not longer`()
        async throws
    {
        let server = try await RedisServer()
        let store = try Self.instance(server, maximumStaleness: .milliseconds(600))
        try await eventually { store.isCoherent }
        try await store.set([1], for: "a", timeToLive: .seconds(60))
        try await eventually {
            _ = try await store.value(for: "a", as: [UInt8].self)
            server.suspend()
            defer { server.resume() }
            return try await store.value(for: "a", as: [UInt8].self) == [1]
        }
        try await eventually { store.isCoherent }
        #expect(try await store.value(for: "a", as: [UInt8].self) == [1])
    }

    @Test func `the channel outlasts the end of very much at once`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let redis = RedisStore(client: client)
        let told = Mutex((keys: 0, isLost: false))
        let observation = try redis.observeChanges(heartbeat: .seconds(60)) { change in
            told.withLock { told in
                switch change {
                case .values(let keys): told.keys += keys.count
                case .lost: told.isLost = true
                default: break
                }
            }
        }
        defer { observation.cancel() }
        try await eventually {
            _ = try await client.send("SET", "strata:e:a", "x", "PX", 60_000)
            return told.withLock(\.keys) > 0
        }
        let script = RedisScript(
            """
            for number = 1, 30000 do
                redis.call('SET', 'strata:e:http://shop.example/' .. number, 1, 'PX', 60000)
            end
            """)
        _ = try await client.run(script, within: .seconds(60))
        try await eventually { told.withLock { $0.keys > 30_000 || $0.isLost } }
        #expect(told.withLock(\.isLost) == false)
    }

    @Test func `after a restart what is in memory is not trusted`() async throws {
        let server = try await RedisServer()
        let store = try Self.instance(server)
        try await eventually { store.isCoherent }
        try await store.set([1], for: "a", timeToLive: .seconds(60))
        #expect(try await store.value(for: "a", as: [UInt8].self) == [1])
        server.kill()
        try await server.start()
        try await eventually {
            (try? await store.value(for: "a", as: [UInt8].self)) == .some(nil)
        }
    }
}

extension Response {
    var cacheStatus: String { headers.first("Cache-Status") ?? "" }
}
