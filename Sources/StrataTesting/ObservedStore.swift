public import Strata
import Synchronization

/// A shared store that tells of changes, all within this process: any number of ``TieredStore``
/// may stand in front of it, as instances of a server stand in front of Redis.
///
/// Changes are told at once, before the call that makes them returns, unless a test holds them
/// back or cuts the channel. Faults are injected into ``faults``, through which every call goes.
///
/// ```swift
/// let time = ManualTime()
/// let shared = ObservedStore(time: time)
/// let one = TieredStore(memory: MemoryStore(time: time), shared: shared, time: time)
/// let other = TieredStore(memory: MemoryStore(time: time), shared: shared, time: time)
/// ```
public final class ObservedStore: CoherentStore, LeaseStore {
    private struct State: Sendable {
        var observers: [Int: @Sendable (StoreChange) -> Void] = [:]
        var nextObserver = 0
        var isChannelOpen = true
        /// What is to be told once changes are let through; nil while nothing is held back.
        var held: [StoreChange]?
        var ends: [String: Duration] = [:]
        var leases: [String: (token: LeaseToken, end: Duration)] = [:]
    }

    /// Where calls can be made to fail.
    public let faults: FaultyStore

    private let memory: MemoryStore
    private let time: any TimeSource
    /// Guarded: by everybody who uses the store.
    private let state = Mutex(State())

    /// Makes an empty store.
    public init(time: any TimeSource = SystemTime()) {
        memory = MemoryStore(time: time)
        self.time = time
        faults = FaultyStore(memory, time: time)
    }

    // MARK: For tests

    /// Cuts the channel of changes.
    public func loseChannel() {
        state.withLock { $0.isChannelOpen = false }
        tellAlways(.lost)
    }

    /// Opens the channel again; what changed meanwhile is never told.
    public func restoreChannel() {
        state.withLock { $0.isChannelOpen = true }
        tellAlways(.established)
    }

    /// Keeps changes back until ``deliverChanges()``, as a slow network does.
    public func holdChanges() { state.withLock { $0.held = [] } }

    /// Tells what was kept back.
    public func deliverChanges() {
        for change in state.withLock({ $0.held.take() ?? [] }) { tellAlways(change) }
    }

    /// Tells that everything was told.
    public func confirm() { tell(.current(asOf: time.uptime)) }

    private func tell(_ change: StoreChange) {
        let isTold = state.withLock { state in
            guard state.isChannelOpen else { return false }
            guard state.held == nil else {
                state.held?.append(change)
                return false
            }
            return true
        }
        if isTold { tellAlways(change) }
    }

    private func tellAlways(_ change: StoreChange) {
        for observer in state.withLock({ Array($0.observers.values) }) { observer(change) }
    }

    // MARK: The store

    /// Begins to tell of changes; the heartbeat is the test's to give, with ``confirm()``.
    public func observeChanges(
        heartbeat: Duration, _ observer: @escaping @Sendable (StoreChange) -> Void
    ) throws(StoreError) -> StoreObservation {
        let (number, isChannelOpen) = state.withLock { state in
            defer { state.nextObserver += 1 }
            state.observers[state.nextObserver] = observer
            return (state.nextObserver, state.isChannelOpen)
        }
        if isChannelOpen { observer(.established) }
        return StoreObservation { [weak self] in
            self?.state.withLock { $0.observers[number] = nil }
        }
    }

    /// The value with its time to live and the generations.
    public func copy<Value: StoreValue>(
        of key: String, as type: Value.Type, with names: [String]
    ) async throws(StoreError) -> StoredCopy<Value> {
        let value = try await faults.value(for: key, as: type)
        let end = state.withLock { $0.ends[key] }
        return StoredCopy(
            value: value, timeToLive: end.map { $0 - time.uptime } ?? .zero,
            generations: try await memory.generations(of: names))
    }

    /// The value under the key, or nil.
    public func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? { try await faults.value(for: key, as: type) }

    /// Keeps the value under the key, and tells of it.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) {
        defer { tell(.values([key])) }
        state.withLock { $0.ends[key] = time.uptime + min(timeToLive, .seconds(1 << 40)) }
        try await faults.set(value, for: key, timeToLive: timeToLive)
    }

    /// Removes the values under the keys, and tells of it.
    public func remove(_ keys: [String]) async throws(StoreError) {
        defer { tell(.values(keys)) }
        try await faults.remove(keys)
    }

    /// The current generations of the names.
    public func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        try await faults.generations(of: names)
    }

    /// Gives each of the names a new generation, and tells of it.
    public func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        defer { tell(.generations(names)) }
        try await faults.advanceGenerations(of: names, purge, timeToLive: timeToLive)
    }

    // MARK: Leases

    /// Takes the lease of a name, unless another holds it.
    public func takeLease(
        of name: String, token: LeaseToken, for duration: Duration
    ) async throws(StoreError) -> LeaseAnswer {
        let now = time.uptime
        let left = state.withLock { state -> Duration? in
            if let lease = state.leases[name], lease.end > now { return lease.end - now }
            state.leases[name] = (token, now + duration)
            return nil
        }
        if left == nil { tell(.leases([name])) }
        return left.map { .held($0) } ?? .taken
    }

    /// Prolongs a lease that is still held.
    public func extendLease(
        of name: String, token: LeaseToken, for duration: Duration
    ) async throws(StoreError) -> Bool {
        let now = time.uptime
        return state.withLock { state in
            guard let lease = state.leases[name], lease.token == token, lease.end > now else {
                return false
            }
            state.leases[name] = (token, now + duration)
            return true
        }
    }

    /// Gives a lease back.
    public func releaseLease(
        of name: String, token: LeaseToken
    ) async throws(StoreError) {
        state.withLock { if $0.leases[name]?.token == token { $0.leases[name] = nil } }
        tell(.leases([name]))
    }

    /// Keeps the value, if the lease is still held.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration,
        underLeaseOf name: String, token: LeaseToken
    ) async throws(StoreError) -> Bool {
        let now = time.uptime
        let isHeld = state.withLock { state in
            state.leases[name].map { $0.token == token && $0.end > now } ?? false
        }
        if isHeld { try await set(value, for: key, timeToLive: timeToLive) }
        return isHeld
    }
}
