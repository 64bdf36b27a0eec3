/// Answers requests from stored responses where HTTP and the rules in code allow it, as a shared
/// cache (RFC 9111).
///
/// What isn't fresh is validated, requests for the same thing at the same time are one call of the
/// handler, and every response says in `Cache-Status` what was done and why (RFC 9211). A store
/// that fails is as good as an empty one.
///
/// Only GET, HEAD and QUERY are answered from the cache. Private responses are never stored:
/// those that set a cookie or used the request's session, those for an `Authorization` unless
/// they say that they are shared (RFC 9111 §3.5), and those for a `Cookie` unless they, or a rule,
/// say so.
///
/// ```swift
/// let app = wrap(handler) {
///     Caching(store: MemoryStore(), rules: [
///         .path("/products/**").fresh(for: .seconds(60)).tagged("products"),
///     ])
/// }
/// ```
public struct Caching: Middleware {
    /// What a cache may be told besides its rules.
    public struct Configuration: Sendable {
        /// The cache's name in `Cache-Status`: a token, by default `Strata`.
        public var name = "Strata"
        /// The longest content that is stored, 4 MiB by default; longer content is passed on.
        ///
        /// It is held in memory while it arrives.
        public var maximumBodyBytes = 4 * 1024 * 1024
        /// The longest key, 8 KiB by default; requests with a longer target are passed on.
        public var maximumKeyBytes = 8 * 1024
        /// The longest content of a QUERY that is part of its key, 64 KiB by default; a longer one
        /// is passed on.
        public var maximumQueryBytes = 64 * 1024
        /// How many variants of one URI are kept, 32 by default; beyond that the oldest go.
        public var maximumVariants = 32
        /// How many requests may wait for one call of the handler, 4,096 by default; further ones
        /// call it themselves.
        public var maximumWaiting = 4096
        /// How long a stale response is kept that can be validated, or that a request may ask for
        /// with `max-stale` or `stale-if-error`; an hour by default.
        public var keepsStale: Duration = .seconds(3600)
        /// The longest that anything is kept, 30 days by default.
        public var maximumTimeToLive: Duration = .seconds(30 * 86_400)
        /// How eagerly what is about to become stale is fetched anew while it is still served, so
        /// that nobody has to wait for it: 1 by default, more for earlier, 0 for never. At 1 a hit
        /// refreshes with a probability of 1/e when as much time is left as the handler took last.
        public var earlyRefresh = 1.0
        /// How long a request waits for another process that is fetching the same, 10 seconds by
        /// default; then it calls the handler itself. Only a ``TieredStore`` lets processes wait for
        /// each other; one that dies is waited for a quarter of a second at most.
        public var maximumSharedWait: Duration = .seconds(10)
        /// How long it is remembered that a response could not be stored, 30 seconds by default.
        /// Meanwhile requests for it don't wait for each other.
        public var remembersUncacheable: Duration = .seconds(30)
        /// How long a request waits for the handler while there is a stale response that may be
        /// served in the place of an error; then that is served, and the handler's answer is
        /// stored when it comes. Nil by default: as long as it takes.
        public var softTimeout: Duration?
        /// How long the handler may take until its response begins; then it is cancelled, and the
        /// answer is a stale response that may be served in the place of an error, or a 504. Nil
        /// by default: as long as it takes.
        public var hardTimeout: Duration?
        /// Which query parameters make a response another one, where no rule says it.
        public var query = CachingRule.QueryKey.exact
        /// Whether a response with `Set-Cookie` is stored like any other, and its cookie given to
        /// everybody, as RFC 9111 §7.3 lets a cache do; false by default, because most cookies are
        /// for one client.
        public var storesSetCookie = false
        /// The fields that stand above `Cache-Control` for this cache, in order: none by default,
        /// or such as `CDN-Cache-Control` (RFC 9213).
        public var targetFields: [HeaderName] = []

        /// Whether each response says in `Strata-Explain` what ``Caching/explain(_:response:)``
        /// does: off by default, and for development only, because it shows keys and rules.
        public var explains = false

        /// The defaults.
        public init() {}
    }

