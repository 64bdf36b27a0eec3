/// A value behind a reference, whatever its type.
///
/// `@unchecked Sendable`: this class has no state, and its one subclass, which is final, has
/// nothing but a constant of a type that is `Sendable`.
class AnyStoredValue: @unchecked Sendable {}

/// A value behind a reference.
final class StoredValue<Value: StoreValue>: AnyStoredValue, @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

/// Some of the entries of a ``MemoryStore``, with what it takes to find them and to choose which
/// go: all that one lock guards. Times are nanoseconds of the machine's uptime.
struct MemoryEntries {
    /// What keeping an entry takes beside its value, as it counts towards the limit: its node (48
    /// bytes), the reference to its value (32 on the heap, 8 of which are the value's own where it
    /// is one word), its share of the table (4 to 8) and of the sketch (8 to 16).
    static let overhead = 96

    /// What is kept for a key.
    struct Entry {
        /// The half of the key's digest that the entry is not found by.
        let check: UInt64
        /// When it expires.
        let end: Int64
        /// Nil where there is no entry.
        let value: AnyStoredValue?

        static let vacant = Entry(check: 0, end: .min, value: nil)
    }

    /// A use of a key, for the ``WindowAdvisor``.
    struct Use: Sendable {
        let hash: UInt64
        let cost: Int
    }

    /// What a call leaves to be done after the lock was given back: values to be let go, whose
    /// ends may take long or ask the store again, and uses to be told to the advisor.
    struct Remainder: Sendable {
        fileprivate(set) var uses: [Use] = []
        private var first: AnyStoredValue?
        private var others: [AnyStoredValue] = []

        fileprivate mutating func letGo(_ value: AnyStoredValue?) {
            guard let value else { return }
            if first == nil { first = value } else { others.append(value) }
        }
    }

    /// How many slots are looked at for expired entries at each write.
    private static var sweepLength: EntrySlot { 8 }

    /// How many uses are told to the advisor at a time.
    private static var batchSize: Int { 32 }

    private var policy: WindowTinyLFU<Entry>
    private var frequencies = FrequencySketch()
    private var uses: [Use] = []
    private var sweepStart: EntrySlot = 0

    init(maximumBytes: Int) {
        policy = WindowTinyLFU(
            capacity: maximumBytes, setting: .small, vacancy: Entry.vacant)
    }

    /// How many entries there are, expired ones among them.
    var count: Int { policy.count }
    /// How many bytes they count for.
    var byteCount: Int { policy.cost }

    /// The value under the key.
    ///
    /// - Parameter sampleMask: the bits that are zero in the hashes that the advisor wants to hear
    ///   of.
    mutating func value<Value: StoreValue>(
        for key: KeyDigest, now: Int64, sampleMask: UInt64, remainder: inout Remainder
    ) -> Value? {
        guard let slot = policy.slot(of: key.low), policy[slot].check == key.high else {
            return nil
        }
        guard now < policy[slot].end else {
            remainder.letGo(policy.remove(slot).value)
            return nil
        }
        policy.use(slot)
        note(key, cost: policy.cost(of: slot), sampleMask: sampleMask, remainder: &remainder)
        return (policy[slot].value as? StoredValue<Value>)?.value
    }

    /// Keeps the value under the key, instead of what was there.
    mutating func set(
        _ value: AnyStoredValue, cost: Int, end: Int64, for key: KeyDigest, now: Int64,
        setting: WindowSetting, sampleMask: UInt64, remainder: inout Remainder
    ) {
        sweep(now: now, remainder: &remainder)
        policy.apply(setting)
        note(key, cost: cost, sampleMask: sampleMask, remainder: &remainder)
        let entry = Entry(check: key.high, end: end, value: value)
        if let slot = policy.slot(of: key.low) {
            policy.replace(slot, with: entry, cost: cost, frequencies: frequencies) {
                remainder.letGo($0.value)
            }
        } else {
            policy.insert(entry, hash: key.low, cost: cost, frequencies: frequencies) {
                remainder.letGo($0.value)
            }
            frequencies.fit(count: policy.count, countWhenFull: policy.countWhenFull)
        }
    }

    /// Puts a value in the place of the one under the key, for as long as that was kept.
    mutating func replace(
        _ key: KeyDigest, with value: AnyStoredValue, cost: Int, remainder: inout Remainder
    ) {
        guard let slot = policy.slot(of: key.low), policy[slot].check == key.high else { return }
        let entry = Entry(check: key.high, end: policy[slot].end, value: value)
        policy.replace(slot, with: entry, cost: cost, frequencies: frequencies) {
            remainder.letGo($0.value)
        }
    }

    /// Removes what is under the key.
    mutating func remove(_ key: KeyDigest, remainder: inout Remainder) {
        guard let slot = policy.slot(of: key.low), policy[slot].check == key.high else { return }
        remainder.letGo(policy.remove(slot).value)
    }

    private mutating func note(
        _ key: KeyDigest, cost: Int, sampleMask: UInt64, remainder: inout Remainder
    ) {
        frequencies.increment(key.low)
        guard key.low & sampleMask == 0 else { return }
        if uses.isEmpty { uses.reserveCapacity(Self.batchSize) }
        uses.append(Use(hash: key.low, cost: cost))
        if uses.count == Self.batchSize { swap(&uses, &remainder.uses) }
    }

    /// Removes expired entries from the next few slots, so that every few writes all of them are
    /// looked at.
    private mutating func sweep(now: Int64, remainder: inout Remainder) {
        let slotCount = EntrySlot(policy.slotCount)
        let sweepEnd = min(sweepStart + Self.sweepLength, slotCount)
        for slot in sweepStart..<max(sweepStart, sweepEnd)
        where policy.isKept(slot) && policy[slot].end <= now {
            remainder.letGo(policy.remove(slot).value)
        }
        sweepStart = sweepEnd == slotCount ? 0 : sweepEnd
    }

    /// What is wrong with what is kept; nothing as long as this type is right.
    var inconsistencies: [String] {
        policy.inconsistencies
            + (0..<EntrySlot(policy.slotCount)).compactMap { slot in
                policy.isKept(slot) == (policy[slot].value != nil)
                    ? nil : "slot \(slot) is vacant with a value, or kept without one"
            }
    }
}
