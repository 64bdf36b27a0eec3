import CHiredis
import Glibc
import Strata
import StrataRedis
import StrataTesting

extension Suite {
    /// GET through the client, beside redis-benchmark and plain hiredis on the same server in the
    /// same run.
    static let redis = Suite(
        name: "redis", summary: "GET of 4 KiB, against redis-benchmark and plain hiredis"
    ) {
        guard RedisServer.isInstalled else {
            throw Unavailable(
                message: "redis-server is not installed: apt-get install redis-server")
        }
        let server = try await RedisServer()
        let client = try RedisClient(RedisConfiguration(url: server.unixURL))
        defer { client.close() }
        _ = try await client.send("SET", "key", .bytes([UInt8](repeating: 120, count: 4096)))
        _ = try await client.send("SET", "small", .bytes([UInt8](repeating: 120, count: 100)))
        _ = try await client.send("SET", "large", .bytes([UInt8](repeating: 120, count: 16 << 20)))
        let hiredis = try PlainHiredis(server)

        var measurements: [Measurement] = []
        func add(_ name: String, _ rate: Rate, peer: Double) {
            measurements.append(
                Measurement(
                    name: name,
                    values: [
                        ("per second", rate.perSecond.rounded()), ("peer", peer.rounded()),
                        ("ratio", rate.perSecond / peer), ("µs CPU", rate.microsecondsOfCPU),
                    ]))
        }
        let (alone, sequential) = try await rate(operations: 30_000) {
            try await get(client, tasks: 1, operations: 30_000)
        } beside: {
            try hiredis.get(operations: 30_000, batch: 1)
        }
        add("GET, 1 task; hiredis", alone, peer: sequential)
        let peer = try redisBenchmark(server, clients: 64)
        add(
            "GET, 64 tasks; redis-benchmark",
            try await rate(operations: 300_000) {
                try await get(client, tasks: 64, operations: 300_000)
            }.0, peer: peer)
        add(
            "GET, 64 tasks on the executor; redis-benchmark",
            try await rate(operations: 300_000) {
                try await get(
                    client, tasks: 64, operations: 300_000, executor: client.executor)
            }.0, peer: peer)
        let (batched, pipelined) = try await rate(operations: 200_000) {
            try await getInBatches(client, operations: 200_000)
        } beside: {
            try hiredis.get(operations: 200_000, batch: 100)
        }
        add("GET, batches of 100; hiredis", batched, peer: pipelined)

        let quick = try await slowOnes(client, isLargeBeside: false)
        let beside = try await slowOnes(client, isLargeBeside: true)
        measurements.append(
            Measurement(
                name: "p99 of small GETs in µs, beside 16 MiB",
                values: [
                    ("per second", beside), ("peer", quick), ("ratio", beside / quick),
                    ("µs CPU", .nan),
                ]))
        return measurements
    }

    private struct Rate {
        var perSecond: Double
        var microsecondsOfCPU: Double
    }

    /// How many operations a second, and at what cost of this process, and how many of a peer's; the
    /// medians of five runs each, in turn, since a machine is faster at one time than at another.
    private static func rate(
        operations: Int, _ body: () async throws -> Void, beside peer: () throws -> Void = {}
    ) async throws -> (Rate, peer: Double) {
        let time = SystemTime()
        var (rates, peerRates, costs): ([Double], [Double], [Double]) = ([], [], [])
        func perSecond(since start: Duration) -> Double {
            Double(operations) / ((time.uptime - start) / .seconds(1))
        }
        for run in 0...5 {
            let peerStart = time.uptime
            try peer()
            let peerRate = perSecond(since: peerStart)
            let (start, before) = (time.uptime, processTime())
            try await body()
            // The first run warms up.
            if run == 0 { continue }
            peerRates.append(peerRate)
            rates.append(perSecond(since: start))
            costs.append((processTime() - before) / Double(operations))
        }
        return (
            Rate(perSecond: median(rates), microsecondsOfCPU: median(costs)), median(peerRates)
        )
    }

    /// The processor time of this process in microseconds.
    private static func processTime() -> Double {
        var moment = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &moment)
        return Double(moment.tv_sec) * 1e6 + Double(moment.tv_nsec) / 1e3
    }

    private static func get(
        _ client: RedisClient, tasks: Int, operations: Int, executor: (any TaskExecutor)? = nil
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks {
                group.addTask(executorPreference: executor) {
                    for _ in 0..<(operations / tasks) {
                        _ = try await client.send("GET", "key")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func getInBatches(_ client: RedisClient, operations: Int) async throws {
        let batch = [RedisCommand](repeating: RedisCommand("GET", "key"), count: 100)
        for _ in 0..<(operations / batch.count) { _ = try await client.pipeline(batch) }
    }

    /// How many microseconds all but a hundredth of small GETs take, beside one large one after the
    /// other or not.
    private static func slowOnes(
        _ client: RedisClient, isLargeBeside: Bool
    ) async throws -> Double {
        let large = Task {
            while isLargeBeside, !Task.isCancelled {
                // In pieces, as the store fetches a large value.
                for start in stride(from: 0, to: 16 << 20, by: 256 * 1024) {
                    let command = RedisCommand(
                        "GETRANGE", "large", .integer(start), .integer(start + 256 * 1024 - 1))
                    _ = try? await client.send(command, lane: .large)
                }
            }
        }
        defer { large.cancel() }
        let time = SystemTime()
        var latencies: [Double] = []
        for _ in 0..<20_000 {
            let start = time.uptime
            _ = try await client.send("GET", "small")
            latencies.append((time.uptime - start) / .microseconds(1))
        }
        latencies.sort()
        return latencies[latencies.count * 99 / 100]
    }

    /// How many GETs a second redis-benchmark does with so many clients, without pipelining.
    private static func redisBenchmark(_ server: RedisServer, clients: Int) throws -> Double {
        let command =
            "redis-benchmark -s '\(server.socketPath)' -c \(clients) -n 200000 --csv GET key"
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

/// hiredis as its manual shows it: one connection, and each reply a tree.
private final class PlainHiredis {
    private let context: UnsafeMutablePointer<redisContext>

    init(_ server: RedisServer) throws {
        guard let context = redisConnectUnix(server.socketPath), context.pointee.err == 0 else {
            throw Unavailable(message: "hiredis can't connect")
        }
        self.context = context
    }

    deinit { redisFree(context) }

    /// So many GETs, sent so many at once.
    func get(operations: Int, batch: Int) throws {
        let command = Array("*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".utf8CString)
        for _ in 0..<(operations / batch) {
            for _ in 0..<batch {
                redisAppendFormattedCommand(context, command, command.count - 1)
            }
            for _ in 0..<batch {
                var reply: UnsafeMutableRawPointer?
                guard redisGetReply(context, &reply) == REDIS_OK else {
                    throw Unavailable(message: "hiredis got no reply")
                }
                freeReplyObject(reply)
            }
        }
    }
}
