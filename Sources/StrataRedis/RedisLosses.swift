import Strata
import Synchronization

/// What a store knows of what its Redis may have lost.
final class RedisLosses: Sendable {
    let purges = LossKeeper(PurgeJournal())
    let sessionEnds = LossKeeper(SessionEnds())
    /// Guarded by the mutex: what is known of the lineage, by readers and by who tells of doubt.
    let lineage = Mutex(RedisLineage())
    private let time = SystemTime()

    /// Redis may have lost any of it.
    func doubt() {
        let (uptime, moment) = (time.uptime.saturatedNanoseconds, time.now)
        lineage.withLock { $0.doubt(uptime: uptime, moment: moment) }
        purges.update { $0.doubt() }
        sessionEnds.update { $0.doubt() }
    }
}

/// What a store did of late that Redis may lose. Moments are nanoseconds of the machine's uptime.
protocol LossJournal: Sendable {
    /// Some of what has to be done again.
    associatedtype Batch

    /// Redis may have lost any of it.
    mutating func doubt()

    /// Some of what Redis may not have; nil where it has all.
    mutating func owed(atMost count: Int, now: Int64) -> Batch?
}

/// A journal of what Redis may lose, and whether somebody looks after it.
final class LossKeeper<Journal: LossJournal>: Sendable {
    /// Guarded by the mutex: the journal, by those who write in it and by who looks after it.
    private let state: Mutex<(journal: Journal, isTended: Bool)>
    private let time = SystemTime()

    init(_ journal: Journal) { state = Mutex((journal, false)) }

    var now: Int64 { time.uptime.saturatedNanoseconds }

    /// Reads the journal, or writes in it.
    func update<Answer: Sendable>(_ body: (inout Journal) -> Answer) -> Answer {
        state.withLock { body(&$0.journal) }
    }

    /// Whether the caller is to look after the journal from now on: something in it is owed, and
    /// nobody else does.
    func begin() -> Bool {
        let now = now
        return state.withLock { state in
            guard !state.isTended, state.journal.owed(atMost: 1, now: now) != nil else {
                return false
            }
            state.isTended = true
            return true
        }
    }

    /// Some of what is owed; where there is nothing, nobody looks after the journal any more.
    func next() -> Journal.Batch? {
        let now = now
        return state.withLock { state in
            let batch = state.journal.owed(atMost: 256, now: now)
            state.isTended = batch != nil
            return batch
        }
    }
}