    let store: any CacheStore
    /// The store where it has, or may have, what is asked for in this process' memory: a hit there
    /// waits for nothing.
    let records: (any RecordStore)?
    let rules: [CachingRule]
    var configuration: Configuration
    let time: any TimeSource
    let events: Events
    let flights: SingleFlight<CacheKey, Fetched>
    /// Draws a number from 0 to below 1.
    let draw: @Sendable () -> Double
    /// The cache as an object, for what outlives a call; nil in the object itself.
    private var reference: CacheReference?

    /// Makes a cache.
    ///
    /// - Parameters:
    ///   - store: where responses are kept; instances that share it share their responses.
    ///   - rules: what is done with which responses, the first that applies counting.
    ///   - events: told of each decision as a ``CacheEvent``, and of a failing store as a
    ///     ``StoreFault``.
    ///   - draw: draws a number from 0 to below 1, for early refreshes.
    public init(
        store: any CacheStore, rules: [CachingRule] = [],
        configuration: Configuration = Configuration(), time: any TimeSource = SystemTime(),
        events: Events = .ignored,
        draw: @escaping @Sendable () -> Double = { .random(in: 0..<1) }
    ) {
        self.draw = draw
        precondition(configuration.name.isToken, "A cache's name is a token")
        self.store = store
        records = store as? any RecordStore
        self.rules = rules
        self.configuration = configuration
        self.time = time
        self.events = events
        flights = SingleFlight(maximumWaiting: configuration.maximumWaiting)
        reference = CacheReference(self)
    }

    /// Answers the request from the cache, or from the handler.
    public func respond(to request: Request, next: Next) async throws -> Response {
        if configuration.explains { return try await respondExplaining(request, next) }
        let rule = rules.first { $0.matches(request) }
        if let reason = passReason(request, rule) {
            return try await pass(request, rule, next, reason)
        }
        if request.method == .query { return try await respond(toQuery: request, rule, next) }
        let key = CacheKey(request, query: rule?.query ?? configuration.query)
        let directives = request.cacheDirectives
        let prompt = records?.recordNow(key) ?? .unknown
        if let response = promptHit(prompt, request, key, directives) { return response }
        return try await respond(
            to: request, Target(key: key, rule: rule, directives: directives), prompt, next)
    }

    private func respond(
        to request: Request, _ target: Target, _ prompt: PromptRecord, _ next: Next
    ) async throws -> Response {
        guard target.key.text.utf8.count <= configuration.maximumKeyBytes else {
            return try await pass(request, target.rule, next, .keyTooLong)
        }
        let found = await lookUp(request, target, prompt)
        return try await answer(request, target, found, next)
    }

    /// What a request is for, as the cache sees it.
    struct Target: Sendable {
        /// The key of the URI.
        let key: CacheKey
        /// The first rule whose conditions on the request hold.
        let rule: CachingRule?
        /// The request's directives.
        let directives: CacheControl

        /// What is remembered of answers to requests with credentials is stored under.
        var keyOfCredentials: CacheKey { key.appending("credentials") }

        /// The key that a response which just came is stored under; nil where the request selects
        /// it among others.
        func key(of head: StoredHead) -> CacheKey? { head.selection.isEmpty ? key : nil }
    }

    /// Answers a QUERY, whose content is part of its key (RFC 10008 §2.7): it is read, and stands
    /// in the request again.
    private func respond(
        toQuery request: Request, _ rule: CachingRule?, _ next: Next
    ) async throws -> Response {
        guard let length = request.body.length, length <= configuration.maximumQueryBytes else {
            return try await pass(request, rule, next, .keyTooLong)
        }
        let content = try await request.body.collect(upTo: configuration.maximumQueryBytes)
        var request = request
        request.body = RequestBody(content)
        // What describes the content belongs to it.
        let description = [HeaderName.contentType, .contentEncoding, "Content-Language"].map {
            request.headers[$0] ?? ""
        }.joined(separator: "\n")
        let key = CacheKey(request, query: rule?.query ?? configuration.query).appending(
            "query \(description)\n\(Crypto.sha256(content))")
        let target = Target(key: key, rule: rule, directives: request.cacheDirectives)
        return try await respond(to: request, target, .unknown, next)
    }

