import Strata
import StrataTesting
import Testing

@testable import StrataRedis

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `A subscription` {
    /// The next push that is no heartbeat, in words.
    static func next(_ pushes: inout RedisPushes.Iterator) async -> String {
        while let push = await pushes.next() {
            switch push {
            case .established: return "established"
            case .message(let channel, let pattern, let payload):
                let text = String(decoding: payload, as: UTF8.self)
                return pattern.map { "\($0) \(channel): \(text)" } ?? "\(channel): \(text)"
            case .invalidated(let keys):
                let names = keys.map { String(decoding: $0, as: UTF8.self) }
                return "changed \(names.sorted().joined(separator: " "))"
            case .invalidatedAll: return "all changed"
            case .lost(let error): return "lost: \(error.code)"
            case .current: continue
            }
        }
        return "ended"
    }

    @Test func `brings the messages of its channels and patterns, in their order`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        var pushes = try client.pushes(
            of: RedisInterest(channels: ["a", "b"], patterns: ["c*"])
        ).makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        #expect(try await client.publish("1", to: "a") == 1)
        try await client.publish("2", to: "cc")
        try await client.publish("3", to: "d")
        try await client.publish("4", to: "b")
        #expect(await Self.next(&pushes) == "a: 1")
        #expect(await Self.next(&pushes) == "c* cc: 2")
        #expect(await Self.next(&pushes) == "b: 4")
    }

    @Test func `tells of changed keys under a prefix, and of a flush`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        var pushes = try client.pushes(
            of: RedisInterest(channels: ["a"], trackedPrefixes: ["g:", "e:"])
        ).makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        try await client.send("SET", "g:1", "x")
        #expect(await Self.next(&pushes) == "changed g:1")
        try await client.send("SET", "other", "x")
        try await client.publish("hello", to: "a")
        #expect(await Self.next(&pushes) == "a: hello")
        try await client.send("SET", "e:1", "x", "PX", 1)
        #expect(await Self.next(&pushes) == "changed e:1")
        #expect(await Self.next(&pushes) == "changed e:1", "expired")
        try await client.send("FLUSHALL")
        #expect(await Self.next(&pushes) == "all changed")
    }

    @Test func `says when it was lost, and when it is back`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        var pushes = try client.pushes(of: RedisInterest(trackedPrefixes: ["k"]))
            .makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        server.kill()
        #expect(await Self.next(&pushes) == "lost: unavailable")
        try await server.start()
        var push = await Self.next(&pushes)
        while push.hasPrefix("lost") { push = await Self.next(&pushes) }
        #expect(push == "established")
        try await eventually { (try? await client.send("SET", "k", "v")) != nil }
        #expect(await Self.next(&pushes) == "changed k")
    }

    @Test func `a channel that is silently dead is lost within two heartbeats`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        var interest = RedisInterest(channels: ["a"])
        interest.heartbeat = .milliseconds(100)
        var pushes = try client.pushes(of: interest).makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        server.suspend()
        let time = await elapsed {
            #expect(await Self.next(&pushes) == "lost: unavailable")
        }
        #expect(time < .seconds(1))
        server.resume()
        var push = await Self.next(&pushes)
        while push.hasPrefix("lost") { push = await Self.next(&pushes) }
        #expect(push == "established")
    }

    @Test func `heartbeats date what was told before`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        var interest = RedisInterest(trackedPrefixes: ["k"])
        interest.heartbeat = .milliseconds(20)
        var pushes = try client.pushes(of: interest).makeAsyncIterator()
        guard case .established = await pushes.next() else {
            Issue.record("not established")
            return
        }
        for index in 0..<20 {
            try await client.send("SET", .text("k\(index)"), "v")
            let after = SystemTime().uptime
            var isTold = false
            loop: while let push = await pushes.next() {
                switch push {
                case .invalidated: isTold = true
                case .current(let moment) where moment > after:
                    #expect(isTold)
                    break loop
                default: break
                }
            }
        }
    }

    @Test func `whoever does not take its messages loses the channel, not the memory`() async throws
    {
        let server = try await RedisServer()
        let client = try server.client()
        let buffered = try client.pushes(
            of: RedisInterest(channels: ["a"]), maximumBufferedBytes: 10_000)
        var pushes = buffered.makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        let message = [UInt8](repeating: 1, count: 4096)
        let command = RedisCommand("PUBLISH", "a", .bytes(message))
        _ = try await client.pipeline([RedisCommand](repeating: command, count: 1000))
        var push = await Self.next(&pushes)
        var count = 0
        while push.hasPrefix("a: ") {
            count += 1
            push = await Self.next(&pushes)
        }
        #expect(count < 1000)
        #expect(push == "lost: unavailable")
        #expect(await Self.next(&pushes) == "established")
    }

    @Test func `a message that is too long closes the channel`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        var interest = RedisInterest(channels: ["a"])
        interest.maximumMessageBytes = 100_000
        var pushes = try client.pushes(of: interest).makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        try await client.publish(.bytes([UInt8](repeating: 1, count: 200_000)), to: "a")
        #expect(await Self.next(&pushes) == "lost: protocol violation")
        #expect(await Self.next(&pushes) == "established")
    }

    @Test(arguments: ["redis://127.0.0.1:1", "redis://127.0.0.1:1,127.0.0.1:2"])
    func `a client that was closed has none to give`(url: String) async throws {
        let client = try RedisClient(RedisConfiguration(url: url))
        client.close()
        try await eventually {
            await storeError {
                _ = try client.subscribe(to: RedisInterest(channels: ["a"])) { _ in }
            }?.message.contains("closed") == true
        }
    }

    @Test(arguments: [false, true])
    func `a sequence ends when its client is closed`(
        isReplicated: Bool
    ) async throws {
        let server = try await RedisServer()
        let client = try server.client { if isReplicated { $0.topology = .replicated } }
        var pushes = try client.pushes(of: RedisInterest(channels: ["a"])).makeAsyncIterator()
        #expect(await Self.next(&pushes) == "established")
        try await client.publish("1", to: "a")
        #expect(await Self.next(&pushes) == "a: 1")
        client.close()
        #expect(await Self.next(&pushes) == "lost: unavailable")
        #expect(await Self.next(&pushes) == "ended")
    }

    @Test func `ends when it is cancelled`() async throws {
        let server = try await RedisServer()
        let client = try server.client()
        let recorder = PushRecorder()
        let subscription = try client.subscribe(to: RedisInterest(channels: ["a"])) {
            recorder.append($0)
        }
        try await eventually { try await client.publish("1", to: "a") == 1 }
        try await eventually { recorder.count >= 2 }
        subscription.cancel()
        try await eventually { try await client.publish("2", to: "a") == 0 }
        let pushes = try client.pushes(of: RedisInterest(channels: ["b"]))
        let task = Task {
            for await push in pushes { if case .message = push { return false } }
            return true
        }
        try await eventually {
            try await client.send("PUBSUB", "NUMSUB", "b").array?[1] == .integer(1)
        }
        task.cancel()
        #expect(await task.value)
    }

    @Test func `what can't work is refused at once`() throws {
        let client = try RedisClient(RedisConfiguration(url: "redis://127.0.0.1:1"))
        for interest in [
            RedisInterest(), RedisInterest(trackedPrefixes: ["a", "ab"]),
            RedisInterest(trackedPrefixes: ["a", "a"]),
        ] {
            #expect(throws: StoreError.self) {
                try client.subscribe(to: interest) { (_: RedisPush) in }
            }
        }
    }

    @Test func `a user without the right is told what is missing`() async throws {
        let server = try await RedisServer(
            options: ["--user", "app", "on", ">pw", "~*", "+@all", "-client|tracking", "&a"])
        let client = try RedisClient(
            RedisConfiguration(url: "redis://app:pw@127.0.0.1:\(server.port)"))
        for interest in [RedisInterest(trackedPrefixes: ["k"]), RedisInterest(channels: ["b"])] {
            var pushes = try client.pushes(of: interest).makeAsyncIterator()
            guard case .lost(let error) = await pushes.next() else {
                Issue.record("not refused")
                return
            }
            #expect(error.code == .misconfigured)
            #expect(error.message.contains("ACL user"))
        }
    }
}

@Suite struct `What is pushed` {
    @Test(
        arguments: [
            (.array([.bytes(Array("message".utf8)), .bytes([97]), .bytes([1])]), true),
            (.array([.bytes(Array("message".utf8)), .bytes([97]), .null]), false),
            (.array([.bytes(Array("message".utf8)), .bytes([97]), .array([])]), false),
            (.array([.bytes(Array("message".utf8))]), false),
            (.array([.bytes(Array("pmessage".utf8)), .bytes([97]), .bytes([1])]), false),
            (.array([]), false), (.null, false), (.status("OK"), false),
        ] as [(RedisValue, Bool)])
    func `is understood or refused`(value: RedisValue, isUnderstood: Bool) {
        #expect((RedisPush(value) != nil) == isUnderstood)
    }
}
