/// What a response to an unsafe request makes invalid (RFC 9111 §4.4).
enum Invalidation {
    /// The keys of the URIs: the target's and, of the same origin, those in `Location` and
    /// `Content-Location`; none where the request was safe or failed.
    static func targets(
        of request: Request, _ response: Response, query: CachingRule.QueryKey
    ) -> [CacheKey] {
        guard !request.method.isSafe else { return [] }
        switch response.status.statusClass {
        case .successful, .redirection: break
        default: return []
        }
        var keys = [CacheKey(request, query: query)]
        for name in [HeaderName.location, .contentLocation] {
            guard let reference = response.headers.first(name),
                let target = request.sameOriginTarget(of: reference)
            else { continue }
            let key = CacheKey(target, query: query)
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }
}

extension Request {
    /// A request for what a URI reference in a response names; nil where that is of another
    /// origin.
    func sameOriginTarget(of reference: String) -> Request? {
        let origin = scheme + "://" + authority
        var named = self
        if reference.hasPrefix("/"), !reference.hasPrefix("//") {
            named.target = reference
        } else if reference.hasPrefix(origin + "/") {
            named.target = String(reference.dropFirst(origin.count))
        } else {
            return nil
        }
        return named
    }
}
