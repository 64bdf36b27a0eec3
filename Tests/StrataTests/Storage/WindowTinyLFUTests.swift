import StrataTesting
import Testing

@testable import Strata

@Suite struct WindowTinyLFUTests {
    @Test(arguments: WindowSetting.allCases)
    func `whatever is done, lists, table and sums agree`(setting: WindowSetting) {
        var generator = SeededGenerator()
        var cache = Cache(capacity: 1_000, setting: setting)
        for step in 0..<20_000 {
            let key = UInt64.random(in: 0..<200, using: &generator)
            switch Int.random(in: 0..<20, using: &generator) {
            case 0: cache.remove(key)
            case 1: cache.replace(key, cost: .random(in: 0...300, using: &generator))
            case 2 where step % 500 == 0:
                cache.policy.apply(
                    WindowSetting.allCases.randomElement(using: &generator) ?? .small)
            default: _ = cache.use(key, cost: .random(in: 1...100, using: &generator))
            }
            if step % 50 == 0 { #expect(cache.policy.inconsistencies == []) }
            #expect(cache.policy.cost <= 1_000)
            #expect(cache.policy.count == cache.kept.count)
        }
    }

    @Test func `with all of it as the window it is LRU`() {
        for load in [
            CacheLoad.zipf(20_000, keyCount: 1_000, exponent: 0.8),
            .loop(5_000, keyCount: 120), .drift(20_000, keyCount: 500),
        ] {
            for size in [1, 10, 100, 300] {
                let ratio = Cache.hitRatio(of: load, capacity: size, setting: .whole)
                #expect(ratio == load.hitRatioOfLRU(entryCount: size), "\(load), \(size)")
            }
        }
    }

    @Test func `a scan leaves those in place that are used often`() {
        var cache = Cache(capacity: 100, setting: .small)
        for _ in 0..<10 { for key in 0..<50 { _ = cache.use(UInt64(key)) } }
        for key in 1_000..<3_000 { _ = cache.use(UInt64(key)) }
        let left = (0..<50).filter { cache.kept.contains(UInt64($0)) }
        #expect(left.count >= 48)
    }

    @Test(arguments: [WindowSetting.small, .steadfast, .middling])
    func `an entry that only seems popular doesn't keep out all others`(setting: WindowSetting) {
        var cache = Cache(capacity: 100, setting: setting)
        for key in 0..<100 { _ = cache.use(UInt64(key)) }
        for _ in 0..<15 { cache.frequencies.increment(mixed(0)) }
        for key in 1_000..<1_080 { for _ in 0..<4 { _ = cache.use(UInt64(key)) } }
        #expect((1_000..<1_080).filter { cache.kept.contains(UInt64($0)) }.count >= 75)
    }

    @Test func `a loop longer than the cache is kept in part, where LRU has no hit at all`() {
        let load = CacheLoad.loop(100_000, keyCount: 2_000)
        #expect(load.hitRatioOfLRU(entryCount: 1_000) == 0)
        #expect(Cache.hitRatio(of: load, capacity: 1_000, setting: .small) > 0.4)
    }

    @Test(arguments: [(3_000, 500), (1_050, 1_000), (2_000, 200)])
    func `a steadfast cache has nearly all hits of a loop that any cache could have`(
        keyCount: Int, size: Int
    ) {
        let load = CacheLoad.loop(200_000, keyCount: keyCount)
        let ratio = Cache.hitRatio(of: load, capacity: size, setting: .steadfast)
        #expect(ratio > 0.95 * Double(size) / Double(keyCount))
    }

    @Test func `a large entry must be worth more than all the small ones it would displace`() {
        var cache = Cache(capacity: 100, setting: .small)
        for _ in 0..<3 { for key in 0..<100 { _ = cache.use(UInt64(key)) } }
        for _ in 0..<4 { _ = cache.use(1_000, cost: 50) }
        #expect(!cache.kept.contains(1_000))
        #expect(cache.kept.count > 95)
        for _ in 0..<4 { _ = cache.use(1_001, cost: 1) }
        _ = cache.use(1_002)
        #expect(cache.kept.contains(1_001))
    }

    @Test func `entries that are not used any more give way to a large one that is`() {
        var cache = Cache(capacity: 100, setting: .small)
        for key in 0..<100 { _ = cache.use(UInt64(key)) }
        // Enough uses for the sketch to forget those that were used once.
        for _ in 0..<3_000 { cache.frequencies.increment(mixed(5_000)) }
        for step in 0..<2_000 { cache.frequencies.increment(mixed(UInt64(6_000 + step % 300))) }
        for _ in 0..<6 { _ = cache.use(1_000, cost: 40) }
        #expect(cache.kept.contains(1_000))
    }

    @Test func `a changed setting takes hold within a turnover`() {
        var cache = Cache(capacity: 500, setting: .small)
        for step in 0..<5_000 { _ = cache.use(UInt64(step % 700)) }
        cache.policy.apply(.whole)
        for key in 10_000..<10_500 { _ = cache.use(UInt64(key)) }
        #expect(cache.kept == Set((10_000..<10_500).map(UInt64.init)))
        cache.policy.apply(.small)
        for _ in 0..<5 { for key in 10_000..<10_400 { _ = cache.use(UInt64(key)) } }
        for key in 20_000..<22_000 { _ = cache.use(UInt64(key)) }
        #expect((10_000..<10_400).filter { cache.kept.contains(UInt64($0)) }.count > 380)
        #expect(cache.policy.inconsistencies == [])
    }
}

@Suite struct FrequencySketchTests {
    @Test func `an estimate is never too low, and seldom too high`() {
        var generator = SeededGenerator()
        var sketch = FrequencySketch()
        sketch.fit(count: 1_000, countWhenFull: 1_000)
        var counts: [UInt64: Int] = [:]
        for _ in 0..<3_000 {
            let key = mixed(UInt64.random(in: 0..<1_000, using: &generator))
            sketch.increment(key)
            counts[key, default: 0] += 1
        }
        let excess = counts.map { sketch.frequency(of: $0) - min($1, 15) }
        #expect(excess.allSatisfy { $0 >= 0 })
        #expect(excess.filter { $0 > 0 }.count < 100)
    }

