import Strata
import StrataTesting
import Testing

@testable import StrataRedis

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `In a cluster` {
    @Test func `each command finds the node that has its key`() async throws {
        let cluster = try await RedisCluster()
        let client = try cluster.client()
        for index in 0..<100 {
            try await client.send("SET", .text("key-\(index)"), .integer(index))
        }
        for index in 0..<100 {
            #expect(try await client.send("GET", .text("key-\(index)")).integer == Int64(index))
        }
        for node in cluster.clients {
            #expect(try await node.send("DBSIZE").integer ?? 0 > 10)
        }

        // Several keys of several nodes.
        let keys = (0..<100).map { RedisArgument.text("key-\($0)") }
        let values = try await client.send(RedisCommand(["MGET"] + keys + ["none"])).array
        #expect(values?.map(\.integer) == (0..<100).map { Int64($0) } + [nil])
        let pairs: [RedisArgument] = keys.flatMap { [$0, "new"] }
        #expect(try await client.send(RedisCommand(["MSET"] + pairs)) == .status("OK"))
        let replies = try await client.pipeline(
            keys.map { RedisCommand("GET", $0) } + [RedisCommand("LPUSH", "key-1", "x")]
                + [RedisCommand(["MGET"] + keys)])
        #expect(replies.prefix(100).allSatisfy { $0.text == "new" })
        guard case .error(let error) = replies[100] else {
            Issue.record("not refused")
            return
        }
        #expect(error.kind == "WRONGTYPE")
        #expect(replies[101].array?.count == 100)
        #expect(try await client.send(RedisCommand(["EXISTS"] + keys)).integer == 100)
        #expect(try await client.send(RedisCommand(["UNLINK"] + keys)).integer == 100)
    }

    @Test func `scripts and transactions run where their keys are`() async throws {
        let cluster = try await RedisCluster()
        let client = try cluster.client()
        let script = RedisScript(
            "redis.call('SET', KEYS[1], ARGV[1]); return redis.call('GET', KEYS[1])")
        for index in 0..<20 {
            let reply = try await client.run(
                script, keys: ["{\(index)}a"], arguments: [.integer(index)])
            #expect(reply.integer == Int64(index))
            let replies = try await client.transaction([
                RedisCommand("INCR", "{\(index)}a"), RedisCommand("SET", "{\(index)}b", "x"),
            ])
            #expect(replies == [.integer(Int64(index) + 1), .status("OK")])
        }
        let crossed = await storeError {
            _ = try await client.transaction([
                RedisCommand("SET", "a", "1"), RedisCommand("SET", "b", "1"),
            ])
        }
        #expect(crossed != nil)
    }

    @Test func `a slot that moves is followed, before, while and after`() async throws {
        let cluster = try await RedisCluster()
        let client = try cluster.client()
        let slot = KeySlot.slot(of: Array("{tag}".utf8))
        let source = slot < 5461 ? 0 : slot < 10_923 ? 1 : 2
        let target = (source + 1) % 3
        for key in ["{tag}a", "{tag}b"] { try await client.send("SET", .text(key), "1") }

        try await cluster.beginMoving(slot, from: source, to: target)
        #expect(try await client.send("INCR", "{tag}a").integer == 2)
        // What is not there yet, or no more, is asked of the other one (ASK).
        #expect(try await client.send("INCR", "{tag}new").integer == 1)
        try await cluster.moveKeys(["{tag}a"], from: source, to: target)
        #expect(try await client.send("INCR", "{tag}a").integer == 3)
        #expect(try await client.send("INCR", "{tag}b").integer == 2)
        let replies = try await client.pipeline([
            RedisCommand("INCR", "{tag}a"), RedisCommand("INCR", "{tag}b"),
        ])
        #expect(replies == [.integer(4), .integer(3)])
        #expect(
            try await client.transaction([RedisCommand("INCR", "{tag}a")]) == [.integer(5)])

        // Keys on both sides: refused until they are together again (TRYAGAIN).
        let both = RedisCommand("MGET", "{tag}a", "{tag}b")
        let error = await storeError { try await client.send(both, within: .milliseconds(50)) }
        #expect(error?.code == .unavailable || error?.code == .timedOut)
        let waiting = Task { try await client.send(both) }
        try await cluster.moveKeys(["{tag}b"], from: source, to: target)
        #expect(try await waiting.value.array?.map(\.integer) == [5, 3])

        try await cluster.finishMoving(slot, to: target)
        for count in 6...8 {
            #expect(try await client.send("INCR", "{tag}a").integer == Int64(count))
        }
    }

    @Test func `many tasks miss nothing while slots move`() async throws {
        let cluster = try await RedisCluster()
        let client = try cluster.client()
        let slots = (0..<8).map { KeySlot.slot(of: Array("{\($0)}".utf8)) }
        let haveMoved = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<16 {
                group.addTask {
                    let key = RedisArgument.text("{\(task % 8)}-\(task)")
                    var count: Int64 = 0
                    while count < 300 || !haveMoved.isOpen {
                        count += 1
                        let reply = try await client.send(
                            RedisCommand("INCR", key), within: .seconds(20))
                        #expect(reply.integer == count)
                    }
                }
            }
            for (tag, slot) in slots.enumerated() {
                let source = slot < 5461 ? 0 : slot < 10_923 ? 1 : 2
                let target = (source + 1) % 3
                let keys = (0..<16).filter { $0 % 8 == tag }.map { "{\(tag)}-\($0)" }
                try await cluster.beginMoving(slot, from: source, to: target)
                _ = try? await cluster.moveKeys(keys, from: source, to: target)
                // Keys made meanwhile are at the target already.
                try await cluster.finishMoving(slot, to: target)
            }
            haveMoved.open()
            try await group.waitForAll()
        }
    }

    @Test func `changes of keys are told by all nodes, and a message once`() async throws {
        let cluster = try await RedisCluster()
        let client = try cluster.client()
        var pushes = try client.pushes(
            of: RedisInterest(channels: ["news"], trackedPrefixes: ["k"])
        ).makeAsyncIterator()
        #expect(await `A subscription`.next(&pushes) == "established")
        for index in 0..<20 {
            try await client.send("SET", .text("k\(index)"), "v")
            #expect(await `A subscription`.next(&pushes) == "changed k\(index)")
        }
        for index in 0..<3 {
            try await client.publish("\(index)", to: "news")
            #expect(await `A subscription`.next(&pushes) == "news: \(index)")
        }
        cluster.nodes[1].kill()
        #expect(await `A subscription`.next(&pushes) == "lost: unavailable")
    }

    @Test func `a server that is no node is told as such`() async throws {
        let server = try await RedisServer()
        let client = try patientClient(url: "redis+cluster://127.0.0.1:\(server.port)")
        let error = await storeError { try await client.send("GET", "key") }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("no node of a cluster") == true)
    }

    @Test(arguments: ["strata:", "", "{shop}:"])
    func `the store and its sessions keep their contracts`(prefix: String) async throws {
        let cluster = try await RedisCluster()
        let store = RedisStore(client: try cluster.client(), prefix: prefix)
        for check in CacheStoreConformance.checks {
            let failures = await check.failures(of: store, maximumEntryBytes: 16 << 20) {
                try await Task.sleep(for: $0)
            }
            #expect(failures.isEmpty, "\(failures)")
        }
        for check in SessionStoreConformance.checks {
            let failures = await check.failures(of: store) { try await Task.sleep(for: $0) }
            #expect(failures.isEmpty, "\(failures)")
        }
    }
}
