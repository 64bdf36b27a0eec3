#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Draws ranks by Zipf's law: the one of rank `n` is drawn in proportion to `1 / (n + 1)^exponent`,
/// which is how requests to most web sites spread over their pages (Breslau et al., INFOCOM 1999).
public struct ZipfDistribution: Sendable {
    /// For each rank, how likely it is that it or a lower one is drawn.
    private let cumulative: [Double]

    /// Makes the distribution of so many ranks, from 0 on.
    ///
    /// - Precondition: there is at least one.
    public init(count: Int, exponent: Double) {
        precondition(count > 0, "There must be a rank to draw")
        var sum = 0.0
        cumulative = (1...count).map { rank in
            sum += pow(Double(rank), -exponent)
            return sum
        }
    }

    /// Draws a rank.
    public func next(using generator: inout some RandomNumberGenerator) -> Int {
        let point = Double.random(in: 0..<(cumulative.last ?? 1), using: &generator)
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > point { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
