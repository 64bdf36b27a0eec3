/// Which servers answer commands that only read.
///
/// What is read from a replica may be older than what was written before, by no more than the bound
/// on its lag. Where none is near enough, or none answers, the primary is asked.
public enum RedisReads: Sendable, Hashable {
    /// How one of several is chosen.
    public enum Choice: Sendable, Hashable {
        /// Each in its turn.
        case roundRobin
        /// Any.
        case random
        /// Any, each as often as its weight says, by `host:port`. One that is not named weighs 1;
        /// one that weighs 0 is not asked. Weights go from 0 to 1048576; any other counts as the
        /// nearest.
        case weighted([String: Int])
        /// The one that owes the fewest answers.
        case leastOutstanding
        /// Of two at random the one that is expected to answer sooner, by its mean latency and
        /// what it owes (the power of two choices).
        case quickest
    }

    static let maximumWeight = 1 << 20

    /// The primaries, as with everything else.
    case primary
    /// The replicas; the lag bounds how far behind its primary a replica may have been when it was
    /// last looked at, which is done each second.
    case replicas(Choice, maximumLag: Duration = .seconds(10))
}
