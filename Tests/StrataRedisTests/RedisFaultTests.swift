import Strata
import StrataRedis
import StrataTesting
import Testing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `When Redis fails` {
    @Test func `a server that hangs costs the deadline and no more`() async throws {
        let server = try await RedisServer()
        let client = try server.client { $0.commandTimeout = .milliseconds(50) }
        try await client.send("SET", "key", "value")
        server.suspend()
        let time = await elapsed {
            let error = await storeError { try await client.send("GET", "key") }
            #expect(error?.code == .timedOut)
        }
        #expect(time >= .milliseconds(50))
        #expect(time < .seconds(2))
        let next = await elapsed {
            let error = await storeError { try await client.send("GET", "key") }
            #expect(error?.code == .unavailable, "it is known to hang")
        }
        #expect(next < .milliseconds(50))
        server.resume()
        // The late replies went to those who gave up, and to nobody else.
        try await eventually {
            let command = RedisCommand("ECHO", "mine")
            return (try? await client.send(command, within: .seconds(10)))?.text == "mine"
        }
        for index in 0..<100 {
            let command = RedisCommand("ECHO", .integer(index))
            #expect(try await client.send(command, within: .seconds(10)).integer == Int64(index))
        }
    }

    @Test func `a server that hangs costs nobody anything once that is known, large or small`()
        async throws
    {
        let server = try await RedisServer()
        let client = try server.client {
            $0.connections = 2
            $0.stallTimeout = .milliseconds(300)
        }
        try await client.send("SET", "key", "value")
        try await client.send(RedisCommand("GET", "key"), lane: .large)
        server.suspend()
        let command = RedisCommand("GET", "key")
        let error = await storeError {
            try await client.send(command, within: .milliseconds(40))
        }
        #expect(error?.code == .timedOut)
        let clock = ContinuousClock()
        let end = clock.now + .milliseconds(1500)
        var refusals = 0
        while clock.now < end {
            for lane in [RedisLane.small, .large] {
                // The connections are lost meanwhile, and opened to a server that says nothing.
                let error = await storeError {
                    try await client.send(command, within: .milliseconds(40), lane: lane)
                }
                #expect(error?.code == .unavailable)
                refusals += 1
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        #expect(refusals > 4)
        server.resume()
        let time = try await elapsed {
            try await eventually { (try? await client.send(command)) != nil }
        }
        #expect(time < .seconds(1))
    }

    @Test func `large values that take too long keep nobody from small ones`() async throws {
        let server = try await RedisServer()
        let link = try SlowLink(to: server.socketPath)
        let client = try RedisClient(RedisConfiguration(url: "unix://\(link.path)"))
        try await client.send("SET", "key", "value")
        link.delay = .milliseconds(20)
        let value = [UInt8](repeating: 1, count: 8 << 20)
        async let errors = {
            var errors: [StoreError?] = []
            for _ in 0..<4 {
                errors.append(await storeError { try await client.send("SET", "k", .bytes(value)) })
            }
            return errors
        }()
        for _ in 0..<50 { try await client.send("GET", "key") }
        #expect(await errors.allSatisfy { $0 != nil })
    }

    @Test func `who reads alone is served when the server hangs, dies or has others`()
        async throws
    {
        let server = try await RedisServer()
        let client = try server.client { $0.commandTimeout = .seconds(10) }
        @Sendable func ask(_ count: Int) async throws {
            for index in 0..<count {
                let reply = try await client.send("ECHO", .integer(index))
                #expect(reply.integer == Int64(index))
            }
        }
        try await ask(500)
        server.suspend()
        let error = await storeError {
            try await client.send(RedisCommand("GET", "key"), within: .milliseconds(50))
        }
        #expect(error?.code == .timedOut)
        server.resume()
        try await eventually { (try? await client.send("PING")) != nil }
        try await ask(2000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await ask(300) } }
            try await group.waitForAll()
        }
        try await ask(500)
        server.kill()
        let time = await elapsed {
            #expect(await storeError { try await client.send("PING") }?.code == .unavailable)
        }
        #expect(time < .seconds(2))
        try await server.start()
        try await eventually { (try? await client.send("PING")) != nil }
        try await ask(500)
    }

    @Test func `a killed server is found again when it is back`() async throws {
        let server = try await RedisServer()
        let changes = Recorder<RedisConnectionChange>()
        let client = try server.client(events: changes.events)
        try await client.send("PING")
        server.kill()
        try await eventually {
            await storeError { try await client.send("PING") }?.code == .unavailable
        }
        let time = await elapsed {
            for _ in 0..<100 {
                #expect(await storeError { try await client.send("PING") }?.code == .unavailable)
            }
        }
        #expect(time < .seconds(2))
        try await server.start()
        try await eventually { (try? await client.send("PING")) != nil }
        let small = changes.all.filter { $0.lane == .small }
        #expect(small.first?.failure == nil)
        #expect(small.last?.failure == nil)
        #expect(small.contains { $0.failure?.code == .unavailable })
    }

    @Test func `a script that does not end is told as such, and so is its end`() async throws {
        let server = try await RedisServer(options: ["--lua-time-limit", "10"])
        let faults = Recorder<StoreFault>()
        let client = try server.client()
        let store = TieredStore(
            memory: MemoryStore(), shared: RedisStore(client: client, events: faults.events))
        try await eventually { store.isCoherent }
        let other = try server.client()
        let script = Task { try await other.send("EVAL", "while true do end", 0) }
        defer { script.cancel() }
        func isToldOf(_ error: StoreError?) -> Bool {
            error?.code == .unavailable && error?.message.contains("SCRIPT KILL") == true
        }
        try await eventually { isToldOf(await storeError { try await client.send("GET", "k") }) }
        // The channel of changes does not take it for another server.
        try await eventually { faults.all.contains { isToldOf($0.error) } }
        #expect(!faults.all.contains { $0.error.code != .unavailable }, "\(faults.all)")
        // Nor does who comes now take it for a server without its database.
        let next = try server.client { $0.database = 3 }
        #expect(isToldOf(await storeError { try await next.send("GET", "k") }))
        try await eventually { (try? await client.send("SCRIPT", "KILL")) != nil }
        try await eventually { store.isCoherent }
        try await eventually { (try? await next.send("GET", "k")) != nil }
    }

    @Test func `commands under way when the server dies fail at once`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("PING")
        server.suspend()
        let time = try await elapsed {
            try await withThrowingTaskGroup { group in
                for _ in 0..<64 {
                    group.addTask {
                        let error = await storeError { try await client.send("GET", "key") }
                        #expect(error?.code == .unavailable)
                    }
                }
                try await Task.sleep(for: .milliseconds(50))
                server.kill()
                try await group.waitForAll()
            }
        }
        #expect(time < .seconds(5))
    }

    @Test func `nothing at the address is told at once, with the address`() async throws {
        let client = try RedisClient(RedisConfiguration(url: "unix:///tmp/no/such/socket"))
        let error = await storeError { try await client.send("PING") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("/tmp/no/such/socket") == true)
    }

    @Test func `a name that is not known is told as such`() async throws {
        let client = try RedisClient(RedisConfiguration(url: "redis://no-such-host.invalid"))
        let error = await storeError {
            try await client.send(RedisCommand("PING"), within: .seconds(30))
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("no-such-host.invalid") == true)
    }

    @Test(
        arguments: [
            ("+OK\r\n$100\r\nhalf a repl", FakeServer.End.hangUp, .unavailable),
            ("", .hangUp, .unavailable),
            ("HTTP/1.1 400 Bad Request\r\n\r\n", .stayOpen, .protocolViolation),
            ("\u{0}\u{1}\u{2}garbage", .stayOpen, .protocolViolation),
            ("+OK\r\n+OK\r\n+one too many\r\n+another\r\n", .stayOpen, .protocolViolation),
        ] as [(String, FakeServer.End, StoreError.Code)])
    func `a server that talks nonsense is left`(
        answer: String, end: FakeServer.End, code: StoreError.Code
    ) async throws {
        let server = try FakeServer(answering: Array(answer.utf8), then: end)
        let changes = Recorder<RedisConnectionChange>()
        let client = try RedisClient(
            RedisConfiguration(url: "unix://\(server.path)"), events: changes.events)
        _ = await storeError { try await client.send("PING") }
        try await eventually { changes.all.contains { $0.failure?.code == code } }
    }

    @Test(arguments: [false, true])
    func `a script that Redis does not know takes no longer than one that it does`(
        isOfStore: Bool
    ) async throws {
        let server = try ScriptedServer { command, connection in
            // A store asks for the server's history as well.
            if command.last == "strata:g:{strata:}" { return nil }
            if command[0] == "EVALSHA" {
                usleep(1_000_000)
                return "-NOSCRIPT No matching script. Please use EVAL.\r\n"
            }
            if command[0] == "EVAL" { connection.fallSilent() }
            return nil
        }
        let client = try RedisClient(RedisConfiguration(url: server.url))
        try await client.send(RedisCommand("PING"), within: .seconds(10))
        let limit = Duration.seconds(2)
        var error: StoreError?
        let time = await elapsed {
            error = await storeError {
                if isOfStore {
                    _ = try await RedisStore(client: client, timeLimit: limit)
                        .trail(from: "a", as: [UInt8].self, with: [], selecting: [])
                } else {
                    try await client.run(RedisScript("return 1"), within: limit)
                }
            }
        }
        #expect(error?.code == .timedOut)
        #expect(time < .milliseconds(2_800))
    }

    @Test func `a command takes no longer than its request has left`() async throws {
        let server = try ScriptedServer { command, connection in
            if command[0] == "GET" { connection.note() }
            if command == ["GET", "silence"] { connection.fallSilent() }
            return nil
        }
        let client = try patientClient(url: server.url)
        try await client.send("GET", "a")
        // Nothing is left, so nothing is sent.
        for limit in [Duration.zero, .seconds(-1)] {
            let error = await Deadline.within(limit) {
                await storeError { try await client.send("GET", "b") }
            }
            #expect(error?.code == .timedOut)
        }
        #expect(server.notes == 1)
        let sends: [@Sendable () async throws -> Void] = [
            { try await client.send("GET", "silence") },
            { try await client.send(RedisCommand("GET", "silence"), within: .seconds(10)) },
            { _ = try await client.pipeline([RedisCommand("GET", "silence")]) },
            { _ = try await client.transaction([RedisCommand("GET", "silence")]) },
            { try await client.run(RedisScript("return 1")) },
        ]
        let time = await elapsed {
            await Deadline.within(.milliseconds(200)) {
                await Deadline.within(.seconds(10)) {
                    for send in sends {
                        let error = await storeError(send)
                        #expect(error.map { [.timedOut, .unavailable].contains($0.code) } == true)
                    }
                }
            }
        }
        #expect(time < .seconds(3))
        #expect(Deadline.timeLeft == nil)
    }

    @Test func `a cancelled command leaves the other sixty-three alone`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("PING")
        server.suspend()
        let tasks = (0..<64).map { index in
            Task { try await client.send("ECHO", .integer(index)).integer }
        }
        tasks[17].cancel()
        await #expect(throws: StoreError.self) { try await tasks[17].value }
        server.resume()
        for index in 0..<64 where index != 17 {
            #expect(try await tasks[index].value == Int64(index))
        }
    }

    @Test func `a task that was cancelled before gets no answer`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        try await client.send("PING")
        server.suspend()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await storeError { try await client.send("PING") }?.code
        }
        #expect(await task.value == .cancelled)
        server.resume()
    }

    @Test func `a server that hangs is soon left alone, and soon found again`() async throws {
        let server = try await RedisServer()
        let changes = Recorder<RedisConnectionChange>()
        let client = try server.client(events: changes.events)
        let store = RedisStore(client: client, timeLimit: .milliseconds(50))
        try await store.set([1], for: "key", timeToLive: .seconds(60))
        server.suspend()
        try await withThrowingTaskGroup { group in
            for _ in 0..<64 {
                group.addTask {
                    let error = await storeError {
                        _ = try await store.value(for: "key", as: [UInt8].self)
                    }
                    #expect(error?.code == .timedOut || error?.code == .unavailable)
                }
            }
            try await group.waitForAll()
        }
        let time = await elapsed {
            for _ in 0..<1000 {
                let error = await storeError {
                    _ = try await store.value(for: "key", as: [UInt8].self)
                }
                #expect(error?.code == .unavailable)
            }
        }
        #expect(time < .seconds(2))
        server.resume()
        let pause = try await elapsed {
            try await eventually {
                (try? await store.value(for: "key", as: [UInt8].self)) == [1]
            }
        }
        #expect(pause < .seconds(1))
        let small = changes.all.filter { $0.lane == .small }
        #expect(small.map { $0.failure?.code } == [nil, .unavailable, nil])
    }

    @Test func `no time is no command`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let error = await storeError {
            try await client.send(RedisCommand("INCR", "count"), within: .zero)
        }
        #expect(error?.code == .timedOut)
        #expect(try await client.send("GET", "count") == .null)
    }

    @Test func `whoever gives up in a crowd, the others get their own answers`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            var tasks: [Task<Int64?, any Error>] = []
            var given: Set<Int> = []
            for index in 0..<200 {
                let limit: Duration =
                    Int.random(in: 0..<10, using: &generator) == 0
                    ? .microseconds(Int.random(in: 1...300, using: &generator)) : .seconds(10)
                if limit < .seconds(1) { given.insert(index) }
                tasks.append(
                    Task {
                        try await client.send(
                            RedisCommand("ECHO", .integer(index)), within: limit
                        ).integer
                    })
                if Int.random(in: 0..<10, using: &generator) == 0 {
                    let other = Int.random(in: 0...index, using: &generator)
                    given.insert(other)
                    tasks[other].cancel()
                }
            }
            for (index, task) in tasks.enumerated() {
                do {
                    #expect(try await task.value == Int64(index), "seed \(seed)")
                } catch {
                    #expect(given.contains(index), "seed \(seed): \(error)")
                }
            }
        }
    }

    @Test func `what the server can't take is queued up to the bound`() async throws {
        let server = try await RedisServer()
        let client = try server.client { $0.maximumQueuedBytes = 8 << 20 }
        try await client.send("PING")
        server.suspend()
        let value = [UInt8](repeating: 1, count: 1 << 20)
        let outcomes = try await withThrowingTaskGroup(of: StoreError.Code?.self) { group in
            for index in 0..<12 {
                group.addTask {
                    await storeError {
                        try await client.send("SET", .integer(index), .bytes(value))
                    }?.code
                }
            }
            // Seven fit with what stands around them; the others are refused at once.
            var outcomes: [StoreError.Code?] = []
            for _ in 0..<5 { outcomes += [try await group.next() ?? nil] }
            server.resume()
            for try await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        #expect(outcomes.prefix(5).allSatisfy { $0 == .unavailable })
        #expect(outcomes.dropFirst(5).allSatisfy { $0 == nil })
        #expect(outcomes.count == 12)
    }
}
