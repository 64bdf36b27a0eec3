import Strata
import StrataTesting
import Synchronization
import Testing

struct CollapsingTests {
    @Test func `requests for one thing at one time are one call`() async throws {
        let gate = Gate()
        let cache = CachingHarness { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: "max-age=60"])
        }
        let replies = try await cache.herd(100, at: gate)
        #expect(cache.origin.count == 1)
        #expect(replies.allSatisfy { $0.text == "x" })
        #expect(replies.count { $0.cacheStatus.contains("collapsed") || $0.isHit } == 99)
    }

    @Test func `a response that is stale at once still answers all who waited`() async throws {
        let gate = Gate()
        let cache = CachingHarness { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: "max-age=0", .etag: "\"1\""])
        }
        let replies = try await cache.herd(50, at: gate)
        #expect(replies.allSatisfy { $0.text == "x" })
        #expect(cache.origin.count < 50)
    }

    @Test(arguments: ["private", "no-store", "max-age=60, no-cache"])
    func `nobody waits behind another for what can't be shared`(control: String) async throws {
        let cache = CachingHarness { request in
            .of("x", [.cacheControl: control, .etag: "\"1\""])
        }
        let replies = try await withThrowingTaskGroup(of: CachingHarness.Reply.self) { group in
            for _ in 0..<50 { group.addTask { try await cache.send() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(replies.count == 50)
        #expect(replies.allSatisfy { !$0.cacheStatus.contains("collapsed") && !$0.isHit })
        #expect(cache.origin.count == 50)
    }

    @Test(arguments: [true, false], [HeaderName.cookie, .authorization])
    func `nobody fails behind another whose failure may be its own`(
        isDetachable: Bool, field: HeaderName
    ) async throws {
        let gate = Gate()
        let cache = CachingHarness(isDetachable: isDetachable) { request in
            try await gate.pass()
            guard request.headers[field] == "known" else { throw Problem(.unauthorized) }
            return .of("x", [.cacheControl: "private"])
        }
        let unknown = Task { try await cache.send(.get, "/", [field: "unknown"]) }
        try await gate.waitForWaiters(1)
        let known = (0..<10).map { _ in
            Task { try await cache.send(.get, "/", [field: "known"]).text }
        }
        for _ in 0..<1000 { await Task.yield() }
        gate.open()
        await #expect(throws: Problem.self) { try await unknown.value }
        for task in known { #expect(try await task.value == "x") }
    }

    @Test func `who is not logged in keeps nobody out who is`() async throws {
        let gate = Gate()
        let app = wrap({ request in
            if request.path == "/login" {
                try await request.session.logIn(as: "ann")
                return .text("in")
            }
            let user = try await request.session.principal
            try await gate.pass()
            guard let user else { throw Problem(.unauthorized) }
            return .text(user)
        }) {
            Sessions(store: MemoryStore(), keys: [.random()])
            Caching(store: MemoryStore())
        }
        let login = try await app(Request(.post, "/login"))
        let cookie = login.headers[.setCookie]?.split(separator: ";").first.map(String.init)
        let stranger = Task { try await app(Request(.get, "/me")).status }
        try await gate.waitForWaiters(1)
        let ann = (0..<10).map { _ in
            Task {
                let request = Request(.get, "/me", headers: [.cookie: cookie ?? ""])
                return try await app(request).body.collect(upTo: 10)
            }
        }
        for _ in 0..<1000 { await Task.yield() }
        gate.open()
        #expect(try await stranger.value == .unauthorized)
        for task in ann { #expect(try await task.value == Array("ann".utf8)) }
    }

    @Test(arguments: [true, false])
    func `all fail together whose failure is the origin's`(isDetachable: Bool) async throws {
        let gate = Gate()
        let cache = CachingHarness(isDetachable: isDetachable) { request in
            try await gate.pass()
            throw TimeLimitExceeded(limit: .seconds(1))
        }
        let tasks = (0..<10).map { _ in
            Task { try await cache.send(.get, "/", [.cookie: "a=b"]).status }
        }
        try await gate.waitForWaiters(1)
        for _ in 0..<1000 { await Task.yield() }
        gate.open()
        for task in tasks { #expect(try await task.value == 504) }
        #expect(cache.origin.count == 1)
    }

    @Test(arguments: [HeaderName.cookie, .authorization])
    func `what is kept from one client keeps nobody else from waiting`(field: HeaderName)
        async throws
    {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=60"]) }
        let first = try await cache.send(.get, "/", [field: "a"])
        #expect(first.cacheStatus.contains("detail=\(field.spelling.lowercased())"))
        let second = try await cache.send()
        #expect(second.cacheStatus.contains("fwd=uri-miss; stored"))
    }

    @Test(arguments: [HeaderName.cookie, .authorization], ["private", "max-age=60"])
    func `what one client's answer is leaves alone what the others have`(
        field: HeaderName, control: String
    ) async throws {
        let cache = CachingHarness { request in
            .of(
                "x",
                [
                    .cacheControl: request.headers.contains(field) ? control : "max-age=60",
                    .vary: "\(field.spelling), X-Kind",
                ])
        }
        _ = try await cache.send()
        for _ in 0..<2 { #expect(try await !cache.send(.get, "/", [field: "a"]).isHit) }
        _ = try await cache.send(.get, "/", [field: "a", .cacheControl: "no-cache"])
        #expect(try await cache.send().isHit)
        let others = try await cache.send(.get, "/", ["X-Kind": "b"])
        #expect(others.cacheStatus.contains("fwd=vary-miss; stored"))
    }

    @Test func `that one variant can't be stored says nothing of the others`() async throws {
        let cache = CachingHarness { request in
            let isStored = request.headers["X-Kind"] == "a"
            return .of(
                "x", [.cacheControl: isStored ? "max-age=60" : "no-store", .vary: "X-Kind"])
        }
        _ = try await cache.send(.get, "/", ["X-Kind": "a"])
        #expect(
            try await cache.send(.get, "/", ["X-Kind": "b"]).cacheStatus.contains("vary-miss"))
        #expect(
            try await cache.send(.get, "/", ["X-Kind": "b"]).cacheStatus.contains("uncacheable"))
        #expect(try await cache.send(.get, "/", ["X-Kind": "a"]).isHit)
    }

    @Test func `what is asked for though it is fresh stays, whatever the answer`() async throws {
        let isSecret = Mutex(false)
        let cache = CachingHarness { _ in
            .of("x", [.cacheControl: isSecret.withLock(\.self) ? "private" : "max-age=60"])
        }
        _ = try await cache.send()
        isSecret.withLock { $0 = true }
        #expect(try await !cache.send(.get, "/", [.cacheControl: "no-cache"]).isHit)
        #expect(try await cache.send().isHit)
    }

    @Test(.timeLimit(.minutes(1)), arguments: [true, false], [HeaderName.cookie, .authorization])
    func `nobody waits twice behind another whose answer is its own`(
        isDetachable: Bool, field: HeaderName
    ) async throws {
        let gate = Gate()
        let cache = CachingHarness(isDetachable: isDetachable) { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: "max-age=60"])
        }
        func sendBoth() async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in ["a", "b"] {
                    group.addTask { _ = try await cache.send(.get, "/", [field: name]) }
                }
                try await group.waitForAll()
            }
        }
        gate.open()
        _ = try await cache.send(.get, "/", [field: "a"])
        gate.close()
        let both = Task { try await sendBoth() }
        try await gate.waitForWaiters(2)
        gate.open()
        try await both.value
    }

    @Test func `who would be one too many to wait asks the handler itself`() async throws {
        let gate = Gate()
        var configuration = Caching.Configuration()
        configuration.maximumWaiting = 2
        let cache = CachingHarness(configuration: configuration) { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: "max-age=60"])
        }
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<5 { group.addTask { try await cache.send().text } }
            // One for whom two wait, and two that may not.
            try await gate.waitForWaiters(3)
            for _ in 0..<1000 { await Task.yield() }
            gate.open()
            for try await text in group { #expect(text == "x") }
        }
        #expect(cache.origin.count == 3)
    }

    @Test func `that a response can't be stored is remembered for a while`() async throws {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "no-store"]) }
        #expect(try await cache.send().cacheStatus.contains("fwd=uri-miss"))
        #expect(try await cache.send().cacheStatus.contains("uncacheable"))
        cache.time.advance(by: Caching.Configuration().remembersUncacheable)
        #expect(try await cache.send().cacheStatus.contains("fwd=uri-miss"))
    }

    @Test func `a streamed response is joined while it is made`() async throws {
        let gate = Gate()
        let cache = CachingHarness { _ in .inTwoPieces(gate) }
        let replies = try await cache.herd(20, at: gate)
        #expect(cache.origin.count == 1)
        #expect(replies.allSatisfy { $0.text == "one two" })
        #expect(try await cache.send().isHit)
    }

    @Test func `a stream that breaks off is broken off for all, and not stored`() async throws {
        struct Broken: Error {}
        let cache = CachingHarness { _ in
            Response(
                headers: [.cacheControl: "max-age=60"],
                body: .stream(
                    BodyStream { writer in
                        try await writer.write("one ")
                        throw Broken()
                    }))
        }
        await #expect(throws: Broken.self) { try await cache.send() }
        await #expect(throws: Broken.self) { try await cache.send() }
        #expect(cache.origin.count == 2)
    }

    @Test func `a stream longer than the limit reaches its client and is not stored`()
        async throws
    {
        var configuration = Caching.Configuration()
        configuration.maximumBodyBytes = 1000
        let cache = CachingHarness(configuration: configuration) { _ in
            Response(
                headers: [.cacheControl: "max-age=60"],
                body: .stream(
                    BodyStream { writer in
                        for _ in 0..<100 {
                            try await writer.write(String(repeating: "x", count: 100))
                        }
                    }))
        }
        #expect(try await cache.send().text.count == 10_000)
        #expect(try await cache.send().isHit == false)
    }

    @Test func `a request that is given up leaves the call to those who still wait`()
        async throws
    {
        let gate = Gate()
        let cache = CachingHarness { _ in
            try await gate.pass()
            try Task.checkCancellation()
            return .of("x", [.cacheControl: "max-age=60"])
        }
        let leader = Task { try await cache.send() }
        while cache.origin.count == 0 { await Task.yield() }
        let follower = Task { try await cache.send() }
        for _ in 0..<1000 { await Task.yield() }
        leader.cancel()
        await #expect(throws: CancellationError.self) { try await leader.value }
        gate.open()
        #expect(try await follower.value.text == "x")
        #expect(cache.origin.count == 1)
    }
}
