// # Which entries a cache in memory keeps
//
// The policy is W-TinyLFU (Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission
// Policy", ACM Transactions on Storage 13(4), 2017), its window set by miniature simulation
// (Waldspurger, Saemundsson, Ahmad, Park: "Cache Modeling and Optimization using Miniature
// Simulations", USENIX ATC 2017).
//
// New entries enter a *window*, a plain LRU list. What falls out of the window is a *candidate*
// for the main part, a segmented LRU list (Karedla, Love, Wherry, 1994): *probation*, where
// candidates enter and victims leave, and *protected*, where entries move when they are used
// again. A candidate stays only if it was used more often of late than the victim that would make
// way, by the estimate of a `FrequencySketch` that also remembers keys that are not kept. So a
// scan of keys that never come back passes through the window and leaves the main part alone,
// and a loop longer than the cache keeps part of the loop, where LRU keeps nothing of use.
//
// How large the window should be depends on the load: a small one is right where popularity
// lasts (most web traffic), a large one where what was just used will be used again soon and then
// never more. With a fixed small window, loads of the second kind do far worse than with LRU.
// Caffeine changes the size by hill climbing (Einziger, Eytan, Friedman, Manes: "Adaptive Software
// Cache Management", Middleware 2018), which learns from one blind step at a time and from nothing
// but the cache's own hits; loads that alternate lead it astray, and it stays below LRU where LRU
// is right. S3-FIFO (Yang et al., SOSP 2023) has a fixed small queue with the same weakness, and
// loses all of a loop. So here `WindowAdvisor` runs a sample of the keys through caches without
// values, as small as the sample: two with the usual small window, one with a middling window, one
// that is all window, which is LRU itself. The cache takes the setting that has proved the best.
// It begins as LRU, and leaves it for what has won by more than chance; it comes back when half
// of that is lost again. So it can be worse than LRU only by what it takes to find out.
//
// The two with a small window differ in how they judge. A candidate has just been used, and the
// victim in a loop, whose turn comes next, has not in this round: so each candidate of the loop
// has one use more than its victim, wins, and is a victim before its own turn comes. One of the
// two therefore asks for two uses more, which counts out the use that made the candidate one. It
// keeps nearly as much of a loop as can be kept, and is slower to take up what is new.
//
// A victim that wins would face the next candidate too, and the one after that. Where its estimate
// is too high, because it shares its counters with popular keys or was popular once, it would keep
// out whatever comes, and the main part would stand still (Caffeine admits a few of those that
// lost, at random). So a victim that has won goes back to the other end of probation, and waits
// for its next turn. What passes through in a scan, used once or twice, doesn't move it.
//
// Entries differ in size, and the bound is in bytes. A candidate is compared with the sum of the
// frequencies of all the victims that it would displace (the "aggregated victims" of Einziger,
// Eytan, Friedman, Manes: "Lightweight Robust Size Aware Cache Management", ACM TOS 18(3),
// 2022), so that a large entry must earn its place against each small one.
//
// Everything here is pure: no lock, no clock, no value is looked at. A hit moves one entry within
// or between lists; an insertion moves a bounded number and evicts as many as must go.

/// The entries of one cache, by the hashes of their keys, and which of them go when room is
/// needed.
struct WindowTinyLFU<Payload: BitwiseCopyable>: ~Copyable {
    typealias Slot = EntrySlot

    /// How many entries an insertion or a hit moves from one list to another at most, when the
    /// window has a new size.
    private static var transferLimit: Int { 32 }

    /// The main part's share that protected entries may take.
    private static var protectedShare: Double { 0.8 }

    /// The greatest sum of costs.
    private(set) var capacity: Int
    /// The sum of the costs.
    var cost: Int { window.cost + probation.cost + protected.cost }
    /// How many entries there are.
    private(set) var count = 0

    /// About how many entries there are when there is no more room.
    var countWhenFull: Int { cost == 0 ? 0 : Int(Double(count) * Double(capacity) / Double(cost)) }

    private var setting: WindowSetting
    /// The greatest cost of the window.
    private var windowLimit = 0
    /// The greatest cost of the protected entries.
    private var protectedLimit = 0
    /// Whether the window is still growing into a new, larger size.
    private var isWindowFilling = false
    private var window = EntryList()
    private var probation = EntryList()
    private var protected = EntryList()
    private var nodes = EntryNodes<Payload>()
    private var table = EntryTable()

