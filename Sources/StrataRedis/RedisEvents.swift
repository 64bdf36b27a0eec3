public import Strata

/// A connection to Redis was made or lost.
public struct RedisConnectionChange: Event {
    /// Where the server listens.
    public let endpoint: RedisConfiguration.Endpoint
    /// What the connection is for.
    public let lane: RedisLane
    /// Why the connection was lost or could not be made; nil when it was made.
    public let failure: StoreError?

    /// What happened, in words.
    public var description: String {
        failure.map { "\($0) It is tried again." } ?? "Redis at \(endpoint): connected."
    }
}
