import Strata
import Testing

@testable import StrataRedis

struct `The journal of purges` {
    private static let moment = Timestamp(seconds: 7)

    /// Notes purges with the numbers 1, 2, 3 and so on, which must be remembered for a day.
    private struct Trial {
        var journal: PurgeJournal
        var count: UInt64 = 0

        init(maximumByteCount: Int = 1 << 20) {
            journal = PurgeJournal(maximumByteCount: maximumByteCount)
        }

        @discardableResult
        mutating func note(
            _ names: [String], _ kind: PurgeKind = .hard, now: Int64 = 0
        ) -> [String: PurgeJournal.Purge] {
            journal.note(names, kind, until: 86_400_000_000_000, now: now) {
                count += 1
                return count
            }
        }

        mutating func owed(
            atMost count: Int, now: Int64 = 0
        ) -> [String: PurgeJournal.Purge] { journal.owed(atMost: count, now: now) ?? [:] }

        mutating func unsettled(now: Int64 = 0) -> Set<String> {
            Set(owed(atMost: 10_000, now: now).keys)
        }
    }

    @Test func `has purges looked after until Redis is known to have them`() {
        var trial = Trial()
        let first = trial.note(["a", "b"])
        #expect(trial.unsettled() == ["a", "b"])
        trial.journal.settle(first)
        #expect(trial.unsettled() == [])
        trial.journal.doubt()
        #expect(trial.unsettled() == ["a", "b"])
        #expect(trial.owed(atMost: 1).count == 1)
    }

    @Test func `takes no earlier purge of a name for its last one`() {
        var trial = Trial()
        let first = trial.note(["a"])
        trial.note(["a"])
        trial.journal.settle(first)
        #expect(trial.unsettled() == ["a"])
    }

    @Test func `takes no answer from before a doubt for one to it`() throws {
        var trial = Trial()
        let first = trial.note(["a", "b"])
        trial.journal.doubt()
        trial.journal.settle(first)
        #expect(trial.unsettled() == ["a", "b"])
        let found = trial.owed(atMost: 2)
        let purge = try #require(found["b"])
        trial.journal.doubt()
        trial.journal.settle(["a": try #require(found["a"])])
        trial.journal.settle("b", purge, repeatedWith: 7)
        #expect(trial.unsettled() == ["a", "b"])
        let again = trial.owed(atMost: 2)
        #expect(again["b"]?.repetition(in: Generation(7)) == nil)
        trial.journal.settle(again)
        #expect(trial.unsettled() == [])
        // Nor does a late one undo what is known by now.
        trial.journal.settle(found)
        trial.journal.settle("a", try #require(found["a"]), repeatedWith: nil)
        #expect(trial.unsettled() == [])
    }

    @Test func `knows a purge that was made again by its new number`() throws {
        var trial = Trial()
        trial.note(["a"])
        let purge = try #require(trial.owed(atMost: 1)["a"])
        trial.journal.settle("a", purge, repeatedWith: 7)
        #expect(trial.unsettled() == [])
        trial.journal.doubt()
        let again = try #require(trial.owed(atMost: 1)["a"])
        #expect(again.repetition(in: Generation(7)) == nil)
        #expect(again.repetition(in: Generation(1)) == .hard)
        // The first one is not the last any more.
        trial.note(["a"])
        trial.journal.settle("a", again, repeatedWith: 8)
        #expect(trial.unsettled() == ["a"])
    }

    @Test func `leaves out the name of all purges`() {
        var trial = Trial()
        trial.note([PurgeName.any, "a"])
        #expect(trial.unsettled() == ["a"])
    }

    @Test func `forgets what is an hour old, and what need not be remembered any more`() {
        var trial = Trial()
        _ = trial.journal.note(["short"], .hard, until: 5, now: 0) { 1 }
        trial.note(["long"])
        #expect(trial.unsettled(now: 4) == ["short", "long"])
        #expect(trial.unsettled(now: 5) == ["long"])
        #expect(trial.unsettled(now: PurgeJournal.lifetime - 1) == ["long"])
        #expect(trial.unsettled(now: PurgeJournal.lifetime) == [])
    }

    @Test(
        arguments: [
            // A name without a generation: nothing is kept under it.
            ([PurgeKind.hard], Generation?.none, PurgeKind?.none),
            ([.hard], Generation(1), nil),
            ([.hard], Generation(9), .hard),
            ([.hard], .first, .hard),
            // A soft purge of the generation since.
            ([.hard], Generation(1, staleSince: moment), nil),
            ([.soft(at: moment)], Generation(9), .soft(at: moment)),
            ([.soft(at: moment)], .first, .soft(at: moment)),
            ([.soft(at: moment)], Generation(9, staleSince: moment), nil),
            ([.soft(at: moment)], Generation(9, staleSince: Timestamp(seconds: 8)), nil),
            (
                [.soft(at: moment)], Generation(9, staleSince: Timestamp(seconds: 6)),
                .soft(at: moment)
            ),
            ([.soft(at: moment)], nil, nil),
            ([.hard, .soft(at: moment)], Generation(1), .soft(at: moment)),
            ([.hard, .soft(at: moment)], Generation(9, staleSince: moment), .hard),
            ([.soft(at: moment), .hard], Generation(1), nil),
            ([.hard, .hard], Generation(2), nil),
            ([.hard, .hard], Generation(1), .hard),
        ] as [([PurgeKind], Generation?, PurgeKind?)])
    func `knows by the generation what to make again`(
        kinds: [PurgeKind], generation: Generation?, expected: PurgeKind?
    ) throws {
        var trial = Trial()
        for kind in kinds { trial.note(["a"], kind) }
        let purge = try #require(trial.owed(atMost: 1)["a"])
        #expect(purge.repetition(in: generation) == expected)
    }

    @Test func `forgets the oldest of those that Redis has, when there are too many`() {
        var trial = Trial(maximumByteCount: 100 * 130)
        for index in 0..<100 {
            trial.journal.settle(trial.note(["\(index + 100)"], now: Int64(index)))
        }
        #expect(trial.unsettled() == [])
        trial.journal.doubt()
        let kept = trial.unsettled()
        #expect(kept.count < 100 && kept.count >= 48)
        #expect(kept.contains("199") && !kept.contains("100"))
    }

    @Test func `purges everything rather than forget what Redis was not told`() {
        var trial = Trial(maximumByteCount: 100 * 130)
        for index in 0..<1_000 { trial.note(["\(index + 1_000)"]) }
        let names = trial.unsettled()
        #expect(names.contains(PurgeName.everything))
        #expect(names.count <= 100)
    }
}
