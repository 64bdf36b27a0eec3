import StrataTesting
import Synchronization
import Testing

@testable import Strata

/// Instances of a server that share one store.
private struct Instances {
    let time = ManualTime()
    let shared: ObservedStore
    let one: TieredStore
    let other: TieredStore

    init(_ configuration: TieredStore.Configuration = .init()) {
        let (time, shared) = (time, ObservedStore(time: time))
        self.shared = shared
        func instance() -> TieredStore {
            TieredStore(
                memory: MemoryStore(time: time), shared: shared, configuration: configuration,
                time: time)
        }
        one = instance()
        other = instance()
        tick()
    }

    /// Lets a little time pass, and the channel confirm that all is told.
    func tick(_ duration: Duration = .milliseconds(1)) {
        time.advance(by: duration)
        shared.confirm()
    }

    /// How often the shared store was asked for a value.
    var reads: Int { shared.faults.callCount(of: .value) }

    func bytes(_ store: TieredStore, _ key: String = "a") async throws -> [UInt8]? {
        try await store.value(for: key, as: [UInt8].self)
    }

    func set(_ bytes: [UInt8], in store: TieredStore) async throws {
        try await store.set(bytes, for: "a", timeToLive: .seconds(600))
        tick()
    }
}

@Suite struct `A tiered store` {
    @Test(arguments: CacheStoreConformance.checks)
    func `keeps the contract of stores`(check: CacheStoreConformance.Check) async {
        let store = TieredStore(memory: MemoryStore(), shared: ObservedStore())
        let failures = await check.failures(of: store) { try await Task.sleep(for: $0) }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test(arguments: CacheStoreConformance.checks)
    func `keeps the contract of stores without its channel`(
        check: CacheStoreConformance.Check
    ) async {
        let shared = ObservedStore()
        shared.loseChannel()
        let store = TieredStore(memory: MemoryStore(), shared: shared)
        let failures = await check.failures(of: store) { try await Task.sleep(for: $0) }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test func `asks the shared store once for what it asks often`() async throws {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        for _ in 0..<3 { #expect(try await instances.bytes(instances.other) == [1]) }
        #expect(instances.reads == 1)
    }

    @Test func `lets go of what another instance replaces or removes`() async throws {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        #expect(try await instances.bytes(instances.one) == [1])
        #expect(try await instances.bytes(instances.other) == [1])
        try await instances.set([2], in: instances.other)
        #expect(try await instances.bytes(instances.one) == [2])
        try await instances.other.remove(["a"])
        #expect(try await instances.bytes(instances.one) == nil)
    }

    @Test func `a copy does not outlive what it is a copy of`() async throws {
        let instances = Instances()
        try await instances.one.set([1], for: "a", timeToLive: .seconds(2))
        instances.tick()
        #expect(try await instances.bytes(instances.other) == [1])
        for _ in 0..<4 { instances.tick(.milliseconds(500)) }
        #expect(try await instances.bytes(instances.other) == nil)
    }

    @Test func `a copy is asked for anew after its lifetime`() async throws {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        _ = try await instances.bytes(instances.other)
        for _ in 0..<61 { instances.tick(.seconds(1)) }
        #expect(try await instances.bytes(instances.other) == [1])
        #expect(instances.reads == 2)
    }

    @Test func `without its channel a copy is used up to the bound, and no longer`() async throws {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        #expect(try await instances.bytes(instances.other) == [1])
        instances.shared.loseChannel()
        try await instances.shared.set([2], for: "a", timeToLive: .seconds(600))
        instances.time.advance(by: .milliseconds(999))
        #expect(try await instances.bytes(instances.other) == [1])
        instances.time.advance(by: .milliseconds(2))
        #expect(try await instances.bytes(instances.other) == [2])
    }

    @Test func `a channel that is silent is as good as a lost one`() async throws {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        _ = try await instances.bytes(instances.other)
        instances.tick(.seconds(30))
        #expect(try await instances.bytes(instances.other) == [1])
        instances.shared.holdChanges()
        try await instances.shared.set([2], for: "a", timeToLive: .seconds(600))
        instances.time.advance(by: .milliseconds(1001))
        #expect(!instances.other.isCoherent)
        #expect(try await instances.bytes(instances.other) == [2])
    }

    @Test func `what changed while the channel was lost is not trusted when it is back`()
        async throws
    {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        #expect(try await instances.bytes(instances.other) == [1])
        instances.shared.loseChannel()
        try await instances.shared.set([2], for: "a", timeToLive: .seconds(600))
        instances.shared.restoreChannel()
        instances.tick()
        #expect(try await instances.bytes(instances.other) == [2])
    }

    @Test func `a read that races a change is not kept`() async throws {
        let instances = Instances()
        try await instances.set([1], in: instances.one)
        // The answer is on its way when the value is replaced.
        let slow = SlowShared(instances.shared)
        let store = TieredStore(
            memory: MemoryStore(time: instances.time), shared: slow, time: instances.time)
        instances.shared.faults.heal()
        instances.tick()
        let read = Task { try await store.value(for: "a", as: [UInt8].self) }
        try await slow.gate.waitForWaiters(1)
        instances.tick()
        try await instances.set([2], in: instances.one)
        slow.gate.open()
        #expect(try await read.value == [1])
        instances.tick()
        #expect(try await store.value(for: "a", as: [UInt8].self) == [2])
    }

    @Test func `knows generations without asking, until one changes`() async throws {
        let instances = Instances()
        let before = try await instances.other.generations(of: ["tag a", "tag b"])
        let asked = instances.shared.faults.callCount(of: .generations)
        #expect(try await instances.other.generations(of: ["tag a", "tag b"]) == before)
        #expect(instances.shared.faults.callCount(of: .generations) == asked)
        try await instances.one.advanceGenerations(
            of: ["tag a"], .hard, timeToLive: .seconds(600))
        instances.tick()
        let after = try await instances.other.generations(of: ["tag a", "tag b"])
        #expect(after[0] != before[0])
        #expect(after[1] == before[1])
    }

    @Test func `leaves a store that does not answer alone for a moment`() async throws {
        let instances = Instances()
        instances.shared.faults.inject(.fail(.timedOut))
        for _ in 0..<10 {
            await #expect(throws: StoreError.self) { try await instances.bytes(instances.one) }
        }
        #expect(instances.reads == 1)
        instances.time.advance(by: .milliseconds(100))
        for _ in 0..<10 {
            await #expect(throws: StoreError.self) { try await instances.bytes(instances.one) }
        }
        #expect(instances.reads == 2)
        instances.shared.faults.heal()
        instances.tick()
        #expect(try await instances.bytes(instances.one) == nil)
    }

    @Test func `tells of failures that it answers itself`() async throws {
        let faults = Mutex<[StoreError.Code]>([])
        let shared = ObservedStore()
        let store = TieredStore(
            memory: MemoryStore(), shared: shared,
            events: Events(of: [StoreFault.self]) { event in
                guard let fault = event as? StoreFault else { return }
                faults.withLock { $0.append(fault.error.code) }
            })
        shared.faults.inject(.fail(.unavailable), into: [.generations], times: 1)
        #expect(try await store.generations(of: ["tag a"]).count == 1)
        #expect(faults.withLock { $0 } == [.unavailable])
        // It is left alone now.
        #expect(await store.takeLease(of: "a", token: LeaseToken()) == nil)
        #expect(faults.withLock { $0 } == [.unavailable, .unavailable])
    }

    @Test func `says why it leaves the store alone`() async throws {
        let instances = Instances()
        func failure() async -> StoreError? {
            do throws(StoreError) {
                _ = try await instances.one.value(for: "a", as: [UInt8].self)
                return nil
            } catch {
                return error
            }
        }
        for code in [StoreError.Code.timedOut, .unavailable] {
            instances.shared.faults.heal()
            instances.time.advance(by: .milliseconds(100))
            instances.shared.faults.inject(.fail(code))
            let first = try #require(await failure())
            #expect(first.code == code)
            let second = try #require(await failure())
            #expect(second.code == .unavailable)
            #expect(second.message.hasSuffix(": \(first.message)"))
            #expect((second.underlying as? StoreError)?.code == code)
        }
    }

    @Test func `is not left alone for a request that has no time left`() async throws {
        let instances = Instances()
        instances.shared.faults.inject(.fail(.timedOut))
        _ = await Deadline.within(.zero) {
            await #expect(throws: StoreError.self) { try await instances.bytes(instances.one) }
        }
        instances.shared.faults.heal()
        #expect(try await instances.bytes(instances.one) == nil)
        #expect(instances.reads == 2)
    }

    @Test func `keeps what it can't store for as long as nobody need be asked`() async throws {
        let instances = Instances()
        instances.shared.loseChannel()
        instances.shared.faults.inject(.fail(.unavailable))
        await #expect(throws: StoreError.self) {
            try await instances.one.set([1], for: "a", timeToLive: .seconds(600))
        }
        #expect(try await instances.bytes(instances.one) == [1])
        instances.time.advance(by: .milliseconds(1001))
        await #expect(throws: StoreError.self) { try await instances.bytes(instances.one) }
    }

    @Test func `what one instance stores the others hit, in memory from the second time on`()
        async throws
    {
        let instances = Instances()
        let time = instances.time
        let apps = [instances.one, instances.other].map { store in
            wrap({ _ in
                var response = Response(
                    headers: [.cacheControl: "max-age=60"], body: .bytes([1]))
                response.cacheTags = ["tag"]
                return response
            }) { Caching(store: store, time: time) }
        }
        func isHit(_ index: Int) async throws -> Bool {
            let response = try await apps[index](Request(path: "/a/b"))
            instances.tick()
            return response.headers.first("Cache-Status")?.contains("hit") == true
        }
        #expect(try await !isHit(0))
        for _ in 0..<2 {
            #expect(try await isHit(0))
            #expect(try await isHit(1))
        }
        let reads = instances.reads
        let asked = instances.shared.faults.callCount(of: .generations)
        #expect(try await isHit(0))
        #expect(try await isHit(1))
        #expect(instances.reads == reads)
        #expect(instances.shared.faults.callCount(of: .generations) == asked)
        try await Caching(store: instances.one, time: time).purge(.tag("tag"))
        instances.tick()
        #expect(try await !isHit(1))
        #expect(try await isHit(0))
    }

    @Test func `a fill that a purge overtakes is never stored`() async throws {
        let instances = Instances()
        let time = instances.time
        let gate = Gate()
        let app = wrap({ _ in
            try await gate.pass()
            return Response(headers: [.cacheControl: "max-age=60"], body: .bytes([1]))
        }) { Caching(store: instances.one, time: time) }
        let fill = Task { try await app(Request(path: "/a")) }
        try await gate.waitForWaiters(1)
        instances.tick()
        try await Caching(store: instances.other, time: time).purge(.everything)
        instances.tick()
        gate.open()
        _ = try await fill.value
        for _ in 0..<100 { await Task.yield() }
        instances.tick()
        let again = try await app(Request(path: "/a"))
        #expect(again.headers.first("Cache-Status")?.contains("hit") == false)
    }

    @Test func `tells whoever wants sessions of a store without any`() async {
        let store = TieredStore(memory: MemoryStore(), shared: ObservedStore())
        let digest = SessionDigest(of: [1], kind: "session")
        let error = await #expect(throws: StoreError.self) { try await store.load(digest) }
        #expect(error?.code == .misconfigured)
    }
}

/// A shared store whose answers wait at a gate.
private final class SlowShared: CoherentStore {
    let inner: ObservedStore
    let gate = Gate()

    init(_ inner: ObservedStore) { self.inner = inner }

    func copy<Value: StoreValue>(
        of key: String, as type: Value.Type, with names: [String]
    ) async throws(StoreError) -> StoredCopy<Value> {
        let copy = try await inner.copy(of: key, as: type, with: names)
        try? await gate.pass()
        return copy
    }
    func observeChanges(
        heartbeat: Duration, _ observer: @escaping @Sendable (StoreChange) -> Void
    ) throws(StoreError) -> StoreObservation {
        try inner.observeChanges(heartbeat: heartbeat, observer)
    }
    func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? { try await inner.value(for: key, as: type) }
    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) { try await inner.set(value, for: key, timeToLive: timeToLive) }
    func remove(_ keys: [String]) async throws(StoreError) { try await inner.remove(keys) }
    func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        try await inner.generations(of: names)
    }
    func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        try await inner.advanceGenerations(of: names, purge, timeToLive: timeToLive)
    }
}
