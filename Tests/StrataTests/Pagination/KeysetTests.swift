import StrataTesting
import Testing

@testable import Strata

@Suite struct KeysetTests {
    struct Case: Sendable {
        var columns: [Keyset.Column]
        var position: PagePosition
        var text: String
        var bindings: [KeyValue] = []
    }

    static let cases: [Case] = [
        Case(columns: [.ascending("id")], position: .start, text: "ORDER BY id ASC LIMIT 11"),
        Case(
            columns: [.ascending("id")], position: .offset(30),
            text: "ORDER BY id ASC LIMIT 11 OFFSET 30"),
        Case(
            columns: [.ascending("id")], position: .after([.integer(7)]),
            text: "WHERE id > ?1 ORDER BY id ASC LIMIT 11", bindings: [.integer(7)]),
        Case(
            columns: [.ascending("id")], position: .before([.integer(7)]),
            text: "WHERE id < ?1 ORDER BY id DESC LIMIT 11", bindings: [.integer(7)]),
        Case(
            columns: [.descending("a"), .descending("b")],
            position: .after([.text("x"), .double(1.5)]),
            text: "WHERE (a, b) < (?1, ?2) ORDER BY a DESC, b DESC LIMIT 11",
            bindings: [.text("x"), .double(1.5)]),
        Case(
            columns: [.descending("a"), .ascending("b")],
            position: .after([.integer(1), .integer(2)]),
            text: "WHERE (a <= ?1 AND (a < ?1 OR (a = ?1 AND b > ?2))) "
                + "ORDER BY a DESC, b ASC LIMIT 11",
            bindings: [.integer(1), .integer(2)]),
        Case(
            columns: [.ascending("a", nulls: .last), .ascending("b")],
            position: .after([.integer(1), .integer(2)]),
            text: "WHERE ((a > ?1 OR a IS NULL) OR (a = ?1 AND b > ?2)) "
                + "ORDER BY a ASC NULLS LAST, b ASC LIMIT 11",
            bindings: [.integer(1), .integer(2)]),
        Case(
            columns: [.ascending("a", nulls: .last), .ascending("b")],
            position: .after([.null, .integer(2)]),
            text: "WHERE (1 = 0 OR (a IS NULL AND b > ?1)) "
                + "ORDER BY a ASC NULLS LAST, b ASC LIMIT 11",
            bindings: [.integer(2)]),
        Case(
            columns: [.ascending("a", nulls: .last), .ascending("b")],
            position: .before([.null, .integer(2)]),
            text: "WHERE (a IS NOT NULL OR (a IS NULL AND b < ?1)) "
                + "ORDER BY a DESC NULLS FIRST, b DESC LIMIT 11",
            bindings: [.integer(2)]),
    ]

