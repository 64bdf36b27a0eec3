import Strata
import StrataTesting
import Synchronization
import Testing

@Suite struct FaultyStoreTests {
    private let time = ManualTime()
    private let behind = OneValueStore()
    private let store: FaultyStore

    init() { store = FaultyStore(behind, time: time) }

    private func code(
        of body: () async throws(StoreError) -> Void
    ) async -> StoreError.Code? {
        do throws(StoreError) {
            try await body()
            return nil
        } catch { return error.code }
    }

    @Test func `without a fault it does as the store behind it`() async throws {
        try await store.set([1], for: "a", timeToLive: .seconds(1))
        #expect(try await store.value(for: "a", as: [UInt8].self) == [1])
        #expect(store.callCount(of: .value) == 1)
    }

    @Test func `a failure comes as often as injected, into the calls named, and is not done`()
        async throws
    {
        store.inject(.fail(.timedOut), into: [.set], times: 2)
        #expect(try await store.value(for: "a", as: [UInt8].self) == nil)
        for expected in [StoreError.Code.timedOut, .timedOut, nil] {
            #expect(behind.value == nil)
            let code = await code { () throws(StoreError) in
                try await store.set([1], for: "a", timeToLive: .seconds(1))
            }
            #expect(code == expected)
        }
        #expect(behind.value == [1])
        #expect(store.callCount(of: .set) == 3)
    }

    @Test func `a call whose answer is lost was done all the same`() async {
        store.inject(.loseAnswer(.unavailable))
        let code = await code { () throws(StoreError) in
            try await store.set([1], for: "a", timeToLive: .seconds(1))
        }
        #expect(code == .unavailable)
        #expect(behind.value == [1])
    }

    @Test func `a hanging call is done when the store heals`() async throws {
        store.inject(.hang)
        let task = Task { try await store.set([1], for: "a", timeToLive: .seconds(1)) }
        try await store.waitForHangingCalls(1)
        #expect(behind.value == nil)
        store.heal()
        try await task.value
        #expect(behind.value == [1])
    }

    @Test func `a hanging call ends when its task is cancelled`() async throws {
        store.inject(.hang)
        let task = Task { try await store.remove(["a"]) }
        try await store.waitForHangingCalls(1)
        task.cancel()
        let error = await #expect(throws: StoreError.self) { try await task.value }
        #expect(error?.code == .cancelled)
    }

    @Test func `a delayed call is done when the time has passed`() async throws {
        store.inject(.delay(.seconds(3)), times: 1)
        let task = Task { try await store.set([1], for: "a", timeToLive: .seconds(1)) }
        try await time.waitForSleepers(1)
        #expect(behind.value == nil)
        time.advance(by: .seconds(3))
        try await task.value
        #expect(behind.value == [1])
    }
}

/// A store with room for one array of bytes.
private final class OneValueStore: CacheStore {
    private let content = Mutex<[UInt8]?>(nil)

    var value: [UInt8]? { content.withLock { $0 } }

    func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? { value as? Value }

    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) { content.withLock { $0 = value as? [UInt8] } }

    func remove(_ keys: [String]) async throws(StoreError) { content.withLock { $0 = nil } }

    func generations(of names: [String]) async throws(StoreError) -> [Generation] { [] }

    func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {}
}
