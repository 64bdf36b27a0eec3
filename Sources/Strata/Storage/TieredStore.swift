import Synchronization

/// Keeps copies in this process' memory of what a shared store holds, and lets go of them when
/// anybody changes what they are copies of.
///
/// A hit in memory is no round trip, and neither is asking whether it was purged; a hit in the
/// shared store is one. The shared store tells of changes on a channel. Copies are used as long as
/// that channel has told everything up to ``Configuration/maximumStaleness`` ago. When it is lost,
/// or silent for longer, each copy is used only for so long after it was made, and when it is back
/// those from before are not used any more. So nothing is served that was purged longer ago than
/// that, whatever breaks; while nothing is broken it is the time that a message takes.
///
/// When the shared store fails it is left alone for a moment, and meanwhile what is fetched is kept
/// in memory for the same short time.
///
/// Sessions are never copied: each call goes to the shared store, so a session that was ended
/// anywhere is ended everywhere.
///
/// ```swift
/// let redis = try await RedisStore(url: "redis://127.0.0.1:6379")
/// let app = wrap(handler) { Caching(store: TieredStore(memory: MemoryStore(), shared: redis)) }
/// ```
public final class TieredStore: CacheStore {
    /// How far copies may be trusted.
    public struct Configuration: Sendable {
        /// How long after a purge its effect may be missing here, at the very most. Default 1 s.
        ///
        /// The shared store confirms three times as often that everything was told.
        public var maximumStaleness: Duration = .seconds(1)
        /// After how long a copy is asked for anew, and a generation that it was filled under,
        /// though nothing was told of it. Default 60 s.
        public var copyLifetime: Duration = .seconds(60)
        /// How long the shared store is left alone after it did not answer. Default 100 ms.
        ///
        /// What is asked of it meanwhile fails at once, with the failure as the error behind it.
        public var pauseAfterFailure: Duration = .milliseconds(100)

        /// The defaults.
        public init() {}
    }

    /// Where the copies are. It must be used for nothing else.
    public let memory: MemoryStore
    /// Where everything is.
    public let shared: any CoherentStore
    /// What the store was made with.
    public let configuration: Configuration

    let tier: CopyTier
    let time: any TimeSource
    private let observation: StoreObservation?
    private let events: Events

    /// Puts a memory in front of a shared store.
    ///
    /// - Parameters:
    ///   - memory: where the copies are kept; it must be used for nothing else.
    ///   - shared: the store that instances share.
    ///   - configuration: how far copies may be trusted.
    ///   - time: the time that the shared store's confirmations are in.
    ///   - events: told as ``StoreFault`` where the shared store can't tell of changes at all, and
    ///     of failures that are answered here: without leases, or with generations of one's own.
    /// - Precondition: the configuration's durations are longer than zero.
    public init(
        memory: MemoryStore, shared: any CoherentStore,
        configuration: Configuration = Configuration(), time: any TimeSource = SystemTime(),
        events: Events = .ignored
    ) {
        precondition(
            configuration.maximumStaleness > .zero && configuration.copyLifetime > .zero
                && configuration.pauseAfterFailure > .zero,
            "The durations of a tiered store are longer than zero")
        self.memory = memory
        self.shared = shared
        self.configuration = configuration
        self.time = time
        self.events = events
        let tier = CopyTier(memory, configuration, time)
        self.tier = tier
        do throws(StoreError) {
            observation = try shared.observeChanges(
                heartbeat: configuration.maximumStaleness / 3
            ) { tier.hear($0) }
        } catch {
            events(StoreFault(error))
            observation = nil
        }
    }

    /// Whether copies are kept in step with the shared store right now.
    public var isCoherent: Bool { tier.isCoherent }

    /// The value under the key: the copy, or else from the shared store.
    public func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? {
        if let copy: TieredCopy<Value> = tier.copy(of: key), tier.mayUse(copy) {
            return copy.value
        }
        let start = tier.now
        let copy = try await ask { () throws(StoreError) in
            try await shared.copy(of: key, as: type, with: [])
        }
        guard let value = copy.value else { return nil }
        tier.keep(value, for: key, timeToLive: copy.timeToLive, verified: start)
        return value
    }

