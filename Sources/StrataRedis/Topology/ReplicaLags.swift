/// How far each replica is behind its primary, as of the last look.
struct ReplicaLags: Sendable {
    typealias Endpoint = RedisConfiguration.Endpoint

    private var trackers: [Endpoint: LagTracker] = [:]
    private var lags: [Endpoint: (lag: Duration, moment: Duration)] = [:]

    /// How long a look is good for.
    private static let lifetime = Duration.seconds(5)

    /// Takes note of what the servers of a shard said then.
    mutating func note(
        _ shard: Deployment.Shard, _ reports: [Endpoint: ReplicationReport], at moment: Duration
    ) {
        if let primary = reports[shard.primary] {
            trackers[shard.primary, default: LagTracker()]
                .record(offset: primary.offset, at: moment)
        }
        for replica in shard.replicas {
            guard let report = reports[replica], !report.isPrimary, report.isLinked,
                let lag = trackers[shard.primary]?.lag(ofOffset: report.offset, now: moment)
            else {
                lags[replica] = nil
                continue
            }
            lags[replica] = (lag, moment)
        }
    }

    /// The lag; nil where nobody knows, and the replica is not to be asked.
    func lag(of endpoint: Endpoint, now: Duration) -> Duration? {
        guard let (lag, moment) = lags[endpoint], now - moment <= Self.lifetime else { return nil }
        return lag
    }

    /// The replica did not answer: it is not asked before the next look.
    mutating func forget(_ endpoint: Endpoint) { lags[endpoint] = nil }

    /// Forgets all servers but those.
    mutating func keep(_ endpoints: Set<Endpoint>) {
        trackers = trackers.filter { endpoints.contains($0.key) }
        lags = lags.filter { endpoints.contains($0.key) }
    }
}
