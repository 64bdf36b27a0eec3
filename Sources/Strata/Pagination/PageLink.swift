/// Links to the pages beside a page (RFC 8288 §3).
enum PageLink {
    /// How a page stands to the one that links to it (RFC 8288 §4.2, IANA's registry).
    enum Relation: String {
        case first, prev, next, last
    }

    /// What stands before the path in a link: the scheme and the host, or nothing.
    static func base(_ request: Request, _ form: Pagination.LinkForm) -> String {
        guard case .absolute(let trustedProxies) = form else { return "" }
        var scheme = request.scheme
        var host = request.authority
        if trustedProxies > 0 {
            // Each proxy adds its own behind the others; what stands further in front than the
            // trusted ones reach is the client's word.
            var forwarded = Forwarded()
            for line in request.headers.lines(of: .forwarded) { forwarded.add(line: line) }
            if let element = forwarded.elements.suffix(trustedProxies).first {
                scheme = element.proto ?? scheme
                host = element.host ?? host
            }
        }
        guard scheme == "http" || scheme == "https", !host.isEmpty,
            host.utf8.allSatisfy({ $0.isUnreservedInURI || ":[]".utf8.contains($0) })
        else { return "" }
        return scheme + "://" + host
    }

    /// A reference to a page.
    static func target(_ base: String, path: String, query: String?) -> String {
        // `//host` would be a reference to another host (RFC 3986 §4.2).
        let path = base.isEmpty && path.hasPrefix("//") ? "/." + path : path
        return base + encoded(path) + (query.map { "?" + encoded($0) } ?? "")
    }

    /// The links as one field line.
    static func line(_ links: [(relation: Relation, target: String)]) -> String {
        LinkField(
            links.map { LinkField.Link($0.target, relation: $0.relation.rawValue) }
        ).fieldValue
    }

    /// Encodes what may not stand in a reference (RFC 3986 §2), such as the `>` that would end it.
    private static func encoded(_ text: String) -> String {
        PercentEncoding.encode(text) { byte in
            byte.isUnreservedInURI || "%!$&'()*+,;=:@/?".utf8.contains(byte)
        }
    }
}