    /// Keeps the value in the shared store; in memory only where that fails.
    ///
    /// What is written is told of, to this process as well, so a copy is made when it is read.
    public func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) {
        _ = try await write(value, for: key, timeToLive: timeToLive) { () throws(StoreError) in
            try await shared.set(value, for: key, timeToLive: timeToLive)
            return true
        }
    }

    /// Has the value kept in the shared store by what says whether it did; in memory only where that
    /// fails. What was purged since it was filled is not worth keeping.
    func write<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration,
        by keep: () async throws(StoreError) -> Bool
    ) async throws(StoreError) -> Bool {
        let start = tier.now
        memory.removeNow([key])
        if let record = value as? CacheRecord, case .response(let response) = record,
            tier.changes(since: response.head).isPurged
        {
            return true
        }
        do {
            let isKept = try await ask(keep)
            // Whoever read what was there before must not keep it.
            tier.drop([key])
            return isKept
        } catch {
            if let verified = Self.verification(of: value, start: start), error.code != .cancelled {
                tier.keep(value, for: key, timeToLive: timeToLive, verified: verified)
            }
            throw error
        }
    }

    /// When it was known last that the value is right; a response is as old as its fill, whose
    /// handler may have read what was changed since.
    private static func verification(of value: some StoreValue, start: Int64) -> Int64? {
        guard let record = value as? CacheRecord, case .response(let response) = record else {
            return start
        }
        return response.head.beginning.uptime
    }

    /// Removes the values under the keys.
    public func remove(_ keys: [String]) async throws(StoreError) {
        tier.drop(keys)
        defer { tier.drop(keys) }
        try await shared.remove(keys)
    }

    /// The current generations of the names: from memory, those that are not known from the shared
    /// store.
    ///
    /// Where that can't be asked they are generations that nothing else is filled under, so that
    /// what is filled can be kept for as long as copies may be used without it.
    public func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        let start = tier.now
        var generations = tier.knownGenerations(of: names)
        let unknown = generations.indices.filter { generations[$0] == nil }
        guard !unknown.isEmpty else { return generations.map { $0 ?? .first } }
        do {
            let asked = unknown.map { names[$0] }
            let answer = try await ask { () throws(StoreError) in
                try await shared.generations(of: asked)
            }
            tier.learn(asked, answer, start: start)
            for (index, generation) in zip(unknown, answer) { generations[index] = generation }
        } catch {
            if error.code == .cancelled { throw error }
            tell(of: error)
        }
        return generations.map { $0 ?? Generation(.random(in: 1 ... .max)) }
    }

    /// Gives each of the names a new generation; here it counts even where the shared store fails.
    public func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        tier.change(names)
        // What was read meanwhile may be older than the change, and its word came before.
        defer { tier.change(names) }
        try await shared.advanceGenerations(of: names, purge, timeToLive: timeToLive)
    }

    /// Tells of a failure that is answered here.
    func tell(of error: StoreError) {
        if error.code != .cancelled { events(StoreFault(error)) }
    }

    /// Asks the shared store, unless it did not answer a moment ago; then what it failed with is
    /// the error behind the one that is thrown.
    func ask<Answer>(
        _ body: () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        if let refusal = tier.refusal() { throw refusal }
        do throws(StoreError) {
            let answer = try await body()
            tier.noteSuccess()
            return answer
        } catch {
            // A request that has no time left says nothing of the store.
            let isSlow = error.code == .timedOut && Deadline.timeLeft != .zero
            if isSlow || error.code == .unavailable { tier.noteFailure(error) }
            throw error
        }
    }
}

extension TieredStore: RecordStore {
    func recordNow(_ key: CacheKey) -> PromptRecord {
        guard let copy: TieredCopy<CacheRecord> = tier.copy(of: key.text), tier.mayUse(copy) else {
            return .unknown
        }
        return .known(copy.value)
    }

    func reading(
        _ key: CacheKey, for request: Request?, names: @Sendable () -> [String]
    ) async throws(StoreError) -> RecordReading {
        let start = tier.now
        let wanted = names()
        let asked = zip(wanted, tier.knownGenerations(of: wanted)).filter { $1 == nil }.map(\.0)
        let trail = try await ask { () throws(StoreError) in
            try await shared.trail(from: key, with: asked, selecting: request)
        }
        guard trail.copy.generations.count == asked.count else { return RecordReading() }
        tier.learn(asked, trail.copy.generations, start: start)
        tier.learn(trail.others.map(\.name), trail.others.map(\.generation), start: start)
        let given = trail.generations(of: asked)
        var reading = RecordReading(
            record: try await taken(trail.copy, of: key, given: given, start: start))
        if let (name, copy) = trail.selected {
            let key = CacheKey(stored: name)
            reading.selected = (
                key, try await taken(copy, of: key, given: given, start: start)
            )
        }
        return reading
    }

