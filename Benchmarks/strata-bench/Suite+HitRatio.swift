import Glibc
import Strata
import StrataTesting

extension Suite {
    /// What share of the requests a store of a given size answers, beside LRU, W-TinyLFU with a
    /// fixed window and with Caffeine's hill climbing, and the best that any cache could do.
    static let hitRatio = Suite(
        name: "hit-ratio",
        summary: "hits in percent of MemoryStore, beside LRU, W-TinyLFU and the optimum"
    ) {
        var measurements: [Measurement] = []
        for (load, sizes) in made + others + traces() {
            for size in sizes {
                let ratio = 100 * (try await hitRatio(of: load, size: size))
                let lru = 100 * load.hitRatioOfLRU(entryCount: size)
                let fixed = 100 * reference(load, size: size, isAdaptive: false)
                let climbing = 100 * reference(load, size: size, isAdaptive: true)
                measurements.append(
                    Measurement(
                        name: "\(load), \(size) entries",
                        values: [
                            ("LRU", lru), ("W-TinyLFU", fixed), ("climbing", climbing),
                            ("MemoryStore", ratio),
                            ("optimum", 100 * load.optimalHitRatio(entryCount: size)),
                            ("over LRU", ratio - lru),
                            ("over both W-TinyLFU", ratio - max(fixed, climbing)),
                        ]))
            }
        }
        return measurements
    }

    private static let made: [(CacheLoad, [Int])] = [
        (.zipf(500_000, keyCount: 100_000, exponent: 0.7), [500, 2_000, 8_000]),
        (.zipf(500_000, keyCount: 100_000, exponent: 0.99), [500, 2_000, 8_000]),
        (.scans(500_000, keyCount: 10_000), [500, 1_000, 2_000]),
        (.loop(300_000, keyCount: 3_000), [500, 1_500, 2_700]),
        (.shifts(500_000, keyCount: 10_000), [500, 1_000, 2_000]),
        (.drift(500_000, keyCount: 5_000), [500, 1_000, 2_000]),
        (.recency(300_000, distance: 300), [200, 500, 1_500]),
        (.phases(600_000, keyCount: 2_000), [500, 1_000, 1_500]),
    ]

    /// Loads that the policy was not made with.
    private static let others: [(CacheLoad, [Int])] = [
        (.zipf(400_000, keyCount: 40_000, exponent: 0.75, seed: 21), [400, 2_000, 7_000]),
        (.zipf(400_000, keyCount: 80_000, exponent: 0.85, seed: 22), [300, 1_500, 6_000]),
        (.zipf(400_000, keyCount: 25_000, exponent: 1.05, seed: 23), [200, 900, 4_000]),
        (.zipf(400_000, keyCount: 50_000, exponent: 1.2, seed: 24), [100, 600, 2_500]),
        (.scans(400_000, keyCount: 7_000, seed: 25), [350, 1_200, 2_500]),
        (.loop(250_000, keyCount: 1_260), [300, 1_200, 1_250]),
        (.toAndFro(250_000, keyCount: 1_700), [170, 800, 1_500]),
        (.stack(300_000, depth: 1_500, newShare: 0.08, seed: 26), [150, 600, 1_200]),
        (.stack(200_000, depth: 4_000, newShare: 0.02, seed: 27), [300, 1_000, 3_000]),
        (.recency(300_000, distance: 700, seed: 28), [250, 900, 2_000]),
        (.drift(400_000, keyCount: 3_000, seed: 29), [250, 800, 2_200]),
        (.shifts(400_000, keyCount: 6_000, seed: 30), [300, 900, 2_500]),
        (
            .fashions(400_000, keyCount: 5_000, exponent: 0.85, period: 25_000, seed: 31),
            [250, 1_000, 2_500]
        ),
        (
            .runs(
                400_000, keyCount: 10_000, exponent: 0.95, runLength: 1_800, pause: 4_000,
                seed: 32), [300, 1_000, 3_000]
        ),
        (
            .mixed(
                .zipf(200_000, keyCount: 8_000, exponent: 0.95, seed: 33),
                .recency(200_000, distance: 350, seed: 34), meanPiece: 10, seed: 35),
            [300, 1_000, 2_200]
        ),
        (
            .mixed(
                .zipf(200_000, keyCount: 8_000, exponent: 0.95, seed: 36),
                .loop(200_000, keyCount: 2_000), meanPiece: 500, seed: 37), [400, 1_200, 2_400]
        ),
    ]

    private static func reference(_ load: CacheLoad, size: Int, isAdaptive: Bool) -> Double {
        var cache = ReferenceTinyLFU(size: size, isAdaptive: isAdaptive)
        let hits = load.keys.reduce(0) { $0 + (cache.use($1) ? 1 : 0) }
        return Double(hits) / Double(load.keys.count)
    }

