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

/// How long the soak lasts: `STRATA_SOAK_SECONDS`, and not at all without it.
private let soakSeconds = getenv("STRATA_SOAK_SECONDS").flatMap { Int(String(cString: $0)) } ?? 0

/// The resident memory of this process in bytes.
private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = fread(&bytes, 1, bytes.count, file)
    let fields = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}

@Suite(.enabled(if: soakSeconds > 0, "set STRATA_SOAK_SECONDS"))
struct `While Redis fails again and again` {
    @Test func `no value is wrong, no error unexpected, memory stays flat, and every key ends`()
        async throws
    {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var servers = try await ReplicatedServers(replicas: 1).all
        let url = "redis://" + servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        var configuration = try RedisConfiguration(url: url + "?reads=quickest")
        configuration.commandTimeout = .milliseconds(200)
        let client = try RedisClient(configuration)
        let store = RedisStore(client: client, timeLimit: .milliseconds(40))
        let clock = ContinuousClock()
        let end = clock.now + .seconds(soakSeconds)
        let middle = clock.now + .seconds(soakSeconds / 3)
        var early = 0

        try await withThrowingTaskGroup(of: (hits: Int, failures: Int).self) { group in
            for task in 0..<32 {
                group.addTask {
                    var (hits, failures) = (0, 0)
                    var generator = SeededGenerator(seed: seed &+ UInt64(task))
                    while clock.now < end {
                        let number = Int.random(in: 0..<500, using: &generator)
                        let key = "key-\(number)"
                        let content = [UInt8](
                            repeating: UInt8(number % 251), count: 100 + number * 37 % 9000)
                        do throws(StoreError) {
                            switch Int.random(in: 0..<10, using: &generator) {
                            case 0..<6:
                                let value = try await store.value(for: key, as: [UInt8].self)
                                if let value {
                                    #expect(value == content, "seed \(seed)")
                                    hits += 1
                                }
                            case 6..<8:
                                try await store.set(
                                    content, for: key, timeToLive: .seconds(600))
                            case 8:
                                _ = try await store.generations(of: ["a", key])
                            default:
                                try await store.advanceGenerations(
                                    of: [key], .hard, timeToLive: .seconds(600))
                            }
                        } catch {
                            failures += 1
                            let expected: [StoreError.Code] = [.unavailable, .timedOut, .refused]
                            #expect(expected.contains(error.code), "seed \(seed): \(error)")
                            // As long as nothing answers, the tasks need not spin.
                            try? await Task.sleep(for: .milliseconds(2))
                        }
                    }
                    return (hits, failures)
                }
            }
            while clock.now < end {
                try await Task.sleep(
                    for: .milliseconds(Int.random(in: 100...600, using: &generator)))
                if early == 0, clock.now > middle { early = residentBytes() }
                try await strike(&servers, client, using: &generator)
            }
            var (hits, failures) = (0, 0)
            for try await result in group {
                hits += result.hits
                failures += result.failures
            }
            print("soak: \(hits) hits, \(failures) failures, seed \(seed)")
            #expect(hits > soakSeconds * 100)
        }
        // All is well again, and nothing is left that does not end.
        try await eventually {
            (try? await store.set([1], for: "last", timeToLive: .seconds(60))) != nil
        }
        try await expectThatAllKeysEnd(servers)
        let late = residentBytes()
        print("soak: \(early) bytes resident after a third, \(late) at the end")
        #expect(late < early + (32 << 20))
    }

    /// Does the primary, or who is it, some harm.
    private func strike(
        _ servers: inout [RedisServer], _ client: RedisClient,
        using generator: inout SeededGenerator
    ) async throws {
        let victim = servers[0]
        switch Int.random(in: 0..<5, using: &generator) {
        case 0:
            victim.kill()
            try await Task.sleep(for: .milliseconds(200))
            try await victim.start()
        case 1:
            victim.suspend()
            try await Task.sleep(for: .milliseconds(300))
            victim.resume()
        case 2: _ = try? await client.send("FLUSHALL")
        case 3:
            // A failover: the other one is promoted, and this one copies it.
            _ = try? await servers[1].client().send("REPLICAOF", "NO", "ONE")
            _ = try? await victim.client().send(
                "REPLICAOF", "127.0.0.1", .integer(servers[1].port))
            servers.swapAt(0, 1)
        default: _ = try? await client.send("CLIENT", "KILL", "TYPE", "normal")
        }
    }

    private func expectThatAllKeysEnd(_ servers: [RedisServer]) async throws {
        for server in servers {
            let own = try server.client()
            for key in try await own.send("KEYS", "*").array ?? [] {
                let life = try await own.send("PTTL", .bytes(key.bytes ?? [])).integer ?? 0
                #expect(life > 0 || life == -2, "\(key.text ?? "")")
            }
        }
    }

