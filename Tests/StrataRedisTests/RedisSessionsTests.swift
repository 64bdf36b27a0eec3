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

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"), .serialized)
struct `Sessions in Redis` {
    @Test(arguments: SessionStoreConformance.checks)
    func `keep the contract of stores`(check: SessionStoreConformance.Check) async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let failures = await check.failures(of: store) { try await Task.sleep(for: $0) }
        #expect(failures.isEmpty, "\(failures)")
        try await expectEveryKeyToEnd(store)
    }

    @Test(arguments: [false, true])
    func `are never revived, whatever the order of saves, rotations and log-outs`(
        isSealed: Bool
    ) async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        try await interleave(store, isSealed: isSealed, count: 5_000)
        try await expectEveryKeyToEnd(store)
    }

    @Test func `in memory are not revived either`() async throws {
        try await interleave(MemorySessions(), isSealed: false, count: 5_000)
    }

    /// Runs so many interleavings, each of a seed of its own.
    private func interleave(
        _ store: any SessionStore, isSealed: Bool, count: Int
    ) async throws {
        let start = SeededGenerator(for: "interleavings").seed
        let key = SessionKey.random()
        let lanes = 16
        let failures = try await withThrowingTaskGroup(of: [String].self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    var failures: [String] = []
                    for number in stride(from: lane, to: count, by: lanes) {
                        let seed = start &+ UInt64(number)
                        var interleaving = SessionInterleaving(
                            store, key: key, isSealed: isSealed, seed: seed)
                        if let failure = try await interleaving.run() {
                            failures.append("\(failure) (STRATA_SEED=\(seed))")
                        }
                    }
                    return failures
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(failures.isEmpty, "\(failures.prefix(5))")
    }

    @Test func `lose none of 10,000 writes that 64 clients make by way of three instances`()
        async throws
    {
        let server = try await RedisServer()
        let instances = try (0..<3).map { _ in try Instance(server) }
        let cookie = try await instances[0].cookie { session in
            try await session.set(0, for: "overwritten")
        }
        try await withThrowingTaskGroup { group in
            for client in 0..<64 {
                group.addTask {
                    for number in stride(from: client, to: 10_000, by: 64) {
                        try await instances[number % 3].send(cookie) { session in
                            try await session.increment("sum")
                            try await session.set(number, for: "client \(client)")
                            let seen: Int = try await session.get("overwritten") ?? 0
                            try await session.set(seen + 1, for: "overwritten")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        try await instances[1].send(cookie) { session async throws in
            #expect(try await session.get("sum") == 10_000)
            for client in 0..<64 {
                let last = client + (9_999 - client) / 64 * 64
                #expect(try await session.get("client \(client)") == last)
            }
            // The control: what is read, changed and set loses to others.
            let overwritten: Int = try #require(try await session.get("overwritten"))
            #expect(overwritten < 10_000)
        }
    }

    @Test func `cost as few commands as they must`() async throws {
        let server = try await RedisServer()
        let instance = try Instance(server)
        let cookie = try await instance.cookie { try await $0.logIn(as: "ann") }
        // Redis must know the scripts beforehand, or each costs one command more the first time.
        try await instance.send(cookie) { try await $0.set(1, for: "a") }
        let other = try await instance.cookie { try await $0.logIn(as: "ann") }
        try await instance.send(other) { try await $0.logOutEverywhere() }
        let again = try await instance.cookie { try await $0.logIn(as: "ann") }
        let counts = try await [
            instance.commands { try await $0.send(nil) { _ = try await $0.principal } },
            instance.commands { try await $0.send(again) { _ in } },
            instance.commands { try await $0.send(again) { _ = try await $0.principal } },
            instance.commands { instance in
                try await instance.send(again) { session in
                    try await session.set(1, for: "a")
                    try await session.increment("b")
                    try await session.rotate()
                }
            },
            instance.commands { try await $0.send(nil) { try await $0.set(1, for: "a") } },
            instance.commands { try await $0.send(again) { try await $0.logOutEverywhere() } },
        ]
        #expect(counts == [0, 0, 1, 2, 1, 1])
    }

    @Test func `leave no id in Redis, and no value where they are encrypted`() async throws {
        let server = try await RedisServer()
        let instance = try Instance(server) { $0.sealsValues = true }
        var tokens: [String] = []
        for number in 0..<10 {
            let cookie = try await instance.cookie { session in
                try await session.logIn(as: "principal-\(number)")
                for value in 0..<100 {
                    try await session.set("known-\(number)-\(value)", for: "k\(value)")
                }
            }
            tokens.append(cookie)
        }
        let client = instance.store.client
        try await client.send("CONFIG", "SET", "rdbcompression", "no")
        try await client.send("SAVE")
        let directory = try await client.send("CONFIG", "GET", "dir").array?.last?.text
        let dump = try contents(of: try #require(directory) + "/dump.rdb")
        #expect(dump.count > 10_000)
        let text = String(decoding: dump.map { $0 < 0x80 ? $0 : 0x2E }, as: UTF8.self)
        #expect(text.contains("=k99"))
        for needle in ["known-", "principal-"] { #expect(!text.contains(needle)) }
        for token in tokens {
            let value = String(token.drop { $0 != "=" }.dropFirst())
            let bytes = try #require([UInt8](base64URL: value))
            #expect(!text.contains(value.prefix(24)))
            #expect(!contains(dump, Array(bytes[..<SessionID.byteCount])))
        }
    }

    @Test func `in a Redis that hangs hold nobody up for longer than its time`() async throws {
        let server = try await RedisServer()
        let instance = try Instance(server, timeLimit: .milliseconds(30))
        let cookie = try await instance.cookie { try await $0.logIn(as: "ann") }
        server.suspend()
        defer { server.resume() }
        let clock = ContinuousClock()
        var start = clock.now
        let response = try await instance.send(cookie) { _ = try await $0.principal }
        #expect(response.status == .serviceUnavailable)
        #expect(clock.now - start < .milliseconds(200))
        start = clock.now
        for _ in 0..<100 { try await instance.send(nil) { _ = try await $0.principal } }
        #expect(clock.now - start < .milliseconds(500))
    }

    @Test func `end for a principal whose record Redis has evicted`() async throws {
        let server = try await RedisServer()
        let instance = try Instance(server)
        let cookie = try await instance.cookie { try await $0.logIn(as: "ann") }
        let principal = SessionDigest(of: Array("ann".utf8), kind: "principal")
        try await instance.store.client.send("DEL", .text("strata:p:\(principal)"))
        try await instance.send(cookie) { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    /// Expects each key to begin with the prefix and to have a time to live.
    private func expectEveryKeyToEnd(_ store: RedisStore) async throws {
        let keys = (try await store.client.send("KEYS", "*").array ?? []).compactMap(\.text)
        #expect(keys.allSatisfy { $0.hasPrefix(store.prefix) })
        let lives = try await store.client.pipeline(
            keys.map { RedisCommand("PTTL", .text($0)) }, within: .seconds(30))
        // One may have ended between the two commands.
        let endless = zip(keys, lives).filter { ($1.integer ?? -1) < 0 && $1.integer != -2 }
        #expect(endless.isEmpty, "\(endless.count) keys have no time to live")
    }

    private func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        (0...(bytes.count - needle.count)).contains {
            bytes[$0] == needle[0] && bytes[$0..<$0 + needle.count].elementsEqual(needle)
        }
    }

    private func contents(of path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes += buffer[..<count]
        }
        return bytes
    }
}

/// One of several copies of a service on one Redis.
private struct Instance: Sendable {
    let store: RedisStore
    let sessions: Sessions

    private static let key = SessionKey.random()

    init(
        _ server: borrowing RedisServer, timeLimit: Duration = .seconds(10),
        _ configure: (inout Sessions.Configuration) -> Void = { _ in }
    ) throws {
        var configuration = Sessions.Configuration()
        configure(&configuration)
        store = RedisStore(client: try server.client(), timeLimit: timeLimit)
        sessions = Sessions(store: store, keys: [Self.key], configuration: configuration)
    }

    /// Sends a request with that cookie.
    @discardableResult
    func send(
        _ cookie: String?, _ handler: @escaping @Sendable (Session) async throws -> Void
    ) async throws -> Response {
        var request = Request(.get, "/")
        request.headers[.cookie] = cookie
        let app = wrap({ request in
            try await handler(request.session)
            return Response()
        }) { sessions }
        return try await app(request)
    }

    /// The cookie that a request without one gets.
    func cookie(
        _ handler: @escaping @Sendable (Session) async throws -> Void
    ) async throws -> String {
        let line = try #require(try await send(nil, handler).headers[.setCookie])
        return String(line.prefix { $0 != ";" })
    }

    /// How many commands the body sends to Redis; those inside of scripts are part of them.
    func commands(_ body: (Instance) async throws -> Void) async throws -> Int {
        try await store.client.send("CONFIG", "RESETSTAT")
        try await body(self)
        let info = try await store.client.send("INFO", "commandstats").text ?? ""
        var count = 0
        for line in info.split(whereSeparator: \.isNewline) {
            for name in ["evalsha", "eval"] where line.hasPrefix("cmdstat_\(name):") {
                let calls = line.drop { $0 != "=" }.dropFirst().prefix { $0.isNumber }
                count += Int(calls) ?? 0
            }
        }
        return count
    }
}
