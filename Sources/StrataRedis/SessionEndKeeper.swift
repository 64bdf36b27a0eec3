import Strata
import Synchronization

/// The ends of a store's sessions, and whether somebody looks after them.
final class SessionEndKeeper: Sendable {
    /// Guarded by the mutex: the ends, by those who end sessions and by who looks after them.
    private let state = Mutex<(ends: SessionEnds, isTended: Bool)>((SessionEnds(), false))
    private let time = SystemTime()

    var doubts: Int { state.withLock(\.ends.doubts) }

    func note(_ commands: [RedisCommand], since doubts: Int) {
        let now = time.uptime.saturatedNanoseconds
        state.withLock { $0.ends.note(commands, since: doubts, now: now) }
    }

    func doubt() { state.withLock { $0.ends.doubt() } }

    func settle(_ batch: SessionEnds.Batch) { state.withLock { $0.ends.settle(batch) } }

    /// Whether the caller is to look after them from now on: there are some that Redis may not have,
    /// and nobody else does.
    func begin() -> Bool {
        let now = time.uptime.saturatedNanoseconds
        return state.withLock { state in
            guard !state.isTended, state.ends.owed(atMost: 1, now: now) != nil else { return false }
            state.isTended = true
            return true
        }
    }

    /// Some that Redis may not have; where there are none, nobody looks after them any more.
    func next() -> SessionEnds.Batch? {
        let now = time.uptime.saturatedNanoseconds
        return state.withLock { state in
            let batch = state.ends.owed(atMost: 256, now: now)
            state.isTended = batch != nil
            return batch
        }
    }
}
