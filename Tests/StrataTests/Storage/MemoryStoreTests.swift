import StrataTesting
import Synchronization
import Testing

@testable import Strata

@Suite(.timeLimit(.minutes(2))) struct MemoryStoreTests {
    @Test(arguments: CacheStoreConformance.checks)
    func `it does what a store must`(check: CacheStoreConformance.Check) async {
        let time = ManualTime()
        let store = MemoryStore(time: time)
        let failures = await check.failures(
            of: store, maximumEntryBytes: store.maximumEntryBytes
        ) { time.advance(by: $0) }
        #expect(failures.isEmpty, "\(failures)")
        #expect(store.inconsistencies == [])
    }

    @Test(arguments: [1 << 14, 1 << 20, 32 << 20])
    func `it never holds more than its limit, and nearly that much when it is full`(
        limit: Int
    ) async throws {
        let store = MemoryStore(maximumBytes: limit)
        var generator = SeededGenerator()
        var most = 0
        for index in 0..<10_000 {
            let value = Ballast(
                byteCount: .random(in: 0...(store.maximumEntryBytes / 8), using: &generator))
            try await store.set(value, for: "\(index)", timeToLive: .seconds(60))
            if index % 10 == 0 { #expect(store.byteCount <= limit) }
            most = max(most, store.byteCount)
        }
        #expect(most > limit * 8 / 10)
        #expect(store.inconsistencies == [])
    }

    @Test func `it answers as a dictionary does, except that it may have dropped an entry`()
        async throws
    {
        let time = ManualTime()
        let store = MemoryStore(maximumBytes: 20_000, maximumEntryBytes: 2_000, time: time)
        var generator = SeededGenerator()
        var model: [String: (value: Ballast, end: Duration)] = [:]
        var (hits, drops) = (0, 0)
        for step in 0..<20_000 {
            let key = "\(Int.random(in: 0..<60, using: &generator))"
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                try await store.remove([key])
                model[key] = nil
            case 1:
                time.advance(by: .milliseconds(Int.random(in: 0...500, using: &generator)))
            case 2..<5:
                let timeToLive = Duration.milliseconds(
                    Int.random(in: -5...9_000, using: &generator))
                let value = Ballast(byteCount: .random(in: 0...2_100, using: &generator), id: step)
                try await store.set(value, for: key, timeToLive: timeToLive)
                model[key] =
                    value.byteCount > 2_000 ? nil : (value, time.uptime + timeToLive)
            default:
                let value = try await store.value(for: key, as: Ballast.self)
                let expected = model[key].flatMap { $0.end > time.uptime ? $0.value : nil }
                if let value {
                    #expect(value == expected)
                    hits += 1
                } else if expected != nil {
                    drops += 1
                    model[key] = nil
                }
            }
            if step % 100 == 0 { #expect(store.inconsistencies == []) }
        }
        #expect(hits > 1_000)
        #expect(drops > 0)
        #expect(store.inconsistencies == [])
    }

    @Test func `nothing is dropped as long as there is room`() async throws {
        let store = MemoryStore(maximumBytes: 1_000 * (MemoryEntries.overhead + 100))
        for index in 0..<1_000 {
            try await store.set(
                Ballast(byteCount: 100, id: index), for: "\(index)", timeToLive: .seconds(60))
        }
        for index in 0..<1_000 {
            #expect(try await store.value(for: "\(index)", as: Ballast.self)?.id == index)
        }
        #expect(store.entryCount == 1_000)
        #expect(store.byteCount == store.maximumBytes)
        #expect(store.inconsistencies == [])
    }

    @Test func `what comes out is the very object that was put in`() async throws {
        let store = MemoryStore()
        let value = Witness {}
        try await store.set(value, for: "a", timeToLive: .seconds(60))
        #expect(try await store.value(for: "a", as: Witness.self) === value)
        #expect(store.valueNow(for: "a", as: Witness.self) === value)
        #expect(store.inconsistencies == [])
    }

    @Test func `an entry may be as large as its limit, half the store at most`() async throws {
        for limit in [1 << 16, 8 << 20, 64 << 20, 1 << 30] {
            let store = MemoryStore(maximumBytes: 64 << 20, maximumEntryBytes: limit)
            #expect(store.maximumEntryBytes <= 32 << 20)
            let value = Ballast(byteCount: store.maximumEntryBytes)
            try await store.set(value, for: "a", timeToLive: .seconds(60))
            #expect(try await store.value(for: "a", as: Ballast.self) != nil)
            #expect(store.inconsistencies == [])
        }
    }

    @Test(arguments: [(Int.max, true), (1_000, true), (100, false), (0, false)])
    func `a limit may be as large and as small as can be`(
        limit: Int, isKept: Bool
    ) async throws {
        let store = MemoryStore(maximumBytes: limit)
        for _ in 0..<3 {
            try await store.set(Ballast(byteCount: 40), for: "a", timeToLive: .seconds(60))
            #expect((store.valueNow(for: "a", as: Ballast.self) != nil) == isKept)
        }
        #expect(store.inconsistencies == [])
    }

    @Test func `expired entries make room although nobody asks for them`() async throws {
        let time = ManualTime()
        let store = MemoryStore(maximumBytes: 4 << 20, time: time)
        for index in 0..<4_000 {
            try await store.set(
                Ballast(byteCount: 10), for: "old \(index)", timeToLive: .seconds(1))
        }
        #expect(store.entryCount == 4_000)
        time.advance(by: .seconds(1))
        for index in 0..<1_000 {
            try await store.set(
                Ballast(byteCount: 10), for: "new \(index)", timeToLive: .seconds(60))
        }
        #expect(store.entryCount < 2_000)
        #expect(store.inconsistencies == [])
    }

    @Test func `a value that asks the store when it ends does not stop it`() async throws {
        let store = MemoryStore(maximumBytes: 10_000)
        let ends = Atomic(0)
        func value() -> Witness {
            Witness {
                _ = store.valueNow(for: "a", as: Witness.self)
                _ = store.entryCount
                ends.add(1, ordering: .relaxed)
            }
        }
        for index in 0..<1_000 {
            try await store.set(value(), for: "\(index % 300)", timeToLive: .seconds(60))
            if index % 5 == 0 { try await store.remove(["\(index % 300)"]) }
        }
        #expect(ends.load(ordering: .relaxed) + store.entryCount == 1_000)
        #expect(store.inconsistencies == [])
    }

    @Test func `values of all shapes come out as they were, and are let go of once`() async throws {
        let time = ManualTime()
        let ends = Atomic(0)
        func witness() -> Witness { Witness { ends.add(1, ordering: .relaxed) } }
        do {
            let store = MemoryStore(maximumBytes: 40_000, time: time)
            var generator = SeededGenerator()
            for step in 0..<3_000 {
                let key = "\(Int.random(in: 0..<100, using: &generator))"
                let timeToLive = Duration.seconds(Int.random(in: 1...100, using: &generator))
                if step % 2 == 0 {
                    try await store.set(witness(), for: key, timeToLive: timeToLive)
                } else {
                    let parcel = Parcel(number: step, witness: witness())
                    try await store.set(parcel, for: key, timeToLive: timeToLive)
                    #expect(store.valueNow(for: key, as: Parcel.self)?.number ?? step == step)
                    // It is there, but of another type.
                    #expect(store.valueNow(for: key, as: Witness.self) == nil)
                    #expect(store.valueNow(for: key, as: [UInt8].self) == nil)
                }
                if step % 10 == 0 { try await store.remove([key]) }
                if step % 100 == 0 { time.advance(by: .seconds(20)) }
                #expect(step + 1 - ends.load(ordering: .relaxed) == store.entryCount)
            }
            #expect(store.entryCount > 20)
            #expect(store.inconsistencies == [])
        }
        #expect(ends.load(ordering: .relaxed) == 3_000)
    }

    @Test func `an entry that is read without end stays, and the others go`() async throws {
        let store = MemoryStore(maximumBytes: 100 * (MemoryEntries.overhead + 100))
        for index in 0..<10_000 {
            if store.valueNow(for: "read", as: Ballast.self) == nil {
                #expect(index == 0)
                try await store.set(
                    Ballast(byteCount: 100), for: "read", timeToLive: .seconds(60))
            }
            try await store.set(
                Ballast(byteCount: 100), for: "\(index)", timeToLive: .seconds(60))
        }
        #expect(store.entryCount == 100)
        #expect(store.inconsistencies == [])
    }

    @Test func `many tasks at once leave it consistent`() async throws {
        let store = MemoryStore(maximumBytes: 200_000, maximumEntryBytes: 4_000)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var generator = SeededGenerator(seed: UInt64(task))
                    let zipf = ZipfDistribution(count: 2_000, exponent: 0.8)
                    for step in 0..<4_000 {
                        let key = "\(zipf.next(using: &generator))"
                        if let value = store.valueNow(for: key, as: Ballast.self) {
                            #expect(key.hasSuffix("\(value.id)"))
                        } else {
                            let value = Ballast(
                                byteCount: .random(in: 0...4_000, using: &generator),
                                id: Int(key) ?? -1)
                            try? await store.set(
                                value, for: key,
                                timeToLive: .milliseconds(step % 7 == 0 ? 1 : 60_000))
                        }
                        if step % 50 == 0 { try? await store.remove([key]) }
                        if step % 100 == 0 {
                            try? await store.advanceGenerations(
                                of: [key], .hard, timeToLive: .seconds(60))
                        }
                        _ = try? await store.generations(of: [key, "all"])
                    }
                }
            }
        }
        #expect(store.entryCount > 50)
        #expect(store.inconsistencies == [])
    }

    @Test func `a full table of generations makes everything invalid, and never goes back`() {
        var table = GenerationTable(maximumCount: 10)
        var last: UInt64 = 0
        var seen: Set<Generation> = [.first]
        let secret = KeyDigest.Secret()
        let other = KeyDigest("other", secret: secret)
        for step in 0..<100 {
            let before = table.generation(of: other)
            let name = KeyDigest("\(step)", secret: secret)
            table.advance(name, .hard, until: Int64(step + 1_000), now: Int64(step)) {
                last += 1
                return last
            }
            #expect(seen.insert(table.generation(of: name)).inserted)
            let after = table.generation(of: other)
            if after != before { #expect(seen.insert(after).inserted) }
        }
        #expect(table.generation(of: other) != .first)
    }

    @Test func `a table of generations makes room of names whose time is over`() {
        var table = GenerationTable(maximumCount: 10)
        let secret = KeyDigest.Secret()
        for step in 0..<100 {
            let name = KeyDigest("\(step)", secret: secret)
            table.advance(name, .hard, until: Int64(step + 4), now: Int64(step)) { 7 }
        }
        #expect(table.generation(of: KeyDigest("other", secret: secret)) == .first)
    }
}

/// A value that counts for as many bytes as it is told to.
private struct Ballast: StoreValue, Equatable {
    let byteCount: Int
    var id = 0

    var storeBytes: [UInt8] { [] }

    init(byteCount: Int, id: Int = 0) {
        self.byteCount = byteCount
        self.id = id
    }

    init?(storeBytes: [UInt8]) { nil }
}

/// A value of more than one word that holds on to another.
private struct Parcel: StoreValue {
    let byteCount = 100
    let storeBytes: [UInt8] = []
    let number: Int
    let witness: Witness

    init(number: Int, witness: Witness) { (self.number, self.witness) = (number, witness) }

    init?(storeBytes: [UInt8]) { nil }
}

/// A value that tells when it ends.
private final class Witness: StoreValue {
    let byteCount = 100
    let storeBytes: [UInt8] = []
    private let whenItEnds: @Sendable () -> Void

    init(_ whenItEnds: @escaping @Sendable () -> Void) { self.whenItEnds = whenItEnds }

    init?(storeBytes: [UInt8]) { nil }

    deinit { whenItEnds() }
}
