import Synchronization

/// A copy of what a shared store holds.
final class TieredCopy<Value: StoreValue>: StoreValue {
    let value: Value
    /// When the reading began that it comes from.
    let verified: Int64
    /// The version of the ``Coherence`` under which nothing spoke against it.
    let approvedVersion = Atomic<UInt64>(0)

    init(_ value: Value, verified: Int64) {
        self.value = value
        self.verified = verified
    }

    var byteCount: Int { value.byteCount + 48 }
    var storeBytes: [UInt8] { value.storeBytes }
    /// Copies stay in the process.
    init?(storeBytes: [UInt8]) { nil }
}

/// The copies of a ``TieredStore`` and what it may believe of them.
final class CopyTier: Sendable {
    let memory: MemoryStore
    private let configuration: TieredStore.Configuration
    private let time: any TimeSource
    private let secret = KeyDigest.Secret()

    /// Guarded: by the channel of changes, by everybody who reads something from the shared store,
    /// and by hits after a change.
    private let coherence: Mutex<Coherence>
    /// What hits have to know of the coherence, written under its lock. Whoever reads them one by
    /// one while they are written is no later than if it had come a moment before.
    private let version = Atomic<UInt64>(0)
    private let trustedUntil = Atomic(Int64.min)
    private let continuousSince = Atomic(Int64.max)

    /// Until when the shared store is left alone, unless it shows that it lives.
    private let pausedUntil = Atomic(Int64.min)
    private let failed = Atomic(Int64.min)
    /// What is thrown meanwhile. Guarded: by failures, and by who is refused.
    private let pauseReason = Mutex<StoreError?>(nil)

    /// Those who wait for leases.
    let leaseRoom = LeaseRoom()

    init(
        _ memory: MemoryStore, _ configuration: TieredStore.Configuration, _ time: any TimeSource
    ) {
        self.memory = memory
        self.configuration = configuration
        self.time = time
        coherence = Mutex(
            Coherence(
                bound: configuration.maximumStaleness.saturatedNanoseconds,
                lifetime: configuration.copyLifetime.saturatedNanoseconds))
    }

    var now: Int64 { time.uptime.saturatedNanoseconds }

    var isCoherent: Bool { coherence.withLock { $0.isCoherent(at: now) } }

    private func update<Result>(_ body: (inout Coherence) -> Result) -> Result {
        coherence.withLock { coherence in
            defer {
                version.store(coherence.version, ordering: .releasing)
                continuousSince.store(coherence.continuousSince ?? .max, ordering: .releasing)
                let end = coherence.confirmed.addingReportingOverflow(coherence.bound)
                trustedUntil.store(
                    coherence.continuousSince == nil || end.overflow ? .min : end.partialValue,
                    ordering: .releasing)
            }
            return body(&coherence)
        }
    }

    /// The two kinds of keys are kept apart.
    private func digest(key: String) -> KeyDigest { KeyDigest("v" + key, secret: secret) }
    private func digest(name: String) -> KeyDigest { KeyDigest("g" + name, secret: secret) }

    // MARK: What is told

    func hear(_ change: StoreChange) {
        switch change {
        case .established:
            update { $0.establish(at: now) }
            leaseRoom.wakeAll()
        case .values(let keys): drop(keys)
        case .generations(let names): self.change(names)
        case .leases(let names): leaseRoom.wake(names)
        case .everything:
            update { $0.forget(at: now) }
            leaseRoom.wakeAll()
        case .current(let moment):
            let moment = moment.saturatedNanoseconds
            update { $0.confirm(asOf: moment) }
            if moment > failed.load(ordering: .relaxed) {
                pausedUntil.store(.min, ordering: .relaxed)
            }
        case .lost:
            update { $0.lose() }
            leaseRoom.wakeAll()
        }
    }

    /// Lets go of copies of values that have changed.
    func drop(_ keys: [String]) {
        update { coherence in
            for key in keys { coherence.changeValue(digest(key: key), at: now) }
        }
        memory.removeNow(keys)
    }

    /// Notes that names have other generations.
    func change(_ names: [String]) {
        update { coherence in
            for name in names { coherence.change(digest(name: name), at: now) }
        }
    }

    /// Notes current generations that were read.
    func learn(_ names: [String], _ generations: [Generation?], start: Int64) {
        update { coherence in
            for (name, generation) in zip(names, generations)
            // There are as many of these as URIs; they would push out the others.
            where !PurgeName.isOfOneURI(name) {
                guard let generation else { continue }
                coherence.learn(generation, of: digest(name: name), start: start, now: now)
            }
        }
    }

    // MARK: What may be believed

