public import Strata
import Synchronization

/// Redis tells of changed keys by itself (`CLIENT TRACKING … BCAST` by prefix), whoever changed
/// them and however: a write, a script, an expiry, an eviction, `FLUSHALL`.
extension RedisStore: CoherentStore {
    /// The value under the key, its time to live, and the current generations; one round trip.
    public func copy<Value: StoreValue>(
        of key: String, as type: Value.Type, with names: [String]
    ) async throws(StoreError) -> StoredCopy<Value> {
        // Each command is about keys of one slot, so that a cluster can be asked as well.
        var commands = [
            Self.beginning(of: entryKey(key)), RedisCommand("PTTL", .text(entryKey(key))),
        ]
        if !names.isEmpty { commands.append(read(names)) }
        // What a replica has may be older than the last change that was told.
        let replies = try await client.pipeline(commands, within: timeLimit, reads: .primary)
        guard replies.count == commands.count else { throw Self.unexpected("GETRANGE") }
        let generations = names.isEmpty ? [] : try self.generations(in: replies[2], of: names)
        return StoredCopy(
            value: try await value(replies[0], under: key),
            timeToLive: try Self.timeToLive(replies[1]), generations: generations)
    }

    /// Begins to tell of changes of what has the store's prefix. An ACL user needs `+client|id`,
    /// `+client|tracking`, `+subscribe`, `+ping` and the channel `__redis__:invalidate`.
    ///
    /// Why nothing is told is an event, a ``StoreFault``: once, however often it is tried meanwhile.
    public func observeChanges(
        heartbeat: Duration, _ observer: @escaping @Sendable (StoreChange) -> Void
    ) throws(StoreError) -> StoreObservation {
        let kinds: [(start: [UInt8], change: @Sendable ([String]) -> StoreChange)] = [
            (Array(entryKey("").utf8), { .values($0) }),
            (Array(generationKey("").utf8), { .generations($0) }),
            (Array(leaseKey("").utf8), { .leases($0) }),
        ]
        var interest = RedisInterest(trackedPrefixes: [
            entryKey(""), generationKey(""), leaseKey(""),
        ])
        interest.heartbeat = heartbeat
        // All that changes in one turn of Redis' loop comes as one message, be it what has expired
        // of a whole night.
        interest.maximumMessageBytes = client.configuration.maximumReplyBytes
        let faults = ChannelFaults(events)
        let subscription = try client.subscribe(to: interest) { (push: RedisPush) -> Void in
            switch push {
            case .established: observer(.established)
            case .current(let moment):
                faults.noteUse()
                observer(.current(asOf: moment))
            case .invalidatedAll: observer(.everything)
            case .lost(let error):
                faults.note(error)
                observer(.lost)
            case .message: break
            case .invalidated(let keys):
                for kind in kinds {
                    let names = keys.filter { $0.starts(with: kind.start) }.map {
                        String(decoding: $0.dropFirst(kind.start.count), as: UTF8.self)
                    }
                    if !names.isEmpty { observer(kind.change(names)) }
                }
            }
        }
        return StoreObservation { subscription.cancel() }
    }
}

/// Tells why nothing is told of changes: each reason once, until the channel has been of use.
private final class ChannelFaults: Sendable {
    private let events: Events
    /// Guarded: written by whoever tells the channel's observer, one thing at a time.
    private let last = Mutex<String?>(nil)

    init(_ events: Events) { self.events = events }

    func noteUse() { last.withLock { $0 = nil } }

    func note(_ error: StoreError) {
        let isNews = last.withLock { last in
            defer { last = error.message }
            return last != error.message
        }
        guard isNews, error.message != StoreError.closed.message else { return }
        events(
            StoreFault(
                StoreError(
                    error.code, "Redis tells of no changes: \(error.message)",
                    underlying: error.underlying)))
    }
}

/// A lease is a key with a time to live, whose value is the holder's token.
extension RedisStore: LeaseStore {
    /// Takes the lease of a name for so long, unless another holds it.
    public func takeLease(
        of name: String, token: LeaseToken, for duration: Duration
    ) async throws(StoreError) -> LeaseAnswer {
        let reply = try await client.run(
            .takeLease, keys: [leaseKey(name)], arguments: Self.arguments(token, duration),
            within: timeLimit)
        guard let left = reply.integer else { throw Self.unexpected("the script of a lease") }
        return left < 0 ? .taken : .held(.milliseconds(left))
    }

    /// Prolongs a lease, from now on; whether it was still held under that token.
    public func extendLease(
        of name: String, token: LeaseToken, for duration: Duration
    ) async throws(StoreError) -> Bool {
        try await client.run(
            .extendLease, keys: [leaseKey(name)], arguments: Self.arguments(token, duration),
            within: timeLimit
        ).integer == 1
    }

    /// Gives a lease back, if it is still held under that token.
    public func releaseLease(
        of name: String, token: LeaseToken
    ) async throws(StoreError) {
        try await client.run(
            .releaseLease, keys: [leaseKey(name)], arguments: [.integer(token.number)],
            within: timeLimit)
    }

    /// Keeps the value under the key, if the lease is still held under that token; whether it was.
    ///
    /// Nothing comes between the one and the other, but in a cluster, and where a value is large: it
    /// is written right after the lease was looked at.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration,
        underLeaseOf name: String, token: LeaseToken
    ) async throws(StoreError) -> Bool {
        try await set(
            value, for: key, timeToLive: timeToLive,
            under: Fence(key: leaseKey(name), token: token))
    }

    private static func arguments(
        _ token: LeaseToken, _ duration: Duration
    ) -> [RedisArgument] {
        [.integer(token.number), .integer(expiry(duration))]
    }
}

extension RedisScript {
    /// What is no lease, as it is no string or has no end, is replaced: nobody would give it back.
    fileprivate static let takeLease = RedisScript(
        """
        if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return -1 end
        local left = redis.call('PTTL', KEYS[1])
        if left < 0 or redis.call('TYPE', KEYS[1]).ok ~= 'string' then
            redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
            return -1
        end
        return math.max(1, left)
        """)

    fileprivate static let extendLease = RedisScript(
        """
        if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        return redis.call('PEXPIRE', KEYS[1], ARGV[2])
        """)

    fileprivate static let releaseLease = RedisScript(
        """
        if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
        return redis.call('DEL', KEYS[1])
        """)
}
