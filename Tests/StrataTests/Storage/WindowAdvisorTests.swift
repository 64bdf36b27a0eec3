import StrataTesting
import Testing

@testable import Strata

@Suite struct SettingDuelTests {
    @Test func `a lead counts from where it was the furthest behind`() {
        var duel = SettingDuel()
        for _ in 0..<1_000 { duel.add(-1) }
        #expect(duel.lead == 0)
        for _ in 0..<30 { duel.add(1) }
        #expect(duel.lead == 30)
        #expect(Double(duel.lead) > duel.chance)
    }

    @Test func `what chance does in a few dozen votes is no lead`() {
        var generator = SeededGenerator()
        var excess = 0.0
        for _ in 0..<100 {
            var duel = SettingDuel()
            for _ in 0..<40 {
                duel.add(Bool.random(using: &generator) ? 1 : -1)
                excess = max(excess, Double(duel.lead) - duel.chance)
            }
        }
        #expect(excess < 4)
    }

    @Test func `a lead that came to nothing is remembered, and forgotten in time`() {
        var duel = SettingDuel()
        for _ in 0..<100 { duel.add(1) }
        for _ in 0..<200 { duel.add(-1) }
        #expect(duel.lead == 0)
        #expect(duel.peak == 100)
        for _ in 0..<400 { duel.age() }
        #expect(duel.peak < 10)
    }
}

@Suite struct WindowAdvisorTests {
    /// The loads, each with the settings that suit it.
    private static let cases: [(CacheLoad, Set<WindowSetting>)] = [
        (.zipf(60_000, keyCount: 10_000, exponent: 0.9), [.small, .steadfast]),
        (.scans(60_000, keyCount: 5_000), [.small, .steadfast]),
        (.loop(60_000, keyCount: 3_000), [.steadfast]),
        (.drift(60_000, keyCount: 2_000), [.whole]),
        (.recency(60_000, distance: 200), [.whole]),
    ]

    @Test(arguments: cases)
    func `it finds the setting that suits the load`(
        load: CacheLoad, settings: Set<WindowSetting>
    ) {
        var advisor = WindowAdvisor(capacity: 500)
        for key in load.keys { advisor.note(hash: mixed(key), cost: 1) }
        #expect(settings.contains(advisor.setting))
    }

    @Test func `it changes its mind when the load changes for good`() {
        var advisor = WindowAdvisor(capacity: 500)
        var settings: [WindowSetting] = []
        for load in [
            CacheLoad.loop(60_000, keyCount: 2_000), .recency(60_000, distance: 200),
            .loop(60_000, keyCount: 3_000),
        ] {
            for key in load.keys { advisor.note(hash: mixed(key), cost: 1) }
            settings.append(advisor.setting)
        }
        #expect(settings == [.steadfast, .whole, .steadfast])
    }

