/// Some of the entries of a ``MemoryStore``, with what it takes to find them and to choose which
/// go: all that one lock guards. Times are nanoseconds of the machine's uptime.
struct MemoryEntries: ~Copyable {
    /// What keeping an entry takes beside its value, as it counts towards the limit: its node (44
    /// bytes), its share of the table (10 to 13) and of the sketch (8 to 9).
    static let overhead = 64

    /// What is kept for a key.
    struct Entry: BitwiseCopyable {
        /// A part of the digest's half that the entry is not found by.
        private let check: UInt32
        /// When the entry was last put in the place of the one used last, by the clock of uses.
        var placed: UInt32
        /// When it expires, but for the lowest byte, which is the number of the value's type: a
        /// quarter of a microsecond is less than anybody can tell.
        private let endAndKind: Int64
        /// The value.
        let value: KeptValue

        init(key: KeyDigest, placed: UInt32, end: Int64, kind: UInt8, value: KeptValue) {
            check = UInt32(truncatingIfNeeded: key.high)
            self.placed = placed
            endAndKind = end & ~0xFF | Int64(kind)
            self.value = value
        }

        var end: Int64 { endAndKind & ~0xFF }
        var kind: UInt8 { UInt8(truncatingIfNeeded: endAndKind) }

        func isOf(_ key: KeyDigest) -> Bool { check == UInt32(truncatingIfNeeded: key.high) }
    }

    /// A use of a key, for the ``WindowAdvisor``.
    struct Use: Sendable {
        let hash: UInt64
        let cost: Int
    }

    /// What a call leaves to be done after the lock was given back: values to be let go, whose
    /// ends may take long or ask the store again, and uses to be told to the advisor.
    struct Remainder: ~Copyable {
        fileprivate(set) var uses: [Use] = []
        private var first: (value: KeptValue, type: any StoreValue.Type)?
        private var others: [(value: KeptValue, type: any StoreValue.Type)] = []

        init() {}

        deinit {
            if let first { first.value.letGo(as: first.type) }
            for other in others { other.value.letGo(as: other.type) }
        }

        fileprivate mutating func letGo(_ value: KeptValue, as type: any StoreValue.Type) {
            if first == nil { first = (value, type) } else { others.append((value, type)) }
        }
    }

    /// How many slots are looked at for expired entries at each write.
    private static var sweepLength: EntrySlot { 8 }

    /// How many reads are noted before the policy hears of them. What it takes to move an entry
    /// in its list is mostly to wait for memory, and that for several entries at once.
    private static var maximumReads: Int { 16 }

    /// How many uses are told to the advisor at a time.
    private static var batchSize: Int { 32 }

    private var policy: WindowTinyLFU<Entry>
    private var frequencies: FrequencySketch
    private var kinds = ValueKinds()
    /// The entries that were read and that the policy has not heard of yet.
    private let reads = UnsafeMutablePointer<EntrySlot>.allocate(capacity: maximumReads)
    private var readCount = 0
    /// Counts the uses that the policy hears of.
    private var clock: UInt32 = 0
    private var uses: [Use] = []
    private var sweepStart: EntrySlot = 0

    init(maximumBytes: Int) {
        policy = WindowTinyLFU(capacity: maximumBytes, setting: .whole)
        frequencies = FrequencySketch(maximumCount: maximumBytes / Self.overhead)
    }

    deinit {
        reads.deallocate()
        for slot in 0..<policy.slotCount where policy.isKept(slot) {
            policy[slot].value.letGo(as: kinds[policy[slot].kind])
        }
    }

    /// How many entries there are, expired ones among them.
    var count: Int { policy.count }
    /// How many bytes they count for.
    var byteCount: Int { policy.cost }

    /// The value under the key.
    ///
    /// The policy hears of it later, and not at all where the entry is among the newest 64th
    /// anyway. That is most reads of what is popular, and the less there is to do while others
    /// wait, the better.
    ///
    /// - Parameter isWorkDue: becomes true where ``work(on:now:sampleMask:remainder:)`` has to
    ///   follow.
    mutating func value<Value: StoreValue>(
        for key: KeyDigest, now: Int64, isWorkDue: inout Bool
    ) -> Value? {
        guard let slot = slot(of: key) else { return nil }
        let entry = policy[slot]
        guard now < entry.end else {
            isWorkDue = true
            return nil
        }
        if clock &- entry.placed >= policy.count >> 6, readCount < Self.maximumReads {
            clock &+= 1
            policy[slot].placed = clock
            reads[readCount] = slot
            readCount += 1
            isWorkDue = readCount == Self.maximumReads
        }
        return kinds[entry.kind] == Value.self ? entry.value.value(as: Value.self) : nil
    }

