import Strata

/// What a subscriber wants to be told, and how soon it must know that it is told nothing any more.
///
/// ```swift
/// var interest = RedisInterest(channels: ["orders"])
/// interest.trackedPrefixes = ["strata:"]
/// let subscription = try client.subscribe(to: interest) { push in … }
/// ```
public struct RedisInterest: Sendable {
    /// The channels to subscribe to.
    public var channels: [String]
    /// Patterns of channels to subscribe to, as Redis' `PSUBSCRIBE` has them.
    public var patterns: [String]
    /// The prefixes of keys whose changes are told (`CLIENT TRACKING … BCAST`, from Redis 6.0 on).
    /// None may be the beginning of another.
    ///
    /// Redis tells of changes by whomever, the subscriber's own process included, and after all
    /// that belongs to one turn of its loop. An ACL user needs `+client|tracking` and `+client|id`.
    public var trackedPrefixes: [String]
    /// How often a ping is sent. A channel on which nothing arrives for that long after a ping is
    /// lost, so one that is silently dead is found out within twice this. Default 1 s.
    public var heartbeat: Duration = .seconds(1)
    /// How long one message may be; a longer one closes the channel. Default 1 MiB.
    public var maximumMessageBytes = 1 << 20

    /// Makes an interest.
    public init(
        channels: [String] = [], patterns: [String] = [], trackedPrefixes: [String] = []
    ) {
        self.channels = channels
        self.patterns = patterns
        self.trackedPrefixes = trackedPrefixes
    }

    /// - Throws: ``StoreError`` with `misconfigured` for what can't work.
    func validate() throws(StoreError) {
        func require(_ condition: Bool, _ message: String) throws(StoreError) {
            guard condition else { throw StoreError(.misconfigured, message) }
        }
        try require(
            !channels.isEmpty || !patterns.isEmpty || !trackedPrefixes.isEmpty,
            "A subscription names a channel, a pattern or a prefix.")
        try require(heartbeat > .zero, "The heartbeat must be greater than zero.")
        try require(maximumMessageBytes > 0, "maximumMessageBytes must be greater than zero.")
        for (index, prefix) in trackedPrefixes.enumerated() {
            for other in trackedPrefixes[(index + 1)...] {
                try require(
                    !prefix.hasPrefix(other) && !other.hasPrefix(prefix),
                    "Of the tracked prefixes \(prefix) and \(other) one begins with the other; "
                        + "name the shorter one alone.")
            }
        }
    }

    /// What a connection of a subscriber is told.
    func settings(
        _ configuration: RedisConfiguration
    ) -> ConnectionMachine<RedisConnection.Waiter>.Settings {
        var settings = configuration.settings(
            suffix: "-subscriber",
            pingFailure: "Redis answers no heartbeat (an ACL user needs +ping)")
        settings.greeting += greeting
        settings.isSubscriber = true
        settings.idleInterval = heartbeat
        settings.stallTimeout = heartbeat
        return settings
    }

    private var greeting: [Greeting.Step] {
        var greeting: [Greeting.Step] = []
        var channels = channels
        if !trackedPrefixes.isEmpty {
            let failure =
                "Redis can't tell of changed keys (it needs Redis 6, and of an ACL user "
                + "+client|id and +client|tracking)"
            greeting.append(
                .init(command: RedisCommand("CLIENT", "ID"), failure: failure))
            // Redirected to itself the connection is told as a subscriber, and tracking ends with
            // it: there is no second connection whose loss would have to be noticed.
            let prefixes: [RedisArgument] = trackedPrefixes.flatMap { ["PREFIX", .text($0)] }
            greeting.append(
                .init(
                    command: .following { reply in
                        RedisCommand(
                            [
                                "CLIENT", "TRACKING", "ON", "REDIRECT",
                                .integer(reply.integer ?? 0), "BCAST",
                            ] + prefixes)
                    }, failure: failure))
            channels.append(RedisPush.invalidationChannel)
        }
        func subscribe(_ command: RedisArgument, _ names: [String]) {
            guard !names.isEmpty else { return }
            let words = names.map(RedisArgument.text)
            greeting.append(
                .init(
                    command: .fixed(RedisCommand([command] + words)),
                    failure: "Redis refuses the subscription (an ACL user needs +subscribe or "
                        + "+psubscribe, and the channel's name as &name)",
                    replyCount: names.count))
        }
        subscribe("SUBSCRIBE", channels)
        subscribe("PSUBSCRIBE", patterns)
        return greeting
    }
}
