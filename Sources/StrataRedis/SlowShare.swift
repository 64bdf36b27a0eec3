/// Whether a server answers too many commands too slowly: a decision without I/O.
///
/// A server that answers all, but late, makes each request that asks it wait nearly as long as one
/// that is gone. It counts as too slow when, within a window of one second, at least half of the
/// answers were slow, and at least twenty. These must have come over a tenth of a second or more,
/// since a single pause, be it this process' own, delays all that is under way at once.
struct SlowShare: Sendable, Hashable {
    static let window = Duration.seconds(1)
    static let leastSlow = 20
    static let leastSpan = Duration.milliseconds(100)

    private var start = Duration.zero
    private var count = 0
    private var slow = 0
    private var firstSlow: Duration?

    /// Takes note of an answer, or of none in time; whether there are too many slow ones.
    mutating func note(isSlow: Bool, now: Duration) -> Bool {
        if now - start >= Self.window {
            self = SlowShare()
            start = now
        }
        count += 1
        guard isSlow else { return false }
        slow += 1
        let first = firstSlow ?? now
        firstSlow = first
        return slow >= Self.leastSlow && slow * 2 >= count && now - first >= Self.leastSpan
    }
}
