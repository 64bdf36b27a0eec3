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

/// Entries side by side in memory, linked to each other by their places: 24 bytes for each beside
/// what it carries.
struct EntryNodes<Payload> {
    struct Node {
        let hash: UInt64
        /// Towards the oldest entry of the same list.
        var older = EntrySlot.none
        /// Towards the newest entry of the same list; the next vacant node in a vacant one.
        var newer = EntrySlot.none
        /// The next entry in the same bucket of the table.
        var chained = EntrySlot.none
        /// The cost above, the segment in the lowest two bits.
        private var costAndSegment: UInt32
        var payload: Payload

        /// The greatest cost that a node can note.
        static var maximumCost: Int { Int(UInt32.max >> 2) }

        init(hash: UInt64, cost: Int, payload: Payload) {
            self.hash = hash
            costAndSegment = UInt32(cost) << 2
            self.payload = payload
        }

        var cost: Int {
            get { Int(costAndSegment >> 2) }
            set { costAndSegment = UInt32(newValue) << 2 | costAndSegment & 3 }
        }

        var segment: EntrySegment {
            get { EntrySegment(rawValue: costAndSegment & 3) ?? .vacant }
            set { costAndSegment = costAndSegment & ~3 | newValue.rawValue }
        }
    }

    private var nodes: [Node] = []
    private var firstVacant = EntrySlot.none
    private let vacancy: Payload

    /// Makes nodes, of which there are none yet.
    ///
    /// - Parameter vacancy: what stands in the place of the payload of an entry that is gone.
    init(vacancy: Payload) { self.vacancy = vacancy }

    /// How many nodes there are, vacant ones among them.
    var count: Int { nodes.count }

    subscript(slot: EntrySlot) -> Node {
        // Read in place: a copy of a node would count its payload's references up and down.
        _read { yield nodes[Int(slot)] }
        _modify { yield &nodes[Int(slot)] }
    }

    /// Puts an entry into a vacant node, or into a new one.
    mutating func make(_ payload: Payload, hash: UInt64, cost: Int) -> EntrySlot {
        let node = Node(hash: hash, cost: cost, payload: payload)
        guard firstVacant != .none else {
            nodes.append(node)
            return EntrySlot(nodes.count - 1)
        }
        let slot = firstVacant
        firstVacant = self[slot].newer
        self[slot] = node
        return slot
    }

    /// Takes the entry out of a node that stands in no list any more.
    mutating func vacate(_ slot: EntrySlot) -> Payload {
        let payload = self[slot].payload
        self[slot].payload = vacancy
        self[slot].segment = .vacant
        self[slot].newer = firstVacant
        firstVacant = slot
        return payload
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
        let older = self[slot].older
        let newer = self[slot].newer
        if older == .none { list.oldest = newer } else { self[older].newer = newer }
        if newer == .none { list.newest = older } else { self[newer].older = older }
        list.cost -= self[slot].cost
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