    /// Makes an empty cache.
    init(capacity: Int, setting: WindowSetting) {
        self.capacity = capacity
        self.setting = setting
        updateLimits()
    }

    /// The entry with that hash.
    func slot(of hash: UInt64) -> Slot? {
        table.slot(of: hash) { nodes.hash(of: $0) == hash }
    }

    /// What is kept with the entry.
    subscript(slot: Slot) -> Payload {
        get { nodes[payloadOf: slot] }
        _modify { yield &nodes[payloadOf: slot] }
    }

    /// The cost of the entry.
    func cost(of slot: Slot) -> Int { nodes[slot].cost }

    /// The hash that the entry was added with.
    func hash(of slot: Slot) -> UInt64 { nodes.hash(of: slot) }

    /// How many slots there are, vacant ones among them: the end of the range that
    /// ``isKept(_:)`` may be asked for.
    var slotCount: Slot { nodes.count }

    /// Whether there is an entry in the slot.
    func isKept(_ slot: Slot) -> Bool { nodes[slot].segment != .vacant }

    /// Notes that the entry was used.
    mutating func use(_ slot: Slot) {
        let segment = nodes[slot].segment
        if segment == .window {
            guard window.newest != slot else { return }
            move(slot, to: .window)
        } else if isWindowFilling, window.cost + nodes[slot].cost <= windowLimit {
            move(slot, to: .window)
        } else {
            move(slot, to: .protected)
            demoteOverflow()
        }
    }

    /// Adds an entry, and hands out those that had to go, which the new one may be among.
    ///
    /// - Precondition: there is no entry with that hash, and the cost is at most the capacity and
    ///   the most that a node can note.
    mutating func insert(
        _ payload: Payload, hash: UInt64, cost: Int, frequencies: FrequencySketch,
        evicted: (Payload) -> Void
    ) {
        let slot = nodes.make(payload, hash: hash, cost: cost)
        table.insert(slot, hash: hash)
        count += 1
        updateLimits()
        // An entry that fills the window by itself must not sweep out all others on its way.
        link(slot, in: .window, asOldest: cost > windowLimit)
        let candidates = shrinkWindow()
        demoteOverflow()
        makeRoom(candidates: candidates, frequencies: frequencies, evicted: evicted)
    }

    /// Puts another payload in the place of an entry's, and hands out the entries that had to go,
    /// which this one may be among. Counts as a use.
    mutating func replace(
        _ slot: Slot, with payload: Payload, cost: Int, frequencies: FrequencySketch,
        evicted: (Payload) -> Void
    ) {
        evicted(nodes[payloadOf: slot])
        nodes[payloadOf: slot] = payload
        let segment = nodes[slot].segment
        unlink(slot)
        nodes[slot].cost = cost
        link(slot, in: segment)
        use(slot)
        makeRoom(candidates: shrinkWindow(), frequencies: frequencies, evicted: evicted)
    }

    /// Removes an entry.
    @discardableResult
    mutating func remove(_ slot: Slot) -> Payload {
        unlink(slot)
        table.remove(slot, hash: nodes.hash(of: slot))
        count -= 1
        return nodes.vacate(slot)
    }

    /// Gives the window another size. The lists follow bit by bit, with the next uses.
    mutating func apply(_ setting: WindowSetting) {
        guard setting != self.setting else { return }
        self.setting = setting
        updateLimits()
        isWindowFilling = window.cost < windowLimit
    }

    /// Gives the whole another capacity; the next insertion evicts what is above it.
    mutating func setCapacity(_ capacity: Int) {
        self.capacity = capacity
        updateLimits()
        isWindowFilling = window.cost < windowLimit
    }
}

// MARK: The three lists

extension WindowTinyLFU {
    /// Computes the limits anew, for other capacities, settings and sizes of entries.
    private mutating func updateLimits() {
        // A window of less than two entries of mean size would let nothing come back.
        let least = count == 0 ? 0 : 2 * cost / count
        let share = setting.share < 1 ? Int(Double(capacity) * setting.share) : capacity
        windowLimit = min(max(share, least), capacity)
        protectedLimit = Int(Double(max(0, capacity - windowLimit)) * Self.protectedShare)
    }

