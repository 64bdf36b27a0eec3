import Strata

extension CacheStoreConformance {
    static let valueChecks = [
        Check("a key that was never set has no value") { trial in
            trial.expect(try await trial.bytes("a"), is: nil, "the value")
        },
        Check("what was set is there, each time it is asked for") { trial in
            try await trial.set([1, 2, 3], for: "a")
            trial.expect(try await trial.bytes("a"), is: [1, 2, 3], "the value")
            trial.expect(try await trial.bytes("a"), is: [1, 2, 3], "the value, asked again")
        },
        Check("setting again replaces the value") { trial in
            try await trial.set([1, 2, 3], for: "a")
            try await trial.set([4], for: "a")
            trial.expect(try await trial.bytes("a"), is: [4], "the value")
        },
        Check("keys do not disturb each other") { trial in
            let names = ["a", "A", "aa", "a/", "a ", ""]
            for (index, name) in names.enumerated() {
                try await trial.set([UInt8(index)], for: name)
            }
            for (index, name) in names.enumerated() {
                trial.expect(try await trial.bytes(name), is: [UInt8(index)], "under '\(name)'")
            }
        },
        Check("a key may be any text") { trial in
            let names = [
                "\0", "a\0b", "line\r\nbreak", "spaces and \"quotes\"", "{hash}tag", "*?[a-z]",
                "ünï©ødé 🦆", "\u{FEFF}", String(repeating: "long", count: 1_000),
            ]
            for (index, name) in names.enumerated() {
                try await trial.set([UInt8(index)], for: name)
            }
            for (index, name) in names.enumerated() {
                trial.expect(try await trial.bytes(name), is: [UInt8(index)], "under '\(name)'")
            }
        },
        Check("keys are compared byte for byte, not as equivalent text") { trial in
            try await trial.set([1], for: "\u{E9}")
            trial.expect(try await trial.bytes("e\u{301}"), is: nil, "under the decomposed form")
        },
        Check("a value may be any bytes, and none") { trial in
            let values: [[UInt8]] = [
                [], [0], Array("\r\n$-1\r\n".utf8), Array(0...255), [0xFF, 0xFE, 0x00, 0xC3],
            ]
            for (index, value) in values.enumerated() {
                try await trial.set(value, for: "\(index)")
                trial.expect(try await trial.bytes("\(index)"), is: value, "value \(index)")
            }
        },
        Check("a value of half a megabyte comes back whole") { trial in
            let count = min(500_000, trial.maximumEntryBytes ?? .max)
            let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            try await trial.set(value, for: "a")
            let answer = try await trial.bytes("a")
            trial.expect(answer == value, "\(answer?.count ?? 0) of \(count) bytes came, or others")
        },
        Check("a value of a type of the user's own comes back equal") { trial in
            let note = Note(title: "a title", number: 42)
            try await trial.store.set(note, for: trial.key("a"), timeToLive: .seconds(600))
            let answer = try await trial.store.value(for: trial.key("a"), as: Note.self)
            trial.expect(answer, is: note, "the value")
        },
        Check("a value that is none of the type asked for is no value") { trial in
            try await trial.set([1, 2, 3], for: "a")
            let answer = try await trial.store.value(for: trial.key("a"), as: Note.self)
            trial.expect(answer, is: nil, "the value")
        },
        Check("a value above the limit is not kept, and the one before it is gone") { trial in
            guard let limit = trial.maximumEntryBytes else { return }
            try await trial.set([1], for: "a")
            try await trial.set([UInt8](repeating: 7, count: limit + 1), for: "a")
            trial.expect(try await trial.bytes("a")?.count, is: nil, "the count of bytes")
            try await trial.set([2], for: "a")
            trial.expect(try await trial.bytes("a"), is: [2], "a small value afterwards")
        },
        Check("what was removed is gone, and the rest is there") { trial in
            for name in ["a", "b", "c"] { try await trial.set([1], for: name) }
            try await trial.store.remove([trial.key("a"), trial.key("c")])
            trial.expect(try await trial.bytes("a"), is: nil, "the first removed")
            trial.expect(try await trial.bytes("b"), is: [1], "the one that was not removed")
            trial.expect(try await trial.bytes("c"), is: nil, "the second removed")
        },
        Check("removing nothing, or what is not there, does no harm") { trial in
            try await trial.set([1], for: "a")
            try await trial.store.remove([])
            try await trial.store.remove([trial.key("b"), trial.key("b")])
            trial.expect(try await trial.bytes("a"), is: [1], "the value")
        },
        Check("what was removed can be set again") { trial in
            try await trial.set([1], for: "a")
            try await trial.store.remove([trial.key("a")])
            try await trial.set([2], for: "a")
            trial.expect(try await trial.bytes("a"), is: [2], "the value")
        },
        Check("a thousand keys are removed in one call") { trial in
            let names = (0..<1_000).map { "\($0)" }
            for name in names { try await trial.set([1], for: name) }
            try await trial.store.remove(names.map(trial.key))
            for name in names {
                trial.expect(try await trial.bytes(name), is: nil, "the value of \(name)")
            }
        },
    ]

