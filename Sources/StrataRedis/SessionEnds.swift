/// The ends of sessions of late, so that those can be ended again whose end Redis has lost.
///
/// Redis may lose what it has acknowledged, as ``PurgeJournal`` says; whoever logged out would be
/// logged in again. An end is a command that can be sent any number of times. It names a session by
/// what no later one has: its digest or, where it is a principal's, its age among those, which it
/// keeps when it is rotated. So nothing has to be compared: when there is reason to doubt that Redis
/// has them, all are sent again.
///
/// Memory is bounded: when there are too many, the oldest are forgotten.
///
/// Everything here is pure. Moments are nanoseconds of the machine's uptime.
struct SessionEnds: LossJournal {
    /// Some ends that Redis may not have.
    struct Batch: Sendable {
        let commands: [RedisCommand]
        /// The number of the end that follows.
        fileprivate let end: Int
        fileprivate let doubts: Int
    }

    private var ends: [(command: RedisCommand, made: Int64)] = []
    private var byteCount = 0
    private let maximumByteCount: Int
    /// Ends are numbered; the first of those that are remembered.
    private var first = 0
    /// The first that Redis may not have.
    private var next = 0
    /// How often there was reason for doubt.
    private(set) var doubts = 0

    /// About what an end takes besides its command.
    private static let overhead = 64

    init(maximumByteCount: Int = 4 << 20) { self.maximumByteCount = maximumByteCount }

    private static func cost(of command: RedisCommand) -> Int { command.bytes.count + overhead }

    /// Notes ends that Redis has acknowledged; it was told when there had been so many doubts.
    mutating func note(_ commands: [RedisCommand], since doubts: Int, now: Int64) {
        let isKnown = doubts == self.doubts && next == first + ends.count
        for command in commands {
            ends.append((command, now))
            byteCount += Self.cost(of: command)
        }
        forget(now: now)
        if isKnown { next = first + ends.count }
    }

    /// Forgets those that are an hour old, and more where there are too many.
    private mutating func forget(now: Int64) {
        guard byteCount > maximumByteCount || ends.first.map({ isOver($0.made, now) }) == true
        else { return }
        // Some more than have to be, as the others move up.
        let limit = maximumByteCount / 16 * 15
        var count = 0
        while count < ends.count, byteCount > limit || isOver(ends[count].made, now) {
            byteCount -= Self.cost(of: ends[count].command)
            count += 1
        }
        ends.removeFirst(count)
        first += count
        next = max(next, first)
    }

    private func isOver(_ made: Int64, _ now: Int64) -> Bool { now - made >= PurgeJournal.lifetime }

    /// Redis may have lost any of them.
    mutating func doubt() {
        doubts += 1
        next = first
    }

    /// The oldest of those that Redis may not have; nil where it has all.
    mutating func owed(atMost count: Int, now: Int64) -> Batch? {
        forget(now: now)
        let owed = ends[(next - first)...].prefix(count)
        guard !owed.isEmpty else { return nil }
        return Batch(
            commands: owed.map(\.command), end: next + owed.count, doubts: doubts)
    }

    /// Redis has them, unless there was reason for doubt meanwhile.
    mutating func settle(_ batch: Batch) {
        if batch.doubts == doubts { next = max(next, batch.end) }
    }
}
