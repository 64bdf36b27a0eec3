/// W-TinyLFU as Caffeine has it, to hold other policies against: keys only, each of cost one.
///
/// After `HillClimberWindowTinyLfuPolicy` of Caffeine's simulator with its `SimpleClimber`, a
/// 4-bit count-min sketch that is halved periodically and no doorkeeper, all with the values of
/// its `reference.conf`: a window of 1 %, four fifths of the main part protected, samples of ten
/// times the size, steps of a sixteenth that decay by a fiftieth. (Ben Manes:
/// github.com/ben-manes/caffeine; Einziger, Eytan, Friedman, Manes: "Adaptive Software Cache
/// Management", Middleware 2018.) Without a climber it is the policy of the first paper, whose
/// window stays as it is (Einziger, Friedman, Manes: "TinyLFU", ACM TOS 2017).
struct ReferenceTinyLFU {
    private enum Queue { case window, probation, protected }

    private let size: Int
    private var sketch: CountMinSketch
    private var climber: HillClimber?
    private var queues: [UInt64: Queue] = [:]
    private var window = KeyQueue()
    private var probation = KeyQueue()
    private var protected = KeyQueue()
    private var maximumWindow: Int
    private var maximumProtected: Int
    /// The size of the window, with the fraction of an entry that a step left over.
    private var windowSize = 0.0

    /// Makes an empty cache of so many entries.
    init(size: Int, isAdaptive: Bool) {
        self.size = size
        let main = Int(Double(size) * 0.99)
        maximumWindow = size - main
        maximumProtected = Int(Double(main) * 0.8)
        sketch = CountMinSketch(size: size)
        climber = isAdaptive ? HillClimber(size: size) : nil
    }

    /// Asks for a key, which is kept where the policy wants that; whether it was there.
    mutating func use(_ key: UInt64) -> Bool {
        let isFull = queues.count >= size
        let queue = queues[key]
        sketch.increment(key)
        switch queue {
        case nil:
            queues[key] = .window
            window.append(key)
            windowSize += 1
            evict()
        case .window: window.moveToEnd(key)
        case .protected: protected.moveToEnd(key)
        case .probation:
            probation.remove(key)
            queues[key] = .protected
            protected.append(key)
            demote()
        }
        if isFull, let change = climber?.step(isHit: queue != nil) {
            if change > 0 { enlargeWindow(by: change) } else { reduceWindow(by: -change) }
        }
        return queue != nil
    }

    private mutating func evict() {
        guard windowSize > Double(maximumWindow), let candidate = window.popFirst() else { return }
        windowSize -= 1
        queues[candidate] = .probation
        probation.append(candidate)
        guard queues.count > size, let victim = probation.first else { return }
        let isAdmitted = sketch.frequency(of: candidate) > sketch.frequency(of: victim)
        let loser = isAdmitted ? victim : candidate
        probation.remove(loser)
        queues[loser] = nil
    }

    private mutating func demote() {
        guard protected.count > maximumProtected, let key = protected.popFirst() else { return }
        queues[key] = .probation
        probation.append(key)
    }

    private mutating func enlargeWindow(by amount: Double) {
        let quota = min(amount, Double(maximumProtected))
        let steps = Int(windowSize + quota) - Int(windowSize)
        windowSize += quota
        for _ in 0..<steps {
            maximumWindow += 1
            maximumProtected -= 1
            demote()
            guard let key = probation.popFirst() else { return }
            queues[key] = .window
            window.append(key)
        }
    }

    private mutating func reduceWindow(by amount: Double) {
        let quota = min(amount, Double(maximumWindow))
        let steps = Int(windowSize) - Int(windowSize - quota)
        windowSize -= quota
        for _ in 0..<steps {
            maximumWindow -= 1
            maximumProtected += 1
            guard let key = window.popFirst() else { return }
            queues[key] = .probation
            probation.prepend(key)
        }
    }

    /// Walks on while the hit ratio rises, and turns back when it falls.
    private struct HillClimber {
        private let firstStep: Double
        private let sampleSize: Int
        private var stepSize: Double
        private var isEnlarging = false
        private var isStopped = false
        private var hits = 0
        private var count = 0
        private var lastRatio = 0.0

        init(size: Int) {
            firstStep = 0.0625 * Double(size)
            stepSize = firstStep
            sampleSize = 10 * size
        }

        /// Counts a use; by how much the window grows or shrinks.
        mutating func step(isHit: Bool) -> Double? {
            count += 1
            if isHit { hits += 1 }
            guard count >= sampleSize, !isStopped else { return nil }
            let ratio = Double(hits) / Double(count)
            if ratio < lastRatio { isEnlarging.toggle() }
            if abs(ratio - lastRatio) >= 0.05 { stepSize = firstStep }
            defer {
                (lastRatio, hits, count) = (ratio, 0, 0)
                stepSize *= 0.98
                isStopped = stepSize <= 0.01
            }
            return isEnlarging ? stepSize : -stepSize
        }
    }

    private struct CountMinSketch {
        private var words: [UInt64]
        private var additions = 0

        init(size: Int) {
            var count = 1
            while count < size { count *= 2 }
            words = Array(repeating: 0, count: count)
        }

        func frequency(of key: UInt64) -> Int {
            (0..<4).map { row in
                let (index, shift) = place(of: key, in: row)
                return Int((words[index] >> shift) & 15)
            }.min() ?? 0
        }

        mutating func increment(_ key: UInt64) {
            var isAdded = false
            for row in 0..<4 {
                let (index, shift) = place(of: key, in: row)
                guard (words[index] >> shift) & 15 < 15 else { continue }
                words[index] += 1 << shift
                isAdded = true
            }
            guard isAdded else { return }
            additions += 1
            guard additions == 10 * words.count else { return }
            var odd = 0
            for index in words.indices {
                odd += (words[index] & 0x1111_1111_1111_1111).nonzeroBitCount
                words[index] = (words[index] >> 1) & 0x7777_7777_7777_7777
            }
            additions = (additions - odd / 4) / 2
        }

        private func place(of key: UInt64, in row: Int) -> (index: Int, shift: UInt64) {
            var hash = key &+ UInt64(row + 1) &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
            hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
            hash ^= hash >> 31
            let column = (hash >> 62) * 4
            return (
                Int(truncatingIfNeeded: hash) & (words.count - 1), (column + UInt64(row)) * 4
            )
        }
    }
}

/// Different keys in an order that changes at both ends.
private struct KeyQueue {
    private var neighbours: [UInt64: (before: UInt64?, after: UInt64?)] = [:]
    private(set) var first: UInt64?
    private var last: UInt64?

    var count: Int { neighbours.count }

    mutating func append(_ key: UInt64) {
        neighbours[key] = (last, nil)
        if let last { neighbours[last]?.after = key } else { first = key }
        last = key
    }

    mutating func prepend(_ key: UInt64) {
        neighbours[key] = (nil, first)
        if let first { neighbours[first]?.before = key } else { last = key }
        first = key
    }

    mutating func remove(_ key: UInt64) {
        guard let (before, after) = neighbours.removeValue(forKey: key) else { return }
        if let before { neighbours[before]?.after = after } else { first = after }
        if let after { neighbours[after]?.before = before } else { last = before }
    }

    mutating func popFirst() -> UInt64? {
        guard let first else { return nil }
        remove(first)
        return first
    }

    mutating func moveToEnd(_ key: UInt64) {
        remove(key)
        append(key)
    }
}
