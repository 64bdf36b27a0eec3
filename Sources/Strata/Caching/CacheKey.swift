/// What a stored response is found by: the target URI (RFC 9111 §2) and, for the methods whose
/// responses depend on more, what else they depend on.
struct CacheKey: Sendable, Hashable {
    /// The key's bytes.
    let bytes: ByteKey

    /// The key as it goes to the store.
    var text: String { bytes.text }

    /// The key of a target URI.
    init(scheme: String, authority: String, path: String, query: String?) {
        let path = path.isEmpty ? "/" : path
        let authority = authority[...].withoutDefaultPort(of: scheme)
        let count =
            scheme.utf8.count + 3 + authority.utf8.count + path.utf8.count
            + (query.map { $0.utf8.count + 1 } ?? 0)
        // In one piece: a key is made for every request.
        let text = String(unsafeUninitializedCapacity: count) { buffer in
            var end = 0
            func add(_ text: Substring) {
                let bytes = text.utf8.span
                for index in bytes.indices { buffer[end + index] = bytes[index] }
                end += bytes.count
            }
            add(scheme[...])
            add("://")
            let host = end
            add(authority)
            for index in host..<end { buffer[index] = buffer[index].asciiLowercased }
            add(path[...])
            if let query {
                add("?")
                add(query[...])
            }
            return end
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
        let origin = uri[..<authorityEnd].asciiLowercased
        let scheme = origin.hasPrefix("https:") ? "https" : "http"
        let text =
            origin[...].withoutDefaultPort(of: scheme) + (rest.hasPrefix("/") ? "" : "/") + rest
        bytes = ByteKey(text: String(text))
    }

    /// The key of the same URI under a rule that says which query parameters count.
    func applying(_ rule: CachingRule.QueryKey) -> CacheKey {
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: "?")) else { return self }
        let query = rule.apply(to: String(text[text.utf8.index(after: mark)...]))
        return CacheKey(stored: text[..<mark] + (query.map { "?" + $0 } ?? ""))
    }

    /// The key that something was stored under.
    init(stored text: String) { bytes = ByteKey(text: text) }

    /// The key of one more thing about the same target; a line break can't stand in a URI, so it
    /// is no other target's key.
    func appending(_ part: String) -> CacheKey { CacheKey(stored: text + "\n" + part) }
}

extension Substring {
    /// A host and a port, without the port where that is empty, or the one that the scheme has
    /// anyway: the same URIs have one key (RFC 9110 §4.2.3).
    func withoutDefaultPort(of scheme: String) -> Substring {
        guard let colon = utf8.lastIndex(of: UInt8(ascii: ":")) else { return self }
        let port = self[utf8.index(after: colon)...]
        return port.isEmpty || port == (scheme == "https" ? "443" : "80") ? self[..<colon] : self
    }
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
