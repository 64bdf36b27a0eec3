#if Server
    import Foundation
    import SQLite
    import Strata

    struct Product: Codable, Sendable {
        let id: Int
        var name: String
        /// In cents.
        var price: Int
        let tags: [String]
    }

    /// The products, in a database of SQLite: 10,000 of them, the same wherever one is made.
    ///
    /// In a file it can be shared by all instances of a machine. In memory each instance has its
    /// own, so what is changed on one is seen on another only as long as it comes out of the
    /// shared cache.
    struct Catalogue: Sendable {
        /// A product as it is sent.
        struct Entry: Sendable {
            let product: Product
            let json: [UInt8]

            /// Changes whenever the content does, and is the same wherever the content is.
            var entityTag: String {
                // FNV-1a
                let hash = json.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
                    ($0 ^ UInt64($1)) &* 0x100_0000_01B3
                }
                return "\"\(String(hash, radix: 16))\""
            }

            init(_ product: Product) {
                self.product = product
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.sortedKeys]
                json = (try? encoder.encode(product)).map(Array.init) ?? []
            }
        }

        private let database: SQLiteDatabase

        /// Opens the database, makes its tables where there are none, and fills them where they
        /// are empty.
        ///
        /// - Parameter path: the file; nil for a database in memory.
        init(path: String?) throws {
            database = try SQLiteDatabase(path: path)
            if path != nil { try database.run("PRAGMA journal_mode = WAL") }
            try inTransaction {
                for statement in Self.schema { try database.run(statement) }
                guard try database.run("SELECT 1 FROM products LIMIT 1").isEmpty else { return }
                for id in 1...10_000 { try insert(id) }
            }
        }

        private static let schema = [
            """
            CREATE TABLE IF NOT EXISTS products (
                id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL)
            """,
            """
            CREATE TABLE IF NOT EXISTS product_tags (
                product INTEGER NOT NULL REFERENCES products (id), tag TEXT NOT NULL,
                PRIMARY KEY (product, tag)) WITHOUT ROWID
            """,
            "CREATE INDEX IF NOT EXISTS by_tag ON product_tags (tag, product)",
            "CREATE INDEX IF NOT EXISTS by_price ON products (price DESC, name, id)",
            "CREATE INDEX IF NOT EXISTS by_name ON products (name, id)",
        ]

        private func inTransaction(_ work: () throws -> Void) throws {
            // Instances that start together fill a shared file once.
            try database.run("BEGIN IMMEDIATE")
            do {
                try work()
                try database.run("COMMIT")
            } catch {
                _ = try? database.run("ROLLBACK")
                throw error
            }
        }

        private func insert(_ id: Int) throws {
            let colours = ["amber", "blue", "crimson", "green", "ivory", "jade", "olive", "violet"]
            let things = ["basket", "chair", "kettle", "lamp", "mirror", "rug", "table", "vase"]
            let (colour, thing) = (colours[id % 8], things[id / 8 % 8])
            try database.run(
                "INSERT INTO products VALUES (?1, ?2, ?3)",
                [
                    .integer(Int64(id)), .text("\(colour) \(thing) no. \(id)"),
                    .integer(Int64(100 + id * 7919 % 90_000)),
                ])
            for tag in [colour, thing] {
                try database.run(
                    "INSERT INTO product_tags VALUES (?1, ?2)", [.integer(Int64(id)), .text(tag)])
            }
        }

        // MARK: - Reading and writing

        /// The product of that number.
        func entry(_ id: Int) throws -> Entry? {
            try entries("WHERE id = ?1", [.integer(Int64(id))]).first
        }

        /// So many products behind one, in the order of their numbers.
        func entries(behind id: Int, count: Int) throws -> [Entry] {
            try entries(
                "WHERE id > ?1 ORDER BY id LIMIT ?2", [.integer(Int64(id)), .integer(Int64(count))])
        }

        /// One page of the products that have a tag, if one is given.
        ///
        /// - Throws: a 410 where the page's key is none of this order.
        func page(
            _ request: PageRequest?, of keyset: Keyset, tag: String?,
            key: (Product) -> [KeyValue]
        ) throws -> Page<Entry> {
            let terms = try keyset.terms(
                for: request, dialect: .sqlite, firstParameter: tag == nil ? 1 : 2)
            let filter = tag.map { _ in "id IN (SELECT product FROM product_tags WHERE tag = ?1)" }
            let condition = [filter, terms.condition].compactMap(\.self).joined(separator: " AND ")
            let bindings = tag.map { [KeyValue.text($0)] } ?? []
            let rows = try entries(
                (condition.isEmpty ? "" : "WHERE \(condition) ")
                    + "ORDER BY \(terms.order) LIMIT \(terms.limit) OFFSET \(terms.offset)",
                bindings + terms.bindings)
            var page = Page(rows: rows, for: request) { key($0.product) }
            if let total = request?.total {
                let source = "products" + (filter.map { " WHERE \($0)" } ?? "")
                let counted = try database.run(total.query(from: source), bindings)
                if case .integer(let count)? = counted.first?.first {
                    page.bounds.total = total.total(ofRows: Int(count))
                }
            }
            return page
        }

        /// Puts a product in the place of the one with its number.
        func replace(_ product: Product) throws {
            try database.run(
                "UPDATE products SET name = ?2, price = ?3 WHERE id = ?1",
                [
                    .integer(Int64(product.id)), .text(product.name),
                    .integer(Int64(product.price)),
                ])
        }

        private func entries(_ terms: String, _ bindings: [KeyValue]) throws -> [Entry] {
            let rows = try database.run(
                """
                SELECT id, name, price,
                    (SELECT group_concat(tag) FROM product_tags WHERE product = id)
                FROM products \(terms)
                """, bindings)
            return rows.compactMap { row in
                guard row.count == 4, case .integer(let id) = row[0], case .text(let name) = row[1],
                    case .integer(let price) = row[2]
                else { return nil }
                var tags: [String] = []
                if case .text(let text) = row[3] {
                    tags = text.split(separator: ",").map(String.init)
                }
                return Entry(
                    Product(id: Int(id), name: name, price: Int(price), tags: tags))
            }
        }
    }
#endif
