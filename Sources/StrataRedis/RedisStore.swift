public import Strata

/// A ``CacheStore`` in Redis, shared by all instances of a server.
///
/// A server that can't be reached is never an error of its own: the store connects in the
/// background, and until it has, each call fails at once with `unavailable`, which the layers
/// answer by doing without.
///
/// Each key of the store begins with the prefix, and has a time to live. Values stand in a
/// checksummed envelope that names their key: one that is damaged, of an unknown version or under
/// the wrong key counts as no value, is told as ``StoreEntryUnreadable``, and is overwritten by the
/// next fill. A generation that Redis has evicted is replaced by a new one, so what it purged stays
/// purged, whatever the `maxmemory-policy`. The purge of a single URI removes what stands under it,
/// too; only variants of it that nobody has fetched anew can come back so.
///
/// The purges of the last hour are remembered, in at most about a MiB: one that fails is tried again
/// until Redis has it. And so are the ends of sessions, in at most 4 MiB, but for those that failed,
/// which is told to whoever wanted them. Whenever Redis is connected to again, what it may have lost
/// is looked after: by a failover to a replica that lacked it, or by a restart from an older
/// snapshot. What was done again is told as ``RedisPurgesRepeated`` and ``RedisSessionsEndedAgain``.
/// What others have yet to purge again is not used meanwhile: nothing is for 1.5 s that was filled
/// before a server was met with another replication ID. (An ACL user needs `+info` for that.)
///
/// In a cluster values are spread over the nodes by their keys. All generations of a store have one
/// hash tag and so one slot: they are read, and purges written, as one step. ``TieredStore`` keeps
/// them in memory, so that one node is not asked for each hit.
///
/// ```swift
/// let store = try await RedisStore(url: "redis://127.0.0.1:6379")
/// let caching = Caching(store: store)
/// ```
public struct RedisStore: CacheStore {
    /// The client that the store uses, for commands of your own.
    public let client: RedisClient
    /// What each of the store's keys in Redis begins with.
    public let prefix: String
    /// How many bytes a value may have; a larger one is not kept.
    public let maximumValueBytes: Int

    /// How long Redis may take to answer; a large value may take the client's `commandTimeout` for
    /// each MiB.
    public let timeLimit: Duration

    let events: Events
    let firstSession = FirstUse()
    let losses: RedisLosses

    /// The longest time to live that is given to Redis.
    private static let maximumTimeToLive = Duration.seconds(100 * 365 * 86_400)

    /// Makes a store on the server at the URL, and waits until the first attempt to connect has
    /// succeeded or failed.
    ///
    /// - Parameters:
    ///   - url: as ``RedisConfiguration/init(url:)`` has it.
    ///   - prefix: what each key begins with; different for each service that shares a server.
    ///   - timeLimit: how long Redis may take to answer; 40 ms by default. Short, since what a
    ///     cache can do without is not worth waiting for, and a request with a session is to be
    ///     decided within 50 ms. The client's `slowReply` is the same, so that a Redis which always
    ///     takes longer is not asked at all.
    ///   - events: where unreadable entries and lost connections are told.
    /// - Throws: ``StoreError`` with `misconfigured` where the URL is wrong. A server that can't be
    ///   reached, or refuses the password, is told as an event and tried again.
    public init(
        url: String, prefix: String = "strata:", timeLimit: Duration = .milliseconds(40),
        events: Events = .ignored
    ) async throws(StoreError) {
        var configuration = try RedisConfiguration(url: url)
        // What is answered later is of no use: each call would wait for nothing.
        configuration.slowReply = timeLimit
        self.init(
            client: try RedisClient(configuration, events: events), prefix: prefix,
            timeLimit: timeLimit, events: events)
        // The first command waits for the outcome of the first attempt, whatever that is.
        _ = try? await client.send(
            RedisCommand("PING"),
            within: configuration.connectTimeout + configuration.commandTimeout)
    }

    /// Makes a store that uses the client.
    ///
    /// - Parameters:
    ///   - client: may be used for other things as well.
    ///   - prefix: what each key begins with; different for each service that shares a server.
    ///   - timeLimit: how long Redis may take to answer; the client's `commandTimeout` if nil.
    ///   - maximumValueBytes: how many bytes a value may have; a larger one is not kept. Must
    ///     leave room for the envelope in the client's `maximumReplyBytes` and
    ///     `maximumQueuedBytes`.
    ///   - events: where unreadable entries are told.
    public init(
        client: RedisClient, prefix: String = "strata:", timeLimit: Duration? = nil,
        maximumValueBytes: Int = 16 << 20, events: Events = .ignored
    ) {
        self.init(
            client: client, prefix: prefix,
            timeLimit: timeLimit ?? client.configuration.commandTimeout,
            maximumValueBytes: maximumValueBytes, events: events, losses: RedisLosses())
        watchRenewals()
    }

