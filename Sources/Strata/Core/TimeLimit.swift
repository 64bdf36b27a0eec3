import Synchronization

/// An error that says something of the machines behind a service, and nothing of who asked: whoever
/// waits for the same as the one who got it has the same one.
package protocol ImpersonalFailure: Error {}

/// Thrown where something took longer than it was given.
public struct TimeLimitExceeded: Error, Hashable, CustomStringConvertible, ImpersonalFailure {
    /// How long it was given.
    public let limit: Duration

    package init(limit: Duration) { self.limit = limit }

    /// What went wrong.
    public var description: String { "There was no answer within \(limit)." }
}

extension TimeSource {
    /// The operation's result, unless it takes longer than the limit.
    ///
    /// The operation runs in a task of its own. At the limit, or when the caller is cancelled, that
    /// task is cancelled and no longer waited for, so one that doesn't heed its cancellation holds
    /// nobody up.
    ///
    /// - Throws: ``TimeLimitExceeded``, `CancellationError`, and what the operation throws.
    package func withLimit<Value: Sendable>(
        _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let race = Race<Value>()
        let work = Task { await race.finish(Result.of(operation)) }
        let clock = Task {
            try await sleep(for: limit)
            race.finish(.failure(TimeLimitExceeded(limit: limit)))
        }
        defer {
            work.cancel()
            clock.cancel()
        }
        return try await withTaskCancellationHandler {
            try await race.result()
        } onCancel: {
            race.finish(.failure(CancellationError()))
        }
    }
}

/// One result, that of whoever finishes first.
private final class Race<Value: Sendable>: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<Value, any Error>)
        case finished(Result<Value, any Error>)
    }

    /// Guarded: by whoever finishes, and by the one who waits.
    private let state = Mutex(State.running)

    func finish(_ result: Result<Value, any Error>) {
        let waiter: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .running:
                state = .finished(result)
                return nil
            case .awaited(let waiter):
                state = .finished(result)
                return waiter
            case .finished: return nil
            }
        }
        waiter?.resume(with: result)
    }

    func result() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let result: Result<Value, any Error>? = state.withLock { state in
                if case .finished(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }
}

extension Result where Failure == any Error {
    fileprivate static func of(_ operation: () async throws -> Success) async -> Result {
        do { return .success(try await operation()) } catch { return .failure(error) }
    }
}
