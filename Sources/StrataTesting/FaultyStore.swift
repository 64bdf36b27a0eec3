public import Strata
import Synchronization

/// A store that does as another one does, except where a test tells it to fail, hang or be slow.
///
/// ```swift
/// let store = FaultyStore(MemoryStore())
/// store.inject(.fail(.timedOut), into: [.set], times: 2)
/// ```
public final class FaultyStore: CacheStore {
    /// The calls of a ``CacheStore``.
    public enum Operation: Sendable, Hashable, CaseIterable {
        /// `value(for:as:)`.
        case value
        /// `set(_:for:timeToLive:)`.
        case set
        /// `remove(_:)`.
        case remove
        /// `generations(of:)`.
        case generations
        /// `advanceGenerations(of:_:timeToLive:)`.
        case advanceGenerations
    }

    /// What goes wrong.
    public enum Fault: Sendable {
        /// The call fails, and nothing was done.
        case fail(StoreError.Code)
        /// The call is done, but its answer is lost on the way back.
        case loseAnswer(StoreError.Code)
        /// The call waits until ``FaultyStore/heal()``, and is done then; it ends early as
        /// ``StoreError/Code/cancelled`` when its task is cancelled.
        case hang
        /// The call is done so much later.
        case delay(Duration)
    }

    private struct Injection: Sendable {
        let fault: Fault
        let operations: Set<Operation>
        var remaining: Int
    }

    private struct State: Sendable {
        var injections: [Injection] = []
        var callCounts: [Operation: Int] = [:]
        /// Where hanging calls wait; another one takes its place at each ``heal()``.
        var gate = Gate()

        /// Counts the call, and takes the fault that is its turn.
        mutating func takeFault(for operation: Operation) -> Fault? {
            callCounts[operation, default: 0] += 1
            let turn = injections.firstIndex {
                $0.remaining > 0 && $0.operations.contains(operation)
            }
            guard let turn else { return nil }
            injections[turn].remaining -= 1
            return injections[turn].fault
        }
    }

    private let store: any CacheStore
    private let time: any TimeSource
    /// Guards the script and the counts.
    private let state = Mutex(State())

    /// Makes a store in front of another one; delays wait on the given time.
    public init(_ store: any CacheStore, time: any TimeSource = SystemTime()) {
        self.store = store
        self.time = time
    }

    /// Lets the next calls go wrong. What was injected first is used up first.
    ///
    /// - Parameters:
    ///   - fault: what goes wrong.
    ///   - operations: which calls; all unless told otherwise.
    ///   - times: how many of them; all until ``heal()`` unless told otherwise.
    public func inject(
        _ fault: Fault, into operations: Set<Operation> = Set(Operation.allCases),
        times: Int = .max
    ) {
        state.withLock {
            $0.injections.append(
                Injection(fault: fault, operations: operations, remaining: times))
        }
    }

    /// Ends all faults; calls that hang are done now.
    public func heal() {
        let gate = state.withLock { state in
            defer { state.gate = Gate() }
            state.injections = []
            return state.gate
        }
        gate.open()
    }

    /// How many calls of that kind were made so far, whatever became of them.
    public func callCount(of operation: Operation) -> Int {
        state.withLock { $0.callCounts[operation, default: 0] }
    }

    /// Waits until at least so many calls hang at the same time.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    public func waitForHangingCalls(_ count: Int) async throws(CancellationError) {
        try await state.withLock(\.gate).waitForWaiters(count)
    }

    /// Does the call, with the fault that is its turn.
    private func call<Answer>(
        _ operation: Operation, _ body: () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        let (fault, gate) = state.withLock { ($0.takeFault(for: operation), $0.gate) }
        do {
            switch fault {
            case nil, .loseAnswer: break
            case .fail(let code): throw StoreError(code, "an injected fault")
            case .hang: try await gate.pass()
            case .delay(let duration): try await time.sleep(for: duration)
            }
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.cancelled, "the task was cancelled", underlying: error)
        }
        let answer = try await body()
        if case .loseAnswer(let code) = fault { throw StoreError(code, "an injected fault") }
        return answer
    }
}

extension FaultyStore {
    /// The value under the key, or nil.
    public func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? {
        try await call(.value) { () throws(StoreError) in try await store.value(for: key, as: type)
        }
    }

    /// Keeps the value under the key for at most that long.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) {
        try await call(.set) { () throws(StoreError) in
            try await store.set(value, for: key, timeToLive: timeToLive)
        }
    }

    /// Removes the values under the keys.
    public func remove(_ keys: [String]) async throws(StoreError) {
        try await call(.remove) { () throws(StoreError) in try await store.remove(keys) }
    }

    /// The current generations of the names, in their order.
    public func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        try await call(.generations) { () throws(StoreError) in
            try await store.generations(of: names)
        }
    }

    /// Gives each of the names a new generation.
    public func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        try await call(.advanceGenerations) { () throws(StoreError) in
            try await store.advanceGenerations(of: names, purge, timeToLive: timeToLive)
        }
    }
}
