import StrataTesting
import Synchronization
import Testing

@testable import Strata
@testable import StrataRedis

/// What can be wrong with the Redis that instances share.
private enum Fault: Hashable, CustomTestStringConvertible {
    case full(policy: String), readOnly, loading, emptied, killed, hanging
    case wrongType, flipped, truncated
    case wrongPassword, slowLink, halfOpen

    static let all: [Fault] =
        [
            "noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
            "volatile-lfu", "volatile-random", "volatile-ttl",
        ].map(Fault.full) + [
            .readOnly, .loading, .emptied, .killed, .hanging, .wrongType, .flipped, .truncated,
            .wrongPassword, .slowLink, .halfOpen,
        ]

    var testDescription: String { "\(self)" }

    /// What may be said of entries that can't be read, and the one thing that must be.
    var unreadable: (possible: Set<String>, sure: String?) {
        switch self {
        case .wrongType: (["not a string"], "not a string")
        case .truncated: (["truncated", "not written by Strata"], "truncated")
        case .flipped:
            (
                [
                    "damaged", "truncated", "not written by Strata", "of an unknown version",
                ], "damaged"
            )
        default: ([], nil)
        }
    }

    /// The server's options.
    var options: [String] {
        switch self {
        case .full(let policy): ["--maxmemory", "6mb", "--maxmemory-policy", policy]
        case .loading:
            [
                "--save", "3600 1000000", "--key-load-delay", "2000",
                "--loading-process-events-interval-bytes", "1024",
            ]
        default: []
        }
    }
}

/// Two instances of a service, and the Redis that they share by way of a link.
private struct Service {
    let server: RedisServer
    let link: SlowLink
    let apps: [Handler]
    let cachings: [Caching]
    /// How often each page was changed.
    let versions: PageVersions
    /// What was said of entries that could not be read.
    let unreadable = Recorder<StoreEntryUnreadable>()

    private static let pages = (0..<40).map { "/page-\($0)" }

    init(_ server: RedisServer) async throws {
        self.server = server
        let link = try SlowLink(to: server.socketPath)
        let versions = PageVersions()
        var configuration = try RedisConfiguration(url: "unix://\(link.path)")
        configuration.stallTimeout = .milliseconds(500)
        let stores = try (0..<2).map { [unreadable] _ in
            TieredStore(
                memory: MemoryStore(maximumBytes: 64 << 10),
                shared: RedisStore(
                    client: try RedisClient(configuration), timeLimit: .milliseconds(40),
                    events: unreadable.events))
        }
        let cachings = stores.map { Caching(store: $0) }
        self.link = link
        self.versions = versions
        self.cachings = cachings
        apps = cachings.map { caching in
            wrap({ request in
                let text = "\(request.path) \(versions[request.path])"
                var response = Response(
                    headers: [.cacheControl: "max-age=60"],
                    body: .bytes(Array((text + String(repeating: " ", count: 2000)).utf8)))
                if request.path.hasSuffix("0") { response.headers[.vary] = "Accept-Language" }
                // What has a new tag is not kept while its generation can't be.
                if request.path.hasPrefix("/page") { response.cacheTags = [request.path] }
                return response
            }) { caching }
        }
        try await eventually { stores.allSatisfy(\.isCoherent) }
    }

    /// Asks for pages at random, and changes some.
    func use(_ count: Int, _ generator: inout SeededGenerator, _ seed: UInt64) async throws {
        for _ in 0..<count {
            // Some are new, so that there is something to write whatever was purged.
            let isNew = Int.random(in: 0..<16, using: &generator) == 0
            let path =
                isNew
                ? "/new-\(UInt64.random(in: 0 ... .max, using: &generator))"
                : Self.pages.randomElement(using: &generator) ?? ""
            let instance = Int.random(in: 0..<2, using: &generator)
            if Int.random(in: 0..<8, using: &generator) == 0 { await change(path, instance) }
            try await ask(for: path, instance, seed)
        }
    }