    init(
        client: RedisClient, prefix: String, timeLimit: Duration, maximumValueBytes: Int,
        events: Events, losses: RedisLosses
    ) {
        self.timeLimit = timeLimit
        self.client = client
        self.prefix = prefix
        self.maximumValueBytes = maximumValueBytes
        self.events = events
        self.losses = losses
    }

    // MARK: - Values

    /// The value under the key, or nil.
    public func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? {
        try await copy(of: key, as: type, with: []).value
    }

    /// The command for the beginning of what stands under a key.
    ///
    /// Whether an entry is large shows in its beginning, and that is all the connection for small
    /// values ever carries of it. The rest is fetched on the other one, in pieces, since Redis
    /// does nothing else while it copies one. Where the entry is replaced meanwhile, the checksum
    /// tells.
    static func beginning(of key: String) -> RedisCommand {
        range(of: key, from: 0, count: RedisLane.threshold)
    }

    private static func range(of key: String, from start: Int, count: Int) -> RedisCommand {
        RedisCommand("GETRANGE", .text(key), .integer(start), .integer(start + count - 1))
    }

    /// What stands under the key, given its beginning; nothing where the key is not there.
    func entry(
        _ key: String, beginningWith start: [UInt8]
    ) async throws(StoreError) -> [UInt8] {
        var bytes = start
        guard bytes.count == RedisLane.threshold,
            let count = StoreEnvelope.byteCount(beginningWith: bytes), count > bytes.count,
            count <= maximumValueBytes + StoreEnvelope.overhead(forKey: key)
        else { return bytes }
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let offsets = stride(from: bytes.count, to: count, by: Self.pieceCount)
            let pieces = try await client.pipeline(
                offsets.prefix(4).map { Self.range(of: key, from: $0, count: Self.pieceCount) },
                lane: .large)
            for piece in pieces {
                guard let piece = piece.bytes, !piece.isEmpty else { return bytes }
                bytes += piece
            }
        }
        return bytes
    }

    /// How many bytes of a large value Redis is asked for at a time.
    private static let pieceCount = 256 * 1024

    func decode<Value: StoreValue>(_ bytes: [UInt8], key: String) -> Value? {
        do throws(StoreEnvelope.Unreadable) {
            let value = try StoreEnvelope.decode(bytes, key: key)
            guard let value = Value(storeBytes: value) else { throw .unknownValue }
            return value
        } catch {
            events(StoreEntryUnreadable(key: key, reason: error))
            return nil
        }
    }

    func tellOfWrongType(_ key: String) {
        events(StoreEntryUnreadable(key: key, reason: "not a string"))
    }

    /// Keeps the value under the key for at most that long; replaces what was there. One round trip,
    /// and one or two more in a cluster and for a large value.
    ///
    /// The generations that it was filled under are kept for as long. Where one of them is gone the
    /// value is invalid already, and is not kept.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) {
        _ = try await set(value, for: key, timeToLive: timeToLive, under: nil)
    }

    /// Removes the values under the keys.
    public func remove(_ keys: [String]) async throws(StoreError) {
        guard !keys.isEmpty else { return }
        // Large values are freed by a thread of Redis' own.
        try await client.send(
            RedisCommand(["UNLINK"] + keys.map { .text(entryKey($0)) }), within: timeLimit)
    }

    // MARK: - Keys and commands

    func entryKey(_ key: String) -> String { "\(prefix)e:\(key)" }
    func leaseKey(_ name: String) -> String { "\(prefix)l:\(name)" }
    /// The tag in braces, or one in the prefix, is what a cluster places the key by.
    func generationKey(_ name: String) -> String {
        "\(prefix)g:{\(prefix.isEmpty ? "g" : prefix)}\(name)"
    }

    static func set(
        _ key: String, _ value: RedisArgument, timeToLive: Duration
    ) -> RedisCommand {
        RedisCommand("SET", .text(key), value, "PX", .integer(expiry(timeToLive)))
    }

    static func expiry(_ timeToLive: Duration) -> Int64 {
        max(1, min(timeToLive, maximumTimeToLive).saturatedNanoseconds / 1_000_000)
    }

    static func unexpected(_ command: String) -> StoreError {
        StoreError(
            .protocolViolation, "Redis' answer to \(command) can't be understood.")
    }
}
