import StrataTesting
import Testing

@testable import Strata

struct MemoryStoreTests {
    @Test(arguments: CacheStoreConformance.checks)
    func `it does what a store must`(check: CacheStoreConformance.Check) async {
        let time = ManualTime()
        let store = MemoryStore(time: time)
        let failures = await check.failures(of: store, maximumEntryBytes: 8 << 20) {
            time.advance(by: $0)
        }
        #expect(failures.isEmpty, "\(failures)")
    }

    @Test func `it never holds more than its limit, and the least recently used go first`()
        async throws
    {
        let store = MemoryStore(maximumBytes: 1 << 20)
        var generator = SeededGenerator()
        try await store.set(
            [UInt8](repeating: 0, count: 1000), for: "kept", timeToLive: .seconds(60))
        for index in 0..<20_000 {
            let value = [UInt8](repeating: 0, count: .random(in: 0...2000, using: &generator))
            try await store.set(value, for: "\(index)", timeToLive: .seconds(60))
            if index % 10 == 0 { _ = try await store.value(for: "kept", as: [UInt8].self) }
            #expect(store.byteCount <= 1 << 20)
        }
        #expect(try await store.value(for: "kept", as: [UInt8].self) != nil)
        #expect(try await store.value(for: "0", as: [UInt8].self) == nil)
        #expect(store.entryCount > 500)
    }

    @Test func `a list of entries answers like a dictionary whose oldest are dropped`() {
        var generator = SeededGenerator()
        var list = RecencyList(maximumBytes: 1000)
        /// The model: keys from the least to the most recently used.
        var model: [(key: ByteKey, value: Int, cost: Int, end: Timestamp)] = []
        for step in 0..<50_000 {
            let now = Timestamp(seconds: Int64(step / 100))
            let key = ByteKey(text: "\(Int.random(in: 0..<30, using: &generator))")
            let place = model.firstIndex { $0.key == key }
            switch Int.random(in: 0..<5, using: &generator) {
            case 0:
                let cost = Int.random(in: 1...300, using: &generator)
                let end = now + .seconds(Int.random(in: 1...5, using: &generator))
                list.set(step, for: key, cost: cost, end: end)
                if let place { model.remove(at: place) }
                while model.reduce(cost, { $0 + $1.cost }) > 1000 { model.removeFirst() }
                model.append((key, step, cost, end))
            case 1:
                list.remove(key)
                if let place { model.remove(at: place) }
            default:
                let value: Int? = list.value(for: key, at: now)
                if let place {
                    let entry = model.remove(at: place)
                    if entry.end > now { model.append(entry) }
                    #expect(value == (entry.end > now ? entry.value : nil))
                } else {
                    #expect(value == nil)
                }
            }
            #expect(list.count == model.count)
            #expect(list.byteCount == model.reduce(0) { $0 + $1.cost })
        }
    }

    @Test func `a full table of generations makes everything invalid, and never goes back`() {
        var table = GenerationTable(maximumCount: 10)
        var seen: Set<Generation> = [.first]
        for step in 0..<100 {
            let now = Timestamp(seconds: Int64(step))
            let before = table.generation(of: "other")
            table.advance("\(step)", until: now + .seconds(1000), at: now)
            #expect(seen.insert(table.generation(of: "\(step)")).inserted)
            let after = table.generation(of: "other")
            if after != before { #expect(seen.insert(after).inserted) }
        }
        #expect(table.generation(of: "other") != .first)
    }
}
