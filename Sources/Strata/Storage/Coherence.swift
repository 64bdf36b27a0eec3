/// What a process knows of a store that it shares with others: which generations are current, and
/// what it may believe of copies that it made.
///
/// Three moments carry it. A copy was *verified* when the reading began that it comes from: what
/// changed before that is in it. The channel of changes has been *continuous* since it was last
/// established: what changed after that was told, or will be. And it was *confirmed* last when it
/// had told everything. A copy may be used if it was verified since the channel is continuous and
/// the channel was confirmed no longer ago than the bound, or if it was itself verified no longer
/// ago; and in any case only if nothing that was told speaks against it. So whatever breaks,
/// nothing is used that was purged longer ago than the bound.
///
/// Memory is bounded: what was told goes into a table that, when it is full, becomes the older of
/// two, and the one that was the older is forgotten. Copies that were verified before the forgotten
/// one was full are not believed any more: to forget a purge must not bring back what it purged.
///
/// Everything here is pure. Moments are nanoseconds of the machine's uptime.
struct Coherence {
    /// What is known of the generation of a name, or of the value under a key.
    private struct Knowledge {
        /// The generation; nil where it has changed to one that is not known.
        var generation: Generation?
        /// When it was last told that it has changed.
        var changed: Int64
        /// When the reading began that the generation comes from.
        var learned = Int64.min
    }

    /// For how long a copy may be used without the channel's word.
    let bound: Int64
    /// For how long what was learned counts as known, though nothing was told of it: a store may
    /// lose something without a word.
    private let lifetime: Int64
    private let tableCount: Int

    /// Since when all changes are told; nil while they aren't.
    private(set) var continuousSince: Int64?
    /// When everything had been told; `.min` while nothing is told.
    private(set) var confirmed = Int64.min
    /// Copies that were verified no later than this are not believed.
    private(set) var floor = Int64.min
    /// Changes with everything that may make a copy invalid by its generations.
    private(set) var version: UInt64 = 1

    private var recent: [KeyDigest: Knowledge] = [:]
    private var older: [KeyDigest: Knowledge] = [:]
    /// When the older table was full.
    private var olderEnd = Int64.min

    /// Makes the knowledge of somebody who was told nothing yet.
    init(bound: Int64, lifetime: Int64 = .max, tableCount: Int = 32_768) {
        self.bound = bound
        self.lifetime = lifetime
        self.tableCount = tableCount
    }

    // MARK: What is told

    /// The channel stands, anew or for the first time.
    mutating func establish(at now: Int64) {
        continuousSince = now
        confirmed = now
        forget(at: now)
    }

    /// Everything that happened before that moment has been told.
    mutating func confirm(asOf moment: Int64) {
        guard continuousSince != nil else { return }
        confirmed = max(confirmed, moment)
    }

    /// Nothing is told any more.
    mutating func lose() {
        continuousSince = nil
        confirmed = .min
        version &+= 1
        // Generations may change unheard; that something had changed stays true.
        for table in [\Coherence.recent, \.older] {
            self[keyPath: table] = self[keyPath: table].filter { $0.value.changed > .min }
            for key in self[keyPath: table].keys {
                self[keyPath: table][key]?.generation = nil
            }
        }
    }

    /// Everything may have changed.
    mutating func forget(at now: Int64) {
        floor = now
        recent = [:]
        older = [:]
        olderEnd = .min
        version &+= 1
    }

    /// A name has another generation.
    mutating func change(_ name: KeyDigest, at now: Int64) {
        note(name, Knowledge(generation: nil, changed: now), at: now)
        version &+= 1
    }

    /// The value under a key has changed; the copy of it is let go of by the caller.
    mutating func changeValue(_ key: KeyDigest, at now: Int64) {
        note(key, Knowledge(generation: nil, changed: now), at: now)
    }

    /// The current generation of a name was read; the reading began at `start`.
    mutating func learn(_ generation: Generation, of name: KeyDigest, start: Int64, now: Int64) {
        guard let continuousSince, continuousSince <= start, floor < start else { return }
        let known = knowledge(of: name)
        if let known, known.changed >= start { return }
        if let old = known?.generation, old != generation { version &+= 1 }
        if known?.generation == nil { version &+= 1 }
        note(
            name,
            Knowledge(
                generation: generation, changed: known?.changed ?? .min, learned: start),
            at: now)
    }

    private mutating func note(_ key: KeyDigest, _ knowledge: Knowledge, at now: Int64) {
        if recent.count >= tableCount, recent[key] == nil {
            floor = max(floor, olderEnd)
            older = recent
            olderEnd = now
            recent = [:]
            version &+= 1
        }
        recent[key] = knowledge
    }

    private func knowledge(of key: KeyDigest) -> Knowledge? { recent[key] ?? older[key] }

    // MARK: What may be believed

    /// Whether everything that happened up to the bound ago has been told.
    func isCoherent(at now: Int64) -> Bool { continuousSince != nil && now - confirmed <= bound }

    /// Whether a copy may be used, if nothing speaks against it.
    func isTrusted(verified: Int64, at now: Int64) -> Bool {
        guard verified > floor else { return false }
        if now - verified <= bound { return true }
        return isCoherent(at: now) && verified >= continuousSince ?? .max
    }

    /// Whether a copy was verified after everything that was told of its key.
    func isUnchanged(_ key: KeyDigest, since verified: Int64) -> Bool {
        guard let known = knowledge(of: key) else { return verified > floor }
        return known.changed < verified
    }

    /// The generation of a name, where it is known for sure.
    func generation(of name: KeyDigest, at now: Int64) -> Generation? {
        guard isCoherent(at: now), let known = knowledge(of: name),
            known.learned >= now - lifetime
        else { return nil }
        return known.generation
    }

    /// Whether a copy with that generation of the name is right, as far as it was told.
    func isCurrent(_ generation: Generation, of name: KeyDigest, verified: Int64) -> Bool {
        guard let known = knowledge(of: name) else { return true }
        if let current = known.generation { return current == generation }
        return known.changed < verified
    }
}