    /// What was read under a key, as purges have left it; keeps a copy of what is right as it is.
    private func taken(
        _ copy: StoredCopy<CacheRecord>, of key: CacheKey, given: [String: Generation?],
        start: Int64
    ) async throws(StoreError) -> CacheRecord? {
        guard let record = copy.value else { return nil }
        guard case .response(let response) = record else {
            tier.keep(record, for: key.text, timeToLive: copy.timeToLive, verified: start)
            return record
        }
        guard let current = try await generations(under: response.head, given: given, start: start),
            let left = response.afterPurges(current)
        else { return nil }
        if left === response {
            tier.keep(record, for: key.text, timeToLive: copy.timeToLive, verified: start)
        }
        return .response(left)
    }

    /// The current generations of the names that a response was filled under; asks once more only
    /// for names that could not be known before it was read.
    private func generations(
        under head: StoredHead, given: [String: Generation?], start: Int64
    ) async throws(StoreError) -> [Generation]? {
        let names = head.generations.map(\.name)
        guard !names.contains(where: { given[$0] == .some(nil) }) else { return nil }
        var current = zip(names, tier.knownGenerations(of: names)).map { name, known in
            (given[name] ?? nil) ?? known
        }
        let unknown = current.indices.filter { current[$0] == nil }
        if !unknown.isEmpty {
            let asked = unknown.map { names[$0] }
            let answer = try await ask { () throws(StoreError) in
                try await shared.generations(of: asked)
            }
            tier.learn(asked, answer, start: start)
            for (index, generation) in zip(unknown, answer) { current[index] = generation }
        }
        let all = current.compactMap(\.self)
        return all.count == names.count ? all : nil
    }

    func wasPurged(_ head: StoredHead) async -> Bool {
        let (isPurged, unknown) = tier.changes(since: head)
        guard !isPurged, !unknown.isEmpty else { return isPurged }
        let start = tier.now
        let names = unknown.map(\.name)
        do throws(StoreError) {
            let current = try await generationsNow(of: names)
            tier.learn(names, current, start: start)
            return current != unknown.map(\.generation)
        } catch {
            tell(of: error)
            return false
        }
    }

    func generationsNow(of names: [String]) async throws(StoreError) -> [Generation] {
        try await ask { () throws(StoreError) in try await shared.generations(of: names) }
    }

    /// In memory the form stands where the response does, so that a hit is one look-up; in the
    /// shared store each has an entry of its own, so that none is written twice.
    func attach(
        _ sibling: EncodedSibling, in coding: String, to content: [UInt8], under key: CacheKey
    ) -> SiblingPlace {
        tier.attach(sibling, in: coding, to: content, under: key)
        return .apart
    }
}

extension TieredStore: SessionStoreAtStart {
    package func beginKeepingSessions() {
        (shared as? any SessionStoreAtStart)?.beginKeepingSessions()
    }
}

extension TieredStore: SessionStore {
    /// Where sessions are: in the shared store, and nowhere else.
    private var sessionStore: any SessionStore {
        get throws(StoreError) {
            guard let store = shared as? any SessionStore else {
                throw StoreError(
                    .misconfigured, "The shared store keeps no sessions; give Sessions another.")
            }
            return store
        }
    }

    /// The session, from the shared store.
    public func load(_ session: SessionDigest) async throws(StoreError) -> SessionLookup {
        try await sessionStore.load(session)
    }

    /// Begins a session in the shared store.
    public func create(
        _ session: NewSession, as digest: SessionDigest
    ) async throws(StoreError) {
        try await sessionStore.create(session, as: digest)
    }

    /// Makes the changes in the shared store.
    public func apply(
        _ update: SessionUpdate, to session: SessionDigest
    ) async throws(StoreError) -> SessionOutcome {
        try await sessionStore.apply(update, to: session)
    }

    /// Ends sessions in the shared store.
    public func end(_ target: SessionTarget) async throws(StoreError) -> Bool {
        try await sessionStore.end(target)
    }

    /// The principal's sessions, from the shared store.
    public func sessions(
        of principal: SessionDigest
    ) async throws(StoreError) -> [StoredSession] {
        try await sessionStore.sessions(of: principal)
    }
}
