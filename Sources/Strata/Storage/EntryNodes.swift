/// Names the place of an entry for as long as the entry is kept.
typealias EntrySlot = UInt32

extension EntrySlot {
    /// No slot.
    static var none: EntrySlot { .max }
}

/// The list that an entry stands in.
enum EntrySegment: UInt32 { case window, probation, protected, vacant }

/// The ends of a list of entries, and the sum of their costs.
struct EntryList {
    var oldest = EntrySlot.none
    var newest = EntrySlot.none
    var cost = 0
}

/// An entry's place in its list, and its cost; apart from the entry itself, so that a list is
/// walked and changed in little memory.
struct EntryLink: BitwiseCopyable {
    /// Towards the oldest entry of the same list.
    var older = EntrySlot.none
    /// Towards the newest entry of the same list; the next vacant node in a vacant one.
    var newer = EntrySlot.none
    /// The cost above, the segment in the lowest two bits.
    private var costAndSegment: UInt32

    /// The greatest cost that can be noted.
    static var maximumCost: Int { Int(UInt32.max >> 2) }

    init(cost: Int) { costAndSegment = UInt32(cost) << 2 }

    var cost: Int {
        get { Int(costAndSegment >> 2) }
        set { costAndSegment = UInt32(newValue) << 2 | costAndSegment & 3 }
    }

    var segment: EntrySegment {
        get { EntrySegment(rawValue: costAndSegment & 3) ?? .vacant }
        set { costAndSegment = costAndSegment & ~3 | newValue.rawValue }
    }
}

/// Entries side by side in memory, linked to each other by their places: 20 bytes for each beside
/// what it carries.
struct EntryNodes<Payload: BitwiseCopyable>: ~Copyable {
    struct Head: BitwiseCopyable {
        var hash: UInt64
        var payload: Payload
    }

    private var heads = StableMemory<Head>()
    private var links = StableMemory<EntryLink>()
    private var firstVacant = EntrySlot.none

    init() {}

    /// How many nodes there are, vacant ones among them.
    var count: EntrySlot { links.count }

    /// The hash that the entry was made with.
    func hash(of slot: EntrySlot) -> UInt64 { heads[slot].pointee.hash }

    /// What the entry carries.
    subscript(payloadOf slot: EntrySlot) -> Payload {
        get { heads[slot].pointee.payload }
        nonmutating _modify { yield &heads[slot].pointee.payload }
    }

    /// The entry's place in its list, and its cost.
    subscript(slot: EntrySlot) -> EntryLink {
        get { links[slot].pointee }
        // Each field is written where it is.
        nonmutating _modify { yield &links[slot].pointee }
    }

    /// Puts an entry into a vacant node, or into a new one.
    mutating func make(_ payload: Payload, hash: UInt64, cost: Int) -> EntrySlot {
        let (head, link) = (Head(hash: hash, payload: payload), EntryLink(cost: cost))
        guard firstVacant != .none else {
            heads.append(head)
            links.append(link)
            return links.count - 1
        }
        let slot = firstVacant
        firstVacant = self[slot].newer
        heads[slot].pointee = head
        self[slot] = link
        return slot
    }

    /// Takes the entry out of a node that stands in no list any more.
    mutating func vacate(_ slot: EntrySlot) -> Payload {
        self[slot].segment = .vacant
        self[slot].newer = firstVacant
        firstVacant = slot
        return self[payloadOf: slot]
    }

    /// Puts an entry at an end of a list.
    mutating func link(_ slot: EntrySlot, in list: inout EntryList, asOldest: Bool = false) {
        let older = asOldest ? .none : list.newest
        let newer = asOldest ? list.oldest : .none
        self[slot].older = older
        self[slot].newer = newer
        if older == .none { list.oldest = slot } else { self[older].newer = slot }
        if newer == .none { list.newest = slot } else { self[newer].older = slot }
        list.cost += self[slot].cost
    }

    /// Takes an entry out of its list.
    mutating func unlink(_ slot: EntrySlot, from list: inout EntryList) {
        let link = self[slot]
        if link.older == .none {
            list.oldest = link.newer
        } else {
            self[link.older].newer = link.newer
        }
        if link.newer == .none {
            list.newest = link.older
        } else {
            self[link.newer].older = link.older
        }
        list.cost -= link.cost
    }

    /// What is wrong with the lists, or with the nodes that stand in none.
    func inconsistencies(in lists: [(EntryList, EntrySegment)]) -> [String] {
        var found: [String] = []
        var listed: Set<EntrySlot> = []
        for (list, segment) in lists {
            var (slot, older, cost) = (list.oldest, EntrySlot.none, 0)
            while slot != .none, listed.insert(slot).inserted {
                if self[slot].segment != segment { found.append("\(slot) is in a wrong list") }
                if self[slot].older != older { found.append("\(slot) is linked wrongly") }
                cost += self[slot].cost
                (older, slot) = (slot, self[slot].newer)
            }
            if slot != .none { found.append("the list \(segment) has no end") }
            if list.newest != older { found.append("the list \(segment) ends elsewhere") }
            if list.cost != cost { found.append("the list \(segment) costs \(cost)") }
        }
        var (vacant, slot) = (0, firstVacant)
        while slot != .none, vacant <= count, self[slot].segment == .vacant {
            (vacant, slot) = (vacant + 1, self[slot].newer)
        }
        if slot != .none || vacant + listed.count != count {
            found.append("\(vacant) vacant and \(listed.count) listed, \(count) in all")
        }
        return found
    }
}
