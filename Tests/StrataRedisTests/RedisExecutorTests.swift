import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataRedis

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The thread that runs the caller.
private func thread() -> UInt { pthread_self() }

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `The executor of a client` {
    @Test func `runs its tasks on the thread that reads their answers`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let reader = Mutex<UInt>(0)
        let subscription = try client.subscribe(to: RedisInterest(channels: ["a"])) { _ in
            reader.withLock { $0 = thread() }
        }
        try await eventually { reader.withLock { $0 } != 0 }
        let executor = client.executor
        let threads = try await withThrowingTaskGroup(of: Set<UInt>.self) { group in
            for number in 0..<64 {
                group.addTask(executorPreference: executor) { @Sendable in
                    var threads: Set<UInt> = []
                    for round in 0..<50 {
                        let text = "\(number) \(round)"
                        try await client.send("SET", .text("key \(number)"), .text(text))
                        let reply = try await client.send("GET", .text("key \(number)"))
                        #expect(reply.text == text)
                        threads.insert(thread())
                    }
                    return threads
                }
            }
            return try await group.reduce(into: Set<UInt>()) { $0.formUnion($1) }
        }
        #expect(threads == [reader.withLock { $0 }])
        subscription.cancel()
    }

    @Test func `writes what many tasks send together`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("SET", "key", "value")
        func serverReads() async throws -> Int {
            let text = try await client.send("INFO", "stats").text ?? ""
            let lines = text.split(separator: "\r\n")
            let line = lines.first { $0.hasPrefix("total_reads_processed:") }
            return try #require(line?.split(separator: ":").last.flatMap { Int($0) })
        }
        let before = try await serverReads()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask(executorPreference: client.executor) {
                    for _ in 0..<100 { try await client.send("GET", "key") }
                }
            }
            try await group.waitForAll()
        }
        // One by one they would be 6400.
        #expect(try await serverReads() - before < 1600)
    }

    @Test func `is the manual's example`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let keys = (0..<100).map { "key \($0)" }
        for key in keys.prefix(50) { try await client.send("SET", .text(key), "value") }
        try await withTaskExecutorPreference(client.executor) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for key in keys { group.addTask { try await client.send("TOUCH", .text(key)) } }
                try await group.waitForAll()
            }
        }
        let text = try await client.send("INFO", "commandstats").text ?? ""
        #expect(text.contains("cmdstat_touch:calls=100,"))
    }

    @Test func `ends only the command that is out of time or cancelled`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("PING")
        server.suspend()
        let late = Task(executorPreference: client.executor) {
            await storeError {
                _ = try await client.send(RedisCommand("GET", "key"), within: .milliseconds(30))
            }?.code
        }
        #expect(await late.value == .timedOut)
        server.resume()
        try await eventually { await storeError { try await client.send("PING") } == nil }
        let cancelled = Task(executorPreference: client.executor) {
            await storeError { try await client.send("GET", "key") }?.code
        }
        cancelled.cancel()
        let code = await cancelled.value
        #expect(code == .cancelled || code == nil)
        #expect(try await client.send("PING").text == "PONG")
    }

    @Test func `lets its tasks go on when the client is closed`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("PING")
        let task = Task(executorPreference: client.executor) {
            client.close()
            let code = await storeError {
                while true { try await client.send("GET", "key") }
            }?.code
            await Task.yield()
            return code
        }
        #expect(await task.value == .unavailable)
        let later = Task(executorPreference: client.executor) { 1 }
        #expect(await later.value == 1)
    }

    @Test func `is none where there are several servers`() throws {
        let client = try RedisClient(RedisConfiguration(url: "redis+cluster://127.0.0.1:1"))
        #expect(client.executor == nil)
    }
}
