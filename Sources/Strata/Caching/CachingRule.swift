/// What is to be done with the responses to certain requests, in code.
///
/// A rule is made of conditions and of what it says. Rules are tried in order; the first whose
/// conditions all hold applies. Conditions on the response (``status(_:)-(Status)``,
/// ``contentType(_:)``) are looked at when the response is there; what must be known before it
/// (``key(_:)``, ``never``) comes from the first rule whose other conditions hold.
///
/// ```swift
/// let rules: [CachingRule] = [
///     .path("/products/{id}").fresh(for: .seconds(60))
///         .staleWhileRevalidate(for: .seconds(30)).tagged("products", "product-{id}"),
///     .path("/account/**").never,
/// ]
/// ```
///
/// What wins, from the strongest to the weakest:
///
/// | | says |
/// |---|---|
/// | 1 | ``never`` |
/// | 2 | `Set-Cookie` (unless ``Caching/Configuration/storesSetCookie``), a session that was touched, `Vary: *`: never stored |
/// | 3 | a rule with `fresh(for:over: .originHeaders)` |
/// | 4 | `no-store`, `private` of the response |
/// | 5 | the first targeted field present, where configured (RFC 9213) |
/// | 6 | `s-maxage`, then `max-age`, then `Expires` (RFC 9111 §4.2.1) |
/// | 7 | a rule with `fresh(for:)` |
/// | 8 | a heuristic (RFC 9111 §4.2.2) |
public struct CachingRule: Sendable {
    /// What a rule's freshness stands above.
    public enum Precedence: Sendable, Hashable {
        /// It applies where the response itself says nothing of how long it is fresh.
        case responseWithoutFreshness
        /// It applies whatever the response's own caching fields say.
        case originHeaders
    }

    /// Which query parameters make a response another one.
    public enum QueryKey: Sendable, Hashable {
        /// The query as it came, byte for byte.
        case exact
        /// All parameters, whatever order they came in.
        case sorted
        /// These parameters alone, sorted.
        case only(Set<String>)
        /// All but these parameters, sorted.
        case ignoring(Set<String>)
    }

    enum RequestCondition: Sendable {
        case path(PathPattern)
        case host(String)
        case method(Method)
        case header(HeaderName, String?)
        case predicate(@Sendable (Request) -> Bool)
    }

    enum ResponseCondition: Sendable {
        case status(ClosedRange<Int>)
        case contentType(String)
    }

    private(set) var requestConditions: [RequestCondition] = []
    private(set) var responseConditions: [ResponseCondition] = []
    private(set) var isNever = false
    private(set) var freshness: (lifetime: Duration, precedence: Precedence)?
    private(set) var staleWhileRevalidate: Duration?
    private(set) var staleIfError: Duration?
    private(set) var tags: [String] = []
    private(set) var query: QueryKey?

    private init() {}

    private func with(_ change: (inout CachingRule) -> Void) -> CachingRule {
        var copy = self
        change(&copy)
        return copy
    }
}

// MARK: - Conditions

extension CachingRule {
    /// A rule for every request.
    public static var everything: CachingRule { CachingRule() }

    /// A rule for paths of a pattern: segments that are literal, `*` for any one, `{name}` for
    /// any one that ``tagged(_:)`` can use, and at the end `**` for any number of segments.
    ///
    /// - Precondition: the pattern begins with `/`, and `**` stands at its end or not at all.
    public static func path(_ pattern: String) -> CachingRule { everything.path(pattern) }

    /// Only for paths of the pattern: literal segments, `*`, `{name}`, and `**` at the end.
    public func path(_ pattern: String) -> CachingRule {
        with { $0.requestConditions.append(.path(PathPattern(pattern))) }
    }

    /// Only for requests to this host, with its port where the client names one that isn't the
    /// scheme's own.
    public func host(_ host: String) -> CachingRule {
        with { $0.requestConditions.append(.host(host)) }
    }

    /// Only for requests of this method.
    public func method(_ method: Method) -> CachingRule {
        with { $0.requestConditions.append(.method(method)) }
    }

