import Strata
import StrataTesting
import Testing

@testable import StrataRedis

/// Servers that send what no Redis would.
@Suite(.serialized, .timeLimit(.minutes(2))) struct `A hostile server` {
    /// What is done when the key `bad` is asked for.
    struct Attack: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let codes: Set<StoreError.Code>
        /// What the message says.
        var hint = ""
        let act: @Sendable (ScriptedServer.Connection) -> Void

        init(
            _ description: String, _ codes: Set<StoreError.Code>, hint: String = "",
            _ act: @escaping @Sendable (ScriptedServer.Connection) -> Void
        ) {
            testDescription = description
            self.codes = codes
            self.hint = hint
            self.act = act
        }

        init(_ text: String, _ codes: Set<StoreError.Code>, hint: String = "") {
            let name = text.prefix(24).debugDescription
            self.init(name, codes, hint: hint) { $0.send(text) }
        }

        /// Words with nothing behind them, not even answers to others.
        static func silence(
            after text: String, _ codes: Set<StoreError.Code> = [.timedOut]
        ) -> Attack {
            let name = "silence after \(text.prefix(24).debugDescription)"
            return Attack(name, codes) {
                $0.send(text)
                $0.fallSilent()
            }
        }
    }

    static let attacks = [
        Attack("\u{0}\u{1}\u{2}garbage\r\n", [.protocolViolation], hint: "is it Redis"),
        Attack("HTTP/1.1 400 Bad Request\r\n\r\n", [.protocolViolation], hint: "is it Redis"),
        Attack(">2\r\n+a\r\n+b\r\n", [.protocolViolation]),
        Attack("%1\r\n+a\r\n+b\r\n", [.protocolViolation]),
        Attack("$9223372036854775808\r\n", [.protocolViolation]),
        Attack("$99999999999999999999999\r\n", [.protocolViolation]),
        Attack("$-2\r\n", [.protocolViolation]),
        Attack("*-2\r\n", [.protocolViolation]),
        Attack(":99999999999999999999\r\n", [.protocolViolation]),
        Attack(String(repeating: "*1\r\n", count: 10_000), [.protocolViolation]),
        // Half a reply with others behind it.
        Attack("$3\r\nab", [.protocolViolation], hint: "long"),
        Attack("*2\r\n:1\r\n$3\r\n", [.protocolViolation], hint: "long"),
        // Readers differ in how much they let a peer promise; none may believe it.
        .silence(after: "*2147483648\r\n", [.protocolViolation, .timedOut]),
        .silence(after: "$9223372036854775807\r\n", [.protocolViolation, .timedOut]),
        .silence(after: ""), .silence(after: "$1000\r\nhalf a reply"),
        .silence(after: "+half a reply"), .silence(after: "*3\r\n:1\r\n$3\r\n"),
        Attack("half a reply and the end", [.unavailable], hint: "closed") {
            $0.send("$1000\r\nhalf")
            $0.hangUp()
        },
        Attack("the end", [.unavailable], hint: "closed") { $0.hangUp() },
        Attack("a line without an end", [.protocolViolation], hint: "line") {
            $0.send("+")
            $0.flood(with: "x")
        },
        Attack("a refusal without an end", [.protocolViolation], hint: "line") {
            $0.send("-")
            $0.flood(with: "\n")
        },
        Attack("bytes without an end", [.protocolViolation], hint: "maximumReplyBytes") {
            $0.send("$2000000000\r\n")
            $0.flood(with: "x")
        },
        Attack("elements without an end", [.protocolViolation], hint: "maximumReplyBytes") {
            $0.send("*2000000000\r\n")
            $0.flood(with: ":1\r\n")
        },
        Attack("arrays without an end", [.protocolViolation], hint: "maximumReplyBytes") {
            $0.send("*2000000000\r\n")
            $0.flood(with: "*2\r\n*0\r\n*0\r\n")
        },
    ]

    static func configuration(_ server: ScriptedServer) throws -> RedisConfiguration {
        var configuration = try RedisConfiguration(url: server.url)
        configuration.commandTimeout = .seconds(10)
        configuration.stallTimeout = .milliseconds(300)
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(20)
        configuration.maximumReplyBytes = 1 << 20
        return configuration
    }

    /// Whether a command's own value is what it was answered, wherever it was answered at all.
    static func ask(_ client: RedisClient, _ key: String) async -> StoreError? {
        await storeError {
            let reply = try await client.send(
                RedisCommand("GET", .text(key)), within: .milliseconds(400))
            #expect(reply.text == key)
        }
    }

    @Test(arguments: attacks)
    func `is left, and those who asked something else go on`(attack: Attack) async throws {
        let server = try ScriptedServer { command, connection in
            guard command[0] == "GET" else { return nil }
            if command[1] != "bad" { return command[1].asBulk }
            attack.act(connection)
            return ""
        }
        let isSilent = attack.codes.contains(.timedOut)
        var configuration = try Self.configuration(server)
        if !isSilent { configuration.stallTimeout = .seconds(10) }
        let client = try RedisClient(configuration)
        #expect(await Self.ask(client, "before") == nil)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<50 {
                        guard let error = await Self.ask(client, "\(task)-\(round)") else {
                            continue
                        }
                        let codes: Set<StoreError.Code> = [
                            .unavailable, .protocolViolation, .timedOut,
                        ]
                        #expect(codes.contains(error.code), "\(error)")
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
            }
            let error = await storeError {
                _ = try await client.send(
                    RedisCommand("GET", "bad"),
                    within: isSilent ? .milliseconds(200) : .seconds(10))
            }
            #expect(error.map { attack.codes.contains($0.code) } == true, "\(error as Any)")
            #expect(error?.message.contains(attack.hint) != false || attack.hint.isEmpty)
            try await group.waitForAll()
        }
        try await eventually { await Self.ask(client, "after") == nil }
        for round in 0..<100 { #expect(await Self.ask(client, "\(round)") == nil) }
        // What was taken of a flood is bounded by the limit, and by what sockets hold.
        #expect(server.sentBytes < 16 << 20)
    }

    @Test func `that speaks unasked is left, and its words are nobody's answer`() async throws {
        let words = [
            ":1\r\n", "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n", "$-1\r\n", "-ERR\r\n",
        ]
        for text in words {
            let changes = Recorder<RedisConnectionChange>()
            let server = try ScriptedServer { command, connection in
                guard command[0] == "GET" else { return nil }
                guard connection.number <= 2, command[1] == "bad" else { return command[1].asBulk }
                return command[1].asBulk + text
            }
            let client = try RedisClient(Self.configuration(server), events: changes.events)
            #expect(await Self.ask(client, "bad") == nil)
            try await eventually { changes.all.contains { $0.failure != nil } }
            let failure = changes.all.compactMap(\.failure).first
            #expect(failure?.code == .protocolViolation)
            #expect(failure?.message.contains("nobody asked for") == true)
            try await eventually { await Self.ask(client, "after") == nil }
        }
    }

    @Test func `that sends each byte by itself is understood`() async throws {
        let server = try ScriptedServer { command, connection in
            guard command[0] == "GET" else { return nil }
            connection.trickle("*3\r\n\(command[1].asBulk)*2\r\n:-17\r\n$-1\r\n-ERR é\r\n")
            return ""
        }
        let client = try RedisClient(Self.configuration(server))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let reply = try await client.send("GET", "key \(task)\r\n")
                    let expected: [RedisValue] = [
                        .bytes(Array("key \(task)\r\n".utf8)), .array([.integer(-17), .null]),
                        .error(RedisError("ERR é")),
                    ]
                    #expect(reply == .array(expected))
                }
            }
            try await group.waitForAll()
        }
    }

    /// What is answered to a word of the greeting; nil where nothing is, and what that is taken for.
    @Test(
        arguments: [
            ("AUTH", "-WRONGPASS invalid username-password pair\r\n", .misconfigured),
            ("AUTH", "-ERR AUTH <password> called without any password\r\n", .misconfigured),
            ("AUTH", "+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n", .protocolViolation),
            ("AUTH", "$-2\r\n", .protocolViolation),
            ("SELECT", "-ERR DB index is out of range\r\n", .misconfigured),
            ("SELECT", "-NOPERM no\r\n", .misconfigured),
            ("CLIENT", "-NOAUTH Authentication required.\r\n", .misconfigured),
            ("PING", "-NOAUTH Authentication required.\r\n", .misconfigured),
            ("PING", "-LOADING Redis is loading the dataset in memory\r\n", .unavailable),
            ("AUTH", "-ERR max number of clients reached\r\n", .unavailable),
            ("PING", "half", .protocolViolation),
            ("PING", "+half", .unavailable),
            ("PING", "", .unavailable),
        ] as [(String, String, StoreError.Code?)])
    func `that refuses the greeting is told of, and tried again`(
        word: String, answer: String, code: StoreError.Code?
    ) async throws {
        let server = try ScriptedServer { command, connection in
            if command[0] == "GET" { return command[1].asBulk }
            // Each lane has a connection of its own.
            return connection.number <= 2 && command[0] == word ? answer : nil
        }
        var configuration = try Self.configuration(server)
        configuration.password = "x"
        configuration.database = 3
        configuration.connectTimeout = .milliseconds(200)
        let client = try RedisClient(configuration)
        let error = await storeError {
            _ = try await client.send(RedisCommand("GET", "key"), within: .seconds(5))
        }
        #expect(error?.code == code, "\(error as Any)")
        try await eventually { await Self.ask(client, "after") == nil }
    }
}
