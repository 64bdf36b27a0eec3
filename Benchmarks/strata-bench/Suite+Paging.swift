import Strata
import StrataTesting

extension Suite {
    /// What a page far behind costs, and what a list without end takes of memory.
    static let paging = Suite(
        name: "paging",
        summary: "10,000 pages of SQLite by keysets and by offset; 1,000,000 objects cut to a page"
    ) {
        #if Server
            let (keyset, offset) = (try Shelf.walk(byKeyset: true), try Shelf.walk(byKeyset: false))
        #else
            let (keyset, offset) = (Shelf.Walk.none, Shelf.Walk.none)
        #endif
        let memory = try await memoryOfACut()
        return [
            Measurement(
                name: "the first 100 of 10,000 pages, µs a page",
                values: [("keyset", keyset.first), ("offset", offset.first)]),
            Measurement(
                name: "the last 100",
                values: [("keyset", keyset.last), ("offset", offset.last)]),
            Measurement(
                name: "the last to the first",
                values: [
                    ("keyset", keyset.last / keyset.first), ("offset", offset.last / offset.first),
                ]),
            Measurement(
                name: "KiB to the peak for 1,000,000 objects",
                values: [("keyset", .nan), ("offset", memory)]),
        ]
    }

    /// By how many KiB the peak of memory grows while the page of a handler is read that ignores
    /// every limit and goes on producing until it is stopped.
    private static func memoryOfACut() async throws -> Double {
        let app = wrap({ _ in
            Response(
                headers: [.contentType: "application/json"],
                body: .stream(
                    BodyStream { writer in
                        try await writer.write("[")
                        for number in 0..<1_000_000 {
                            let comma = number == 0 ? "" : ","
                            try await writer.write(
                                #"\#(comma){"id":\#(number),"name":"Product \#(number)"}"#)
                        }
                        try await writer.write("]")
                    }))
        }) { Pagination(defaultLimit: 20, maximumLimit: 100) }
        return try await PeakMemory.growth {
            // The first page, of the default and of the greatest length.
            for target in ["/list", "/list?limit=100"] {
                let page = try await app(Request(.get, target)).body.collect(upTo: 1 << 20)
                guard page.count > 100 else { throw Unavailable(message: "the page is empty") }
            }
        }
    }
}

#if Server
    import SQLite

    /// A table that is walked from its front to its end.
    private enum Shelf {
        static let pages = 10_000
        static let limit = 20

        /// How many microseconds a page took at the front, and at the end.
        struct Walk {
            var first: Double
            var last: Double
        }

        static func walk(byKeyset: Bool) throws -> Walk {
            let database = try SQLiteDatabase()
            try database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, price INTEGER)")
            try database.run("CREATE INDEX p ON t (price, id)")
            try database.run(
                """
                WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
                INSERT INTO t SELECT i, i * 7919 % 1000 FROM n
                """, [.integer(Int64(pages * limit))])
            let keyset = Keyset(.ascending("price"), .ascending("id"))
            let time = SystemTime()
            var request = PageRequest(limit: limit)
            var times: [Double] = []
            var seen = 0
            for page in 0..<pages {
                let start = time.uptime
                let terms = try keyset.terms(for: request, dialect: .sqlite)
                let rows = try database.run("SELECT id, price FROM t \(terms.text)", terms.bindings)
                times.append((time.uptime - start) / .microseconds(1))
                seen += min(rows.count, limit)
                guard let last = rows.prefix(limit).last else { break }
                request.position =
                    byKeyset ? .after([last[1], last[0]]) : .offset((page + 1) * limit)
            }
            guard seen == pages * limit else {
                throw Unavailable(message: "the walk saw \(seen) rows")
            }
            return Walk(first: median(times.prefix(100)), last: median(times.suffix(100)))
        }
    }
#else
    private enum Shelf {
        struct Walk {
            var first = Double.nan
            var last = Double.nan
            static let none = Walk()
        }
    }
#endif
