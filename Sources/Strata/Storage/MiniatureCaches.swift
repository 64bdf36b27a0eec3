/// A cache without values for each ``WindowSetting``, all of one capacity.
struct MiniatureCaches: ~Copyable {
    /// What an entry carries of which only its being there matters.
    private struct Nothing: BitwiseCopyable {}

    /// The number of those that had a key, if all had it.
    static var all: Int { (1 << WindowSetting.allCases.count) - 1 }

    /// By the raw values of their settings. Not a buffer: the compiler can't instrument a change of
    /// a buffer's elements for the thread sanitizer where they can't be copied.
    private let caches: UnsafeMutablePointer<WindowTinyLFU<Nothing>>

    /// Makes empty caches.
    init(capacity: Int) {
        caches = .allocate(capacity: WindowSetting.allCases.count)
        for setting in WindowSetting.allCases {
            (caches + setting.rawValue).initialize(
                to: WindowTinyLFU(capacity: capacity, setting: setting))
        }
    }

    deinit {
        caches.deinitialize(count: WindowSetting.allCases.count)
        caches.deallocate()
    }

    /// How many entries the one has that holds what was used last, whatever that is.
    var count: Int { caches[WindowSetting.whole.rawValue].count }
    /// How many it has about when it is full.
    var countWhenFull: Int { caches[WindowSetting.whole.rawValue].countWhenFull }
    /// What is left of its capacity.
    var room: Int {
        caches[WindowSetting.whole.rawValue].capacity - caches[WindowSetting.whole.rawValue].cost
    }
    /// The capacity of each.
    var capacity: Int { caches[0].capacity }

    /// Uses a key in all of them; those that had it, as the bits of a number.
    mutating func use(hash: UInt64, cost: Int, frequencies: FrequencySketch) -> Int {
        var hits = 0
        for index in WindowSetting.allCases.indices {
            if let slot = caches[index].slot(of: hash) {
                caches[index].use(slot)
                hits |= 1 << index
            } else if cost <= caches[index].capacity {
                caches[index].insert(
                    Nothing(), hash: hash, cost: cost, frequencies: frequencies, evicted: { _ in })
            }
        }
        return hits
    }

    /// Gives all of them another capacity, and keeps only the keys that have zeros in these bits
    /// of their hashes.
    mutating func fit(capacity: Int, mask: UInt64) {
        for index in WindowSetting.allCases.indices {
            caches[index].setCapacity(capacity)
            for slot in 0..<caches[index].slotCount
            where caches[index].isKept(slot) && caches[index].hash(of: slot) & mask != 0 {
                caches[index].remove(slot)
            }
        }
    }
}
