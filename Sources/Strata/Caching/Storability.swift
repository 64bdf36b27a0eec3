/// Whether a response may be stored in a shared cache, and how it may then be used again
/// (RFC 9111 §3).
package enum Storability: Sendable, Hashable {
    /// It may be stored, and used again on these terms.
    case store(ReuseTerms)
    /// It may not, for this reason.
    case skip(Reason)

    /// Why a response isn't stored.
    package enum Reason: String, Sendable, Hashable {
        /// A rule says never.
        case rule = "rule-never"
        /// The method's responses aren't stored (RFC 9110 §9.2.3).
        case method
        /// The status says nothing about the target.
        case status
        /// The response is about the ranges that were asked for, and nothing tells it apart from
        /// what another range would have got.
        case range
        /// The request has `no-store` (RFC 9111 §5.2.1.5).
        case requestNoStore = "request-no-store"
        /// The response has `no-store` (RFC 9111 §5.2.2.5).
        case noStore = "no-store"
        /// The response is `private` (RFC 9111 §5.2.2.7).
        case isPrivate = "private"
        /// The response was made for the holder of credentials (RFC 9111 §3.5).
        case authorization
        /// The response was made for whoever sent the cookie, and does not say that it is public.
        case cookie
        /// The response sets a cookie.
        case setCookie = "set-cookie"
        /// The request's session was used to make the response.
        case session
        /// The response holds a secret, which must be known to whoever compresses it.
        case secret
        /// Nothing in a request can select the response again (RFC 9111 §4.1).
        case varyWildcard = "vary-star"
        /// `must-understand`, and the status isn't (RFC 9111 §5.2.2.3).
        case notUnderstood = "must-understand"
        /// It would never be fresh, and couldn't be validated.
        case withoutFreshness = "no-freshness"
        /// The content is longer than the cache keeps.
        case tooLarge = "too-large"

        /// Whether the next response for the URI will likely not be storable either, be it to
        /// requests with credentials alone where this one had some.
        var isLasting: Bool {
            switch self {
            case .rule, .noStore, .isPrivate, .setCookie, .session, .secret, .varyWildcard,
                .notUnderstood, .withoutFreshness, .tooLarge, .status, .authorization, .cookie:
                true
            case .method, .range, .requestNoStore: false
            }
        }
    }

    /// Decides for a response to a request.
    ///
    /// - Parameters:
    ///   - rule: the rule that applies to the response.
    ///   - targetFields: the targeted fields to look for, in order (RFC 9213 §2.2).
    ///   - storesSetCookie: whether a cookie in the response is no obstacle (RFC 9111 §7.3).
    ///   - now: when the response was received.
    package init(
        _ request: borrowing Request, _ response: borrowing Response,
        rule: CachingRule?, targetFields: [HeaderName],
        storesSetCookie: Bool = false, now: Timestamp
    ) {
        let directives = EffectiveDirectives(response.headers, targetFields: targetFields)
        let lifetime = FreshnessLifetime(
            of: response, directives: directives.control, rule: rule,
            isTargeted: directives.isTargeted, now: now)
        let isOverridden: Bool = if case .rule = lifetime { true } else { false }
        if let reason = Self.obstacle(
            request, response, directives.control, lifetime: lifetime, rule: rule,
            storesSetCookie: storesSetCookie)
        {
            self = .skip(reason)
            return
        }
        var terms = ReuseTerms(lifetime: lifetime.duration)
        let control = directives.control
        let isRuleAlone = isOverridden && rule?.freshness?.precedence == .originHeaders
        terms.requiresValidation = control.noCache.isEverything && !isRuleAlone
        let isForbidden = (control.mustRevalidate || control.proxyRevalidate) && !isRuleAlone
        // `s-maxage` forbids stale use too, but by implication: where the response also says how
        // long it may be stale, that is what its author meant.
        terms.forbidsStale = isForbidden || (control.sMaxAge != nil && !isRuleAlone)
        if !isForbidden {
            terms.staleWhileRevalidate =
                control.staleWhileRevalidate.map { .seconds($0) }
                ?? (terms.forbidsStale ? .zero : rule?.staleWhileRevalidate ?? .zero)
            terms.staleIfError =
                control.staleIfError.map { .seconds($0) }
                ?? (terms.forbidsStale ? .zero : rule?.staleIfError ?? .zero)
        }
        let isWorthKeeping =
            terms.lifetime > .zero || terms.staleWhileRevalidate > .zero
            || terms.staleIfError > .zero || response.headers.entityTag != nil
            || response.headers.lastModified(now: now) != nil
            || lifetime.isForWhoWaits(terms)
        self = isWorthKeeping ? .store(terms) : .skip(.withoutFreshness)
    }

    private static func obstacle(
        _ request: Request, _ response: Response, _ control: CacheControl,
        lifetime: FreshnessLifetime, rule: CachingRule?, storesSetCookie: Bool
    ) -> Reason? {
        if rule?.isNever == true { return .rule }
        if let reason = methodObstacle(request, response, lifetime) { return reason }
        if request.sessionTouched { return .session }
        if !response.secrets.isEmpty { return .secret }
        if response.headers.contains(.setCookie), !storesSetCookie { return .setCookie }
        if VaryField.isWildcard(response.headers) { return .varyWildcard }
        if request.headers.contains(.cacheControl),
            CacheControl(request.headers, .cacheControl).noStore
        {
            return .requestNoStore
        }
        let status = response.status
        if status.code < 200 || status == .notModified { return .status }
        if status == .rangeNotSatisfiable { return .range }
        if status == .partialContent, StoredPart(response) == nil { return .range }
        let isShared = control.public || control.sMaxAge != nil || control.mustRevalidate
        // No rule takes the place of the origin's word on what one client's credentials brought.
        let isOneClients = !isShared && request.headers.contains(.authorization)
        if case .rule = lifetime, rule?.freshness?.precedence == .originHeaders {
            return isOneClients ? .authorization : nil
        }

        if control.mustUnderstand {
            if !status.isUnderstood { return .notUnderstood }
        } else if control.noStore {
            return .noStore
        }
        if control.private.isEverything { return .isPrivate }
        if isOneClients { return .authorization }
        if case .rule = lifetime { return nil }
        if !isShared, request.headers.contains(.cookie) { return .cookie }
        switch lifetime {
        case .rule, .explicit, .heuristic: return nil
        case .unknown:
            return status.isHeuristicallyCacheable || control.public ? nil : .withoutFreshness
        }
    }

    /// GET and QUERY, and POST where the response says how long it is fresh and that it is what
    /// a GET would have got (RFC 9110 §9.3.3).
    private static func methodObstacle(
        _ request: Request, _ response: Response, _ lifetime: FreshnessLifetime
    ) -> Reason? {
        switch request.method {
        case .get, .query: return nil
        case .post:
            guard case .explicit = lifetime,
                let location = response.headers.first(.contentLocation),
                request.isTarget(of: location)
            else { return .method }
            return nil
        default: return .method
        }
    }
}

extension Request {
    /// Whether a URI reference in a response means the request's own target.
    func isTarget(of reference: String) -> Bool {
        reference == target || sameOriginTarget(of: reference)?.target == target
    }
}
