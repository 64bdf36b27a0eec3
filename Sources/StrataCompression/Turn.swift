import Synchronization

/// Lets one of two tasks at a time pass; the other waits without blocking a thread.
///
/// Waiting isn't cancelled: who holds the turn gives it back as soon as what it does is cancelled.
final class Turn: Sendable {
    private struct State {
        var isTaken = false
        var waiter: CheckedContinuation<Void, Never>?
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
                if state.isTaken { state.waiter = continuation }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    /// Gives the turn to whoever waits, or leaves it free.
    func giveBack() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            if state.waiter == nil { state.isTaken = false }
            return state.waiter
        }
        waiter?.resume()
    }
}
