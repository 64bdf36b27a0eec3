/// How one ``WindowSetting`` does against another.
///
/// Only uses that one has and the other has not say anything; they are counted like votes. What
/// counts is the *lead*: how many more votes there were for the first since it was the furthest
/// behind (as in the cumulative sums of Page: "Continuous Inspection Schemes", Biometrika 1954).
/// So a long past doesn't weigh against a change.
struct SettingDuel {
    /// What is left of a lead that the other setting once had, after each turnover.
    private static var memory: Double { 63.0 / 64 }

    /// How many votes more there were for the first setting since it was the furthest behind.
    private(set) var lead = 0
    /// How many votes there were since then.
    private var count = 0
    /// The greatest lead of late.
    private(set) var peak = 0.0

    /// The lead that chance explains.
    var chance: Double { 16 + 2 * Double(count).squareRoot() }

    /// Notes a vote: 1 for the first setting, -1 for the second.
    mutating func add(_ vote: Int) {
        lead += vote
        count += 1
        if lead <= 0 { restart() }
        peak = max(peak, Double(lead))
    }

    /// Forgets a little of what was, once in a turnover.
    mutating func age() { peak *= Self.memory }

    /// Begins to count anew.
    mutating func restart() { (lead, count) = (0, 0) }
}