    /// What the handler of the layers' soak answers: the page that was asked for, at its newest, or
    /// who is logged in.
    private static func handler(_ versions: PageVersions) -> Handler {
        { request in
            switch request.path {
            case "/login":
                try await request.session.logIn(as: request.headers["X-User"] ?? "")
                return .text("in")
            case "/me": return .text(try await request.session.principal ?? "nobody")
            default:
                var response = Response.text("\(request.path) \(versions[request.path])")
                response.headers[.cacheControl] = "max-age=60"
                response.cacheTags = [request.path]
                return response
            }
        }
    }

    @Test func `no response of the layers is wrong or fails, and nobody is somebody else`()
        async throws
    {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var servers = try await ReplicatedServers(replicas: 1).all
        let url = "redis://" + servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        let key = SessionKey.random()
        let versions = PageVersions()
        var instances: [(app: Handler, caching: Caching)] = []
        for _ in 0..<3 {
            let store = TieredStore(
                memory: MemoryStore(maximumBytes: 8 << 20), shared: try await RedisStore(url: url))
            let caching = Caching(store: store)
            let sessions = Sessions(store: store, keys: [key])
            instances.append(
                (
                    app: wrap(Self.handler(versions)) {
                        sessions
                        caching
                    }, caching: caching
                ))
        }
        let client = try RedisClient(RedisConfiguration(url: url))
        let clock = ContinuousClock()
        let end = clock.now + .seconds(soakSeconds)
        let middle = clock.now + .seconds(soakSeconds / 3)
        var early = 0
        let (apps, cachings) = (instances.map(\.app), instances.map(\.caching))

        try await withThrowingTaskGroup(of: (pages: Int, users: Int).self) { group in
            for task in 0..<16 {
                group.addTask {
                    var generator = SeededGenerator(seed: seed &+ UInt64(task))
                    var (pages, users) = (0, 0)
                    var cookie: String?
                    while clock.now < end {
                        let app = apps[Int.random(in: 0..<3, using: &generator)]
                        if Int.random(in: 0..<4, using: &generator) > 0 {
                            let path = "/page-\(Int.random(in: 0..<200, using: &generator))"
                            let response = try await app(Request(path: path))
                            let body = try await response.body.collect(upTo: 1000)
                            let text = String(decoding: body, as: UTF8.self)
                            #expect(response.status == .ok, "seed \(seed)")
                            let words = text.split(separator: " ")
                            #expect(words.first.map(String.init) == path, "seed \(seed)")
                            let version = words.last.flatMap { Int($0) } ?? .max
                            #expect(version <= versions[path], "seed \(seed)")
                            pages += 1
                        } else {
                            var request = Request(path: cookie == nil ? "/login" : "/me")
                            request.headers["X-User"] = "user-\(task)"
                            if let cookie { request.headers[.cookie] = cookie }
                            let answer = await Result { try await app(request) }
                            if let error = answer.error as? SessionError {
                                // What a server answers with 503 and Retry-After.
                                #expect(error.code == .unavailable, "seed \(seed): \(error)")
                                continue
                            }
                            let response = try answer.get()
                            let body = try await response.body.collect(upTo: 1000)
                            let text = String(decoding: body, as: UTF8.self)
                            let isFine = ["in", "nobody", "user-\(task)"].contains(text)
                            #expect(
                                isFine || response.status == .serviceUnavailable,
                                "seed \(seed): \(text)")
                            if let line = response.headers[.setCookie] {
                                cookie = line.split(separator: ";").first.map(String.init)
                            }
                            if text == "nobody" { cookie = nil }
                            if text == "user-\(task)" { users += 1 }
                        }
                    }
                    return (pages, users)
                }
            }
            group.addTask {
                var generator = SeededGenerator(seed: seed &- 1)
                while clock.now < end {
                    let path = "/page-\(Int.random(in: 0..<200, using: &generator))"
                    versions.advance(path)
                    try? await cachings[Int.random(in: 0..<3, using: &generator)]
                        .purge(.tag(path))
                    try await Task.sleep(for: .milliseconds(5))
                }
                return (0, 0)
            }
            while clock.now < end {
                try await Task.sleep(
                    for: .milliseconds(Int.random(in: 100...600, using: &generator)))
                if early == 0, clock.now > middle { early = residentBytes() }
                try await strike(&servers, client, using: &generator)
            }
            var (pages, users) = (0, 0)
            for try await result in group {
                pages += result.pages
                users += result.users
            }
            print("soak of the layers: \(pages) pages, \(users) times a user, seed \(seed)")
            #expect(pages > soakSeconds * 100)
            #expect(users > soakSeconds)
        }
        try await eventually { (try? await client.send("PING")) != nil }
        try await expectThatAllKeysEnd(servers)
        let late = residentBytes()
        print("soak of the layers: \(early) bytes resident after a third, \(late) at the end")
        #expect(late < early + (32 << 20))
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }

    fileprivate var error: (any Error)? {
        if case .failure(let error) = self { error } else { nil }
    }
}

/// How often each page was changed.
private final class PageVersions: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    subscript(path: String) -> Int { counts.withLock { $0[path] ?? 0 } }
    func advance(_ path: String) { counts.withLock { $0[path, default: 0] += 1 } }
}
