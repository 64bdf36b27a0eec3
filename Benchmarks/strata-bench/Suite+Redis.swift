import Glibc
import Strata
import StrataRedis
import StrataTesting

extension Suite {
    /// GET through the client, beside redis-benchmark on the same server in the same run.
    static let redis = Suite(
        name: "redis", summary: "GET of 4 KiB with 1 and 64 tasks, against redis-benchmark"
    ) {
        guard RedisServer.isInstalled else {
            throw Unavailable(
                message: "redis-server is not installed: apt-get install redis-server")
        }
        let server = try await RedisServer()
        let client = try RedisClient(RedisConfiguration(url: server.unixURL))
        defer { client.close() }
        let value = [UInt8](repeating: 120, count: 4096)
        _ = try await client.send("SET", "key", .bytes(value))

        var measurements: [Measurement] = []
        for tasks in [1, 64] {
            let peer = try redisBenchmark(server, clients: tasks)
            let rate = try await getRate(
                client, tasks: tasks, operations: tasks == 1 ? 30_000 : 200_000)
            measurements.append(
                Measurement(
                    name: "GET, \(tasks == 1 ? "1 task" : "\(tasks) tasks")",
                    values: [
                        ("per second", rate.rounded()), ("redis-benchmark", peer.rounded()),
                        ("ratio", rate / peer),
                    ]))
        }
        return measurements
    }

    /// How many GETs a second so many tasks do together; the median of five runs.
    private static func getRate(
        _ client: RedisClient, tasks: Int, operations: Int
    ) async throws -> Double {
        let time = SystemTime()
        var rates: [Double] = []
        for run in 0...5 {
            let start = time.uptime
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<tasks {
                    group.addTask {
                        for _ in 0..<(operations / tasks) {
                            _ = try await client.send("GET", "key")
                        }
                    }
                }
                try await group.waitForAll()
            }
            // The first run warms up.
            if run > 0 { rates.append(Double(operations) / ((time.uptime - start) / .seconds(1))) }
        }
        return median(rates)
    }

    /// How many GETs a second redis-benchmark does with so many clients, without pipelining.
    private static func redisBenchmark(_ server: RedisServer, clients: Int) throws -> Double {
        let command =
            "redis-benchmark -s '\(server.socketPath)' -c \(clients) -n 100000 --csv GET key"
        guard let pipe = popen(command, "r") else {
            throw Unavailable(
                message: "redis-benchmark can't be started: apt-get install redis-tools")
        }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = fread(&buffer, 1, buffer.count, pipe)
            guard count > 0 else { break }
            output += buffer[..<count]
        }
        // The last line reads: "GET key","81366.96",…
        let fields =
            String(decoding: output, as: UTF8.self)
            .split(separator: "\n").last?.split(separator: ",") ?? []
        guard fields.count > 1, let rate = Double(fields[1].filter { $0 != "\"" }) else {
            throw Unavailable(
                message: "redis-benchmark printed no rate: apt-get install redis-tools")
        }
        return rate
    }
}
