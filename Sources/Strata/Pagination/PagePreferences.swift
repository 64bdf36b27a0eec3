/// What a request's `Prefer` says of the page, where the query doesn't say it (RFC 7240).
struct PagePreferences: Sendable, Hashable {
    enum Total: String, Sendable {
        case exact, estimated
    }

    /// `maxpagesize=20`.
    private(set) var limit: Int?
    /// `count=exact` or `count=estimated`.
    private(set) var total: Total?

    /// No preferences.
    init() {}

    /// Reads the field; what the query says goes before it, and what isn't understood is passed
    /// over, as a preference may be (RFC 7240 §2).
    init(_ headers: Headers, _ query: PageQuery) {
        var preferences: [String: String] = [:]
        for line in headers.lines(of: "Prefer") {
            var scanner = FieldScanner(line)
            while scanner.nextMember() {
                if let name = scanner.token()?.asciiLowercased {
                    scanner.skipWhitespace()
                    var value = ""
                    if scanner.skip(UInt8(ascii: "=")) {
                        scanner.skipWhitespace()
                        value = scanner.tokenOrQuotedString().map { String($0) } ?? ""
                    }
                    // The first of one name counts.
                    if preferences[name] == nil { preferences[name] = value }
                }
                scanner.skipMember()
            }
        }
        if query.limit == .absent, let value = preferences["maxpagesize"],
            value.utf8.allSatisfy(\.isASCIIDigit), let number = Int(value), number > 0
        {
            limit = number
        }
        if query.total == .absent { total = preferences["count"].flatMap(Total.init) }
    }

    /// The value of `Preference-Applied` (RFC 7240 §3); nil where nothing counted.
    func applied(hasTotal: Bool) -> String? {
        var applied: [String] = []
        if let limit { applied.append("maxpagesize=\(limit)") }
        if let total, hasTotal { applied.append("count=\(total.rawValue)") }
        return applied.isEmpty ? nil : applied.joined(separator: ", ")
    }
}