    /// Changes a page and purges it.
    private func change(_ path: String, _ instance: Int) async {
        let version = versions.advance(path)
        if (try? await cachings[instance].purge(.tag(path))) != nil {
            versions.settle(path, at: version, ContinuousClock().now)
        }
    }

    /// Asks for a page; what comes must be what was asked for, and no older than a purge that was
    /// done longer ago than instances may be behind.
    private func ask(for path: String, _ instance: Int, _ seed: UInt64) async throws {
        let least = versions.least(path, at: ContinuousClock().now - Self.maximumAge)
        let response = try await apps[instance](Request(path: path))
        let body = try await response.body.collect(upTo: 10_000)
        let words = String(decoding: body, as: UTF8.self).split(separator: " ")
        #expect(response.status == .ok, "seed \(seed)")
        try #require(words.count == 2, "seed \(seed)")
        #expect(words[0] == path, "seed \(seed)")
        let version = Int(words[1]) ?? -1
        #expect(version >= least && version <= versions[path], "\(path), seed \(seed)")
    }

    /// By how much instances may be behind, and a machine under load besides.
    private static let maximumAge = Duration.milliseconds(1500)

    private func askForAll(_ seed: UInt64) async throws {
        for path in Self.pages {
            for instance in apps.indices { try await ask(for: path, instance, seed) }
        }
    }

    /// Has somebody else change each page while both instances have it, and asks for it when they
    /// may not be behind any more.
    func changeAll(_ seed: UInt64, then happen: () async throws -> Void = {}) async throws {
        try await happen()
        try await askForAll(seed)
        let other = RedisStore(client: try server.client(), timeLimit: .milliseconds(200))
        for path in Self.pages {
            let version = versions.advance(path)
            let names = [PurgeName.any, PurgeName.tag(path)]
            let isPurged: Void? = try? await other.advanceGenerations(
                of: names, .hard, timeToLive: .seconds(600))
            if isPurged != nil { versions.settle(path, at: version, ContinuousClock().now) }
        }
        try await happen()
        try await Task.sleep(for: Self.maximumAge + .milliseconds(50))
        try await askForAll(seed)
    }

    /// Whether what one instance fetches is a hit at the other one.
    func isShared() async throws -> Bool {
        let request = Request(path: "/shared-\(UInt64.random(in: 0 ... .max))")
        _ = try await apps[0](request)
        // It is written behind the answer.
        try await Task.sleep(for: .milliseconds(20))
        return try await apps[1](request).headers[.cacheStatus]?.contains("; hit") == true
    }

    /// Brings the fault about.
    func suffer(_ fault: Fault, _ generator: inout SeededGenerator) async throws {
        let client = try server.client()
        switch fault {
        case .full(let policy):
            for index in 0..<100 {
                _ = try? await client.send(
                    "SET", "strata:e:fill-\(index)", .bytes([UInt8](repeating: 1, count: 100_000)),
                    "PX", 600_000)
            }
            guard policy == "noeviction" else { return }
            // Connections that end leave room for small values.
            try await client.send("CONFIG", "SET", "maxmemory", "1mb")
            let refusal = await storeError { try await client.send("SET", "strata:x", "", "PX", 1) }
            #expect(refusal?.redisError?.kind == "OOM")
        case .readOnly: try await client.send("REPLICAOF", "127.0.0.1", 1)
        case .loading:
            _ = try await client.pipeline(
                (0..<300).map { RedisCommand("SET", .text("key-\($0)"), "v", "PX", "600000") })
            try await client.send("SAVE")
            server.kill()
            try await server.start()
        case .emptied:
            server.kill()
            try await server.start()
        case .killed: server.kill()
        case .hanging: server.suspend()
        case .wrongType, .flipped, .truncated:
            for key in try await client.send("KEYS", "strata:e:*").array ?? [] {
                let key = RedisArgument.bytes(key.bytes ?? [])
                var bytes = try await client.send("GET", key).bytes ?? []
                guard !bytes.isEmpty else { continue }
                try await client.send("DEL", key)
                switch fault {
                case .wrongType: try await client.send("LPUSH", key, "x")
                case .flipped:
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= 1
                    try await client.send("SET", key, .bytes(bytes), "PX", 600_000)
                default:
                    let count = Int.random(in: 1..<bytes.count, using: &generator)
                    try await client.send(
                        "SET", key, .bytes(Array(bytes.prefix(count))), "PX", 600_000)
                }
            }
        case .wrongPassword:
            _ = try await client.pipeline([
                RedisCommand("CONFIG", "SET", "requirepass", "secret"),
                RedisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
            ])
        case .slowLink: link.delay = .milliseconds(300)
        case .halfOpen: link.swallow()
        }
    }