    @Test(arguments: cases)
    func `a page is asked for by its key`(_ item: Case) throws {
        let page = PageRequest(limit: 10, position: item.position)
        let keyset = Keyset(item.columns)
        let terms = try keyset.terms(for: page, dialect: .sqlite)
        #expect(terms.text == item.text)
        #expect(terms.bindings == item.bindings)
        let postgres = try keyset.terms(for: page, dialect: .postgreSQL, firstParameter: 3)
        #expect(
            postgres.text
                == item.text.replacing("?2", with: "$4").replacing("?1", with: "$3"))
    }

    @Test func `a key for other columns gives a 410`() {
        let keyset = Keyset(.ascending("a"), .ascending("b"))
        for key: [KeyValue] in [[], [.integer(1)], [.integer(1), .integer(2), .integer(3)]] {
            let error = #expect(throws: Problem.self) {
                try keyset.terms(
                    for: PageRequest(limit: 1, position: .after(key)), dialect: .sqlite)
            }
            #expect(error?.status == .gone)
        }
    }

    @Test(arguments: [
        ("", ["id ASC"]), ("price", ["price ASC NULLS LAST", "id ASC"]),
        ("-price,name", ["price DESC NULLS FIRST", "name ASC", "id ASC"]),
        ("name,-id", ["name ASC", "id DESC"]), ("other", nil), ("name,", nil), (",", nil),
        ("name,-name", nil), ("--name", nil), ("+name", nil), ("name; DROP TABLE x", nil),
    ])
    func `a client sorts by what it may`(_ sort: String, _ order: [String]?) throws {
        let keyset = Keyset(
            sort: sort,
            columns: [
                "price": .ascending("price", nulls: .last), "name": .ascending("name"),
                "id": .ascending("id"),
            ], tieBreaker: .ascending("id"))
        let found = try keyset?.terms(for: PageRequest(limit: 1), dialect: .sqlite).order
        #expect(found == order?.joined(separator: ", "))
    }

    // MARK: - Against a database

    @Test(.enabled(if: SQLite.isThere, "needs libsqlite3-0"))
    func `each row that stays is seen once, whatever comes and goes`() throws {
        var random = SeededGenerator()
        let database = try SQLite()
        try database.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER)")
        for _ in 0..<Thoroughness.count(2_000, thorough: 100_000) {
            try database.run("DELETE FROM t")
            var nextID: Int64 = 0
            func insert() throws {
                func value() -> String {
                    Int.random(in: 0..<4, using: &random) == 0
                        ? "NULL" : "\(Int.random(in: 0..<3, using: &random))"
                }
                try database.run("INSERT INTO t VALUES (\(nextID), \(value()), \(value()))")
                nextID += 1
            }
            for _ in 0..<Int.random(in: 0...20, using: &random) { try insert() }

            func column(_ name: String) -> Keyset.Column {
                let nulls: Keyset.Nulls = Bool.random(using: &random) ? .first : .last
                return Bool.random(using: &random)
                    ? .ascending(name, nulls: nulls) : .descending(name, nulls: nulls)
            }
            let id: Keyset.Column =
                Bool.random(using: &random) ? .ascending("id") : .descending("id")
            let keyset = Keyset([column("a"), column("b"), id])
            let isForward = Bool.random(using: &random)
            let all = try keyset.terms(for: PageRequest(limit: 1000), dialect: .sqlite)
            var order = try database.run("SELECT id FROM t \(all.text)", columns: 1).map { $0[0] }
            let atStart = Set(order)
            var deleted: Set<Int64?> = []

            var request = PageRequest(limit: Int.random(in: 1...4, using: &random))
            if !isForward {
                // Walks back from behind the last row, which stays.
                guard let last = try rows(database, all).last else { continue }
                request.position = .before(key(last))
                order.removeAll { $0 == last[0] }
                deleted.insert(last[0])
            }
            var seen: [Int64?] = []
            while true {
                let found = try rows(
                    database, keyset.terms(for: request, dialect: .sqlite))
                let page = Page(rows: found, for: request, key: key)
                #expect(page.items.count <= request.limit)
                let ids = page.items.map { $0[0] }
                seen = isForward ? seen + ids : ids + seen
                guard let next = isForward ? page.bounds.next : page.bounds.previous else { break }
                request.position = next
                if Bool.random(using: &random) { try insert() }
                if Bool.random(using: &random), let gone = atStart.randomElement(using: &random) {
                    try database.run("DELETE FROM t WHERE id = \(gone ?? -1)")
                    deleted.insert(gone)
                }
            }
            #expect(Set(seen).count == seen.count)
            let stayed = order.filter { !deleted.contains($0) }
            #expect(seen.filter { stayed.contains($0) } == stayed)
        }
    }

    private func rows(_ database: SQLite, _ terms: SQLTerms) throws -> [[Int64?]] {
        try database.run("SELECT id, a, b FROM t \(terms.text)", terms.bindings, columns: 3)
    }

    private func key(_ row: [Int64?]) -> [KeyValue] {
        [row[1], row[2], row[0]].map { $0.map { .integer($0) } ?? .null }
    }
}
