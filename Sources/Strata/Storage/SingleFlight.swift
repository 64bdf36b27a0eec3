import Synchronization

/// Makes a value once for everybody who asks for it at the same time.
///
/// The first to ask starts a task of its own that makes the value; whoever asks before it is done
/// waits for it. The task belongs to nobody: when the one who started it is cancelled the others
/// still get their value, and only when all who waited are gone is the making cancelled.
final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// How a caller came by its value.
    enum Role: Sendable, Hashable {
        /// It was made for this caller.
        case leader
        /// It was made for another while this caller waited.
        case follower
        /// It was made for another before this caller came.
        case latecomer
    }

    /// Makes the value and hands it to `publish`, which lets everybody have it.
    typealias Maker = @Sendable (_ publish: @Sendable (Value) -> Void) async throws -> Void

    /// Thrown to a caller that would be one too many to wait.
    struct TooManyWaiting: Error {}

    fileprivate final class Flight: Sendable {
        struct State {
            var waiting: [UInt64: CheckedContinuation<Value, any Error>] = [:]
            var result: Result<Value, any Error>?
            /// How many callers count on the flight; at none it is cancelled.
            var interested = 0
            var nextTicket: UInt64 = 0
            var task: Task<Void, Never>?
        }
        /// Guarded: read and written by every caller of the flight and by its task.
        let state = Mutex(State())
    }

    private let maximumWaiting: Int

    /// Guarded: the flights under way, by every caller.
    private let flights = Mutex<[Key: Flight]>([:])

    /// Makes a table of flights.
    ///
    /// - Parameter maximumWaiting: how many callers may wait for one value.
    init(maximumWaiting: Int) { self.maximumWaiting = maximumWaiting }

    /// The value for the key: that of the flight under way, or of a new one.
    ///
    /// - Parameters:
    ///   - isRight: whether a value that was made before this caller came is right for it; where
    ///     not, a new flight takes the other's place.
    ///   - isKept: whether a new flight goes on when nobody waits for it any more.
    ///   - make: makes the value and hands it to `publish`, which lets everybody have it; later
    ///     callers go on joining the flight until `make` returns.
    /// - Throws: what `make` throws before it publishes; `CancellationError`; ``TooManyWaiting``.
    func value(
        for key: Key, ifMade isRight: (Value) -> Bool = { _ in true }, isKept: Bool = false,
        make: @escaping Maker
    ) async throws -> (value: Value, role: Role) {
        let (flight, role) = try board(key, isRight) {
            launch(key, interested: isKept ? 2 : 1, make: make)
        }
        return (try await landing(of: flight), role)
    }

    /// What a caller that could make the value itself comes to.
    enum Boarding {
        /// It is the first: it makes the value, for all.
        case lead(Lead)
        /// Another made it.
        case value(Value, Role)
    }

    /// Thrown to those who wait when whoever was making the value has given up: one of them may
    /// take its place by asking again.
    struct LeaderGone: Error {}

    /// The value for the key: that of the flight under way, or one for the caller to make.
    ///
    /// - Parameter isRight: whether a value that was made before this caller came is right for it.
    /// - Throws: what the one who makes it fails with; ``LeaderGone``; `CancellationError`;
    ///   ``TooManyWaiting``.
    func board(_ key: Key, ifMade isRight: (Value) -> Bool) async throws -> Boarding {
        let (flight, role) = try board(key, isRight) {
            let flight = Flight()
            flight.state.withLock { $0.interested = 1 }
            return flight
        }
        if role == .leader { return .lead(Lead(self, key, flight)) }
        return .value(try await landing(of: flight), role)
    }

    /// The making of a value by the caller who came first. Letting go of it is giving up.
    final class Lead: Sendable {
        private let table: SingleFlight
        private let key: Key
        private let flight: Flight
        /// Guarded: by whoever leads.
        private let endings = Mutex<[@Sendable () -> Void]>([])

        fileprivate init(_ table: SingleFlight, _ key: Key, _ flight: Flight) {
            self.table = table
            self.key = key
            self.flight = flight
        }

        deinit {
            end()
            SingleFlight.finish(flight, .failure(LeaderGone()))
        }

        /// Lets everybody have the value; later callers go on getting it until the end.
        ///
        /// - Returns: whether it is the first one.
        @discardableResult func publish(_ value: Value) -> Bool {
            SingleFlight.finish(flight, .success(value))
        }

        /// Has everybody who waits fail.
        func fail(_ error: any Error) {
            end()
            SingleFlight.finish(flight, .failure(error))
        }

        /// Nobody joins any more.
        func end() {
            table.flights.withLock { flights in
                if flights[key] === flight { flights[key] = nil }
            }
            let endings = endings.withLock { endings in
                defer { endings = [] }
                return endings
            }
            for ending in endings { ending() }
        }

        /// Has something done when nobody joins any more.
        func atEnd(_ ending: @escaping @Sendable () -> Void) {
            endings.withLock { $0.append(ending) }
        }
    }

    /// Starts a flight that nobody waits for, unless one is under way.
    ///
    /// - Returns: whether it was started.
    @discardableResult
    func start(
        _ key: Key,
        make: @escaping Maker
    ) -> Bool {
        flights.withLock { flights in
            guard flights[key] == nil else { return false }
            // Interest that is never taken back keeps the flight from being cancelled.
            flights[key] = launch(key, make: make)
            return true
        }
    }

    private func board(
        _ key: Key, _ isRight: (Value) -> Bool, launch: () -> Flight
    ) throws -> (Flight, Role) {
        try flights.withLock { flights in
            if let flight = flights[key] {
                let role = try flight.state.withLock { state -> Role? in
                    switch state.result {
                    case .success(let value)?: return isRight(value) ? .latecomer : nil
                    case .failure?: return nil
                    case nil: break
                    }
                    // A flight that everybody left is being cancelled, and is nobody's.
                    guard state.interested > 0 else { return nil }
                    guard state.interested <= maximumWaiting else { throw TooManyWaiting() }
                    state.interested += 1
                    return .follower
                }
                if let role { return (flight, role) }
            }
            let flight = launch()
            flights[key] = flight
            return (flight, .leader)
        }
    }

    private func launch(
        _ key: Key, interested: Int = 1, make: @escaping Maker
    ) -> Flight {
        let flight = Flight()
        flight.state.withLock { state in
            state.interested = interested
            state.task = Task {
                // A maker that returns without a value has failed its callers.
                var failure: any Error = CancellationError()
                do {
                    try await make { Self.finish(flight, .success($0)) }
                } catch {
                    failure = error
                }
                // Nobody joins it any more before anybody hears of a failure, and asks again.
                self.flights.withLock { flights in
                    if flights[key] === flight { flights[key] = nil }
                }
                Self.finish(flight, .failure(failure))
            }
        }
        return flight
    }

    @discardableResult
    private static func finish(_ flight: Flight, _ result: Result<Value, any Error>) -> Bool {
        let waiting: [CheckedContinuation<Value, any Error>]? = flight.state.withLock { state in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting ?? [] { continuation.resume(with: result) }
        return waiting != nil
    }

    private func landing(of flight: Flight) async throws -> Value {
        let ticket = flight.state.withLock { state in
            defer { state.nextTicket += 1 }
            return state.nextTicket
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value, any Error>? = flight.state.withLock { state in
                    if let result = state.result { return result }
                    if Task.isCancelled {
                        state.interested -= 1
                        if state.interested == 0 { state.task?.cancel() }
                        return .failure(CancellationError())
                    }
                    state.waiting[ticket] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = flight.state.withLock { state in
                guard let continuation = state.waiting.removeValue(forKey: ticket) else {
                    return CheckedContinuation<Value, any Error>?.none
                }
                state.interested -= 1
                if state.interested == 0 { state.task?.cancel() }
                return continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
    }
}
