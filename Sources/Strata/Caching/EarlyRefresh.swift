#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Whether a response that is still fresh is fetched anew already.
///
/// If all who want something found it stale at the same moment, they would all wait for it. So each
/// hit draws whether it refreshes it in the background, the likelier the less time is left and the
/// longer the fill takes: a response whose fill takes δ is refreshed where δ · β · −ln(random) is
/// more than what is left. That is optimal for the number of early refreshes, and needs no word
/// between those who draw (XFetch; Vattani, Chierichetti, Lowenstein: "Optimal Probabilistic Cache
/// Stampede Prevention", VLDB 2015).
package enum EarlyRefresh {
    /// What −ln of the least number that is drawn, 2⁻⁵³, does not exceed.
    private static let greatestDraw = 37.0

    /// Whether any draw makes a hit refresh.
    static func isPossible(timeToLive: Duration, cost: Duration, beta: Double) -> Bool {
        guard cost > .zero, beta > 0 else { return false }
        return timeToLive.fractionalSeconds < cost.fractionalSeconds * beta * greatestDraw
    }

    /// Whether a hit refreshes.
    ///
    /// - Parameters:
    ///   - timeToLive: how long the response stays fresh.
    ///   - cost: how long its fill took.
    ///   - beta: more than 1 for earlier refreshes, less for later ones, 0 for none.
    ///   - draw: a number from 0 to below 1, asked for only where it may matter.
    package static func isDue(
        timeToLive: Duration, cost: Duration, beta: Double, draw: () -> Double
    ) -> Bool {
        guard isPossible(timeToLive: timeToLive, cost: cost, beta: beta) else { return false }
        let drawn = -log(max(draw(), 0x1p-53))
        return cost.fractionalSeconds * beta * drawn >= timeToLive.fractionalSeconds
    }
}

extension Duration {
    /// The duration in seconds, as exactly as a `Double` is; it is far faster than by way of its
    /// 128 bits.
    fileprivate var fractionalSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