    /// Evicts what purges have written and nothing else, as a full server may.
    func evictPurges(_ fault: Fault) async throws {
        guard case .full(let policy) = fault, policy != "noeviction" else { return }
        let client = try server.client()
        let statistics = try await client.send("INFO", "stats").text ?? ""
        #expect(!statistics.contains("evicted_keys:0\r\n"))
        for key in try await client.send("KEYS", "strata:g:*").array ?? [] {
            try await client.send("DEL", .bytes(key.bytes ?? []))
        }
    }

    /// Makes it good again, as far as it isn't by itself.
    func heal(_ fault: Fault) async throws {
        switch fault {
        case .full:
            _ = try await server.client().send("CONFIG", "SET", "maxmemory", "0")
        case .readOnly: _ = try await server.client().send("REPLICAOF", "NO", "ONE")
        case .killed: try await server.start()
        case .hanging: server.resume()
        case .wrongPassword:
            let client = try server.client { $0.password = "secret" }
            try await client.send("CONFIG", "SET", "requirepass", "")
        case .slowLink: link.delay = .zero
        case .loading, .emptied, .wrongType, .flipped, .truncated, .halfOpen: break
        }
    }
}

/// How often each page was changed, and of which changes it is known that they were purged.
private final class PageVersions: Sendable {
    private struct Page {
        var version = 0
        var settled: [(version: Int, moment: ContinuousClock.Instant)] = []
    }
    private let pages = Mutex<[String: Page]>([:])

    subscript(path: String) -> Int { pages.withLock { $0[path]?.version ?? 0 } }

    func advance(_ path: String) -> Int {
        pages.withLock {
            $0[path, default: Page()].version += 1
            return $0[path]?.version ?? 0
        }
    }

    func settle(_ path: String, at version: Int, _ moment: ContinuousClock.Instant) {
        pages.withLock { $0[path]?.settled.append((version, moment)) }
    }

    /// The oldest version that may still be given after that moment.
    func least(_ path: String, at moment: ContinuousClock.Instant) -> Int {
        pages.withLock { $0[path]?.settled.last { $0.moment <= moment }?.version ?? 0 }
    }
}

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `What clients see of a Redis in disorder` {
    @Test(arguments: Fault.all)
    fileprivate func `is right answers, none late, and hits again when it is well`(
        fault: Fault
    ) async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let service = try await Service(RedisServer(options: fault.options))
        try await service.use(300, &generator, seed)
        try await service.suffer(fault, &generator)
        let time = try await elapsed { try await service.use(600, &generator, seed) }
        try await service.changeAll(seed) { try await service.evictPurges(fault) }
        // Were each request to wait for Redis' time limit, it would be at least 24 s.
        #expect(time < .seconds(6))
        let reasons = Set(service.unreadable.all.map(\.reason))
        #expect(reasons.isSubset(of: fault.unreadable.possible), "seed \(seed)")
        if let sure = fault.unreadable.sure { #expect(reasons.contains(sure), "seed \(seed)") }
        try await service.heal(fault)
        // Before the instances are connected again, where they were not.
        try await service.changeAll(seed)
        try await eventually { try await service.isShared() }
        try await service.use(300, &generator, seed)
        let client = try service.server.client()
        for key in try await client.send("KEYS", "strata:*").array ?? [] where fault != .wrongType {
            let life = try await client.send("PTTL", .bytes(key.bytes ?? [])).integer ?? 0
            #expect(life > 0 || life == -2, "\(key.text ?? "")")
        }
    }
}
