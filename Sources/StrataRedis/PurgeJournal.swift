import Strata

/// The purges of late, so that those which Redis does not have, or no longer, can be made again.
///
/// Redis may lose what it has acknowledged: a replica that becomes the primary may lack the last
/// writes, and a server that starts again may have what its last snapshot had. What was purged
/// since would be back. And a purge that Redis could not be told of is lost unless somebody
/// remembers it. A purge is *settled* when Redis is known to have it, until there is reason to
/// doubt that.
///
/// A generation that is not the one that was written may be a later purge by somebody else, or come
/// from before. Which of them can't be told, and need not be: to purge twice is never wrong, as long
/// as it makes a generation that is unlike any before, and takes the place of the one that was looked
/// at and of no other.
///
/// Memory is bounded. When there are too many purges, the older half of those that are settled is
/// forgotten; where that does not suffice, all of them become one of everything, since to forget a
/// purge would bring back what it purged.
///
/// Everything here is pure. Moments are nanoseconds of the machine's uptime.
struct PurgeJournal: LossJournal {
    /// What was last done to a name.
    struct Purge: Sendable {
        /// The number that a hard purge gave it, if there was one.
        let number: UInt64?
        /// The moment of a soft purge since.
        let staleSince: Timestamp?
        /// Until when it must be remembered.
        let end: Int64
        fileprivate let made: Int64
        /// How often there had been reason for doubt when it was given out to be made.
        fileprivate var doubts: Int
        fileprivate var isSettled = false

        /// How a name of that generation has to be purged again; nil where it need not be.
        func repetition(in generation: Generation?) -> PurgeKind? {
            // Nothing that is kept was filled under a generation that is missing.
            guard let generation else { return nil }
            if let number, generation.number != number { return .hard }
            guard let staleSince else { return nil }
            if let since = generation.staleSince, since >= staleSince { return nil }
            return .soft(at: staleSince)
        }

        fileprivate func isSame(as other: Purge?) -> Bool {
            number == other?.number && staleSince == other?.staleSince
        }

        fileprivate func isWanted(at now: Int64) -> Bool { now < end && now - made < lifetime }
    }

    /// For how long a purge is remembered at most: as it comes, Redis saves a snapshot an hour
    /// after a change at the latest.
    static let lifetime: Int64 = 3_600_000_000_000

    private var purges: [String: Purge] = [:]
    private var byteCount = 0
    private let maximumByteCount: Int
    /// How often there was reason for doubt: who was answered before the last one knows nothing.
    private var doubts = 0

    /// About what a purge takes, and its name takes besides its characters.
    private static let overhead = 128

    init(maximumByteCount: Int = 1 << 20) { self.maximumByteCount = maximumByteCount }

    /// Notes that names are about to be purged, and returns how.
    ///
    /// - Parameters:
    ///   - end: until when it must be remembered.
    ///   - makeNumber: makes a number that is unlike all others.
    mutating func note(
        _ names: [String], _ kind: PurgeKind, until end: Int64, now: Int64,
        _ makeNumber: () -> UInt64
    ) -> [String: Purge] {
        var noted: [String: Purge] = [:]
        // Each purge changes the name of all; when one is made again it is changed again.
        for name in names where name != PurgeName.any {
            let purge =
                switch kind {
                case .hard:
                    Purge(
                        number: makeNumber(), staleSince: nil, end: end, made: now, doubts: doubts)
                case .soft(let moment):
                    Purge(
                        number: purges[name]?.number, staleSince: moment,
                        end: max(end, purges[name]?.end ?? end), made: now, doubts: doubts)
                }
            noted[name] = purge
            if purges.updateValue(purge, forKey: name) == nil { byteCount += Self.cost(of: name) }
        }
        if byteCount > maximumByteCount { shrink(now: now, makeNumber) }
        return noted
    }

    private static func cost(of name: String) -> Int { name.utf8.count + overhead }

    private static func cost(of names: some Sequence<String>) -> Int {
        names.reduce(0) { $0 + cost(of: $1) }
    }

    private mutating func shrink(now: Int64, _ makeNumber: () -> UInt64) {
        let wanted = purges.filter { $0.value.isWanted(at: now) }
        let settled = wanted.filter(\.value.isSettled).sorted { $0.value.made < $1.value.made }
        let forgotten = Set(settled.prefix(settled.count / 2).map(\.key))
        purges = wanted.filter { !forgotten.contains($0.key) }
        byteCount = Self.cost(of: purges.keys)
        let owed = purges.filter { !$0.value.isSettled }
        guard Self.cost(of: owed.keys) > maximumByteCount / 2 else { return }
        let end = purges.values.map(\.end).max() ?? now
        purges = [
            PurgeName.everything: Purge(
                number: makeNumber(), staleSince: nil, end: end, made: now, doubts: doubts)
        ]
        byteCount = Self.cost(of: PurgeName.everything)
    }

    /// Redis has them, but for names that were purged once more meanwhile, unless there was reason
    /// for doubt meanwhile: then it may be another server that has them.
    mutating func settle(_ made: [String: Purge]) {
        for (name, purge) in made where purge.isSame(as: purges[name]) {
            if purge.doubts == doubts { purges[name]?.isSettled = true }
        }
    }

    /// Redis has one that was made again, a hard one with that number, unless the name was purged
    /// once more meanwhile.
    mutating func settle(_ name: String, _ purge: Purge, repeatedWith number: UInt64?) {
        guard purge.isSame(as: purges[name]) else { return }
        if let number {
            purges[name] = Purge(
                number: number, staleSince: nil, end: purge.end, made: purge.made, doubts: doubts)
        }
        if purge.doubts == doubts { purges[name]?.isSettled = true }
    }

    /// Redis may have lost any of them.
    mutating func doubt() {
        doubts += 1
        for name in purges.keys { purges[name]?.isSettled = false }
    }

    /// Some of those that Redis may not have; nil where it has all.
    mutating func owed(atMost count: Int, now: Int64) -> [String: Purge]? {
        for (name, purge) in purges where !purge.isSettled && !purge.isWanted(at: now) {
            purges[name] = nil
            byteCount -= Self.cost(of: name)
        }
        var owed: [String: Purge] = [:]
        for (name, var purge) in purges.lazy.filter({ !$0.value.isSettled }).prefix(count) {
            purge.doubts = doubts
            owed[name] = purge
        }
        return owed.isEmpty ? nil : owed
    }
}