    /// Only for requests that carry the header field; with that value, where one is given.
    public func header(_ name: HeaderName, _ value: String? = nil) -> CachingRule {
        with { $0.requestConditions.append(.header(name, value)) }
    }

    /// Only for requests that the predicate is true for.
    public func when(_ predicate: @escaping @Sendable (Request) -> Bool) -> CachingRule {
        with { $0.requestConditions.append(.predicate(predicate)) }
    }

    /// Only for responses of this status.
    public func status(_ status: Status) -> CachingRule { self.status(status.code...status.code) }

    /// Only for responses whose status code lies in the range.
    public func status(_ codes: ClosedRange<Int>) -> CachingRule {
        with { $0.responseConditions.append(.status(codes)) }
    }

    /// Only for responses of this media type, such as `application/json` or `image/*`.
    public func contentType(_ type: String) -> CachingRule {
        with { $0.responseConditions.append(.contentType(type.lowercased())) }
    }
}

// MARK: - What a rule says

extension CachingRule {
    /// Nothing is stored, and nothing stored is used.
    public var never: CachingRule { with { $0.isNever = true } }

    /// Responses are fresh for so long, from the moment they were made (RFC 9111 §4.2).
    public func fresh(
        for lifetime: Duration, over precedence: Precedence = .responseWithoutFreshness
    ) -> CachingRule {
        with { $0.freshness = (lifetime, precedence) }
    }

    /// So long after they were fresh, responses are still served while a new one is fetched
    /// (RFC 5861 §3). A response that says so itself is taken at its word.
    public func staleWhileRevalidate(for duration: Duration) -> CachingRule {
        with { $0.staleWhileRevalidate = duration }
    }

    /// So long after they were fresh, responses are still served when the handler fails
    /// (RFC 5861 §4). A response that says so itself is taken at its word.
    public func staleIfError(for duration: Duration) -> CachingRule {
        with { $0.staleIfError = duration }
    }

    /// Responses carry these tags, by which they can be purged; `{name}` stands for the segment
    /// of that name in the rule's path.
    public func tagged(_ tags: String...) -> CachingRule {
        with { $0.tags.append(contentsOf: tags) }
    }

    /// Which query parameters make a response another one.
    public func key(_ query: QueryKey) -> CachingRule { with { $0.query = query } }
}

// MARK: - Matching

extension CachingRule {
    /// Whether the conditions on the request hold.
    package func matches(_ request: Request) -> Bool {
        requestConditions.allSatisfy { condition in
            switch condition {
            case .path(let pattern): pattern.matches(request.path)
            case .host(let host):
                request.authority[...].withoutDefaultPort(of: request.scheme)
                    .equalsIgnoringASCIICase(host[...].withoutDefaultPort(of: request.scheme))
            case .method(let method): request.method == method
            case .header(let name, let value?): request.headers[name] == value
            case .header(let name, nil): request.headers.contains(name)
            case .predicate(let isTrue): isTrue(request)
            }
        }
    }

    /// Whether the conditions on the response hold.
    func matches(_ response: Response) -> Bool {
        responseConditions.allSatisfy { condition in
            switch condition {
            case .status(let codes): codes.contains(response.status.code)
            case .contentType(let wanted):
                Self.contentType(response.headers.first(.contentType), is: wanted)
            }
        }
    }

    private static func contentType(_ value: String?, is wanted: String) -> Bool {
        guard let value else { return false }
        let type = value.prefix { $0 != ";" }.lowercased().trimmingOptionalWhitespace
        return wanted.hasSuffix("/*") ? type.hasPrefix(wanted.dropLast()) : type == wanted
    }

    /// The tags, with the names in them replaced by the segments of the request's path.
    func tags(for request: Request) -> [String] {
        var names: [String: String] = [:]
        for case .path(let pattern) in requestConditions where pattern.hasNames {
            names.merge(pattern.names(in: request.path) ?? [:]) { first, _ in first }
        }
        guard !names.isEmpty else { return tags }
        return tags.map { tag in
            names.reduce(tag) { $0.replacing("{\($1.key)}", with: $1.value) }
        }
    }
}
