/// What a stored response is found by: the target URI (RFC 9111 §2) and, for the methods whose
/// responses depend on more, what else they depend on.
struct CacheKey: Sendable, Hashable {
    /// The key's bytes.
    let bytes: ByteKey

    /// The key as it goes to the store.
    var text: String { bytes.text }

    /// The key of a target URI.
    init(scheme: String, authority: String, path: String, query: String?) {
        var text = ""
        text.reserveCapacity(
            scheme.utf8.count + authority.utf8.count + path.utf8.count
                + (query?.utf8.count ?? 0) + 5)
        text += scheme
        text += "://"
        // Nearly every host comes in lower case, and is left alone.
        let hasUppercase = authority.utf8.contains { $0 != $0.asciiLowercased }
        text += hasUppercase ? authority.lowercased() : authority
        text += path.isEmpty ? "/" : path
        if let query {
            text += "?"
            text += query
        }
        bytes = ByteKey(text: text)
    }

    /// The key of a request, under the rule that says which query parameters count.
    init(_ request: Request, query rule: CachingRule.QueryKey) {
        self.init(
            scheme: request.scheme, authority: request.authority, path: request.path,
            query: rule.apply(to: request.query))
    }

    /// The key of a URI that is given whole.
    init(uri: String) {
        let authorityStart = uri.firstRange(of: "://")?.upperBound ?? uri.startIndex
        let authorityEnd =
            uri[authorityStart...].utf8.firstIndex {
                $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?")
            }
            ?? uri.endIndex
        let rest = uri[authorityEnd...]
        let text = uri[..<authorityEnd].lowercased() + (rest.hasPrefix("/") ? "" : "/") + rest
        bytes = ByteKey(text: text)
    }

    /// The key that something was stored under.
    init(stored text: String) { bytes = ByteKey(text: text) }

    /// The key of one more thing about the same target; a line break can't stand in a URI, so it
    /// is no other target's key.
    func appending(_ part: String) -> CacheKey { CacheKey(stored: text + "\n" + part) }
}

extension CachingRule.QueryKey {
    /// The part of a query that counts.
    func apply(to query: String?) -> String? {
        guard self != .exact, let query else { return query }
        var parameters = QueryString(query)
        switch self {
        case .exact, .sorted: break
        case .only(let names): parameters.removeAll { !names.contains($0.name) }
        case .ignoring(let names): parameters.removeAll { names.contains($0.name) }
        }
        return parameters.sorted.text
    }
}
