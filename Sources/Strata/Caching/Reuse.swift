/// Whether a stored response may be used for a request as it is (RFC 9111 §4).
package enum Reuse: Sendable, Hashable {
    /// It is fresh enough for the request.
    case fresh
    /// It is stale, and the request said that it may be (RFC 9111 §5.2.1.2).
    case staleAsRequested
    /// It is stale, and may be served while it is being revalidated (RFC 5861 §3).
    case staleWhileRevalidate
    /// It must be validated first.
    case validate(Reason)

    /// Why a stored response can't be used as it is.
    package enum Reason: String, Sendable, Hashable {
        /// It is stale.
        case stale
        /// The response has `no-cache` (RFC 9111 §5.2.2.4).
        case noCache = "no-cache"
        /// The request has `no-cache`, or `Pragma: no-cache` (RFC 9111 §5.2.1.4, §5.4).
        case requestNoCache = "request-no-cache"
        /// It is older than the request's `max-age` (RFC 9111 §5.2.1.1).
        case requestMaxAge = "request-max-age"
        /// It won't be fresh for as long as the request's `min-fresh` (RFC 9111 §5.2.1.3).
        case requestMinFresh = "request-min-fresh"
    }

    /// Decides for a stored response.
    ///
    /// - Parameter directives: those of the request.
    package init(_ head: StoredHead, directives: CacheControl, now: Timestamp) {
        self.init(head.terms, age: head.age(at: now), directives: directives)
    }

    /// Decides for a stored response of that age.
    init(_ terms: ReuseTerms, age: Duration, directives: CacheControl) {
        if directives.noCache != .absent {
            self = .validate(.requestNoCache)
        } else if terms.requiresValidation {
            self = .validate(.noCache)
        } else if let maximum = directives.maxAge, age > .seconds(maximum) {
            self = .validate(.requestMaxAge)
        } else if terms.lifetime > age {
            let isLongEnough = directives.minFresh.map { terms.lifetime - age >= .seconds($0) }
            self = isLongEnough ?? true ? .fresh : .validate(.requestMinFresh)
        } else {
            self = Self.stale(terms, directives, by: age - terms.lifetime)
        }
    }

    private static func stale(
        _ terms: ReuseTerms, _ directives: CacheControl, by staleness: Duration
    ) -> Reuse {
        if directives.minFresh != nil { return .validate(.requestMinFresh) }
        if staleness <= terms.staleWhileRevalidate, terms.staleWhileRevalidate > .zero {
            return .staleWhileRevalidate
        }
        guard !terms.forbidsStale else { return .validate(.stale) }
        switch directives.maxStale {
        case .unlimited: return .staleAsRequested
        case .seconds(let limit) where staleness <= .seconds(limit): return .staleAsRequested
        default: return .validate(.stale)
        }
    }

    /// Whether a stored response may be served because the handler failed: within what the
    /// response, a rule or the request allows (RFC 5861 §4).
    package static func isAllowedOnError(
        _ head: StoredHead, directives: CacheControl, now: Timestamp
    ) -> Bool {
        guard !head.terms.requiresValidation else { return false }
        let staleness = .zero - head.timeToLive(at: now)
        // Fresh as it is, who wants the handler asked doesn't want it (RFC 9111 §5.2.1.4).
        if staleness < .zero, directives.noCache == .absent { return true }
        let requested = head.terms.forbidsStale ? 0 : directives.staleIfError ?? 0
        let window = max(head.terms.staleIfError, .seconds(requested))
        return window > .zero && staleness <= window
    }
}

extension Status {
    /// Whether it says that there was an error which a stale response may stand in for
    /// (RFC 5861 §4).
    var isReplaceableError: Bool {
        switch code {
        case 500, 502, 503, 504: true
        default: false
        }
    }
}

extension Request {
    /// The request's caching directives; `Pragma: no-cache` counts where there is no
    /// `Cache-Control` (RFC 9111 §5.4).
    package var cacheDirectives: CacheControl {
        var directives = CacheControl(headers, .cacheControl)
        if headers.contains(.pragma), !headers.contains(.cacheControl) {
            directives.noCache = CacheControl(headers, .pragma).noCache
        }
        return directives
    }
}
