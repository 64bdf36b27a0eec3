/// What a response to an unsafe request makes invalid (RFC 9111 §4.4).
enum Invalidation {
    /// The keys of the URIs: the target's and, of the same origin, those in `Location` and
    /// `Content-Location`; none where the request was safe or failed.
    static func targets(of request: Request, _ response: Response) -> [CacheKey] {
        guard !request.method.isSafe else { return [] }
        switch response.status.statusClass {
        case .successful, .redirection: break
        default: return []
        }
        var keys = [CacheKey(request, query: .exact)]
        for name in [HeaderName.location, .contentLocation] {
            guard let reference = response.headers.first(name),
                let target = request.sameOriginTarget(of: reference)
            else { continue }
            let key = CacheKey(target, query: .exact)
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    /// The names of the cache groups that a response belongs to, or that a response to an unsafe
    /// request makes invalid: groups of the request's origin (RFC 9875 §2, §3). At most 128 count;
    /// a field that can't be read names none.
    static func groups(_ field: HeaderName, of request: Request, _ response: Response) -> [String] {
        guard response.headers.contains(field) else { return [] }
        let value = response.headers.lines(of: field).joined(separator: ", ")
        guard let list = StructuredField.List(value) else { return [] }
        return list.members.prefix(128).compactMap { member in
            guard case .string(let group)? = member.item?.value else { return nil }
            return PurgeName.group(group, of: request.originText)
        }
    }
}

extension Request {
    /// A request for what a URI reference in a response names; nil where that is of another
    /// origin.
    func sameOriginTarget(of reference: String) -> Request? {
        let base = URIReference(scheme + "://" + authority + target)
        let named = URIReference(reference).resolved(against: base)
        guard named.hasSameOrigin(as: base) else { return nil }
        var request = self
        request.path = named.path.isEmpty ? "/" : named.path
        request.query = named.query
        return request
    }

    /// The request's origin, as part of the names of its cache groups.
    var originText: String {
        scheme + "://" + authority[...].withoutDefaultPort(of: scheme).lowercased()
    }
}
