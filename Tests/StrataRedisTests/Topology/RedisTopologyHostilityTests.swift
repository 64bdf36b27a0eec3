import Strata
import StrataTesting
import Testing

@testable import StrataRedis

/// Sentinels and nodes of a cluster that say what none would.
@Suite(.serialized, .timeLimit(.minutes(2))) struct `A hostile topology` {
    static func configuration(_ url: String) throws -> RedisConfiguration {
        var configuration = try RedisConfiguration(url: url)
        configuration.commandTimeout = .seconds(10)
        configuration.connectTimeout = .milliseconds(500)
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(20)
        return configuration
    }

    /// All slots are the node's own.
    static func slots(of port: UInt16) -> String {
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n\("127.0.0.1".asBulk):\(port)\r\n"
    }

    static func clusterURL(_ server: ScriptedServer) -> String {
        "redis+cluster://127.0.0.1:\(server.port)"
    }

    @Test(
        arguments: [
            ("+OK\r\n", .protocolViolation), (":1\r\n", .protocolViolation),
            ("$-1\r\n", .protocolViolation), ("*0\r\n", .unavailable),
            ("*1\r\n*0\r\n", .protocolViolation), ("*1\r\n:1\r\n", .protocolViolation),
            ("*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n+h\r\n:1\r\n", .protocolViolation),
            ("*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n+h\r\n:1\r\n", .protocolViolation),
            ("*1\r\n*3\r\n:9\r\n:1\r\n*2\r\n+h\r\n:1\r\n", .protocolViolation),
            ("*1\r\n*3\r\n+x\r\n:1\r\n*2\r\n+h\r\n:1\r\n", .protocolViolation),
            ("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n+h\r\n:65536\r\n", .protocolViolation),
            ("*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n+h\r\n", .protocolViolation),
            ("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n+?\r\n:1\r\n", .protocolViolation),
            ("*2\r\n*3\r\n:0\r\n:9\r\n*2\r\n+h\r\n:1\r\n*3\r\n", .unavailable),
            ("-NOPERM no\r\n", .misconfigured), ("-ERR unknown command\r\n", .misconfigured),
            ("nonsense\r\n", .protocolViolation),
        ] as [(String, StoreError.Code)])
    func `whose slots make no sense is told of, and asked again`(
        answer: String, code: StoreError.Code
    ) async throws {
        let server = try ScriptedServer { command, connection in
            switch command[0] {
            case "GET": return command[1].asBulk
            case "CLUSTER":
                if connection.isBetter { return Self.slots(of: connection.port) }
                connection.send(answer)
                // Half an answer is all that comes.
                if answer.hasSuffix("*3\r\n") { connection.hangUp() }
                return ""
            default: return nil
            }
        }
        let client = try RedisClient(Self.configuration(Self.clusterURL(server)))
        let error = await storeError { try await client.send("GET", "key") }
        #expect(error?.code == code, "\(error as Any)")
        server.improve()
        try await eventually { (try? await client.send("GET", "key"))?.text == "key" }
    }

    @Test(arguments: [
        "MOVED", "MOVED 1", "MOVED x 127.0.0.1:1", "MOVED -1 h:1", "MOVED 16384 h:1", "MOVED 1 h",
        "MOVED 1 h:", "MOVED 1 h:0", "MOVED 1 h:65536", "MOVED 1 :", "MOVED  ", "ASK", "ASK 1 h:x",
        "MOVED 99999999999999999999 h:1",
    ])
    func `that redirects to nowhere is not followed`(refusal: String) async throws {
        let server = try ScriptedServer { command, connection in
            switch command[0] {
            case "GET" where command[1] == "bad": "-\(refusal)\r\n"
            case "GET": command[1].asBulk
            case "CLUSTER": Self.slots(of: connection.port)
            default: nil
            }
        }
        let client = try RedisClient(Self.configuration(Self.clusterURL(server)))
        let error = await storeError { try await client.send("GET", "bad") }
        #expect(error?.code == .refused)
        #expect(error?.redisError?.message == refusal)
        let replies = try await client.pipeline([
            RedisCommand("GET", "a"), RedisCommand("GET", "bad"), RedisCommand("GET", "b"),
        ])
        #expect(replies.map(\.text) == ["a", nil, "b"])
        #expect(replies[1] == .error(RedisError(refusal)))
    }

    @Test(arguments: ["MOVED", "ASK", "TRYAGAIN", "MOVED ?", "CLUSTERDOWN"])
    func `that sends a command in a circle is left after a while`(kind: String) async throws {
        let server = try ScriptedServer { command, connection in
            switch command[0] {
            case "GET" where command[1] == "bad":
                connection.note()
                switch kind {
                case "MOVED ?": return "-MOVED 1 ?:6379\r\n"
                default: return "-\(kind) 1 127.0.0.1:\(connection.port)\r\n"
                }
            case "GET": return command[1].asBulk
            case "CLUSTER": return Self.slots(of: connection.port)
            default: return nil
            }
        }
        let client = try RedisClient(Self.configuration(Self.clusterURL(server)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for index in 0..<200 {
                    let reply = try await client.send("GET", .text("\(index)"))
                    #expect(reply.text == "\(index)")
                }
            }
            let time = await elapsed {
                let error = await storeError {
                    _ = try await client.send(RedisCommand("GET", "bad"), within: .seconds(30))
                }
                #expect(error?.redisError?.kind == String(kind.prefix { $0 != " " }))
            }
            #expect(time < .seconds(10))
            try await group.waitForAll()
        }
        #expect(server.notes == 17)
    }

    @Test func `that names ever new servers is not followed to all of them`() async throws {
        let server = try ScriptedServer { command, connection in
            switch command[0] {
            case "GET":
                guard let port = UInt16(command[1]) else { return command[1].asBulk }
                return "-MOVED 1 127.0.0.1:\(port)\r\n"
            case "CLUSTER":
                // Only the first look at the cluster comes to an end.
                connection.note()
                return connection.notes == 1 ? Self.slots(of: connection.port) : "*0\r\n"
            default: return nil
            }
        }
        let configuration = try Self.configuration(Self.clusterURL(server))
        let topology = try RedisTopology(configuration, events: .ignored)
        defer { topology.close() }
        func get(_ key: String) async throws -> RedisValue {
            try await topology.send(
                RedisCommand("GET", .text(key)), within: .seconds(2), lane: .small,
                reads: .primary)
        }
        #expect(try await get("key").text == "key")
        // Nobody listens at these ports.
        for port in 1...200 {
            let error = await storeError { _ = try await get("\(port)") }
            #expect(error?.code == .unavailable)
        }
        #expect(topology.state.withLock(\.nodes.count) == 17)
        let error = await storeError { _ = try await get("999") }
        #expect(error?.message.contains("ever new servers") == true)
    }

    @Test func `that asks for a key at a server without slots is told of its changes there`()
        async throws
    {
        let target = try ScriptedServer { command, connection in
            switch command[0] {
            case "GET": return command[1].asBulk
            case "CLIENT": return command[1] == "ID" ? ":1\r\n" : nil
            case "SUBSCRIBE":
                connection.note()
                return "*3\r\n+subscribe\r\n\(command[1].asBulk):1\r\n"
            default: return nil
            }
        }
        let port = target.port
        let source = try ScriptedServer { command, connection in
            switch command[0] {
            case "CLUSTER": return Self.slots(of: connection.port)
            case "GET":
                let slot = KeySlot.slot(of: Array(command[1].utf8))
                return "-ASK \(slot) 127.0.0.1:\(port)\r\n"
            case "CLIENT": return command[1] == "ID" ? ":1\r\n" : nil
            case "SUBSCRIBE": return "*3\r\n+subscribe\r\n\(command[1].asBulk):1\r\n"
            default: return nil
            }
        }
        let client = try RedisClient(
            Self.configuration("redis+cluster://127.0.0.1:\(source.port)"))
        let pushes = PushRecorder()
        let subscription = try client.subscribe(
            to: RedisInterest(trackedPrefixes: ["k"]), handler: pushes.append)
        try await eventually { if case .established? = pushes.last { true } else { false } }
        let told = pushes.count
        #expect(try await client.send("GET", "key").text == "key")
        // What was read before its channel stands is not to be trusted.
        #expect(pushes.count > told)
        try await eventually { target.notes == 1 }
        withExtendedLifetime(subscription) {}
    }

    @Test func `whose primaries come in another order has not changed`() async throws {
        let server = try ScriptedServer { command, connection in
            guard command[0] == "CLUSTER" else { return nil }
            let own = "*2\r\n\("127.0.0.1".asBulk):\(connection.port)\r\n"
            let nodes = [own, "*2\r\n\("127.0.0.1".asBulk):1\r\n"]
            let first = connection.noteNumber() % 2
            return "*2\r\n*3\r\n:0\r\n:99\r\n\(nodes[first])"
                + "*3\r\n:100\r\n:16383\r\n\(nodes[1 - first])"
        }
        let changes = Recorder<RedisTopologyChange>()
        let client = try RedisClient(
            Self.configuration("redis+cluster://127.0.0.1:\(server.port)"), events: changes.events)
        // Nobody listens at port 1, so who has its keys is asked anew.
        let keys = [true, false].compactMap { isFirst in
            (0..<100_000).lazy.map { "\($0)" }
                .first { (KeySlot.slot(of: Array($0.utf8)) < 100) == isFirst }
        }
        try await eventually {
            for key in keys { _ = await storeError { try await client.send("GET", .text(key)) } }
            return server.notes > 4
        }
        #expect(changes.all.count == 1)
    }

    @Test func `of which one sentinel hangs goes by the word of another`() async throws {
        let hanging = try ScriptedServer { _, connection in
            connection.fallSilent()
            return ""
        }
        let good = try Self.sentinel { connection in
            "*2\r\n\("127.0.0.1".asBulk)\(String(connection.port).asBulk)"
        }
        var configuration = try Self.configuration(
            "redis+sentinel://127.0.0.1:\(hanging.port),127.0.0.1:\(good.port)/shop")
        configuration.connectTimeout = .seconds(10)
        let client = try RedisClient(configuration)
        var value: RedisValue?
        let time = try await elapsed { value = try await client.send("GET", "key") }
        #expect(value?.text == "key")
        #expect(time < .seconds(5))
    }

    @Test func `whose subscriber loses its node is asked at once who the primary is`()
        async throws
    {
        let server = try ScriptedServer { command, connection in
            switch command[0] {
            case "CLUSTER":
                connection.note()
                return Self.slots(of: connection.port)
            case "SUBSCRIBE":
                connection.send("*3\r\n+subscribe\r\n\("a".asBulk):1\r\n")
                if !connection.isBetter { connection.hangUp() }
                return ""
            default: return nil
            }
        }
        let client = try RedisClient(
            Self.configuration("redis+cluster://127.0.0.1:\(server.port)"))
        let subscription = try client.subscribe(to: RedisInterest(channels: ["a"])) { _ in }
        let time = try await elapsed { try await eventually { server.notes > 1 } }
        // Where nothing shows that anything has changed it is asked every 10 s.
        #expect(time < .seconds(5))
        server.improve()
        withExtendedLifetime(subscription) {}
    }

    @Test(
        arguments: [
            ("*-1\r\n", .misconfigured), ("$-1\r\n", .misconfigured),
            ("*0\r\n", .protocolViolation), ("+OK\r\n", .protocolViolation),
            ("*1\r\n$1\r\nh\r\n", .protocolViolation),
            ("*2\r\n$0\r\n\r\n$1\r\n1\r\n", .protocolViolation),
            ("*2\r\n$1\r\nh\r\n$1\r\n0\r\n", .protocolViolation),
            ("*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", .protocolViolation),
            ("*2\r\n$1\r\nh\r\n$2\r\n-1\r\n", .protocolViolation),
            ("*2\r\n:1\r\n*0\r\n", .protocolViolation),
            ("*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n1\r\n", .protocolViolation),
            ("-ERR unknown command 'SENTINEL'\r\n", .misconfigured),
            ("-IDONTKNOW\r\n", .refused), ("-NOPERM no\r\n", .misconfigured),
            ("nonsense\r\n", .protocolViolation),
        ] as [(String, StoreError.Code)])
    func `whose sentinels make no sense is told of, and asked again`(
        answer: String, code: StoreError.Code
    ) async throws {
        let server = try Self.sentinel { connection in
            connection.isBetter
                ? "*2\r\n\("127.0.0.1".asBulk)\(String(connection.port).asBulk)" : answer
        }
        let client = try RedisClient(
            Self.configuration("redis+sentinel://127.0.0.1:\(server.port)/shop"))
        let error = await storeError { try await client.send("GET", "key") }
        #expect(error?.code == code, "\(error as Any)")
        server.improve()
        try await eventually { (try? await client.send("GET", "key"))?.text == "key" }
    }

    @Test(arguments: [
        "*-1\r\n", "+OK\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n", "*1\r\n*1\r\n+ip\r\n",
        "*2\r\n*4\r\n+ip\r\n+h\r\n+port\r\n+x\r\n*3\r\n:1\r\n:2\r\n:3\r\n", "-ERR\r\n",
        "*1\r\n*6\r\n+ip\r\n+127.0.0.1\r\n+port\r\n:1\r\n+flags\r\n*0\r\n",
    ])
    func `whose replicas make no sense has none`(replicas: String) async throws {
        let server = try Self.sentinel(replicas: replicas) { connection in
            "*2\r\n\("127.0.0.1".asBulk)\(String(connection.port).asBulk)"
        }
        let client = try RedisClient(
            Self.configuration(
                "redis+sentinel://127.0.0.1:\(server.port)/shop?reads=round-robin"))
        for _ in 0..<10 { #expect(try await client.send("GET", "key").text == "key") }
    }

    /// A sentinel that is the primary as well.
    static func sentinel(
        replicas: String = "*0\r\n",
        _ address: @escaping @Sendable (ScriptedServer.Connection) -> String
    ) throws -> ScriptedServer {
        try ScriptedServer { command, connection in
            switch (command[0], command.dropFirst().first) {
            case ("SENTINEL", "REPLICAS"): replicas
            case ("SENTINEL", _): address(connection)
            case ("SUBSCRIBE", let channel?): "*3\r\n+subscribe\r\n\(channel.asBulk):1\r\n"
            case ("INFO", _): "role:master\r\nmaster_repl_offset:x\r\nconnected_slaves:-1".asBulk
            case ("GET", let key?): key.asBulk
            default: nil
            }
        }
    }
}
