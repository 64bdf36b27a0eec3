import Synchronization

/// The sessions of one process, in memory.
///
/// What is kept is bounded in bytes. When the bound is reached and nothing has expired, no further
/// session begins: a flood of new ones must not push out those that people are logged in with.
final class MemorySessions: SessionStore {
    /// Guards all that is kept.
    private let table: Mutex<SessionTable>
    private let time: any TimeSource

    /// Makes an empty store.
    init(maximumBytes: Int = 64 << 20, time: any TimeSource = SystemTime()) {
        table = Mutex(SessionTable(maximumBytes: maximumBytes))
        self.time = time
    }

    func load(_ session: SessionDigest) async throws(StoreError) -> SessionLookup {
        table.withLock { $0.load(session, at: moment) }
    }

    func create(_ session: NewSession, as digest: SessionDigest) async throws(StoreError) {
        try table.withLock { table throws(StoreError) in
            try table.create(session, as: digest, at: moment)
        }
    }

    func apply(
        _ update: SessionUpdate, to session: SessionDigest
    ) async throws(StoreError) -> SessionOutcome {
        try table.withLock { table throws(StoreError) in
            try table.apply(update, to: session, at: moment)
        }
    }

    func end(_ target: SessionTarget) async throws(StoreError) -> Bool {
        table.withLock { $0.end(target, at: moment) }
    }

    func sessions(of principal: SessionDigest) async throws(StoreError) -> [StoredSession] {
        table.withLock { $0.sessions(of: principal, at: moment) }
    }

    /// How many entries are kept, and how many bytes they count for.
    var usage: (entries: Int, bytes: Int) { table.withLock { ($0.entries.count, $0.bytes) } }

    private var moment: SessionTable.Moment {
        SessionTable.Moment(now: time.now, uptime: time.uptime)
    }
}
