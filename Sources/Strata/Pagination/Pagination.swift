/// Sees to it that no list leaves the server longer than a limit, whatever the handler does.
///
/// It reads the limit and the cursor from the query, hands them to the handler as
/// ``Request/page``, and looks at what comes back. A handler that made the page by itself says
/// where the next one begins (``Response/page``). One that ignored all this and returns a JSON
/// array gets it cut: the bytes are scanned as they come, the page is kept, and the producer is
/// stopped as soon as the page is complete. Either way the client finds the pages beside this one
/// in `Link` (RFC 8288), and what limit applied in `Pagination`:
///
///     Link: </products?limit=20&cursor=AXk…>; rel="next"
///     Pagination: limit=20, count=20
///
/// Cursors are opaque, and good only for the list they were made for: another path or another
/// filter, and any change to their text, gives a 400. For a handler that ignores pages a cursor
/// stands for an offset, so a page costs reading all items before it, and items that come and go
/// meanwhile shift those behind them; a handler that uses ``PagePosition/after(_:)`` has neither
/// trouble.
///
/// Applies to GET, HEAD and QUERY, and to responses with the status 200. Place it inside
/// ``Caching``, so that each page is an entry of its own under its URL.
///
/// ```swift
/// let app = wrap(handler) {
///     Pagination(defaultLimit: 20, maximumLimit: 100, keys: [key], rules: [
///         .path("/export").unlimited(because: "Nightly job; streams the whole table by contract."),
///         .path("/v1/**").list(at: "data", "items"),
///     ])
/// }
/// ```
public struct Pagination: Middleware {
    /// How links are written.
    public enum LinkForm: Sendable, Hashable {
        /// As a path from the root on, which holds behind any proxy that keeps paths.
        case path
        /// As a URI with scheme and host: those of the request, or, where `trustedProxies` is not
        /// 0, those that the outermost of so many proxies wrote into `Forwarded` (RFC 7239).
        /// Where they can't stand in a URI, the link is a path.
        ///
        /// Whatever a cache keeps under one URL links to one host: use it only where one name
        /// leads to the server, or where the name is part of the cache's key.
        case absolute(trustedProxies: Int)
    }

    /// What is done with a response that can't be cut.
    public enum Uncuttable: Sendable, Hashable {
        /// It is passed on unchanged.
        case pass
        /// It is passed on unchanged, and the listener is told.
        case report
        /// The answer is a 500, and the listener is told.
        case refuse
    }

    /// What may be said besides the limits.
    public struct Configuration: Sendable {
        /// How a client asks for a page, and how it is told of the pages beside it; plain by
        /// default.
        public var style = Style.plain
        /// How links are written; as absolute paths by default.
        public var links = LinkForm.path
        /// The most bytes of one page, 1 MiB by default: so much is held in memory. Where fewer
        /// items fit than the limit allows, the page has fewer.
        public var maximumPageBytes = 1024 * 1024
        /// How long a cursor is good, at least; by default for as long as its key. Afterwards the
        /// answer is a 410 with a link to the first page.
        public var cursorLifetime: Duration?
        /// Who may use a cursor besides whoever it was made for, in words of the application: a
        /// cursor is good only for requests of the same scope. Nil, the default, for everybody.
        public var scope: (@Sendable (Request) -> String?)?
        /// Up to how many items are counted where a client asks for a total (``Style/total``),
        /// 10,000 by default: so many are read, beyond the page, of a list that is cut.
        public var maximumCount = 10_000
        /// The longest content of a QUERY, 64 KiB by default; it is part of what a cursor is bound
        /// to. A longer one gives a 413.
        public var maximumQueryBytes = 64 * 1024

        /// Content of another type than JSON, lines of JSON and CSV; passed by default.
        public var otherContent = Uncuttable.pass
        /// Content that the handler compressed by itself; reported by default.
        public var encodedContent = Uncuttable.report
        /// JSON without a list where the list should be; passed by default.
        public var noList = Uncuttable.pass
        /// A list that is no valid JSON; refused by default, for it may have no end.
        public var malformedList = Uncuttable.refuse
        /// A list of which one item is larger than a page may be; refused by default.
        public var oversizedList = Uncuttable.refuse

