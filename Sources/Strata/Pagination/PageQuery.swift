/// The part of a request's query that asks for a page, and what the rest of it is.
struct PageQuery: Sendable {
    /// What the query says of the limit.
    enum Limit: Sendable, Hashable {
        /// Nothing.
        case absent
        /// A number from one on; `Int.max` for all that are larger.
        case number(Int)
        /// What is no such number, or several.
        case invalid
    }

    /// What it says of the cursor.
    enum Cursor: Sendable, Hashable {
        /// Nothing.
        case absent
        /// A text.
        case text(String)
        /// Several.
        case repeated
    }

    private let names: Pagination.Parameters
    private let query: QueryString

    init(_ query: String?, names: Pagination.Parameters) {
        self.names = names
        self.query = QueryString(query)
    }

    var limit: Limit {
        let values = query.all(names.limit)
        guard let value = values.first else { return .absent }
        guard values.count == 1, !value.isEmpty, value.utf8.allSatisfy(\.isASCIIDigit) else {
            return .invalid
        }
        // All digits: what doesn't fit is a large number, which is clamped as any other.
        let number = Int(value) ?? .max
        return number > 0 ? .number(number) : .invalid
    }

    var cursor: Cursor {
        let values = query.all(names.cursor)
        guard let value = values.first else { return .absent }
        return values.count == 1 ? .text(value) : .repeated
    }

    /// The query of another page of the same list: everything else byte for byte as it came.
    func text(cursor: String?, limit: Int?) -> String? {
        var query = query
        if let limit { query.replace(names.limit, with: String(limit)) }
        if let cursor {
            query.replace(names.cursor, with: cursor)
        } else {
            query.remove(names.cursor)
        }
        return query.text
    }

    /// What makes a list another one: its path, its filters and its scope, as bytes that are the
    /// same for no two lists. All parameters but those that choose the page are filters. Their
    /// order doesn't count, except among those of one name, nor does how they are encoded.
    func list(path: String, content: [UInt8], scope: String?) -> [UInt8] {
        var writer = BinaryWriter()
        writer.write(path)
        writer.write(content)
        writer.write(UInt8(scope == nil ? 0 : 1))
        writer.write(scope ?? "")
        for item in query.sorted.items
        where !item.isNamed(names.limit) && !item.isNamed(names.cursor) {
            let mark = item.text.utf8.firstIndex(of: UInt8(ascii: "="))
            let name = mark.map { item.text[..<$0] } ?? item.text
            let value = mark.map { item.text[item.text.utf8.index(after: $0)...] } ?? ""
            writer.write(PercentEncoding.decode(name, plusIsSpace: true))
            writer.write(PercentEncoding.decode(value, plusIsSpace: true))
        }
        return writer.bytes
    }
}
