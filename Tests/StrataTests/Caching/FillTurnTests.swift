import StrataTesting
import Synchronization
import Testing

@testable import Strata

@Suite struct `Whose turn it is to fill` {
    @Test(
        arguments: [
            (.taken, 0, .fill), (.taken, 20_000, .fill),
            (.held(.milliseconds(100)), 0, .wait(.milliseconds(102))),
            (.held(.seconds(60)), 0, .wait(.milliseconds(242))),
            (.held(.milliseconds(100)), 9_950, .wait(.milliseconds(50))),
            (.held(.milliseconds(100)), 10_000, .fillAlone(.waitedLongEnough)),
            (nil, 0, .fillAlone(.storeFailed)),
        ] as [(LeaseAnswer?, Int, FillTurn)])
    func `is decided by the lease and the time waited`(
        answer: LeaseAnswer?, waited: Int, expected: FillTurn
    ) {
        let turn = FillTurn(answer, waited: .milliseconds(waited), limit: .seconds(10))
        #expect(turn == expected)
    }

    /// Instances with a handler each that counts into one place, in front of one store.
    private func instances(
        _ count: Int, _ shared: ObservedStore, _ handler: @escaping Handler
    ) -> [Handler] {
        (0..<count).map { _ in
            wrap(handler) { Caching(store: TieredStore(memory: MemoryStore(), shared: shared)) }
        }
    }

    @Test func `one of many processes calls the handler, the others have what it stored`()
        async throws
    {
        let shared = ObservedStore()
        let gate = Gate()
        let calls = Mutex(0)
        let apps = instances(4, shared) { _ in
            calls.withLock { $0 += 1 }
            try await gate.pass()
            return Response(headers: [.cacheControl: "max-age=60"], body: .bytes([7]))
        }
        let bodies = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for app in apps {
                for _ in 0..<25 {
                    group.addTask {
                        try await app(Request(path: "/a")).body.collect(upTo: 100)
                    }
                }
            }
            try await gate.waitForWaiters(1)
            try await Task.sleep(for: .milliseconds(50))
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(bodies == Array(repeating: [7], count: 100))
        #expect(calls.withLock(\.self) == 1)
    }

    @Test func `what can't be shared is not waited for twice`() async throws {
        let shared = ObservedStore()
        let calls = Mutex(0)
        let apps = instances(2, shared) { _ in
            calls.withLock { $0 += 1 }
            return Response(headers: [.cacheControl: "private"], body: .bytes([7]))
        }
        for _ in 0..<3 { for app in apps { _ = try await app(Request(path: "/a")) } }
        #expect(calls.withLock(\.self) == 6)
    }

    @Test func `what is each client's own is not waited for, process by process`() async throws {
        let shared = ObservedStore()
        let apps = instances(8, shared) { _ in
            try await Task.sleep(for: .milliseconds(250))
            return .text("x")
        }
        let clock = ContinuousClock()
        let start = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for app in apps {
                group.addTask {
                    _ = try await app(Request(path: "/a", headers: [.cookie: "a=b"]))
                }
            }
            try await group.waitForAll()
        }
        // One behind the other they would take eight times as long as one.
        #expect(clock.now - start < .milliseconds(1_500))
    }

    @Test func `a lease that is not prolonged is another's a quarter of a second later`()
        async throws
    {
        let shared = ObservedStore()
        // A process that died: it took the lease and does nothing more.
        let answer = try await shared.takeLease(
            of: "http://localhost/a", token: LeaseToken(), for: FillTurn.leaseDuration)
        #expect(answer == .taken)
        let clock = ContinuousClock()
        let apps = instances(1, shared) { _ in
            Response(headers: [.cacheControl: "max-age=60"], body: .bytes([7]))
        }
        var request = Request(path: "/a")
        request.authority = "localhost"
        let start = clock.now
        _ = try await apps[0](request)
        let waited = clock.now - start
        #expect(waited >= .milliseconds(200))
        #expect(waited < .seconds(2))
    }

    /// An instance, which prolongs its leases by that time.
    private func instance(
        _ shared: ObservedStore, _ time: any TimeSource, _ handler: @escaping Handler
    ) -> Handler {
        let store = TieredStore(memory: MemoryStore(), shared: shared)
        return wrap(handler) { Caching(store: store, time: time) }
    }

    private func text(_ app: Handler) async throws -> String {
        let body = try await app(Request(path: "/a")).body
        return String(decoding: try await body.collect(upTo: 10), as: UTF8.self)
    }

    @Test(arguments: [false, true])
    func `whoever stood still does not replace what another filled since`(isStream: Bool)
        async throws
    {
        let shared = ObservedStore()
        let gate = Gate()
        let old = instance(shared, ManualTime(now: SystemTime().now)) { _ in
            if !isStream { try await gate.pass() }
            return Response(
                headers: [.cacheControl: "max-age=60"],
                body: .stream(
                    BodyStream { writer in
                        if isStream { try await gate.pass() }
                        try await writer.write("old")
                    }))
        }
        let new = instance(shared, SystemTime()) { _ in
            Response(headers: [.cacheControl: "max-age=60"], body: .text("new"))
        }
        async let first = text(old)
        try await gate.waitForWaiters(1)
        // Its lease runs out, as nobody prolongs it, which it does not know.
        #expect(try await text(new) == "new")
        gate.open()
        #expect(try await first == "old")
        for _ in 0..<1000 { await Task.yield() }
        let neither = instance(shared, SystemTime()) { _ in .text("neither") }
        #expect(try await text(neither) == "new")
    }

    @Test func `whoever lost a lease that nobody else took has what it fills stored`()
        async throws
    {
        let shared = ObservedStore()
        let app = instance(shared, ManualTime(now: SystemTime().now)) { _ in
            // Longer than a lease lasts that nobody prolongs.
            try await Task.sleep(for: FillTurn.leaseDuration + .milliseconds(50))
            return Response(headers: [.cacheControl: "max-age=60"], body: .text("filled"))
        }
        #expect(try await text(app) == "filled")
        for _ in 0..<1000 { await Task.yield() }
        let other = instance(shared, SystemTime()) { _ in .text("other") }
        #expect(try await text(other) == "filled")
    }

    @Test func `a store that fails keeps nobody waiting`() async throws {
        let shared = ObservedStore()
        shared.faults.inject(.fail(.unavailable))
        let apps = instances(1, shared) { _ in .text("x") }
        #expect(try await apps[0](Request(path: "/a")).status == .ok)
    }
}