    @Test func `it counts to fifteen`() {
        var sketch = FrequencySketch()
        for _ in 0..<100 { sketch.increment(42) }
        #expect(sketch.frequency(of: 42) == FrequencySketch.maximumFrequency)
    }

    @Test func `what was popular once is forgotten by halves`() {
        var sketch = FrequencySketch()
        sketch.fit(count: 100, countWhenFull: 100)
        for _ in 0..<12 { sketch.increment(mixed(1)) }
        for step in 0..<1_000 { sketch.increment(mixed(UInt64(100 + step))) }
        #expect((6..<12).contains(sketch.frequency(of: mixed(1))))
    }

    @Test func `growing keeps what was counted`() {
        var sketch = FrequencySketch()
        for key in 0..<100 { for _ in 0...(key % 4) { sketch.increment(mixed(UInt64(key))) } }
        let before = (0..<100).map { sketch.frequency(of: mixed($0)) }
        sketch.fit(count: 10_000, countWhenFull: 1_000_000)
        #expect((0..<100).map { sketch.frequency(of: mixed($0)) } == before)
    }
}

/// A policy with keys and no values.
private struct Cache: ~Copyable {
    var policy: WindowTinyLFU<UInt64>
    var frequencies = FrequencySketch()
    var kept: Set<UInt64> = []

    init(capacity: Int, setting: WindowSetting) {
        policy = WindowTinyLFU(capacity: capacity, setting: setting)
    }

    mutating func use(_ key: UInt64, cost: Int = 1) -> Bool {
        let hash = mixed(key)
        frequencies.increment(hash)
        if let slot = policy.slot(of: hash) {
            policy.use(slot)
            return true
        }
        kept.insert(key)
        policy.insert(key, hash: hash, cost: cost, frequencies: frequencies) {
            #expect(kept.remove($0) != nil)
        }
        frequencies.fit(count: policy.count, countWhenFull: policy.countWhenFull)
        return false
    }

    mutating func replace(_ key: UInt64, cost: Int) {
        guard let slot = policy.slot(of: mixed(key)) else { return }
        var isFirst = true
        policy.replace(slot, with: key, cost: cost, frequencies: frequencies) {
            if isFirst { #expect($0 == key) } else { kept.remove($0) }
            isFirst = false
        }
    }

    mutating func remove(_ key: UInt64) {
        guard let slot = policy.slot(of: mixed(key)) else { return }
        #expect(policy.remove(slot) == key)
        kept.remove(key)
    }

    static func hitRatio(of load: CacheLoad, capacity: Int, setting: WindowSetting) -> Double {
        var cache = Cache(capacity: capacity, setting: setting)
        let hits = load.keys.reduce(0) { $0 + (cache.use($1) ? 1 : 0) }
        return Double(hits) / Double(load.keys.count)
    }
}

/// A hash of a number: SplitMix64's next.
private func mixed(_ key: UInt64) -> UInt64 {
    var generator = SeededGenerator(seed: key)
    return generator.next()
}
