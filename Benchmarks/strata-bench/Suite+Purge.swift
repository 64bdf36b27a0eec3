import Strata
import StrataRedis
import StrataTesting

extension Suite {
    /// A tag of a million entries is purged, and four instances are asked when they know.
    static let purge = Suite(
        name: "purge", summary: "purge of a tag of 1,000,000 entries, as 4 instances see it"
    ) {
        guard RedisServer.isInstalled else {
            throw Unavailable(
                message: "redis-server is not installed: apt-get install redis-server")
        }
        let server = try await RedisServer()
        let client = try RedisClient(RedisConfiguration(url: server.unixURL))
        defer { client.close() }
        for start in stride(from: 0, to: 1_000_000, by: 1000) {
            let commands = (start..<start + 1000).map { index in
                RedisCommand("SET", .text("strata:e:\(index)"), "x", "PX", 3_600_000)
            }
            _ = try await client.pipeline(commands, within: .seconds(10))
        }
        var stores: [TieredStore] = []
        for _ in 0..<4 {
            let shared = try await RedisStore(url: server.unixURL, timeLimit: .seconds(1))
            stores.append(TieredStore(memory: MemoryStore(), shared: shared))
        }
        while !stores.allSatisfy(\.isCoherent) { try await Task.sleep(for: .milliseconds(10)) }
        let caching = Caching(store: RedisStore(client: client))
        let names = ["tag big"]
        let time = SystemTime()
        var delays: [Double] = []
        _ = try await client.send("CONFIG", "RESETSTAT")
        let purges = 200
        for _ in 0..<purges {
            var former: [[Generation]] = []
            for store in stores { former.append(try await store.generations(of: names)) }
            let start = time.uptime
            try await caching.purge(.tag("big"))
            for (store, former) in zip(stores, former) {
                while try await store.generations(of: names) == former { await Task.yield() }
                delays.append((time.uptime - start) / .milliseconds(1))
            }
        }
        let writes = try await commandStatistics(client, of: "set")
        delays.sort()
        return [
            Measurement(
                name: "purge of a tag of 1,000,000 entries",
                values: [
                    ("commands", writes.calls / Double(purges)),
                    ("µs in Redis", writes.microseconds / Double(purges)),
                    ("p50 ms", delays[delays.count / 2]),
                    ("p99 ms", delays[delays.count * 99 / 100]),
                ])
        ]
    }

    /// How often Redis carried a command out, and how long that took it.
    private static func commandStatistics(
        _ client: RedisClient, of name: String
    ) async throws -> (calls: Double, microseconds: Double) {
        let text = try await client.send("INFO", "commandstats").text ?? ""
        let line = text.split(whereSeparator: \.isNewline).first {
            $0.hasPrefix("cmdstat_\(name):")
        }
        var fields: [Substring: Double] = [:]
        for field in (line ?? "").split(separator: ":").last?.split(separator: ",") ?? [] {
            let parts = field.split(separator: "=")
            if parts.count == 2 { fields[parts[0]] = Double(parts[1]) }
        }
        return (fields["calls"] ?? .nan, fields["usec"] ?? .nan)
    }
}
