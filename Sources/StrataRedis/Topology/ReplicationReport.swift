/// What a server says of its part in replication (`INFO replication`).
struct ReplicationReport: Sendable, Hashable {
    var isPrimary: Bool
    /// Whether a replica is connected to its primary, and not still fetching all data.
    var isLinked: Bool
    /// How many bytes of the stream of changes it has written, or taken in.
    var offset: Int64
    /// How many replicas are connected to it.
    var replicaCount: Int

    /// What tells the history of its data from others (`master_replid`).
    var identifier: String?

    init?(_ reply: RedisValue) {
        guard let text = reply.text else { return nil }
        var fields: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard let role = fields["role"] else { return nil }
        isPrimary = role == "master"
        isLinked =
            fields["master_link_status"] == "up" && fields["master_sync_in_progress"] != "1"
        let place: Substring = isPrimary ? "master_repl_offset" : "slave_repl_offset"
        offset = fields[place].flatMap { Int64($0) } ?? 0
        identifier = fields["master_replid"].map(String.init)
        replicaCount = fields["connected_slaves"].flatMap { Int($0) } ?? 0
    }
}

/// How far replicas are behind their primary, in time: by when the primary was where the replica
/// is now.
struct LagTracker: Sendable {
    private var samples: [(moment: Duration, offset: Int64)] = []
    private static let maximumSamples = 128

    /// The primary was at the offset then.
    mutating func record(offset: Int64, at moment: Duration) {
        // Behind a failover the offsets may begin anew.
        if let last = samples.last, offset < last.offset { samples = [] }
        samples.append((moment, offset))
        if samples.count > Self.maximumSamples { samples.removeFirst() }
    }

    /// How far a replica is behind that is at the offset now; nil where it is farther behind than
    /// the samples go back.
    func lag(ofOffset offset: Int64, now: Duration) -> Duration? {
        samples.last { $0.offset <= offset }.map { max(.zero, now - $0.moment) }
    }
}
