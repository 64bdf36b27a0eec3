public import Strata

/// A connection to Redis was made or lost, or Redis ceased to answer on it or answers again. Attempts
/// to connect that fail for one reason are told once.
public struct RedisConnectionChange: Event {
    /// Where the server listens.
    public let endpoint: RedisConfiguration.Endpoint
    /// What the connection is for.
    public let lane: RedisLane
    /// Why the connection was lost or could not be made, or that Redis does not answer; nil when
    /// it was made or Redis answers again.
    public let failure: StoreError?

    /// The connection, and the kind of failure.
    public var topic: String { "\(endpoint) \(lane) \(failure?.code.description ?? "")" }

    /// What happened, in words.
    public var description: String {
        failure.map { "\($0) It is tried again." } ?? "Redis at \(endpoint): ready."
    }
}

/// It was found out which servers are primaries, and they are others than before; or it could not
/// be found out.
public struct RedisTopologyChange: Event {
    /// The primaries.
    public let primaries: [RedisConfiguration.Endpoint]
    /// Why no primary is known; nil where they are.
    public let failure: StoreError?

    /// The kind of failure.
    public var topic: String { failure?.code.description ?? "" }

    /// What happened, in words.
    public var description: String {
        failure.map { "\($0) It is tried again." }
            ?? "Redis' primaries: \(primaries.map(\.description).joined(separator: ", "))."
    }
}

/// Redis had lost purges, or had not been told of them, and they were made again.
public struct RedisPurgesRepeated: Event {
    /// How many names were purged again: tags, prefixes, URIs.
    public let count: Int

    /// What happened, in words.
    public var description: String {
        "Redis did not have \(count) purges of late; they were made again."
    }
}

/// Redis had lost the ends of sessions, and they were ended again.
public struct RedisSessionsEndedAgain: Event {
    /// How many sessions were ended again.
    public let count: Int

    /// What happened, in words.
    public var description: String {
        "Redis had \(count) sessions again that had ended; they were ended again."
    }
}
