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

    /// What it says of the page.
    enum Place: Sendable, Hashable {
        /// Nothing.
        case absent
        /// A cursor; whether the page ends at it, rather than begins.
        case cursor(String, name: String, isEnd: Bool)
        /// The number of the page, from one on; `Int.max` for all that are larger.
        case number(Int)
        /// Two ends at the same time.
        case range(name: String)
        /// A parameter that stands there twice, or is no number.
        case invalid(name: String)
    }

    private let style: Pagination.Style
    private let query: QueryString

    init(_ query: String?, style: Pagination.Style) {
        self.style = style
        self.query = QueryString(query)
    }

    var limit: Limit {
        switch value(style.limit) {
        case nil: .absent
        case .some(nil): .invalid
        case .some("0"?) where style.takesEmptyAsAbsent: .absent
        case .some(let value?): Self.number(value).map { .number($0) } ?? .invalid
        }
    }

    var place: Place {
        switch style.naming {
        case .cursor(let name):
            switch value(name) {
            case nil: .absent
            case .some(nil): .invalid(name: name)
            case .some(let text?): .cursor(text, name: name, isEnd: false)
            }
        case .cursors(let after, let before):
            switch (value(after), value(before)) {
            case (nil, nil): .absent
            case (.some(nil), _): .invalid(name: after)
            case (_, .some(nil)): .invalid(name: before)
            case (.some, .some): .range(name: before)
            case (.some(let text?), nil): .cursor(text, name: after, isEnd: false)
            case (nil, .some(let text?)): .cursor(text, name: before, isEnd: true)
            }
        case .number(let name, _):
            switch value(name) {
            case nil: .absent
            case .some(let text):
                text.flatMap(Self.number).map { .number($0) } ?? .invalid(name: name)
            }
        }
    }

    /// What the query says of a total.
    enum Total: Sendable, Hashable {
        /// Nothing, or that none is wanted.
        case absent
        case counted, estimated
        /// What is no such word, or several.
        case invalid(name: String)
    }

    var total: Total {
        guard let name = style.total, let value = value(name) else { return .absent }
        switch value {
        case "true": return .counted
        case "estimated": return .estimated
        case "false": return .absent
        default: return .invalid(name: name)
        }
    }

    /// The value of a parameter: nil where it isn't there, nil within where it is there twice.
    private func value(_ name: String) -> String?? {
        var values = query.all(name)
        if style.takesEmptyAsAbsent { values.removeAll(where: \.isEmpty) }
        guard let value = values.first else { return nil }
        return .some(values.count == 1 ? value : nil)
    }

    /// A number from one on; what doesn't fit is a large number, as good as any other.
    private static func number(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy(\.isASCIIDigit) else { return nil }
        let number = Int(text) ?? .max
        return number > 0 ? number : nil
    }

    /// The query of another page of the same list: everything else byte for byte as it came.
    ///
    /// - Parameters:
    ///   - place: the parameter that names the page, and its value; nil for the first page.
    ///   - limit: another limit; nil leaves it as it is.
    func text(place: (name: String, value: String)?, limit: Int?) -> String? {
        var query = query
        if let limit { query.replace(style.limit, with: String(limit)) }
        for name in style.names where name != place?.name { query.remove(name) }
        if let place { query.replace(place.name, with: place.value) }
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
        for item in query.sorted.items where !style.isPaging(item) {
            let mark = item.text.utf8.firstIndex(of: UInt8(ascii: "="))
            let name = mark.map { item.text[..<$0] } ?? item.text
            let value = mark.map { item.text[item.text.utf8.index(after: $0)...] } ?? ""
            writer.write(PercentEncoding.decode(name, plusIsSpace: true))
            writer.write(PercentEncoding.decode(value, plusIsSpace: true))
        }
        return writer.bytes
    }
}
