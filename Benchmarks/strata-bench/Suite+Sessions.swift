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
            try await measure("leave") { try await shop.pass() },
            try await measure("read", operations: 20_000) { try await shop.read() },
            try await measure("write", operations: 20_000) { try await shop.write() },
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
            let bareReads = try await rate(tasks) {
                try await client.run(.loadSession, keys: key, arguments: read)
            }
            let reads = try await rate(tasks) { try await shop.read() }
            let bareWrites = try await rate(tasks) {
                try await client.run(.loadSession, keys: key, arguments: read)
                try await client.run(.applyToSession, keys: key, arguments: write)
            }
            let writes = try await rate(tasks) { try await shop.write() }
            for (name, rate, bare) in [
                ("read", reads, bareReads), ("write", writes, bareWrites),
            ] {
                measurements.append(
                    Measurement(
                        name: "\(name), \(tasks == 1 ? "1 task" : "\(tasks) tasks")",
                        values: [
                            ("per second", rate.rounded()), ("bare", bare.rounded()),
                            ("ratio", rate / bare),
                        ]))
            }
        }
        return measurements
    }

    private static let cart = [UInt8](repeating: UInt8(ascii: "1"), count: 500)

    /// How often a second so many tasks do it together; the median of five runs.
    private static func rate(
        _ tasks: Int, _ operation: @escaping @Sendable () async throws -> Void
    ) async throws -> Double {
        let time = SystemTime()
        let operations = tasks == 1 ? 5_000 : 40_000
        var rates: [Double] = []
        for run in 0...5 {
            let start = time.uptime
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<tasks {
                    group.addTask {
                        for _ in 0..<(operations / tasks) { try await operation() }
                    }
                }
                try await group.waitForAll()
            }
            // The first run warms up.
            if run > 0 { rates.append(Double(operations) / ((time.uptime - start) / .seconds(1))) }
        }
        return median(rates)
    }

    /// A service that counts a client's visits.
    private struct Shop: Sendable {
        private let app: Handler
        private let request: Request

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
            let cookie = try await app(Request(.get, "/start")).headers[.setCookie] ?? ""
            request = Request(
                .get, "/", headers: [.cookie: String(cookie.prefix { $0 != ";" })])
        }

        func pass() async throws { _ = try await app(request) }
        func read() async throws { try await send("/read") }
        func write() async throws { try await send("/write") }

        private func send(_ path: String) async throws {
            var request = request
            request.path = path
            _ = try await app(request)
        }
    }
}