    /// Moves what is too much in the window to the main part; the first one moved, behind which
    /// the others stand.
    private mutating func shrinkWindow() -> Slot {
        var first = Slot.none
        var transfers = 0
        while window.cost > windowLimit, window.oldest != .none, transfers < Self.transferLimit {
            let slot = window.oldest
            move(slot, to: .probation)
            if first == .none { first = slot }
            transfers += 1
            isWindowFilling = false
        }
        return first
    }

    /// Moves what is too much among the protected entries to probation.
    private mutating func demoteOverflow() {
        var transfers = 0
        while protected.cost > protectedLimit, transfers < Self.transferLimit {
            move(protected.oldest, to: .probation)
            transfers += 1
        }
    }

    /// Evicts until the cost is within the capacity: the lesser of candidate and victims as long
    /// as there are candidates, then the oldest entries.
    private mutating func makeRoom(
        candidates: Slot, frequencies: FrequencySketch, evicted: (Payload) -> Void
    ) {
        var candidate = candidates
        while cost > capacity {
            if candidate != .none {
                let next = nodes[candidate].newer
                settle(candidate, frequencies: frequencies, evicted: evicted)
                candidate = next
            } else if probation.oldest != .none {
                evicted(remove(probation.oldest))
            } else {
                evicted(remove(protected.oldest != .none ? protected.oldest : window.oldest))
            }
        }
    }

    /// Evicts the candidate, or the victims in whose place it can stay.
    private mutating func settle(
        _ candidate: Slot, frequencies: FrequencySketch, evicted: (Payload) -> Void
    ) {
        let worth = frequencies.frequency(of: nodes.hash(of: candidate))
        var needed = min(cost - capacity, nodes[candidate].cost)
        var opposed = 0
        var victim = probation.oldest
        var last = Slot.none
        while needed > 0 {
            guard victim != .none, victim != candidate else { break }
            let link = nodes[victim]
            let frequency = frequencies.frequency(of: nodes.hash(of: victim))
            needed -= link.cost
            if frequency == 0, worth >= max(setting.margin, 1), last == .none {
                // Worth nothing, it goes whatever becomes of the candidate; so the number of
                // victims that are weighed in vain is bounded by the greatest frequency.
                evicted(remove(victim))
            } else {
                opposed += frequency
                last = victim
                if opposed + setting.margin > worth { break }
            }
            victim = link.newer
        }
        guard needed <= 0, worth >= opposed + setting.margin else {
            evicted(remove(candidate))
            // The next candidate is to face another victim.
            if worth >= setting.challenge, last != .none {
                move(probation.oldest, to: .probation)
            }
            return
        }
        while last != .none {
            let isLast = probation.oldest == last
            evicted(remove(probation.oldest))
            if isLast { break }
        }
    }

    private mutating func move(_ slot: Slot, to segment: EntrySegment) {
        unlink(slot)
        link(slot, in: segment)
    }

    private mutating func link(_ slot: Slot, in segment: EntrySegment, asOldest: Bool = false) {
        nodes[slot].segment = segment
        switch segment {
        case .window: nodes.link(slot, in: &window, asOldest: asOldest)
        case .probation: nodes.link(slot, in: &probation)
        case .protected: nodes.link(slot, in: &protected)
        case .vacant: break
        }
    }

    private mutating func unlink(_ slot: Slot) {
        switch nodes[slot].segment {
        case .window: nodes.unlink(slot, from: &window)
        case .probation: nodes.unlink(slot, from: &probation)
        case .protected: nodes.unlink(slot, from: &protected)
        case .vacant: break
        }
    }
}

// MARK: What must hold

extension WindowTinyLFU {
    /// What is wrong with the lists, the table or the sums; nothing as long as this type is right.
    var inconsistencies: [String] {
        var found = nodes.inconsistencies(in: [
            (window, .window), (probation, .probation), (protected, .protected),
        ])
        let kept = (0..<nodes.count).filter { isKept($0) }
        if kept.count != count { found.append("\(kept.count) kept, \(count) counted") }
        let total = kept.reduce(0) { $0 + nodes[$1].cost }
        if total != cost { found.append("they cost \(total), \(cost) counted") }
        if cost > capacity { found.append("they cost \(cost), above \(capacity)") }
        for index in kept where slot(of: nodes.hash(of: index)) != index {
            found.append("slot \(index) is not found by its hash")
        }
        return found
    }
}
