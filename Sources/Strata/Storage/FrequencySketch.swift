/// About how often each key was used of late, in a few bits a key, for keys that are kept and
/// keys that are not.
///
/// A count-min sketch (Cormode, Muthukrishnan: "An Improved Data Stream Summary", 2005) of 4-bit
/// counters, four for each key, all in one cache line (Putze, Sanders, Singler: "Cache-, Hash- and
/// Space-Efficient Bloom Filters", 2007). An estimate is never too low, and is too high only
/// where all four counters are shared. Every so many additions all counters are halved, so that
/// what was popular once makes way (Einziger, Friedman, Manes: "TinyLFU", ACM TOS 2017).
struct FrequencySketch {
    /// The greatest estimate.
    static let maximumFrequency = 15

    /// Sixteen counters a word, eight words a block.
    private var words: [UInt64]
    private var blockCount: UInt64 { UInt64(words.count / 8) }
    private var additions = 0

    /// After how many additions all counters are halved. Ten times the number of keys that are
    /// kept tells those that come back within a few turnovers of the cache from those that don't.
    private var period = 640

    /// Makes a sketch that has not seen anything, for a cache that never keeps more entries than
    /// that. It begins with room for two thousand at most.
    init(maximumCount: Int = .max) {
        words = Array(repeating: 0, count: min(max(maximumCount & ~7, 256), 2048))
    }

    /// How often the key was used, at most ``maximumFrequency``.
    func frequency(of hash: UInt64) -> Int {
        let block = block(of: hash)
        return words.withUnsafeBufferPointer { words in
            var least: UInt64 = 15
            for row in 0..<4 {
                let (word, shift) = Self.counter(of: hash, in: row)
                least = min(least, (words[block + word] >> shift) & 15)
            }
            return Int(least)
        }
    }

    /// Counts one more use of the key.
    mutating func increment(_ hash: UInt64) {
        let block = block(of: hash)
        let isAdded = words.withUnsafeMutableBufferPointer { words in
            var isAdded = false
            for row in 0..<4 {
                let (word, shift) = Self.counter(of: hash, in: row)
                if (words[block + word] >> shift) & 15 < 15 {
                    words[block + word] += 1 << shift
                    isAdded = true
                }
            }
            return isAdded
        }
        guard isAdded else { return }
        additions += 1
        if additions >= period { age() }
    }

    /// Fits the size and the period to a cache that keeps so many entries now, and so many when
    /// it is full. Each block becomes several that begin as copies of it, which keeps the
    /// estimates; that blurs them, so a sketch grows rarely and far.
    mutating func fit(count: Int, countWhenFull: Int) {
        period = 10 * max(countWhenFull, 64)
        guard words.count < count else { return }
        // An eighth more, so that a guess that is a little too low is good enough.
        let goal = min(countWhenFull + countWhenFull / 8, count * 4)
        let factor = max(2, (goal + words.count - 1) / words.count)
        var grown: [UInt64] = []
        grown.reserveCapacity(words.count * factor)
        for block in stride(from: 0, to: words.count, by: 8) {
            for _ in 0..<factor { grown += words[block..<block + 8] }
        }
        words = grown
    }

    private mutating func age() {
        for index in words.indices { words[index] = (words[index] >> 1) & 0x7777_7777_7777_7777 }
        additions /= 2
    }

    /// The first word of the key's block. The hash is random in all its bits, so the upper half
    /// chooses the block, as a fraction of all, and the lower half the counters in it.
    private func block(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: ((hash >> 32) &* blockCount) >> 32) * 8
    }

    /// The word within the block, and the shift within the word, of the key's counter in a row.
    private static func counter(of hash: UInt64, in row: Int) -> (word: Int, shift: UInt64) {
        let bits = hash >> UInt64(row * 8)
        return (row * 2 + Int(bits & 1), ((bits >> 1) & 15) * 4)
    }
}
