import Synchronization

/// Lets one task at a time pass; the others wait in line, without blocking a thread.
///
/// What a task did in its turn, the next one sees: it takes the turn either by the lock that the
/// former gave it back under, or by the continuation that the former resumed.
///
/// Waiting isn't cancelled: who holds the turn gives it back as soon as what it does is cancelled.
final class Turn: Sendable {
    private struct State {
        var isTaken = false
        /// The first is next.
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    /// Guarded by the mutex.
    private let state = Mutex(State())

    /// Returns when the turn is the caller's.
    func take() async {
        let isFree = state.withLock { state in
            defer { state.isTaken = true }
            return !state.isTaken
        }
        if !isFree { await wait() }
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                // It may have been given back meanwhile.
                if state.isTaken { state.waiters.append(continuation) }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    /// Gives the turn to the first who waits, or leaves it free.
    func giveBack() {
        let waiter = state.withLock { state in
            if state.waiters.isEmpty {
                state.isTaken = false
                return nil as CheckedContinuation<Void, Never>?
            }
            return state.waiters.removeFirst()
        }
        waiter?.resume()
    }
}
