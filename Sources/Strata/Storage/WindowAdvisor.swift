/// Finds out which ``WindowSetting`` suits the load, by miniature simulation (see
/// `WindowTinyLFU.swift`).
///
/// A sample of the keys, chosen by their hashes, runs through one cache for each setting, as large
/// in proportion as the sample. For each two of them a ``SettingDuel`` counts who had the hits
/// that the other had not. The leader is replaced when another has a lead over it that chance
/// doesn't explain, and that is larger than the leads that the leader has had of late: a load that
/// goes through the same keys to and fro is for one setting on the way there and for another on
/// the way back, and to change at each turn would lose with both. LRU is left for a lead of twice
/// that size, and chosen for one of half that size, so that little is ever lost against it. Leads
/// count up to two turnovers, so that a load that changes for good is followed.
///
/// Until there is no more room, all settings do the same, and nothing is lost by waiting. In that
/// time the sample also runs through *scouts*, an eighth as large, which have to choose already:
/// they decide whether to begin with the small window, which suits most loads, or with LRU. A few
/// votes are enough for LRU; between the others they would decide little.
struct WindowAdvisor: ~Copyable {
    /// How many entries a miniature may have; the sample is halved when there are more, and
    /// doubled when there are less than an eighth of it.
    private static let maximumCount = 2048

    /// The scouts' part of the capacity, as a power of two.
    private static let scoutShift = 3

    private let capacity: Int
    private var caches: MiniatureCaches
    /// There until there is no more room in the caches.
    private var scouts: MiniatureCaches?
    private var frequencies = FrequencySketch()
    /// For each two settings, at `first * settings + second`.
    private var duels: [SettingDuel]
    /// How many uses were of keys that had been used before, until there is no more room.
    private var returnCount = 0
    /// How many uses there were in this turnover: as many as there are entries.
    private var turnoverUses = 0
    /// The binary logarithm of how many keys there are for each one in the sample.
    private var rate = 0

    /// The setting that has proved the best so far.
    private(set) var setting = WindowSetting.whole

    /// Makes an advisor for a cache of that capacity, which begins with the ``setting`` that the
    /// advisor begins with.
    init(capacity: Int) {
        self.capacity = capacity
        caches = MiniatureCaches(capacity: capacity)
        scouts = MiniatureCaches(capacity: capacity >> Self.scoutShift)
        duels = Self.newDuels
    }

    /// The bits that are zero in the hash of a key of the sample.
    var mask: UInt64 { ((1 << UInt64(rate)) - 1) << 32 }

    /// Notes that a key was used that has an entry of that cost, or was just given one.
    mutating func note(hash: UInt64, cost: Int) {
        guard hash & mask == 0, cost <= capacity >> rate else { return }
        frequencies.increment(hash)
        let hits = caches.use(hash: hash, cost: cost, frequencies: frequencies)
        if let scoutHits = scouts?.use(hash: hash, cost: cost, frequencies: frequencies) {
            if hits != 0 { returnCount += 1 }
            count(scoutHits)
            if caches.room < cost { begin() }
        } else {
            if count(hits) { elect() }
            turnoverUses += 1
            if turnoverUses >= caches.count {
                turnoverUses = 0
                for index in duels.indices { duels[index].age() }
            }
        }
        if hits != MiniatureCaches.all { adaptSample() }
    }

    private static var newDuels: [SettingDuel] {
        let count = WindowSetting.allCases.count
        return Array(repeating: SettingDuel(), count: count * count)
    }

    private func duel(of first: WindowSetting, with second: WindowSetting) -> SettingDuel {
        duels[first.rawValue * WindowSetting.allCases.count + second.rawValue]
    }

    /// Counts the votes of a use; whether there were any.
    @discardableResult
    private mutating func count(_ hits: Int) -> Bool {
        guard hits != 0, hits != MiniatureCaches.all else { return false }
        let settings = WindowSetting.allCases.count
        for first in 0..<settings {
            for second in 0..<settings {
                let vote = (hits >> first & 1) - (hits >> second & 1)
                if vote != 0 { duels[first * settings + second].add(vote) }
            }
        }
        return true
    }

    /// Chooses the first setting: LRU stays where the scouts did better with it, or where nothing
    /// has come back at all.
    private mutating func begin() {
        let duel = duel(of: .whole, with: .small)
        // To be below LRU is worse than to be above it by less than might be.
        if returnCount > 0, Double(duel.lead) <= duel.chance / 4 { setting = .small }
        scouts = nil
        duels = Self.newDuels
    }

    /// Replaces the leader where another setting has proved better.
    private mutating func elect() {
        var best: (setting: WindowSetting, excess: Double)?
        for other in WindowSetting.allCases where other != setting {
            let duel = duel(of: other, with: setting)
            let won = min(self.duel(of: setting, with: other).peak, Double(2 * caches.count))
            let share = other == .whole ? 0.5 : setting == .whole ? 2 : 1
            let needed = max(duel.chance, won * share)
            let excess = Double(duel.lead) - needed
            if excess > best?.excess ?? 0 { best = (other, excess) }
        }
        guard let best else { return }
        // LRU has chosen nothing that it keeps, and protects nothing. From there, the keys of a
        // loop, each used once more than the one that is asked for next, would displace each
        // other for ever where one use more is enough.
        setting = setting == .whole && best.setting == .small ? .steadfast : best.setting
        let settings = WindowSetting.allCases.count
        for other in 0..<settings { duels[other * settings + setting.rawValue].restart() }
    }

    /// Keeps the miniatures in size, and the sketch in proportion to them.
    private mutating func adaptSample() {
        let count = caches.count
        frequencies.fit(count: count, countWhenFull: caches.countWhenFull)
        if count > Self.maximumCount {
            rate += 1
        } else if rate > 0, caches.room < caches.capacity / 8, count < Self.maximumCount / 8 {
            rate -= 1
        } else {
            return
        }
        let (capacity, mask) = (capacity >> rate, mask)
        caches.fit(capacity: capacity, mask: mask)
        scouts?.fit(capacity: capacity >> Self.scoutShift, mask: mask)
    }
}
