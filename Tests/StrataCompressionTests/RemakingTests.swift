import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataCompression

@Suite struct `Making hot content again` {
    /// JSON irregular enough for effort to show.
    static let content: [UInt8] = {
        var generator = SeededGenerator(seed: 1)
        let words = ["blue", "lamp", "old", "table", "for", "the", "garden", "kettle", "and"]
        let items = (0..<300).map { number in
            let name = (0..<Int.random(in: 2...9, using: &generator)).map { _ in
                words.randomElement(using: &generator) ?? ""
            }
            let price = Int.random(in: 100...99_999, using: &generator)
            return
                "{\"id\":\(number),\"name\":\"\(name.joined(separator: " "))\",\"price\":\(price)}"
        }
        return Array(items.joined(separator: ",").utf8)
    }()

    static func remaking(hits: Int = 3, waiting: Int = 32) -> Compression.Remaking {
        var remaking = Compression.Remaking()
        remaking.hits = hits
        remaking.maximumWaiting = waiting
        return remaking
    }

    static func coder(_ coding: ContentCoding) -> Coder { Coder(coding, .init(), SystemTime()) }

    /// Served once, so that there is a form.
    static func served(_ name: String, _ coder: Coder) async throws -> Siblings {
        let siblings = Siblings(of: content, name: name)
        let bytes = try #require(try coder.encoded(content, upTo: content.count))
        await siblings.offer(.bytes(bytes), in: coder.coding.rawValue)
        return siblings
    }

    /// Returns when the form was made again.
    static func densest(_ siblings: Siblings, _ coding: ContentCoding) async throws -> [UInt8] {
        while true {
            if case .densest(let bytes) = await siblings.sibling(in: coding.rawValue) {
                return bytes
            }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ContentCoding.allCases)
    func `what is served often becomes smaller, and stays the same content`(
        coding: ContentCoding
    ) async throws {
        var configuration = Compression.Configuration()
        configuration.remaking = Self.remaking()
        let siblings = Siblings(of: Self.content)
        let app = wrap({ _ in siblings.hit }) { Compression(configuration) }
        let request = Request(.get, "/", headers: ["Accept-Encoding": coding.rawValue])
        let first = try await app(request).body.collect(upTo: 1 << 20)
        for _ in 0..<3 {
            guard case .bytes(first) = await siblings.sibling(in: coding.rawValue) else {
                Issue.record("It was made again before it was hot")
                return
            }
            #expect(try await app(request).body.collect(upTo: 1 << 20) == first)
        }
        let densest = try await Self.densest(siblings, coding)
        #expect(densest.count < first.count)
        #expect(try decoded(densest, coding) == Inflated(bytes: Self.content, isWhole: true))
        #expect(try await app(request).body.collect(upTo: 1 << 20) == densest)
        for _ in 0..<10 { _ = try await app(request) }
        #expect(siblings.offerCount == 2, "made for the first request, and again")
    }

    @Test func `where it is switched off, nothing is made again`() async throws {
        var configuration = Compression.Configuration()
        configuration.remaking = nil
        let siblings = Siblings(of: Self.content)
        let app = wrap({ _ in siblings.hit }) { Compression(configuration) }
        for _ in 0..<100 {
            _ = try await app(Request(.get, "/", headers: ["Accept-Encoding": "gzip"]))
        }
        #expect(siblings.offerCount == 1)
    }

    @Test(.timeLimit(.minutes(1)))
    func `after each it rests until its share of the processor allows the next`() async throws {
        let time = ManualTime()
        let coder = Self.coder(.gzip)
        let remaker = Remaker(Self.remaking(hits: 1), time: time, events: .ignored) { work in
            work()
            return .milliseconds(10)
        }
        let first = try await Self.served("first", coder)
        let second = try await Self.served("second", coder)
        remaker.note(first, servedBy: coder)
        remaker.note(second, servedBy: coder)
        _ = try await Self.densest(first, .gzip)
        // A twentieth: 10 ms of work, then 190 ms of rest.
        try await time.waitForSleepers(1)
        time.advance(by: .milliseconds(189))
        for _ in 0..<1000 { await Task.yield() }
        #expect(second.offerCount == 1)
        time.advance(by: .milliseconds(1))
        _ = try await Self.densest(second, .gzip)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a request never waits for it, and only so many wait in line`() async throws {
        let time = ManualTime()
        let gate = Gate()
        let coder = Self.coder(.gzip)
        let runs = Mutex(0)
        let remaker = Remaker(
            Self.remaking(hits: 1, waiting: 2), time: time, events: .ignored
        ) { work in
            runs.withLock { $0 += 1 }
            try? await gate.pass()
            work()
            return .zero
        }
        var all: [Siblings] = []
        for name in ["a", "b", "c", "d"] { all.append(try await Self.served(name, coder)) }
        remaker.note(all[0], servedBy: coder)
        try await gate.waitForWaiters(1)
        // One is at work; two wait, each once; the last finds no room.
        for siblings in all[1...] + all[1...] { remaker.note(siblings, servedBy: coder) }
        gate.open()
        for siblings in all[..<3] { _ = try await Self.densest(siblings, .gzip) }
        for _ in 0..<1000 { await Task.yield() }
        #expect(runs.withLock { $0 } == 3)
        #expect(all[3].offerCount == 1)
        // Later there is room.
        remaker.note(all[3], servedBy: coder)
        _ = try await Self.densest(all[3], .gzip)
    }

    @Test(.timeLimit(.minutes(1)))
    func `what is gone, or made again elsewhere, is left alone`() async throws {
        let coder = Self.coder(.gzip)
        let runs = Mutex(0)
        let remaker = Remaker(
            Self.remaking(hits: 1), time: ManualTime(), events: .ignored
        ) { work in
            runs.withLock { $0 += 1 }
            work()
            return .zero
        }
        let gone = Siblings(of: Self.content, name: "gone")
        let made = Siblings(of: Self.content, name: "made")
        await made.offer(.densest([1]), in: "gzip")
        let other = try await Self.served("other", coder)
        for siblings in [gone, made, other] { remaker.note(siblings, servedBy: coder) }
        _ = try await Self.densest(other, .gzip)
        #expect(runs.withLock { $0 } == 1)
    }

    @Test func `the thread tells the processor's time it took`() async {
        let ran = Mutex(false)
        let spent = await BackgroundThread.run {
            var sum = 0
            for number in 0..<3_000_000 { sum &+= number &* number }
            ran.withLock { $0 = sum != 1 }
        }
        #expect(ran.withLock { $0 })
        #expect(spent > .zero)
    }
}

@Suite struct `Counting what is hot` {
    @Test func `a thing is hot once it came so many times`() {
        var heat = HeatTable(threshold: 3)
        let answers = (0..<7).map { _ in heat.add(5) }
        #expect(answers == [false, false, true, false, false, true, false])
    }

    @Test func `what comes often keeps its place against all that come once`() {
        var heat = HeatTable(threshold: 1000)
        var isHot = false
        // Each of the others shares its place, and each comes once.
        for round in 1...2200 where !isHot {
            isHot = heat.add(7)
            guard round % 2 == 0 else { continue }
            let isOtherHot = heat.add(7 + round * 1024)
            #expect(!isOtherHot)
        }
        #expect(isHot)
    }

    @Test func `what came once doesn't keep others out`() {
        var heat = HeatTable(threshold: 2)
        let answers = [7, 7 + 1024, 7 + 1024, 7 + 1024].map { heat.add($0) }
        #expect(answers == [false, false, false, true])
    }
}
