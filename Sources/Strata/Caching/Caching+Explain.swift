extension Caching {
    /// What the cache would do with a request now, and why; and whether it would store a response
    /// to it, where there is one.
    ///
    /// It asks the store, never the handler, and changes nothing but what the store learns from
    /// being asked. The content of a QUERY is left alone, so nothing is said of what is stored for
    /// it.
    public func explain(
        _ request: Request, response: Response? = nil
    ) async -> CacheExplanation {
        var explanation = CacheExplanation()
        let index = rules.firstIndex { $0.matches(request) }
        explanation.steps.append(
            .init("rule", index.map { "\($0 + 1), \(rules[$0])" } ?? "none applies"))
        let rule = index.map { rules[$0] }
        let target = Target(
            key: CacheKey(request, query: rule?.query ?? configuration.query), rule: rule,
            directives: request.cacheDirectives)
        if let reason = passReason(request, rule) {
            explanation.steps.append(
                .init("request", "goes past the cache: \(reason.rawValue)", reason.section))
        } else if target.key.text.utf8.count > configuration.maximumKeyBytes {
            explanation.steps.append(
                .init("request", "goes past the cache: \(PassReason.keyTooLong.rawValue)"))
        } else if request.method == .query {
            explanation.steps.append(
                .init("key", target.key.text + " and the content", "RFC 10008 §2.7"))
        } else {
            explanation.steps.append(.init("key", target.key.text, "RFC 9111 §2"))
            explanation.steps += steps(await lookUp(request, target), request, target)
        }
        if let response { explanation.steps.append(step(request, response)) }
        return explanation
    }

    private func steps(
        _ found: Found, _ request: Request, _ target: Target
    ) -> [CacheExplanation.Step] {
        let now = time.now
        switch found {
        case .nothing: return [.init("stored", "nothing")]
        case .uncacheable:
            return [.init("stored", "nothing: the last response could not be stored")]
        case .noVariant(_, let index):
            return [
                .init(
                    "stored",
                    "\(index.variants.count) variants, but none that the request selects by "
                        + index.nameSets.joined().map(\.spelling).joined(separator: ", "),
                    "RFC 9111 §4.1")
            ]
        case .part(let stored, _):
            return [
                CacheExplanation.step(
                    stored.head, source: source(of: stored.head, request), now: now),
                .init("reuse", "not the bytes that are wanted", "RFC 9111 §3.3"),
            ]
        case .response(let stored, let key, _):
            let head = stored.head
            let reuse = Reuse(head, directives: target.directives, now: now)
            var steps = [
                CacheExplanation.step(head, source: source(of: head, request), now: now),
                CacheExplanation.step(reuse, head, now: now),
            ]
            if key.isShared {
                steps.insert(
                    .init("key", "found under one shared by several URIs: No-Vary-Search"), at: 0)
            }
            return steps
        }
    }

    /// Whether a response would be stored.
    private func step(_ request: Request, _ response: Response) -> CacheExplanation.Step {
        CacheExplanation.step(
            storability(request, response, time.now), source: source(of: response, request))
    }

    private func source(of head: StoredHead, _ request: Request) -> String {
        source(of: Response(status: head.status, headers: head.headers), request)
    }

    /// Who says how long a response is fresh.
    private func source(of response: Response, _ request: Request) -> String {
        let index = rules.firstIndex { $0.matches(request) && $0.matches(response) }
        let directives = EffectiveDirectives(
            response.headers, targetFields: configuration.targetFields)
        let now = time.now
        let lifetime = FreshnessLifetime(
            of: response, directives: directives.control, rule: index.map { rules[$0] },
            isTargeted: directives.isTargeted, now: now)
        switch lifetime {
        case .rule: return "rule \((index ?? 0) + 1)"
        case .explicit where directives.isTargeted: return "a targeted field"
        case .explicit:
            if directives.control.sMaxAge != nil { return "s-maxage" }
            return directives.control.maxAge != nil ? "max-age" : "Expires"
        case .heuristic: return "heuristic from Last-Modified"
        case .unknown: return "nobody"
        }
    }

    /// Answers a request as the cache would without telling, and tells why in `Strata-Explain`.
    func respondExplaining(_ request: Request, _ next: Next) async throws -> Response {
        var silent = self
        silent.configuration.explains = false
        var explanation = await silent.explain(request)
        var response = try await silent.respond(to: request, next: next)
        let isHit = response.headers.lines(of: .cacheStatus).last?.contains("; hit") ?? false
        if !isHit { explanation.steps.append(step(request, response)) }
        response.headers[.strataExplain] = explanation.fieldValue
        return response
    }
}

extension HeaderName {
    /// What ``Caching/Configuration/explains`` adds.
    static let strataExplain: HeaderName = "Strata-Explain"
}

extension Caching.PassReason {
    /// The section that the reason comes from; nil where it is the cache's own.
    fileprivate var section: String? {
        switch self {
        case .method: "RFC 9111 §4"
        case .content: "RFC 9110 §9.3.1"
        case .precondition: "RFC 9110 §13.1"
        case .rule, .keyTooLong: nil
        }
    }
}

extension CachingRule: CustomStringConvertible {
    /// The conditions, and what the rule says.
    public var description: String {
        let conditions =
            requestConditions.map { condition in
                switch condition {
                case .path(let pattern): "path \(pattern.text)"
                case .host(let host): "host \(host)"
                case .method(let method): "method \(method)"
                case .header(let name, let value):
                    "header \(name)" + (value.map { ": \($0)" } ?? "")
                case .predicate: "a predicate"
                }
            }
            + responseConditions.map { condition in
                switch condition {
                case .status(let codes): "status \(codes.lowerBound)-\(codes.upperBound)"
                case .contentType(let type): "content type \(type)"
                }
            }
        var says: [String] = isNever ? ["never"] : []
        if let freshness {
            let isOver = freshness.precedence == .originHeaders
            says.append(
                "fresh for \(freshness.lifetime.inSeconds)" + (isOver ? " over the origin's" : ""))
        }
        if let staleWhileRevalidate {
            says.append("stale-while-revalidate \(staleWhileRevalidate.inSeconds)")
        }
        if let staleIfError { says.append("stale-if-error \(staleIfError.inSeconds)") }
        if !tags.isEmpty { says.append("tagged " + tags.joined(separator: " ")) }
        if query != nil { says.append("a key of its own") }
        return (conditions.isEmpty ? "everything" : conditions.joined(separator: ", ")) + ": "
            + (says.isEmpty ? "nothing" : says.joined(separator: ", "))
    }
}
