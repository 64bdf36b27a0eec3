/// How long a response is fresh, and who said so (RFC 9111 §4.2).
package enum FreshnessLifetime: Sendable, Hashable {
    /// A rule in code.
    case rule(Duration)
    /// The response itself: a targeted field, `s-maxage`, `max-age` or `Expires`.
    case explicit(Duration)
    /// An estimate from `Last-Modified` (RFC 9111 §4.2.2).
    case heuristic(Duration)
    /// Nobody.
    case unknown

    /// How long it is; zero where nobody said.
    var duration: Duration {
        switch self {
        case .rule(let duration), .explicit(let duration), .heuristic(let duration): duration
        case .unknown: .zero
        }
    }

    /// Whether a response that is stale at once and can't be validated still answers those who
    /// asked while it was made, because somebody said how long it is fresh, and nobody forbade
    /// its use when stale.
    func isForWhoWaits(_ terms: ReuseTerms) -> Bool {
        switch self {
        case .rule, .explicit: !terms.requiresValidation && !terms.forbidsStale
        case .heuristic, .unknown: false
        }
    }

    /// The lifetime of a response.
    ///
    /// - Parameters:
    ///   - directives: those that count for this cache.
    ///   - rule: the rule that applies to the response.
    ///   - isTargeted: whether the directives come from a targeted field, which stands in the
    ///     place of `Cache-Control` and `Expires` both (RFC 9213 §2.2).
    package init(
        of response: borrowing Response, directives: borrowing CacheControl,
        rule: CachingRule?, isTargeted: Bool, now: Timestamp
    ) {
        if let freshness = rule?.freshness, freshness.precedence == .originHeaders {
            self = .rule(freshness.lifetime)
        } else if let seconds = directives.sMaxAge ?? directives.maxAge {
            self = .explicit(.seconds(seconds))
        } else if !isTargeted, response.headers.contains(.expires) {
            self = .explicit(Self.expires(response.headers, now: now))
        } else if let freshness = rule?.freshness {
            self = .rule(freshness.lifetime)
        } else if response.status.isHeuristicallyCacheable || directives.public,
            let modified = response.headers.lastModified(now: now),
            case let date = response.headers.date(now: now) ?? now, modified < date
        {
            let tenth = Duration.milliseconds((date.seconds - modified.seconds) * 100)
            self = .heuristic(min(tenth, Self.maximumHeuristic))
        } else {
            self = .unknown
        }
    }

    /// A day: long enough for what hardly changes, short enough not to need a warning.
    private static let maximumHeuristic = Duration.seconds(86_400)

    /// `Expires` minus `Date`; a value that is repeated or no date is in the past
    /// (RFC 9111 §4.2.1, §5.3).
    private static func expires(_ headers: Headers, now: Timestamp) -> Duration {
        let lines = headers.lines(of: .expires)
        guard lines.count == 1, let expires = Timestamp(httpDate: lines[0], now: now) else {
            return .zero
        }
        return max(.zero, expires - (headers.date(now: now) ?? now))
    }
}

/// How old a response was when it was received (RFC 9111 §4.2.3).
package enum InitialAge {
    /// The moment at which the response's age was zero.
    ///
    /// - Parameters:
    ///   - requested: when the request went to the handler.
    ///   - received: when the response came.
    package static func born(
        _ headers: Headers, requested: Timestamp, received: Timestamp
    ) -> Timestamp {
        let responseDelay = max(.zero, received - requested)
        let date = headers.date(now: received)
        let apparent = date.map { max(.zero, received - $0) } ?? .zero
        let corrected = .seconds(headers.age ?? 0) + responseDelay
        return received - max(apparent, corrected)
    }
}

extension Headers {
    /// `Date`, where there is exactly one and it is a date.
    func date(now: Timestamp) -> Timestamp? {
        guard count(of: .date) == 1 else { return nil }
        return first(.date).flatMap { Timestamp(httpDate: $0, now: now) }
    }

    /// `Last-Modified`, where it is a date.
    func lastModified(now: Timestamp) -> Timestamp? {
        first(.lastModified).flatMap { Timestamp(httpDate: $0, now: now) }
    }

    /// `Age` in seconds: of several the first; nil where that is no number (RFC 9111 §5.1).
    var age: Int? {
        guard let line = first(.age) else { return nil }
        return line.prefix { $0 != "," }.trimmingOptionalWhitespace.deltaSeconds
    }

    /// The entity tag, where it is one.
    var entityTag: EntityTag? { first(.etag).flatMap { EntityTag($0) } }
}

extension Status {
    /// Whether a response of this status may be stored though nothing says how long it is fresh
    /// (RFC 9110 §15.1).
    var isHeuristicallyCacheable: Bool {
        switch code {
        case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501: true
        default: false
        }
    }

    /// Whether this cache knows what the status means for caching, as `must-understand` wants
    /// (RFC 9111 §5.2.2.3).
    var isUnderstood: Bool {
        switch code {
        case 200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 407, 408,
            409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 426, 428, 429, 431,
            451, 500, 501, 502, 503, 504, 505:
            true
        default: false
        }
    }
}