    // MARK: Answering

    private func answer(
        _ request: Request, _ target: Target, _ found: Found, _ next: Next
    ) async throws -> Response {
        let now = time.now
        var status = CacheStatus(forward: .uriMiss)
        switch found {
        case .nothing: break
        case .uncacheable: status = CacheStatus(forward: .miss, detail: "uncacheable")
        case .noVariant: status = CacheStatus(forward: .varyMiss)
        case .part: status = CacheStatus(forward: .partial)
        case .response(let stored, let key, _):
            switch Reuse(stored.head, directives: target.directives, now: now) {
            case .fresh:
                if mustRefreshEarly(stored.head, now), let handler = next.detached {
                    revalidate(request, target, found, handler)
                }
                return hit(stored, key, request, detail: nil, now)
            case .staleAsRequested: return hit(stored, key, request, detail: "max-stale", now)
            case .staleWhileRevalidate:
                guard let handler = next.detached else { break }
                revalidate(request, target, found, handler)
                return hit(stored, key, request, detail: "stale-while-revalidate", now)
            case .validate(let reason):
                let isOfRequest = stored.head.timeToLive(at: now) > .zero
                status = CacheStatus(
                    forward: isOfRequest ? .request : .stale,
                    detail: reason == .stale ? nil : reason.rawValue)
            }
        }
        if target.directives.onlyIfCached { return refusal(of: request) }
        return try await forward(request, target, found, status, next)
    }

    private func mustRefreshEarly(_ head: StoredHead, _ now: Timestamp) -> Bool {
        EarlyRefresh.isDue(
            timeToLive: head.timeToLive(at: now), cost: head.cost,
            beta: configuration.earlyRefresh, draw: draw)
    }

    /// The answer that a stored response gives to a request, its conditions met.
    ///
    /// - Parameters:
    ///   - own: fields that are for this request alone.
    ///   - key: what the response is stored under, where encoded forms may be kept beside it.
    ///   - stored: the response as the store keeps it, where it comes from there.
    ///   - isAged: whether the answer says how old it is: not where the handler has just made or
    ///     confirmed it for this very request (RFC 9111 §5.1).
    func reply(
        with head: StoredHead, _ body: Body, to request: Request, _ status: CacheStatus,
        _ now: Timestamp, own: [Headers.Field] = [], key: CacheKey? = nil,
        stored: StoredResponse? = nil, isAged: Bool = true
    ) -> Response {
        var response = Response(status: head.status, headers: head.headers, body: body)
        // Room for what this layer and those around it add.
        response.headers.reserveCapacity(head.headers.count + own.count + 5)
        for field in own { response.headers.append(field) }
        if Validation.isNotModified(request, head, now: now) {
            response = Validation.notModified(
                head, length: head.part?.completeLength ?? body.length)
        } else if case .bytes(let content) = body,
            let ranges = Partial.ranges(request, of: head, now: now),
            let part = Partial.answer(ranges, head, content)
        {
            response = part
        }
        response.compression = head.compression
        if let key, case .bytes(let content) = body, request.headers.contains(.acceptEncoding) {
            response.encodedSiblings = siblings(
                of: stored ?? StoredResponse(head: head, content: content), under: key)
        }
        if isAged { response.headers[.age] = String(head.age(at: now).wholeSeconds) }
        return finish(consume response, status, request)
    }

    /// The encoded forms of a stored response's content; nil where it has none.
    func siblings(of stored: StoredResponse, under key: CacheKey) -> StoredSiblings? {
        guard !stored.content.isEmpty, let reference else { return nil }
        return StoredSiblings(of: stored, key: key, cache: reference)
    }

    /// Adds what every answer carries, and tells of it.
    func finish(
        _ response: consuming Response, _ status: CacheStatus, _ request: Request
    ) -> Response {
        response.headers.append(
            Headers.Field(
                name: .cacheStatus, value: status.member(named: configuration.name),
                isLatin1: false))
        events(CacheEvent(method: request.method, path: request.path, status: status))
        return response
    }
}
