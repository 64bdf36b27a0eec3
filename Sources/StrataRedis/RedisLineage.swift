import Strata

/// Whether Redis may be without purges that it has acknowledged to others.
///
/// A replica that becomes the primary may lack the last writes, and a server that starts again may
/// have what its last snapshot had. Whoever made a purge that is lost makes it again as soon as it
/// finds out (``PurgeJournal``), and until then what was purged is there again. So for as long as
/// that may take after Redis is another, what was filled before is not used.
///
/// Redis is another when its data have a new history. Each history has a replication ID of its own:
/// a server begins one when it starts, and when it becomes a primary, and tells it to its replicas.
///
/// Everything here is pure. Moments are nanoseconds of the machine's uptime, but for those at which
/// something was filled, which come from all instances' clocks.
struct RedisLineage {
    /// How long it may take until all who made purges have made those again that are lost: longer
    /// than the pause before a lost server is tried again, or until it is asked again who is the
    /// primary, and the time for a journal of purges.
    static let grace: Int64 = 1_500_000_000

    /// The replication ID that was answered last.
    private var known: String?
    private var isAnswered = false
    /// When there was reason for doubt last.
    private var doubted: (uptime: Int64, moment: Timestamp)?
    /// How often there was reason for doubt.
    private(set) var doubts = 0
    /// What was filled before that moment is not used until then.
    private var suspicion: (end: Int64, before: Timestamp)?

    /// Whether Redis has to be asked for its replication ID before it is believed.
    var isDoubtful: Bool { !isAnswered && known != nil }

    /// Redis may be another.
    mutating func doubt(uptime: Int64, moment: Timestamp) {
        doubts += 1
        doubted = (uptime, moment)
        isAnswered = false
    }

    /// Redis has answered with that replication ID, or that nobody is to know it, when there had been
    /// so many doubts.
    mutating func note(_ identifier: String?, since doubts: Int) {
        guard doubts == self.doubts else { return }
        isAnswered = true
        guard let identifier else { return }
        if let known, known != identifier, let doubted {
            suspicion = (doubted.uptime + Self.grace, doubted.moment)
        }
        known = identifier
    }

    /// Whether what was filled at that moment may be of before a purge that Redis has lost.
    func suspects(filled moment: Timestamp, now: Int64) -> Bool {
        guard let suspicion else { return false }
        return now < suspicion.end && moment < suspicion.before
    }
}
