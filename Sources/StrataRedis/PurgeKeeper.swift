import Strata
import Synchronization

/// The journal of a store's purges, and whether somebody looks after it.
final class PurgeKeeper: Sendable {
    /// Guarded by the mutex: the journal, by purges and by who looks after it.
    private let state = Mutex<(journal: PurgeJournal, isTended: Bool)>((PurgeJournal(), false))
    private let time = SystemTime()

    func note(
        _ names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) -> [String: PurgeJournal.Purge] {
        let now = time.uptime.saturatedNanoseconds
        let (end, overflow) = now.addingReportingOverflow(timeToLive.saturatedNanoseconds)
        return state.withLock {
            $0.journal.note(names, purge, until: overflow ? .max : end, now: now) {
                .random(in: 1 ... .max)
            }
        }
    }

    func settle(_ made: [String: PurgeJournal.Purge]) {
        state.withLock { $0.journal.settle(made) }
    }

    func settle(
        _ name: String, _ purge: PurgeJournal.Purge, repeatedWith number: UInt64?
    ) {
        state.withLock { $0.journal.settle(name, purge, repeatedWith: number) }
    }

    func doubt() { state.withLock { $0.journal.doubt() } }

    /// Whether the caller is to look after the journal from now on: nobody else does.
    func begin() -> Bool {
        state.withLock { state in
            defer { state.isTended = true }
            return !state.isTended
        }
    }

    /// Some of the purges that Redis may not have; where there are none, nobody looks after the
    /// journal any more.
    func next() -> [String: PurgeJournal.Purge]? {
        let now = time.uptime.saturatedNanoseconds
        return state.withLock { state in
            let purges = state.journal.unsettled(atMost: 256, now: now)
            state.isTended = !purges.isEmpty
            return purges.isEmpty ? nil : purges
        }
    }
}
