public import Strata

/// What comes to a subscriber: messages and invalidations, and how its channel fares.
///
/// Between ``lost(_:)`` and the next ``established`` anything may have been missed: whoever keeps
/// copies by what is told here must not trust those from before.
public enum RedisPush: Sendable {
    /// All that was asked for is subscribed to, for the first time or again. What happens at Redis
    /// from now on is told.
    case established
    /// A message was published.
    ///
    /// - `channel`: where.
    /// - `pattern`: the pattern that the channel matches, if it was subscribed to by one.
    case message(channel: String, pattern: String?, payload: [UInt8])
    /// Keys under a tracked prefix were changed, removed, evicted, or have expired.
    case invalidated(keys: [[UInt8]])
    /// The whole of Redis was emptied, or may have been: what was read before is not to be trusted.
    case invalidatedAll
    /// Everything that happened at Redis before that moment (by ``TimeSource/uptime``) has been
    /// told. Comes with each heartbeat, and so shows that the channel is no dead one.
    case current(asOf: Duration)
    /// The channel was lost, or could not be had; it is tried again until the subscription ends.
    case lost(StoreError)

    /// The channel that Redis tells invalidations on, to clients of its second protocol.
    static let invalidationChannel = "__redis__:invalidate"

    /// Makes sense of what Redis sends to a subscriber; nil where there is none.
    init?(_ value: RedisValue) {
        guard let parts = value.array, let kind = parts.first?.text else { return nil }
        switch kind {
        case "message" where parts.count == 3:
            guard let channel = parts[1].text else { return nil }
            self.init(channel: channel, pattern: nil, payload: parts[2])
        case "pmessage" where parts.count == 4:
            guard let pattern = parts[1].text, let channel = parts[2].text else { return nil }
            self.init(channel: channel, pattern: pattern, payload: parts[3])
        default: return nil
        }
    }

    private init?(channel: String, pattern: String?, payload: RedisValue) {
        switch payload {
        case .bytes(let bytes):
            self = .message(channel: channel, pattern: pattern, payload: bytes)
        case .array(let keys) where channel == Self.invalidationChannel:
            self = .invalidated(keys: keys.compactMap(\.bytes))
        case .null where channel == Self.invalidationChannel:
            self = .invalidatedAll
        default: return nil
        }
    }
}
