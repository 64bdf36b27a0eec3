/// How ``WindowTinyLFU`` divides its room, and what it does in doubt.
enum WindowSetting: Int, Sendable, CaseIterable {
    /// For loads whose popularity lasts, for scans and for loops: what was kept stays, unless
    /// something proves better.
    case small
    /// For loads that come back soon or never: LRU.
    case whole
    /// For loads whose popularity drifts.
    case middling

    /// The window's share of the capacity.
    var share: Double {
        switch self {
        case .small: 0.01
        case .whole: 1
        case .middling: 0.3
        }
    }

    /// Whether a candidate stays that was used just as often as its victims.
    var admitsTies: Bool { self == .middling }
}
