/// What an entry carries of which only its being there matters.
private struct Nothing: BitwiseCopyable {}

/// Finds out which ``WindowSetting`` suits the load, by miniature simulation (see
/// `WindowTinyLFU.swift`).
///
/// A sample of the keys, chosen by their hashes, runs through one cache for each setting, as large
/// in proportion as the sample. Only uses that some of them have and others have not say anything;
/// for each two settings these are counted like votes. The leader is replaced when another has won
/// more votes against it than chance explains: more than twice the square root of their number
/// (and a few, so that the first ones don't decide).
///
/// Votes come in runs: a load that goes through the same keys to and fro votes for one setting
/// on the way there and for another on the way back. So many runs are remembered. So that a load
/// that changes for good is still followed, another count remembers only as many votes as could be
/// one run; when these are nearly of one mind, they replace the long memory.
struct WindowAdvisor: ~Copyable {
    /// How many entries a miniature may have; the sample is halved when there are more, and
    /// doubled when there are less than an eighth of it.
    private static let maximumCount = 4096

    /// The votes between two settings.
    private struct Votes {
        var count = 0
        /// How many more were for the first than for the second.
        var balance = 0

        mutating func add(_ vote: Int, remembering limit: Int) {
            count += 1
            balance += vote
            if count > limit {
                count /= 2
                balance /= 2
            }
        }
    }

    private let miniatures: UnsafeMutableBufferPointer<WindowTinyLFU<Nothing>>
    private var frequencies = FrequencySketch()
    /// For each two settings, at `first * miniatures.count + second`, the votes of a long time and
    /// those of a short one.
    private var long: [Votes]
    private var short: [Votes]
    private var leader = 0
    private let capacity: Int
    /// The binary logarithm of how many keys there are for each one in the sample.
    private var rate = 0

    /// Makes an advisor for a cache of that capacity, which begins with the ``setting`` that the
    /// advisor begins with.
    init(capacity: Int) {
        self.capacity = capacity
        miniatures = .allocate(capacity: WindowSetting.allCases.count)
        for (index, setting) in WindowSetting.allCases.enumerated() {
            miniatures.initializeElement(
                at: index, to: WindowTinyLFU(capacity: capacity, setting: setting))
        }
        long = Array(repeating: Votes(), count: miniatures.count * miniatures.count)
        short = long
    }

    deinit { miniatures.deinitialize().deallocate() }

    /// The setting that has proved the best so far.
    var setting: WindowSetting { WindowSetting.allCases[leader] }

    /// The bits that are zero in the hash of a key of the sample.
    var mask: UInt64 { ((1 << UInt64(rate)) - 1) << 32 }

    /// Notes that a key was used that has an entry of that cost, or was just given one.
    mutating func note(hash: UInt64, cost: Int) {
        guard hash & mask == 0, cost <= capacity >> rate else { return }
        frequencies.increment(hash)
        var hits = 0
        for index in miniatures.indices {
            if let slot = miniatures[index].slot(of: hash) {
                miniatures[index].use(slot)
                hits |= 1 << index
            } else {
                miniatures[index].insert(
                    Nothing(), hash: hash, cost: cost, frequencies: frequencies, evicted: { _ in })
            }
        }
        let everyone = (1 << miniatures.count) - 1
        if hits != 0, hits != everyone { count(hits) }
        if hits != everyone { adaptSample() }
    }

    /// The miniature that holds what was used last, whatever that is.
    private var turnover: WindowTinyLFU<Nothing> {
        _read { yield miniatures[WindowSetting.whole.rawValue] }
    }

    private mutating func count(_ hits: Int) {
        let size = turnover.count
        for first in miniatures.indices {
            for second in miniatures.indices {
                let vote = (hits >> first & 1) - (hits >> second & 1)
                guard vote != 0 else { continue }
                let pair = first * miniatures.count + second
                long[pair].add(vote, remembering: 30 * size)
                short[pair].add(vote, remembering: 2 * size)
            }
        }
        elect(size: size)
    }

    /// Replaces the leader where another setting has proved better.
    private mutating func elect(size: Int) {
        var best: (index: Int, lead: Double)?
        for index in miniatures.indices where index != leader {
            let pair = index * miniatures.count + leader
            if short[pair].count > size, short[pair].balance * 5 > short[pair].count * 2 {
                long = short
                best = (index, .infinity)
            } else {
                let lead =
                    Double(long[pair].balance) - 8 - 2 * Double(long[pair].count).squareRoot()
                if lead > best?.lead ?? 0 { best = (index, lead) }
            }
        }
        if let best { leader = best.index }
    }

    /// Keeps the miniatures in size, and the sketch in proportion to them.
    private mutating func adaptSample() {
        let count = turnover.count
        frequencies.fit(count: count, countWhenFull: turnover.countWhenFull)
        let isFull = turnover.cost > turnover.capacity * 7 / 8
        if count > Self.maximumCount {
            rate += 1
        } else if rate > 0, isFull, count < Self.maximumCount / 8 {
            rate -= 1
        } else {
            return
        }
        for index in miniatures.indices {
            miniatures[index].setCapacity(capacity >> rate)
            for slot in 0..<miniatures[index].slotCount
            where miniatures[index].isKept(slot) {
                if miniatures[index].hash(of: slot) & mask != 0 { miniatures[index].remove(slot) }
            }
        }
    }
}