    static let lifetimeChecks = [
        Check("a value is gone when its time to live is over") { trial in
            try await trial.set([1], for: "a", timeToLive: .milliseconds(50))
            try await trial.set([2], for: "b", timeToLive: .seconds(600))
            try await trial.letPass(.milliseconds(60))
            trial.expect(try await trial.bytes("a"), is: nil, "the value")
            trial.expect(try await trial.bytes("b"), is: [2], "the value that lives longer")
        },
        Check("setting again gives a new time to live, be it longer or shorter") { trial in
            try await trial.set([1], for: "a", timeToLive: .milliseconds(50))
            try await trial.set([2], for: "a", timeToLive: .seconds(600))
            try await trial.set([1], for: "b", timeToLive: .seconds(600))
            try await trial.set([2], for: "b", timeToLive: .milliseconds(50))
            try await trial.letPass(.milliseconds(60))
            trial.expect(try await trial.bytes("a"), is: [2], "the value that lives longer now")
            trial.expect(try await trial.bytes("b"), is: nil, "the value that lives shorter now")
        },
        Check("asking for a value does not prolong its life") { trial in
            try await trial.set([1], for: "a", timeToLive: .milliseconds(100))
            try await trial.letPass(.milliseconds(60))
            _ = try await trial.bytes("a")
            try await trial.letPass(.milliseconds(60))
            trial.expect(try await trial.bytes("a"), is: nil, "the value")
        },
        Check("a time to live below a millisecond is no error") { trial in
            try await trial.set([1], for: "a", timeToLive: .nanoseconds(1))
            try await trial.letPass(.milliseconds(10))
            trial.expect(try await trial.bytes("a"), is: nil, "the value")
        },
        Check("a time to live of zero or less keeps nothing, and removes") { trial in
            for (name, timeToLive) in [("a", Duration.zero), ("b", .seconds(-1))] {
                try await trial.set([1], for: name)
                try await trial.set([2], for: name, timeToLive: timeToLive)
                trial.expect(try await trial.bytes(name), is: nil, "after \(timeToLive)")
            }
        },
        Check("a time to live longer than any clock counts is no error") { trial in
            try await trial.set([1], for: "a", timeToLive: .seconds(Int64.max))
            trial.expect(try await trial.bytes("a"), is: [1], "the value")
            try await trial.advance(["a"], timeToLive: .seconds(Int64.max))
            trial.expect(try await trial.generation(of: "a") != .first, "it is the first")
        },
    ]