    private static func hitRatio(of load: CacheLoad, size: Int) async throws -> Double {
        let value = [UInt8](repeating: 120, count: 1_000)
        let store = MemoryStore(
            maximumBytes: size * (value.byteCount + MemoryStore.entryOverhead))
        var hits = 0
        for key in load.keys {
            let key = "\(key)"
            if store.valueNow(for: key, as: [UInt8].self) != nil {
                hits += 1
            } else {
                try await store.set(value, for: key, timeToLive: .seconds(3_600))
            }
        }
        return Double(hits) / Double(load.keys.count)
    }

    /// The traces in `../shared/corpora/traces`, seen from the directory the program is started
    /// in or from `STRATA_CORPORA`, as far as they are there, and mixtures of each two that follow
    /// each other; each with the sizes of a fortieth, a tenth and three tenths of its keys.
    private static func traces() -> [(CacheLoad, [Int])] {
        let corpora = getenv("STRATA_CORPORA").map { String(cString: $0) } ?? "../shared/corpora"
        let directory = "\(corpora)/traces"
        let names = lines(of: "ls '\(directory)' 2>/dev/null")
        let loads: [CacheLoad] = names.compactMap { name in
            let path = "'\(directory)/\(name)'"
            let keys: [UInt64]
            if name.hasSuffix(".trace.gz") {
                keys = lines(of: "gzip -dc \(path)").compactMap { UInt64($0) }
            } else if name.hasSuffix(".trace.xz") {
                // Big-endian numbers of 32 bits; od prints them as bytes.
                let bytes = lines(of: "xz -dc \(path) | od -An -v -t u1 -w4")
                keys = bytes.map { line in
                    line.split(separator: " ").reduce(0) { $0 << 8 | (UInt64($1) ?? 0) }
                }
            } else {
                return nil
            }
            return keys.isEmpty ? nil : CacheLoad(String(name.prefix { $0 != "." }), keys: keys)
        }
        let mixtures = zip(loads, loads.dropFirst()).map { first, second in
            CacheLoad.mixed(first, second, meanPiece: 300, seed: 38)
        }
        return (loads + mixtures).map { load in
            let count = Set(load.keys).count
            return (load, [max(count / 40, 10), max(count / 10, 10), max(count * 3 / 10, 10)])
        }
    }

    private static func lines(of command: String) -> [Substring] {
        guard let pipe = popen(command, "r") else { return [] }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, pipe)
            guard count > 0 else { break }
            output += buffer[..<count]
        }
        return String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
    }
}

extension CacheLoad {
    /// What share of the keys a cache finds that knows the future: it drops the key that comes
    /// back last, or never (Belady: "A study of replacement algorithms", 1966).
    fileprivate func optimalHitRatio(entryCount: Int) -> Double {
        var next = [Int](repeating: .max, count: keys.count)
        var later: [UInt64: Int] = [:]
        for index in keys.indices.reversed() {
            next[index] = later[keys[index]] ?? .max
            later[keys[index]] = index
        }
        // The times at which what is kept comes back, each in the place of its entry: a heap
        // with the latest on top, in which times that are over are left until they turn up.
        var heap: [Int] = []
        var kept: [Int: UInt64] = [:]
        var due: [UInt64: Int] = [:]
        var hits = 0
        for (index, key) in keys.enumerated() {
            if due[key] == index {
                hits += 1
                kept[index] = nil
                due[key] = nil
            }
            // What never comes back needs no room.
            guard next[index] != .max else { continue }
            if due.count == entryCount {
                while let top = heap.first, kept[top] == nil { heap.removeLatest() }
                guard let latest = heap.first, latest > next[index] else { continue }
                if let victim = kept.removeValue(forKey: latest) { due[victim] = nil }
                heap.removeLatest()
            }
            due[key] = next[index]
            kept[next[index]] = key
            heap.insertTime(next[index])
        }
        return Double(hits) / Double(keys.count)
    }
}

/// A binary heap with the greatest number on top.
extension [Int] {
    fileprivate mutating func insertTime(_ time: Int) {
        append(time)
        var child = count - 1
        while child > 0, self[(child - 1) / 2] < self[child] {
            swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    fileprivate mutating func removeLatest() {
        swapAt(0, count - 1)
        removeLast()
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < count }
            guard let greater = children.max(by: { self[$0] < self[$1] }),
                self[greater] > self[parent]
            else { return }
            swapAt(greater, parent)
            parent = greater
        }
    }
}
