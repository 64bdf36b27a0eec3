/// Measurements that belong together.
struct Suite: Sendable {
    /// What it is asked for by.
    let name: String
    /// What it measures, in a line.
    let summary: String
    /// Measures.
    let run: @Sendable () async throws -> [Measurement]

    /// All suites.
    static let all: [Suite] = [
        .compression, .compressionHit, .compressionStream, .compressionServer, .compressionProxy,
        .decoding, .layers, .grammar, .decisions, .cachingHit, .proxy, .proxyMiss, .memoryStore,
        .memorySize,
        .hitRatio, .redis, .purge,
        .sessions,
        .redisSessions, .slicing, .paging,
    ]
}

/// Thrown by a suite that can't be run here.
struct Unavailable: Error {
    /// What is missing, and what to do.
    let message: String
}
