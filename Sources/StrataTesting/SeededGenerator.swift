#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Random numbers that a seed determines: SplitMix64 (Steele, Lea, Flood: "Fast Splittable
/// Pseudorandom Number Generators", OOPSLA 2014). Not for secrets.
///
/// A test makes one without a seed; the seed is then drawn anew, and printed so that a failure can
/// be repeated by setting the environment variable `STRATA_SEED` to it.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    /// What the generator was made from.
    public let seed: UInt64
    private var state: UInt64

    /// Makes the generator of that seed.
    public init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// Makes a generator of the seed in `STRATA_SEED`, or of one drawn at random, and prints it.
    ///
    /// - Parameter purpose: what it is for, printed beside the seed; by default the function that
    ///   asks.
    public init(for purpose: String = #function) {
        let given = getenv("STRATA_SEED").flatMap { UInt64(String(cString: $0)) }
        self.init(seed: given ?? .random(in: .min ... .max))
        print("\(purpose): STRATA_SEED=\(seed)")
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