    static let generationChecks = [
        Check("a name that was never advanced has one generation, each time it is asked for") {
            trial in
            let before = try await trial.generation(of: "a")
            try await trial.advance(["b"])
            trial.expect(before?.staleSince == nil, "it was never purged softly")
            trial.expect(try await trial.generation(of: "a"), is: before, "asked again, it")
        },
        Check("an advance is not the generation from before the first") { trial in
            let before = try await trial.generation(of: "a")
            try await trial.advance(["a"])
            trial.expect(try await trial.generation(of: "a") != before, "it is as before")
        },
        Check("a generation stays until it is advanced") { trial in
            try await trial.advance(["a"])
            let before = try await trial.generation(of: "a")
            let after = try await trial.generation(of: "a")
            trial.expect(before != .first, "the advanced generation is the first")
            trial.expect(after, is: before, "the generation, asked again")
        },
        Check("a generation never comes back") { trial in
            var seen: Set<Generation> = [.first]
            for round in 1...200 {
                try await trial.advance(["a"])
                let generation = try await trial.generation(of: "a")
                trial.expect(
                    generation.map { seen.insert($0).inserted } ?? false,
                    "in round \(round) it was seen before")
            }
        },
        Check("an advance just before the last one is forgotten makes a number of its own") {
            trial in
            try await trial.advance(["a"], timeToLive: .milliseconds(50))
            let first = try await trial.generation(of: "a")
            try await trial.letPass(.milliseconds(60))
            let later = try await trial.generation(of: "a")
            try await trial.advance(["a"])
            let second = try await trial.generation(of: "a")
            trial.expect(
                second != .first && second != first && second != later, "it was seen before")
        },
        Check("a soft purge keeps the number, and remembers the latest moment") { trial in
            let number = try await trial.generation(of: "a")?.number ?? 0
            for seconds: Int64 in [3, 9] {
                let moment = Timestamp(seconds: seconds)
                try await trial.advance(["a"], .soft(at: moment))
                trial.expect(
                    try await trial.generation(of: "a"),
                    is: Generation(number, staleSince: moment), "the generation")
            }
            try await trial.advance(["a"])
            let hard = try await trial.generation(of: "a")
            trial.expect(hard?.staleSince == nil, "a hard purge keeps the moment")
            let moment = Timestamp(nanoseconds: 1_700_000_000_123_456_789)
            try await trial.advance(["a"], .soft(at: moment))
            trial.expect(
                try await trial.generation(of: "a"),
                is: hard.map { Generation($0.number, staleSince: moment) }, "the generation")
        },
        Check("a hard purge is remembered for as long as it was to be, a soft one after it or not")
        {
            trial in
            try await trial.advance(["a"])
            let hard = try await trial.generation(of: "a")
            try await trial.advance(
                ["a"], .soft(at: Timestamp(seconds: 3)), timeToLive: .milliseconds(50))
            try await trial.letPass(.milliseconds(60))
            trial.expect(try await trial.generation(of: "a")?.number, is: hard?.number, "it")
        },
        Check("several are advanced at once, and only those") { trial in
            try await trial.advance(["a", "b", "c"])
            let before = try await trial.store.generations(of: ["a", "b", "c"].map(trial.key))
            try await trial.advance(["a", "c"])
            let after = try await trial.store.generations(of: ["a", "b", "c"].map(trial.key))
            trial.expect(before.count, is: 3, "the count before")
            trial.expect(after.count, is: 3, "the count after")
            guard before.count == 3, after.count == 3 else { return }
            trial.expect(after[0] != before[0], "the first was not advanced")
            trial.expect(after[1], is: before[1], "the second, which was not advanced")
            trial.expect(after[2] != before[2], "the third was not advanced")
        },
        Check("generations are answered in the order of the names, however often each") { trial in
            try await trial.advance(["a"])
            let names = ["b", "a", "b", "a", "a"].map(trial.key)
            let answer = try await trial.store.generations(of: names)
            trial.expect(
                answer.map { $0 == answer.first }, is: [true, false, true, false, false], "it")
            trial.expect(Set(answer).count, is: 2, "the number of different ones")
        },
        Check("no names, no generations") { trial in
            try await trial.advance([])
            trial.expect(try await trial.store.generations(of: []), is: [], "the answer")
        },
        Check("the name of a generation may be any text") { trial in
            let names = ["\0", "a\r\nb", "{a}b", "🦆", "", "*"].map(trial.key)
            try await trial.store.advanceGenerations(of: names, .hard, timeToLive: .seconds(600))
            let answer = try await trial.store.generations(of: names)
            trial.expect(answer.count, is: names.count, "the count")
            trial.expect(!answer.contains(.first), "one of them is still the first")
        },
        Check("values and generations under one name are strangers") { trial in
            let before = try await trial.generation(of: "a")
            try await trial.set([1], for: "a")
            trial.expect(try await trial.generation(of: "a"), is: before, "the generation")
            try await trial.advance(["a"])
            trial.expect(try await trial.bytes("a"), is: [1], "the value")
            try await trial.store.remove([trial.key("a")])
            trial.expect(try await trial.generation(of: "a") != before, "it was removed")
        },
    ]

    static let concurrencyChecks = [
        Check("from many tasks at once, each value read is one that was set under its key") {
            trial in
            let store = trial.store
            let keys = (0..<16).map { trial.key("\($0)") }
            let strangers = try await withThrowingTaskGroup(of: Int.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        var generator = SeededGenerator(seed: UInt64(task))
                        var strangers = 0
                        for _ in 0..<200 {
                            let index = Int.random(in: 0..<16, using: &generator)
                            switch Int.random(in: 0..<10, using: &generator) {
                            case 0: try await store.remove([keys[index]])
                            case 1..<4:
                                let count = Int.random(in: 1...2_000, using: &generator)
                                try await store.set(
                                    [UInt8](repeating: UInt8(index), count: count),
                                    for: keys[index], timeToLive: .seconds(600))
                            default:
                                let value = try await store.value(
                                    for: keys[index], as: [UInt8].self)
                                let isOwn = value?.allSatisfy { $0 == UInt8(index) } ?? true
                                strangers += isOwn ? 0 : 1
                            }
                        }
                        return strangers
                    }
                }
                return try await group.reduce(0, +)
            }
            trial.expect(strangers, is: 0, "the number of wrong values")
        },
        Check("advances from many tasks at once are all different") { trial in
            let store = trial.store
            let names = (0..<100).map { trial.key("\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in names {
                    group.addTask {
                        try await store.advanceGenerations(
                            of: [name], .hard, timeToLive: .seconds(600))
                    }
                }
                try await group.waitForAll()
            }
            let answer = try await store.generations(of: names)
            trial.expect(Set(answer).count, is: names.count, "the number of different ones")
        },
    ]
}

/// A value of a type of the user's own: a title, and a number behind it.
private struct Note: StoreValue, Equatable {
    let title: String
    let number: UInt8

    var byteCount: Int { title.utf8.count + 1 }
    var storeBytes: [UInt8] { Array("note:\(title)".utf8) + [number] }

    init(title: String, number: UInt8) {
        self.title = title
        self.number = number
    }

    init?(storeBytes: [UInt8]) {
        guard storeBytes.starts(with: Array("note:".utf8)), let number = storeBytes.last else {
            return nil
        }
        title = String(decoding: storeBytes.dropFirst(5).dropLast(), as: UTF8.self)
        self.number = number
    }
}
