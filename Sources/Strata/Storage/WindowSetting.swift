/// How ``WindowTinyLFU`` divides its room, and whom it lets in.
enum WindowSetting: Int, Sendable, CaseIterable {
    /// For loads whose popularity lasts: what was kept stays, unless something proves better.
    case small
    /// For loops and for scans: what was kept stays, unless something proves much better.
    case steadfast
    /// For loads whose popularity drifts.
    case middling
    /// For loads that come back soon or never: LRU.
    case whole

    /// The window's share of the capacity.
    var share: Double {
        switch self {
        case .small, .steadfast: 0.01
        case .middling: 0.3
        case .whole: 1
        }
    }

    /// How many uses more than its victims a candidate must have had in order to stay.
    ///
    /// It has had one just now, which those in a loop whose turn comes next have not. With two,
    /// it is judged by the uses before that one.
    var margin: Int {
        switch self {
        case .small, .whole: 1
        case .steadfast: 2
        case .middling: 0
        }
    }

    /// How many uses a candidate must have had for the victim that it lost to to wait for its next
    /// turn, so that the next candidate faces another.
    ///
    /// Scans must not stir the main part. Where popularity drifts anyway, every candidate does.
    var challenge: Int {
        switch self {
        case .small, .steadfast: 3
        case .middling, .whole: 1
        }
    }
}
