import Strata
import StrataTesting
import Synchronization
import Testing

/// Sharing a call where the host forbids calling the handler after the response was returned.
@Suite(.timeLimit(.minutes(1))) struct LeadingTests {
    private func cache(
        _ configuration: Caching.Configuration = .init(),
        _ answer: @escaping @Sendable (Request) async throws -> Response
    ) -> CachingHarness {
        CachingHarness(configuration: configuration, isDetachable: false, answer)
    }

    @Test(arguments: ["max-age=60", "max-age=0"])
    func `requests for one thing at one time are one call`(control: String) async throws {
        let gate = Gate()
        let cache = cache { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: control])
        }
        let replies = try await cache.herd(100, at: gate)
        // What is stale at once doesn't answer who comes when it was made.
        #expect(cache.origin.count <= (control == "max-age=60" ? 1 : 5))
        #expect(replies.allSatisfy { $0.text == "x" })
        let shared = replies.count { $0.cacheStatus.contains("collapsed") || $0.isHit }
        #expect(shared == 100 - cache.origin.count)
    }

    @Test func `nobody waits behind another for what can't be shared`() async throws {
        let gate = Gate()
        let cache = cache { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: "private"])
        }
        let replies = try await cache.herd(50, at: gate)
        #expect(cache.origin.count == 50)
        #expect(replies.allSatisfy { !$0.cacheStatus.contains("collapsed") && !$0.isHit })
        // It is remembered: the next ones don't wait for each other at all.
        #expect(try await cache.send().cacheStatus.contains("uncacheable"))
    }

    @Test func `a streamed response is joined while it is made`() async throws {
        let gate = Gate()
        let cache = cache { _ in .inTwoPieces(gate) }
        let replies = try await cache.herd(20, at: gate)
        #expect(cache.origin.count == 1)
        #expect(replies.allSatisfy { $0.text == "one two" })
        #expect(try await cache.send().isHit)
    }

    @Test func `one that gives up hands the lead over`() async throws {
        let gates = [Gate(), Gate()]
        let cache = cache { request in
            let call = Int(request.headers["X-Call"] ?? "") ?? 0
            try await gates[call].pass()
            return .of("\(call)", [.cacheControl: "max-age=60"])
        }
        let leader = Task { try await cache.send(.get, "/", ["X-Call": "0"]) }
        try await gates[0].waitForWaiters(1)
        let followers = (0..<5).map { _ in
            Task { try await cache.send(.get, "/", ["X-Call": "1"]) }
        }
        for _ in 0..<1000 { await Task.yield() }
        #expect(cache.origin.count == 1)
        leader.cancel()
        await #expect(throws: CancellationError.self) { try await leader.value }
        try await gates[1].waitForWaiters(1)
        gates[1].open()
        for follower in followers { #expect(try await follower.value.text == "1") }
        #expect(cache.origin.count == 2)
    }

    @Test func `a failure is the failure of all who waited`() async throws {
        struct Broken: Error {}
        let gate = Gate()
        let cache = cache { _ in
            try await gate.pass()
            throw Broken()
        }
        await #expect(throws: Broken.self) { try await cache.herd(10, at: gate) }
        #expect(cache.origin.count == 1)
    }

    @Test func `a stream goes on for the others when the leader's client goes away`() async throws {
        let gate = Gate()
        let cache = cache { _ in .inTwoPieces(gate) }
        let leader = Task { try await cache.send() }
        try await gate.waitForWaiters(1)
        let follower = Task { try await cache.send() }
        for _ in 0..<1000 { await Task.yield() }
        leader.cancel()
        for _ in 0..<100 { await Task.yield() }
        gate.open()
        #expect(try await follower.value.text == "one two")
        await #expect(throws: CancellationError.self) { try await leader.value }
        #expect(cache.origin.count == 1)
        #expect(try await cache.send().isHit)
    }

    @Test func `a streamed response that is never sent is made again by another`() async throws {
        let gate = Gate()
        let cache = cache { _ in
            try await gate.pass()
            return Response(
                headers: [.cacheControl: "max-age=60"],
                body: .stream(BodyStream { try await $0.write("x") }))
        }
        let leader = Task {
            var request = Request(.get, "/")
            request.authority = "example.com"
            _ = try await cache.app(request)
        }
        try await gate.waitForWaiters(1)
        let follower = Task { try await cache.send() }
        for _ in 0..<1000 { await Task.yield() }
        gate.open()
        try await leader.value
        #expect(try await follower.value.text == "x")
        #expect(cache.origin.count == 2)
    }
}