    /// The generations that are known for sure.
    func knownGenerations(of names: [String]) -> [Generation?] {
        coherence.withLock { coherence in
            let now = now
            guard coherence.isCoherent(at: now) else {
                return Array(repeating: nil, count: names.count)
            }
            return names.map { coherence.generation(of: digest(name: $0), at: now) }
        }
    }

    /// The copy under a key, be it believed or not.
    func copy<Value: StoreValue>(of key: String) -> TieredCopy<Value>? {
        memory.valueNow(for: key, as: TieredCopy<Value>.self)
    }

    /// Whether a copy may be used.
    func mayUse<Value: StoreValue>(_ copy: TieredCopy<Value>) -> Bool {
        let now = now
        if copy.approvedVersion.load(ordering: .relaxed) == version.load(ordering: .acquiring),
            copy.verified >= continuousSince.load(ordering: .acquiring),
            now <= trustedUntil.load(ordering: .acquiring)
        {
            return true
        }
        return coherence.withLock { coherence in
            guard coherence.isTrusted(verified: copy.verified, at: now) else { return false }
            if let record = copy.value as? CacheRecord, case .response(let response) = record,
                !isCurrent(response.head, verified: copy.verified, coherence)
            {
                return false
            }
            copy.approvedVersion.store(coherence.version, ordering: .relaxed)
            return true
        }
    }

    private func isCurrent(
        _ head: StoredHead, verified: Int64, _ coherence: borrowing Coherence
    ) -> Bool {
        for named in head.generations {
            let name = digest(name: named.name)
            if !coherence.isCurrent(named.generation, of: name, verified: verified) { return false }
        }
        return true
    }

    /// What was told of the names that a response was filled under since its fill began: whether
    /// one has another generation now, and those of which that is not known.
    ///
    /// That a name got its first generation is told as any other change.
    func changes(since head: StoredHead) -> (isPurged: Bool, unknown: [NamedGeneration]) {
        guard let beginning = head.beginning.uptime else { return (false, head.generations) }
        return coherence.withLock { coherence in
            let changed = head.generations.filter {
                !coherence.isCurrent(
                    $0.generation, of: digest(name: $0.name), verified: beginning)
            }
            let unknown = changed.filter {
                coherence.generation(of: digest(name: $0.name), at: now) == nil
            }
            return (unknown.count < changed.count, unknown)
        }
    }

    /// Keeps a copy, unless it was told meanwhile that the value has changed.
    func keep<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration, verified: Int64
    ) {
        let timeToLive = min(timeToLive, configuration.copyLifetime)
        guard timeToLive > .zero else { return }
        memory.setNow(TieredCopy(value, verified: verified), for: key, timeToLive: timeToLive)
        // What is told from now on lets go of it.
        let isUnchanged = coherence.withLock {
            $0.isUnchanged(digest(key: key), since: verified)
        }
        if !isUnchanged { memory.removeNow([key]) }
    }

    /// Puts an encoded form of a response's content into the copy of the response, if it is here.
    func attach(
        _ sibling: EncodedSibling, in coding: String, to content: [UInt8], under key: CacheKey
    ) {
        _ = memory.amend(key.text, as: TieredCopy<CacheRecord>.self) { copy in
            guard case .response(let kept) = copy.value, kept.content.isSameArray(as: content)
            else { return nil }
            return TieredCopy(
                .response(kept.adding(sibling, in: coding)), verified: copy.verified)
        }
    }

    // MARK: Failures

    /// Why the shared store is not asked; nil where it is. After a failure one request tries it
    /// now and then.
    func refusal() -> StoreError? {
        let end = pausedUntil.load(ordering: .relaxed)
        guard end != .min else { return nil }
        let now = now
        if now >= end {
            let next = now + configuration.pauseAfterFailure.saturatedNanoseconds
            let isFirst = pausedUntil.compareExchange(
                expected: end, desired: next, ordering: .relaxed
            ).exchanged
            if isFirst { return nil }
        }
        return pauseReason.withLock { $0 }
    }

    func noteFailure(_ error: StoreError) {
        let reason = StoreError(
            .unavailable, "The shared store is left alone for a moment: \(error.message)",
            underlying: error)
        pauseReason.withLock { $0 = reason }
        let now = now
        failed.store(now, ordering: .relaxed)
        pausedUntil.store(
            now + configuration.pauseAfterFailure.saturatedNanoseconds, ordering: .relaxed)
    }

    func noteSuccess() {
        guard pausedUntil.load(ordering: .relaxed) != .min else { return }
        pausedUntil.store(.min, ordering: .relaxed)
    }
}
