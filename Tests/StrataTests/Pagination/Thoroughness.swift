import Glibc

/// How much a test with random input tries.
enum Thoroughness {
    /// So many rounds, or, where the environment variable `STRATA_THOROUGH` is set, so many more.
    static func count(_ ordinary: Int, thorough: Int) -> Int {
        getenv("STRATA_THOROUGH") == nil ? ordinary : thorough
    }
}
