import Testing

@testable import StrataRedis

struct `The ends of sessions that are remembered` {
    private static func end(_ name: String) -> RedisCommand { RedisCommand("UNLINK", .text(name)) }

    private static func owed(_ ends: inout SessionEnds, now: Int64 = 0) -> [RedisCommand] {
        ends.owed(atMost: 1000, now: now)?.commands ?? []
    }

    private static func batch(
        _ ends: inout SessionEnds, atMost count: Int
    ) throws -> SessionEnds.Batch {
        let batch = ends.owed(atMost: count, now: 0)
        return try #require(batch)
    }

    @Test func `are owed to Redis when it may have lost some, in their order`() throws {
        var ends = SessionEnds()
        for name in ["a", "b", "c"] { ends.note([Self.end(name)], since: 0, now: 0) }
        #expect(Self.owed(&ends) == [])
        ends.doubt()
        let first = try Self.batch(&ends, atMost: 2)
        #expect(first.commands == [Self.end("a"), Self.end("b")])
        ends.settle(first)
        #expect(Self.owed(&ends) == [Self.end("c")])
        // What comes meanwhile is sent again as well, or has to be remembered apart.
        ends.note([Self.end("d")], since: ends.doubts, now: 0)
        let rest = try Self.batch(&ends, atMost: 2)
        ends.settle(rest)
        #expect(Self.owed(&ends) == [])
        ends.doubt()
        #expect(Self.owed(&ends) == ["a", "b", "c", "d"].map(Self.end))
    }

    @Test func `are owed all once more after a doubt meanwhile`() throws {
        var ends = SessionEnds()
        for name in ["a", "b"] { ends.note([Self.end(name)], since: 0, now: 0) }
        ends.doubt()
        let batch = try Self.batch(&ends, atMost: 1)
        ends.doubt()
        ends.settle(batch)
        #expect(Self.owed(&ends) == [Self.end("a"), Self.end("b")])
    }

    @Test func `are owed where Redis acknowledged them to somebody who was in doubt since`() {
        var ends = SessionEnds()
        let doubts = ends.doubts
        ends.doubt()
        ends.note([Self.end("a")], since: doubts, now: 0)
        #expect(Self.owed(&ends) == [Self.end("a")])
    }

    @Test func `are forgotten after an hour`() {
        var ends = SessionEnds()
        ends.note([Self.end("a")], since: 0, now: 0)
        ends.note([Self.end("b")], since: 0, now: 1)
        ends.doubt()
        #expect(Self.owed(&ends, now: PurgeJournal.lifetime - 1).count == 2)
        #expect(Self.owed(&ends, now: PurgeJournal.lifetime) == [Self.end("b")])
        #expect(Self.owed(&ends, now: PurgeJournal.lifetime + 1) == [])
    }

    @Test func `are forgotten where there are too many, the oldest first`() {
        let cost = Self.end("1000").bytes.count + 64
        var ends = SessionEnds(maximumByteCount: 100 * cost)
        ends.doubt()
        for index in 1000..<2000 {
            ends.note([Self.end("\(index)")], since: 1, now: 0)
            if index % 64 == 0, let batch = ends.owed(atMost: 1, now: 0) { ends.settle(batch) }
        }
        ends.doubt()
        let kept = Self.owed(&ends)
        #expect(kept.count <= 100 && kept.count > 90)
        #expect(kept == ((2000 - kept.count)..<2000).map { Self.end("\($0)") })
    }
}