    @Test func `as long as there is room it says LRU, and then what suits what was seen so far`() {
        for (load, expected) in [
            (CacheLoad.zipf(60_000, keyCount: 10_000, exponent: 0.9), WindowSetting.small),
            (.recency(60_000, distance: 200), .whole), (.loop(60_000, keyCount: 3_000), .whole),
        ] {
            var advisor = WindowAdvisor(capacity: 500)
            var seen: Set<UInt64> = []
            for key in load.keys {
                seen.insert(key)
                guard seen.count <= 500 else { break }
                advisor.note(hash: mixed(key), cost: 1)
                if seen.count < 500 { #expect(advisor.setting == .whole) }
            }
            #expect(advisor.setting == expected, "\(load)")
        }
    }

    @Test func `it begins with the small window where LRU did no better, whichever did best`() {
        var advisor = WindowAdvisor(capacity: 1_000)
        let popular = CacheLoad.zipf(30_000, keyCount: 4_000, exponent: 0.9, seed: 3)
        let loop = CacheLoad.loop(30_000, keyCount: 250)
        var seen: Set<UInt64> = []
        for key in CacheLoad.mixed(loop, popular, meanPiece: 200, seed: 4).keys {
            seen.insert(key)
            guard seen.count <= 1_000 else { break }
            advisor.note(hash: mixed(key), cost: 1)
        }
        #expect(advisor.setting == .small)
    }

    @Test func `it leaves one window for another when that has won as much`() {
        var advisor = WindowAdvisor(capacity: 550)
        let popular = CacheLoad.zipf(120_000, keyCount: 2_000, exponent: 0.95, seed: 33)
        let recent = CacheLoad.recency(120_000, distance: 90, seed: 34)
        for key in CacheLoad.mixed(popular, recent, meanPiece: 10, seed: 35).keys {
            advisor.note(hash: mixed(key), cost: 1)
        }
        #expect(advisor.setting == .middling)
        for key in CacheLoad.loop(7_500, keyCount: 1_000).keys {
            advisor.note(hash: mixed(key | 1 << 60), cost: 1)
        }
        #expect([.small, .steadfast].contains(advisor.setting))
    }

    @Test func `it keeps its mind over a load that votes by turns`() {
        var advisor = WindowAdvisor(capacity: 500)
        var changes = 0
        var last = advisor.setting
        for step in 0..<100_000 {
            let position = step % 4_000
            advisor.note(
                hash: mixed(UInt64(position < 2_000 ? position : 3_999 - position)), cost: 1)
            if advisor.setting != last { changes += 1 }
            last = advisor.setting
        }
        #expect(last == .whole)
        #expect(changes == 0)
    }

    @Test func `its sample follows the number of entries, down and up`() {
        var advisor = WindowAdvisor(capacity: 10_000_000)
        #expect(advisor.mask == 0)
        for key in 0..<100_000 as Range<UInt64> { advisor.note(hash: mixed(key), cost: 100) }
        #expect(advisor.mask.nonzeroBitCount >= 4)
        for key in 0..<100_000 as Range<UInt64> {
            advisor.note(hash: mixed(key &* 7 | 1 << 50), cost: 50_000)
        }
        #expect(advisor.mask.nonzeroBitCount <= 1)
    }

    /// Through the store itself: loads, and how many entries it has room for.
    @Test(arguments: [
        (CacheLoad.zipf(50_000, keyCount: 10_000, exponent: 0.9), 500),
        (.scans(50_000, keyCount: 5_000), 500), (.loop(50_000, keyCount: 2_000), 800),
        (.shifts(50_000, keyCount: 3_000), 500), (.drift(50_000, keyCount: 2_000), 500),
        (.recency(50_000, distance: 200), 300), (.phases(60_000, keyCount: 1_000), 400),
        (.toAndFro(50_000, keyCount: 1_000), 300), (.toAndFro(50_000, keyCount: 1_000), 600),
        (.stack(50_000, depth: 500, newShare: 0.2, seed: 9), 300),
    ])
    func `the store's hit ratio is no less than LRU's`(load: CacheLoad, size: Int) async throws {
        let store = MemoryStore(maximumBytes: size * (MemoryEntries.overhead + 104))
        var hits = 0
        for key in load.keys {
            if store.valueNow(for: "\(key)", as: Page.self) != nil {
                hits += 1
            } else {
                try await store.set(Page(), for: "\(key)", timeToLive: .seconds(600))
            }
        }
        let ratio = Double(hits) / Double(load.keys.count)
        // What it takes to find out that LRU suits the load costs no more than this.
        #expect(ratio > load.hitRatioOfLRU(entryCount: size) - 0.002)
        #expect(store.inconsistencies == [])
    }
}

private struct Page: StoreValue {
    var byteCount: Int { 104 }
    var storeBytes: [UInt8] { [] }

    init() {}

    init?(storeBytes: [UInt8]) { nil }
}

/// A hash of a number: SplitMix64's next.
private func mixed(_ key: UInt64) -> UInt64 {
    var generator = SeededGenerator(seed: key)
    return generator.next()
}