    /// Does what reads have left to be done: tells the policy, and removes what has expired under
    /// the key.
    mutating func work(
        on key: KeyDigest, now: Int64, sampleMask: UInt64, remainder: inout Remainder
    ) {
        noteReads(sampleMask: sampleMask, remainder: &remainder)
        if let slot = slot(of: key), policy[slot].end <= now {
            remove(slot, remainder: &remainder)
        }
    }

    /// Keeps the value under the key, instead of what was there.
    mutating func set<Value: StoreValue>(
        _ value: Value, cost: Int, end: Int64, for key: KeyDigest, now: Int64,
        setting: WindowSetting, sampleMask: UInt64, remainder: inout Remainder
    ) {
        noteReads(sampleMask: sampleMask, remainder: &remainder)
        sweep(now: now, remainder: &remainder)
        policy.apply(setting)
        frequencies.increment(key.low)
        if key.low & sampleMask == 0 {
            tell(Use(hash: key.low, cost: cost), remainder: &remainder)
        }
        clock &+= 1
        if let slot = policy.slot(of: key.low) {
            replace(slot, with: value, cost: cost, end: end, for: key, remainder: &remainder)
        } else if let kind = kinds.number(of: Value.self) {
            let entry = Entry(
                key: key, placed: clock, end: end, kind: kind, value: KeptValue(value))
            policy.insert(entry, hash: key.low, cost: cost, frequencies: frequencies) {
                remainder.letGo($0.value, as: kinds[$0.kind])
            }
            frequencies.fit(count: policy.count, countWhenFull: policy.countWhenFull)
        }
    }

    /// Puts a value in the place of the one under the key, for as long as that was kept.
    mutating func replace<Value: StoreValue>(
        _ key: KeyDigest, with value: Value, cost: Int, sampleMask: UInt64,
        remainder: inout Remainder
    ) {
        noteReads(sampleMask: sampleMask, remainder: &remainder)
        guard let slot = slot(of: key) else { return }
        replace(
            slot, with: value, cost: cost, end: policy[slot].end, for: key, remainder: &remainder)
    }

    /// Removes what is under the key.
    mutating func remove(_ key: KeyDigest, sampleMask: UInt64, remainder: inout Remainder) {
        noteReads(sampleMask: sampleMask, remainder: &remainder)
        guard let slot = slot(of: key) else { return }
        remove(slot, remainder: &remainder)
    }

    private func slot(of key: KeyDigest) -> EntrySlot? {
        guard let slot = policy.slot(of: key.low), policy[slot].isOf(key) else {
            return nil
        }
        return slot
    }

    private mutating func replace<Value: StoreValue>(
        _ slot: EntrySlot, with value: Value, cost: Int, end: Int64, for key: KeyDigest,
        remainder: inout Remainder
    ) {
        guard let kind = kinds.number(of: Value.self) else {
            return remove(slot, remainder: &remainder)
        }
        let entry = Entry(
            key: key, placed: clock, end: end, kind: kind, value: KeptValue(value))
        policy.replace(slot, with: entry, cost: cost, frequencies: frequencies) {
            remainder.letGo($0.value, as: kinds[$0.kind])
        }
    }

    private mutating func remove(_ slot: EntrySlot, remainder: inout Remainder) {
        let entry = policy.remove(slot)
        remainder.letGo(entry.value, as: kinds[entry.kind])
    }

    /// Tells the policy of the entries that were read. Before anything else is changed, so that
    /// each still stands in its slot, and everything happens in the order in which it was asked.
    private mutating func noteReads(sampleMask: UInt64, remainder: inout Remainder) {
        for index in 0..<readCount {
            let slot = reads[index]
            let hash = policy.hash(of: slot)
            frequencies.increment(hash)
            guard hash & sampleMask == 0 else { continue }
            tell(Use(hash: hash, cost: policy.cost(of: slot)), remainder: &remainder)
        }
        for index in 0..<readCount { policy.use(reads[index]) }
        readCount = 0
    }

    private mutating func tell(_ use: Use, remainder: inout Remainder) {
        if uses.isEmpty { uses.reserveCapacity(Self.batchSize) }
        uses.append(use)
        if uses.count >= Self.batchSize, remainder.uses.isEmpty { swap(&uses, &remainder.uses) }
    }

    /// Removes expired entries from the next few slots, so that every few writes all of them are
    /// looked at.
    private mutating func sweep(now: Int64, remainder: inout Remainder) {
        let slotCount = policy.slotCount
        let sweepEnd = min(sweepStart + Self.sweepLength, slotCount)
        for slot in sweepStart..<max(sweepStart, sweepEnd)
        where policy.isKept(slot) && policy[slot].end <= now {
            remove(slot, remainder: &remainder)
        }
        sweepStart = sweepEnd == slotCount ? 0 : sweepEnd
    }

    /// What is wrong with what is kept; nothing as long as this type is right.
    var inconsistencies: [String] {
        policy.inconsistencies
            + (0..<readCount).filter { !policy.isKept(reads[$0]) }.map {
                "\(reads[$0]) was read, and is not kept"
            }
    }
}