        /// The defaults.
        public init() {}
    }

    let limits: Limits
    let rules: [PaginationRule]
    let configuration: Configuration
    let cursors: PageCursor
    let time: any TimeSource
    let events: Events

    struct Limits: Sendable, Hashable {
        let standard: Int
        let maximum: Int

        init(standard: Int, maximum: Int) {
            precondition(
                standard > 0 && standard <= maximum,
                "A limit is one or more, and the default is at most the maximum")
            self.standard = standard
            self.maximum = maximum
        }
    }

    /// Makes the layer.
    ///
    /// - Parameters:
    ///   - defaultLimit: how many items a page has where the client doesn't say.
    ///   - maximumLimit: how many a page has at most.
    ///   - keys: what cursors are sealed with; the first is written with, all are read. With none,
    ///     a key is made at random: cursors are then good in this process only, and a client that
    ///     is sent to another instance, or comes back after a restart, gets a 400.
    ///   - rules: what is different for certain routes; the first that applies counts.
    ///   - events: told of each decision as a ``PaginationEvent``.
    public init(
        defaultLimit: Int, maximumLimit: Int, keys: [CursorKey] = [],
        rules: [PaginationRule] = [], configuration: Configuration = Configuration(),
        time: any TimeSource = SystemTime(), events: Events = .ignored
    ) {
        limits = Limits(standard: defaultLimit, maximum: maximumLimit)
        self.rules = rules
        self.configuration = configuration
        self.time = time
        self.events = events
        cursors = PageCursor(
            keys: keys.isEmpty ? [.random()] : keys, lifetime: configuration.cursorLifetime)
    }

    /// A route whose lists may have any length.
    public struct UnlimitedRoute: Sendable, Hashable, CustomStringConvertible {
        /// The pattern of its paths.
        public let pattern: String
        /// Why that is right.
        public let reason: String

        /// Both in one line.
        public var description: String { "\(pattern): \(reason)" }
    }

    /// The routes whose lists may have any length, for a report that somebody reads.
    public var unlimitedRoutes: [UnlimitedRoute] { rules.compactMap(\.unlimitedRoute) }

    /// Answers the request with one page at most.
    public func respond(to request: Request, next: Next) async throws -> Response {
        guard request.method == .get || request.method == .head || request.method == .query else {
            return try await next(request)
        }
        let rule = rules.first { $0.matches(request) }
        if case .unlimited = rule?.effect { return try await next(request) }
        var request = request
        var content: [UInt8] = []
        if request.method == .query {
            do {
                content = try await request.body.collect(upTo: configuration.maximumQueryBytes)
            } catch let error as BodyTooLarge {
                return Problem(.contentTooLarge, detail: error.description).response
            }
            request.body = RequestBody(content)
        }
        switch ask(request, content, rule) {
        case .refused(let response):
            return varying(response)
        case .page(var asked):
            request.page = asked.page
            request.pageCursors = PageCursors(cursors, list: asked.list, now: time.now)
            asked.translateConditions(in: &request.headers)
            var response = try await next(request)
            if response.isPartOfList, request.headers.contains(.range) {
                // A part of the list's bytes is no page of it, and may be all of them: a server
                // may ignore Range (RFC 9110 §14.2).
                request.headers.remove(.range)
                request.headers.remove(.ifRange)
                response = try await next(request)
            }
            return varying(try await page(of: response, asked))
        }
    }

    /// Says that the answer depends on preferences, whether there were any or not.
    private func varying(_ response: Response) -> Response {
        guard configuration.style.obeysPrefer else { return response }
        var response = response
        var vary = VaryField()
        for line in response.headers.lines(of: .vary) { vary.add(line: line) }
        vary.insert("Prefer")
        response.headers[.vary] = vary.fieldValue
        return response
    }
}

extension Response {
    /// Whether it is a range, or several, of what may be a list.
    fileprivate var isPartOfList: Bool {
        guard status == .partialContent, let type = headers[.contentType].flatMap(MediaType.init)
        else { return false }
        return type.isJSON || type.type == "multipart"
    }
}
