import Strata
import StrataTesting
import Testing

@testable import StrataRedis

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `The client of Redis` {
    @Test func `sends commands and returns replies, over TCP and Unix sockets`() async throws {
        let server = try await RedisServer()
        for url in [server.url, server.unixURL, "redis://localhost:\(server.port)"] {
            let client = try RedisClient(RedisConfiguration(url: url))
            #expect(try await client.send("SET", "key", "value") == .status("OK"))
            #expect(try await client.send("GET", "key").text == "value")
            #expect(try await client.send("DEL", "key", "other").integer == 1)
            #expect(try await client.send("GET", "key") == .null)
        }
    }

    @Test(arguments: [1, 4])
    func `any number of tasks share the connections`(connections: Int) async throws {
        let server = try await RedisServer()
        let client = try server.client { $0.connections = connections }
        try await withThrowingTaskGroup { group in
            for task in 0..<64 {
                group.addTask {
                    for round in 0..<200 {
                        let text = "\(task)-\(round)"
                        try await client.send("SET", "key-\(task)", .text(text))
                        #expect(try await client.send("GET", "key-\(task)").text == text)
                        #expect(try await client.send("ECHO", .text(text)).text == text)
                    }
                }
            }
            try await group.waitForAll()
        }
        let list = try await client.send("CLIENT", "LIST").text ?? ""
        #expect(
            list.split(separator: "\n").count { $0.contains("name=strata ") } == connections)
    }

    @Test(arguments: [0, 1, 4095, 65_536, 65_537, 1 << 20, 16 << 20])
    func `carries values of any size`(count: Int) async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167) }
        try await client.send("SET", "key", .bytes(value))
        for lane in [RedisLane.small, .large] {
            async let small = client.send("ECHO", "small")
            async let large = client.send(RedisCommand("GET", "key"), lane: lane)
            #expect(try await large.bytes == value)
            #expect(try await small.text == "small")
        }
    }

    @Test func `pipelines keep order, and a refusal in its place`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        #expect(try await client.pipeline([]) == [])
        #expect(try await client.pipeline([RedisCommand("PING")]) == [.status("PONG")])
        let replies = try await client.pipeline(
            [RedisCommand("SET", "a", "1"), RedisCommand("LPUSH", "a", "x")]
                + (0..<1000).map { RedisCommand("ECHO", .integer($0)) })
        #expect(replies.count == 1002)
        guard case .error(let error) = replies[1] else {
            Issue.record("not refused")
            return
        }
        #expect(error.kind == "WRONGTYPE")
        #expect(replies[2...].map(\.integer) == (0..<1000).map { Int64($0) })
    }

    @Test func `a refusal is thrown with Redis' own words`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let error = await storeError { try await client.send("NOSUCHCOMMAND") }
        #expect(error?.code == .refused)
        #expect((error?.underlying as? RedisError)?.kind == "ERR")
    }

    @Test func `transactions are all or nothing`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let replies = try await client.transaction([
            RedisCommand("SET", "a", "1"), RedisCommand("INCR", "a"),
        ])
        #expect(replies == [.status("OK"), .integer(2)])
        let error = await storeError {
            _ = try await client.transaction([RedisCommand("SET", "a", "9"), RedisCommand("GET")])
        }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("wrong number of arguments") == true)
        #expect(try await client.send("GET", "a").text == "2")
    }

    @Test func `a refusal that ends no transaction stands in its place`() async throws {
        let server = try ScriptedServer { command, _ in
            switch command[0] {
            case "GET": "-ERR not here\r\n"
            case "INCR": "+QUEUED\r\n"
            case "EXEC": "*2\r\n:1\r\n:2\r\n"
            default: nil
            }
        }
        let client = try patientClient(url: server.url)
        let replies = try await client.transaction([
            RedisCommand("INCR", "a"), RedisCommand("GET", "a"), RedisCommand("INCR", "a"),
        ])
        #expect(replies == [.integer(1), .error(RedisError("ERR not here")), .integer(2)])
    }

    @Test(
        arguments: [
            ("select 1", "configuration"), ("MULTI", "transaction"), ("Watch a", "transaction"),
            ("SUBSCRIBE a", "subscribe(to:"), ("BLPOP a 0", "meanwhile"),
            ("XREAD count 1 block 0 STREAMS a 0", "meanwhile"), ("CLIENT REPLY OFF", "config"),
            ("XREAD STREAMS block 0", nil), ("CLIENT ID", nil), ("SET select 1", nil),
            ("GET multi", nil), ("BLPOPX a", nil),
        ] as [(String, String?)])
    func `what a shared connection can't have is refused, and told what there is for it`(
        text: String, advice: String?
    ) async throws {
        let command = RedisCommand(text.split(separator: " ").map { .text(String($0)) })
        let client = try RedisClient(RedisConfiguration(url: "unix:///tmp/no/such/socket"))
        var errors = [await storeError { try await client.send(command) }]
        errors.append(await storeError { _ = try await client.pipeline([command]) })
        if advice != "meanwhile" {
            errors.append(await storeError { _ = try await client.transaction([command]) })
        }
        for error in errors {
            #expect(error?.code == (advice == nil ? .unavailable : .misconfigured))
            #expect(advice.map { error?.message.contains($0) == true } ?? true)
        }
    }

    @Test func `plain values have their types`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        #expect(try await client.get("a") == nil)
        #expect(try await client.set("a", to: .bytes([0, 255])))
        #expect(try await client.get("a") == [0, 255])
        #expect(try await client.send("PTTL", "a") == .integer(-1))
        #expect(try await client.set("a", to: 1, for: .seconds(60), ifNew: true) == false)
        #expect(try await client.set("b", to: 1, for: .seconds(60), ifNew: true))
        let left = try await client.send("PTTL", "b").integer ?? 0
        #expect((50_001...60_000).contains(left))
        #expect(try await client.get(["b", "none", "a"]) == [[0x31], nil, [0, 255]])
        for lifetime in [Duration.zero, .seconds(-1), .nanoseconds(1)] {
            try await client.set("short", to: "x", for: lifetime)
            try await eventually { try await client.get("short") == nil }
        }
        #expect(try await client.remove(["a", "b", "none"]) == 2)
        #expect(try await client.remove([]) == 0)
        try await client.send("LPUSH", "list", "1")
        let error = await storeError { _ = try await client.get("list") }
        #expect(error?.redisError?.kind == "WRONGTYPE")
    }

    @Test func `scripts run, whether Redis knows them or not`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
        for count in 1...3 {
            let reply = try await client.run(script, keys: ["counter"], arguments: [7])
            let expected: [RedisValue] = [
                .bytes(Array("counter".utf8)), .bytes(Array("7".utf8)), .integer(Int64(count)),
            ]
            #expect(reply == .array(expected))
            if count == 2 { try await client.send("SCRIPT", "FLUSH") }
        }
        #expect(
            script.digest == (try await client.send("SCRIPT", "LOAD", .text(script.source)).text))
    }

    @Test func `signs in as a user and selects the database`() async throws {
        let server = try await RedisServer(
            options: ["--requirepass", "pw", "--user", "app", "on", ">s%cret", "~*", "+@all"])
        let app = try RedisClient(
            RedisConfiguration(url: "redis://app:s%25cret@127.0.0.1:\(server.port)/3"))
        #expect(try await app.send("ACL", "WHOAMI").text == "app")
        try await app.send("SET", "key", "in 3")
        let other = try RedisClient(
            RedisConfiguration(url: "unix://:pw@\(server.socketPath)?db=4"))
        #expect(try await other.send("ACL", "WHOAMI").text == "default")
        #expect(try await other.send("GET", "key") == .null)
    }

    @Test func `a user needs no right but to the commands it sends`() async throws {
        let server = try await RedisServer(
            options: ["--user", "app", "on", ">pw", "~*", "+get", "+set"])
        let app = try RedisClient(
            RedisConfiguration(url: "redis://app:pw@127.0.0.1:\(server.port)"))
        try await app.send("SET", "key", "value")
        #expect(try await app.send("GET", "key").text == "value")
        let error = try await #require(throws: StoreError.self) { try await app.send("DEL", "key") }
        #expect(error.redisError?.kind == "NOPERM")
    }

    @Test(arguments: [":wrong@", "nobody:pw@", ""])
    func `wrong credentials are told as such`(credentials: String) async throws {
        let server = try await RedisServer(options: ["--requirepass", "pw"])
        let client = try RedisClient(
            RedisConfiguration(url: "redis://\(credentials)127.0.0.1:\(server.port)"))
        for _ in 0..<2 {
            let error = await storeError { try await client.send("PING") }
            #expect(error?.code == .misconfigured)
            #expect(error?.message.contains("password") == true)
        }
    }

    @Test func `a database that is not there is told as such`() async throws {
        let server = try await RedisServer()
        let client = try server.client { $0.database = 99 }
        let error = await storeError { try await client.send("PING") }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("database 99") == true)
    }

    @Test func `a closed client refuses`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("PING")
        client.close()
        try await eventually {
            await storeError { try await client.send("PING") }?.message.contains("closed") == true
        }
    }
}
