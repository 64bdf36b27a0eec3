/// Requests that go past the cache, or no further.
extension Caching {
    /// Why a request goes past the cache.
    enum PassReason: String {
        case method
        case rule = "rule-never"
        case content
        case precondition
        case keyTooLong = "key-too-long"
    }

    /// Why a request goes past the cache; nil where it doesn't.
    func passReason(_ request: Request, _ rule: CachingRule?) -> PassReason? {
        switch request.method {
        // Content of a GET means nothing to HTTP, but may to the handler, and isn't in the key.
        case .get, .head: if request.isKnownToHaveContent { return .content }
        case .query: break
        default: return .method
        }
        if let rule, rule.isNever, rule.responseConditions.isEmpty { return .rule }
        let headers = request.headers
        // Only the handler knows whether what it has now is what these fields mean.
        if headers.contains(.ifMatch) || headers.contains(.ifUnmodifiedSince) {
            return .precondition
        }
        return nil
    }

    /// Has the handler answer a request that goes past the cache, and does what its answer means for
    /// what is stored.
    func pass(
        _ request: Request, _ rule: CachingRule?, _ next: Next, _ reason: PassReason
    ) async throws -> Response {
        if reason != .method, request.cacheDirectives.onlyIfCached { return refusal(of: request) }
        let requested = time.now
        var response = try await next(request)
        let query = rule?.query ?? configuration.query
        if !request.method.isSafe {
            let names = Invalidation.groups(.cacheGroupInvalidation, of: request, response)
            let targets = Invalidation.targets(of: request, response)
            // What others get depends on it, however little time the request has left.
            await Deadline.without { [names] in
                await invalidate(names + (await uriNames(of: targets.flatMap(keys))))
            }
        }
        if request.method == .post {
            response = await storingPost(request, response, query: query, requested: requested)
        }
        let status = CacheStatus(
            forward: reason == .method ? .method : .bypass,
            detail: reason == .method ? nil : reason.rawValue)
        return finish(response, status, request)
    }

    /// The answer where nothing stored is one, and the request forbids asking the handler.
    func refusal(of request: Request) -> Response {
        let problem = Problem(
            .gatewayTimeout,
            detail: "Nothing stored answers the request, and only-if-cached forbids asking.")
        return finish(problem.response, .refused(detail: "only-if-cached"), request)
    }
}

extension Request {
    /// Whether there is content for certain: a host may hand down each body as one of unknown
    /// length, also that of a request that has none.
    fileprivate var isKnownToHaveContent: Bool {
        body.length.map { $0 > 0 } ?? headers.contains(.transferEncoding)
    }
}
