/// Links to the pages beside a page (RFC 8288 §3).
enum PageLink {
    /// How a page stands to the one that links to it (RFC 8288 §4.2, IANA's registry).
    enum Relation: String {
        case first, prev, next, last
    }

    /// A reference to a page: an absolute path, which holds behind any proxy that keeps paths.
    static func target(path: String, query: String?) -> String {
        // `//host` would be a reference to another host (RFC 3986 §4.2).
        let path = path.hasPrefix("//") ? "/." + path : path
        return encoded(path) + (query.map { "?" + encoded($0) } ?? "")
    }

    /// The links as one field line.
    static func line(_ links: [(relation: Relation, target: String)]) -> String {
        links.map { "<\($0.target)>; rel=\"\($0.relation.rawValue)\"" }.joined(separator: ", ")
    }

    /// Encodes what may not stand in a reference (RFC 3986 §2), such as the `>` that would end it.
    private static func encoded(_ text: String) -> String {
        PercentEncoding.encode(text) { byte in
            byte.isUnreservedInURI || "%!$&'()*+,;=:@/?".utf8.contains(byte)
        }
    }
}
