import Strata
import Synchronization

/// Chooses among servers for a read: a decision without I/O.
struct ReadSelector {
    /// A server that may be chosen.
    struct Candidate: Hashable {
        var name: String
        /// How many answers it owes.
        var outstanding = 0
        /// How long it takes to answer; nil while nobody knows.
        var latency: Duration?
    }

    private var turn = 0

    /// The place of the one to ask; nil where there is none.
    mutating func choose(
        _ choice: RedisReads.Choice, among candidates: [Candidate],
        using generator: inout some RandomNumberGenerator
    ) -> Int? {
        guard !candidates.isEmpty else { return nil }
        switch choice {
        case .roundRobin:
            turn = (turn + 1) % candidates.count
            return turn
        case .random: return Int.random(in: 0..<candidates.count, using: &generator)
        case .weighted(let weights):
            let weights = candidates.map {
                max(0, min(weights[$0.name] ?? 1, RedisReads.maximumWeight))
            }
            let total = weights.reduce(0, +)
            guard total > 0 else { return nil }
            var rest = Int.random(in: 0..<total, using: &generator)
            return weights.firstIndex { weight in
                rest -= weight
                return rest < 0
            }
        case .leastOutstanding:
            let fewest = candidates.map(\.outstanding).min()
            let equals = candidates.indices.filter { candidates[$0].outstanding == fewest }
            // Equals take turns.
            turn = (turn + 1) % equals.count
            return equals[turn]
        case .quickest:
            guard candidates.count > 1 else { return 0 }
            let first = Int.random(in: 0..<candidates.count, using: &generator)
            var second = Int.random(in: 0..<(candidates.count - 1), using: &generator)
            if second >= first { second += 1 }
            return Self.expected(candidates[first]) <= Self.expected(candidates[second])
                ? first : second
        }
    }

    /// One whose latency nobody knows is asked, so that it becomes known, but by one at a time: it
    /// may be the slowest.
    private static func expected(_ candidate: Candidate) -> Duration {
        guard let latency = candidate.latency else {
            return candidate.outstanding == 0 ? .zero : .seconds(1 << 32)
        }
        return latency * (candidate.outstanding + 1)
    }
}

/// What is known of a server's speed.
final class NodeLoad: Sendable {
    /// How long an answer says something about the next one. Whoever was slow once is not asked
    /// while others are quicker, and would be taken for slow for good.
    private static let lifetime = Duration.seconds(1)

    private let count = Atomic<Int>(0)
    /// The mean in nanoseconds, in which each answer counts for an eighth; 0 while there is none.
    private let mean = Atomic<Int64>(0)
    /// When the last answer came, in nanoseconds of uptime.
    private let moment = Atomic<Int64>(0)

    /// How many answers it owes.
    var outstanding: Int { count.load(ordering: .relaxed) }

    /// The mean time that it took to answer lately; nil while nobody knows.
    func latency(now: Duration) -> Duration? {
        let nanoseconds = mean.load(ordering: .relaxed)
        let age = now - .nanoseconds(moment.load(ordering: .relaxed))
        return nanoseconds == 0 || age > Self.lifetime ? nil : .nanoseconds(nanoseconds)
    }

    func begin() { count.wrappingAdd(1, ordering: .relaxed) }

    /// Takes note of an answer, or of none within that time.
    func end(after duration: Duration, now: Duration) {
        count.wrappingSubtract(1, ordering: .relaxed)
        let sample = max(1, duration.saturatedNanoseconds)
        // Two at the same time may lose one of their samples, and the mean is none the worse.
        let old = latency(now: now).map(\.saturatedNanoseconds)
        mean.store(old.map { $0 + (sample - $0) / 8 } ?? sample, ordering: .relaxed)
        moment.store(now.saturatedNanoseconds, ordering: .relaxed)
    }
}
