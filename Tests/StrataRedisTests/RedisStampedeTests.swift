import Strata
import StrataRedis
import StrataTesting
import Synchronization
import Testing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `Instances that want the same at once` {
    /// How often something is tried; `STRATA_TRIALS` in the environment asks for more.
    static let trials = getenv("STRATA_TRIALS").flatMap { Int(String(cString: $0)) } ?? 3

    @Test func `call the handler once, and all have what it gave`() async throws {
        let server = try await RedisServer()
        let stores = try (0..<4).map { _ in try `Memory in front of Redis`.instance(server) }
        let calls = Mutex<[String: Int]>([:])
        let apps = stores.map { store in
            wrap({ request in
                calls.withLock { $0[request.path, default: 0] += 1 }
                try await Task.sleep(for: .milliseconds(30))
                return Response(
                    headers: [.cacheControl: "max-age=60"], body: .bytes(Array(request.path.utf8)))
            }) { Caching(store: store) }
        }
        try await eventually { stores.allSatisfy(\.isCoherent) }
        for trial in 0..<Self.trials {
            let path = "/\(trial)"
            let bodies = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for app in apps {
                    for _ in 0..<100 {
                        group.addTask {
                            try await app(Request(path: path)).body.collect(upTo: 100)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(bodies == Array(repeating: Array(path.utf8), count: 400))
        }
        let once = Dictionary(
            uniqueKeysWithValues: (0..<Self.trials).map { ("/\($0)", 1) })
        #expect(calls.withLock(\.self) == once)
    }

    @Test func `one takes over within a quarter of a second from one that died`() async throws {
        let server = try await RedisServer()
        let store = try `Memory in front of Redis`.instance(server)
        let redis = RedisStore(client: try server.client())
        var request = Request(path: "/a")
        request.authority = "shop"
        let app = wrap({ _ in
            Response(headers: [.cacheControl: "max-age=60"], body: .bytes([1]))
        }) { Caching(store: store) }
        try await eventually { store.isCoherent }
        // It took the lease and prolongs it no more.
        let name = "\(request.scheme)://shop/a"
        #expect(
            try await redis.takeLease(of: name, token: LeaseToken(), for: .milliseconds(240))
                == .taken)
        let waited = try await elapsed { _ = try await app(request) }
        #expect(waited > .milliseconds(150))
        #expect(waited < .seconds(1))
    }

    @Test(arguments: [false, true], [false, true])
    func `are not kept waiting by one that has no time left`(
        isDetachable: Bool, isStream: Bool
    ) async throws {
        let server = try await RedisServer()
        let store = try `Memory in front of Redis`.instance(server)
        let client = try server.client()
        @Sendable func isHeld() async throws -> UInt8 {
            try await Task.sleep(for: .milliseconds(400))
            return try await client.send("EXISTS", "strata:l:http://shop/a").integer == 1 ? 1 : 0
        }
        let caching = Caching(store: store)
        let next = Next(
            { _ in
                let headers: Headers = [.cacheControl: "max-age=60"]
                guard isStream else {
                    return Response(headers: headers, body: .bytes([try await isHeld()]))
                }
                return Response(
                    headers: headers,
                    body: .stream(
                        BodyStream { writer in
                            let bytes = [try await isHeld()]
                            try await writer.write(bytes.span.bytes)
                        }))
            }, isDetachable: isDetachable)
        var request = Request(path: "/a")
        request.authority = "shop"
        try await eventually { store.isCoherent }
        let released = try await Deadline.within(.milliseconds(50)) { [request] in
            let response = try await caching.respond(to: request, next: next)
            #expect(try await response.body.collect(upTo: 10) == [1])
            return ContinuousClock.now
        }
        // It is given back, and does not run out.
        try await eventually {
            try await client.send("EXISTS", "strata:l:http://shop/a").integer == 0
        }
        #expect(ContinuousClock.now - released < .milliseconds(100))
        try await eventually {
            try await caching.respond(to: request, next: next).cacheStatus.contains("hit")
        }
    }

    @Test func `are kept waiting by nothing that never ends`() async throws {
        let server = try await RedisServer()
        let redis = RedisStore(client: try server.client())
        try await redis.client.send("SET", "strata:l:a", "1")
        #expect(
            try await redis.takeLease(of: "a", token: LeaseToken(), for: .seconds(9)) == .taken)
        #expect(try await redis.client.send("PTTL", "strata:l:a").integer ?? 0 > 0)
    }

    @Test func `a purge is two small commands, however much it is`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        let client = try server.client()
        _ = try await store.generations(of: ["any", "tag a"])
        try await client.send("CONFIG", "RESETSTAT")
        try await Caching(store: store).purge(.tag("a"))
        let text = try await client.send("INFO", "commandstats").text ?? ""
        // What is asked here, and what a connection is greeted with that is opened meanwhile.
        let others = ["config", "info", "client", "ping"].map { "cmdstat_\($0)" }
        let lines = text.split(whereSeparator: \.isNewline).filter { line in
            line.hasPrefix("cmdstat_") && !others.contains { line.hasPrefix($0) }
        }
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix("cmdstat_set:calls=2,") == true)
    }
}
