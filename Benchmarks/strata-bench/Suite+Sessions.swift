import Strata
import StrataRedis
import StrataTesting

extension Suite {
    /// Requests with a session in memory.
    static let sessions = Suite(
        name: "sessions", summary: "a request that leaves, reads or writes its session in memory"
    ) {
        let shop = try await Shop(MemoryStore())
        return [
            try await measure("leave", shop.client("/")),
            try await measure("read", operations: 20_000, shop.client("/read")),
            try await measure("write", operations: 20_000, shop.client("/write")),
        ]
    }

    /// Requests with a session in Redis, beside the same scripts sent bare.
    static let redisSessions = Suite(
        name: "redis-sessions",
        summary: "reading and writing a session in Redis, against the bare scripts"
    ) {
        guard RedisServer.isInstalled else {
            throw Unavailable(
                message: "redis-server is not installed: apt-get install redis-server")
        }
        let server = try await RedisServer()
        let client = try RedisClient(RedisConfiguration(url: server.unixURL))
        defer { client.close() }
        let store = RedisStore(client: client)
        let digest = SessionDigest(of: [1], kind: "bench")
        let shop = try await Shop(store)
        try await store.create(
            NewSession(lifetime: .aal2, values: ["=visits": [49], "=cart": cart]), as: digest)

        let key = ["strata:s:\(digest)"]
        let read: [RedisArgument] = ["strata:", .text(digest.description)]
        let write: [RedisArgument] =
            read + ["", "0", "", "", "0", "", "", "0", "=visits", "add", "1"]
        var measurements: [Measurement] = []
        for tasks in [1, 64] {
            let reads = try await ratio(tasks) {
                shop.client("/read")
            } to: {
                try await client.run(.loadSession, keys: key, arguments: read)
            }
            let writes = try await ratio(tasks) {
                shop.client("/write")
            } to: {
                try await client.run(.loadSession, keys: key, arguments: read)
                try await client.run(.applyToSession, keys: key, arguments: write)
            }
            for (name, values) in [("read", reads), ("write", writes)] {
                measurements.append(
                    Measurement(
                        name: "\(name), \(tasks == 1 ? "1 task" : "\(tasks) tasks")",
                        values: values))
            }
        }
        return measurements
    }

    private static let cart = [UInt8](repeating: UInt8(ascii: "1"), count: 500)

    /// How often a second so many tasks do the one and the other, in turn; the medians of nine
    /// runs, and that of the ratio of each pair.
    private static func ratio(
        _ tasks: Int, _ layered: () -> @Sendable () async throws -> Void,
        to bare: @escaping @Sendable () async throws -> Void
    ) async throws -> [(String, Double)] {
        // The first pair warms up.
        _ = try await (rate(tasks, layered), rate(tasks) { bare })
        var pairs: [(layered: Double, bare: Double)] = []
        for _ in 0..<9 {
            pairs.append((try await rate(tasks, layered), try await rate(tasks) { bare }))
        }
        return [
            ("per second", median(pairs.map(\.layered)).rounded()),
            ("bare", median(pairs.map(\.bare)).rounded()),
            ("ratio", median(pairs.map { $0.layered / $0.bare })),
        ]
    }

    /// How often a second so many tasks do it together.
    private static func rate(
        _ tasks: Int, _ client: () -> @Sendable () async throws -> Void
    ) async throws -> Double {
        let time = SystemTime()
        let operations = tasks == 1 ? 4_000 : 20_000
        let start = time.uptime
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks {
                let operation = client()
                group.addTask {
                    for _ in 0..<(operations / tasks) { try await operation() }
                }
            }
            try await group.waitForAll()
        }
        return Double(operations) / ((time.uptime - start) / .seconds(1))
    }

    /// A service that counts a client's visits.
    private struct Shop: Sendable {
        private let app: Handler
        private let cookie: String

        init(_ store: any SessionStore) async throws {
            app = wrap({ request in
                switch request.path {
                case "/read": _ = try await request.session.get("visits", as: Int.self)
                case "/write": try await request.session.increment("visits")
                case "/start":
                    let cart = String(decoding: cart, as: UTF8.self)
                    try await request.session.set(cart, for: "cart")
                    try await request.session.set(1, for: "visits")
                default: break
                }
                return Response(status: .noContent)
            }) {
                Sessions(store: store, keys: [.random()])
            }
            let set = try await app(Request(.get, "/start")).headers[.setCookie] ?? ""
            cookie = String(set.prefix { $0 != ";" })
        }

        /// A client that sends the request time and again: as with a server, no two tasks have
        /// one in common.
        func client(_ path: String) -> @Sendable () async throws -> Void {
            let cookie = String(decoding: Array(cookie.utf8), as: UTF8.self)
            let request = Request(.get, path, headers: [.cookie: cookie])
            return { _ = try await app(request) }
        }
    }
}
