/// Sessions that live in a store, so that any instance can serve any request.
///
/// Handlers and further layers reach theirs by ``Request/session``. It is read from the store when
/// it is first asked for anything: one round trip, and one more at the end if something changed.
/// A request without a genuine cookie never reaches the store unless it begins a session.
///
/// What changed is merged key by key into what others changed meanwhile, in one atomic step that
/// never brings back a session that was ended. When the handler throws, its changes are dropped,
/// except that a thrown ``Problem`` counts as a response.
///
/// A response whose request asked for the session is made `private, no-cache` unless it says
/// otherwise: its content may change with the session while its URL does not. A response that
/// sets the cookie is always made so, whatever it says. All others stay as they are.
///
/// ```swift
/// let app = wrap(handler) {
///     Sessions(store: store, keys: [key])
/// }
/// // In the handler:
/// try await request.session.logIn(as: "ann")
/// try await request.session.set(cart, for: "cart")
/// let visits = try await request.session.increment("visits")
/// ```
public struct Sessions: Middleware {
    /// How sessions are kept.
    public struct Configuration: Sendable {
        /// The cookie that holds the id; by default `__Host-session`, kept while the client runs.
        public var cookie = SessionCookie()
        /// How long sessions live; by default as ``SessionLifetime/aal2``.
        public var lifetime = SessionLifetime.aal2
        /// How long they live where the principal asked to be remembered; the cookie is then kept
        /// as long. By default as ``SessionLifetime/aal1``.
        public var rememberedLifetime = SessionLifetime.aal1
        /// How long after a rotation the old id stands for the new one, for requests in flight;
        /// 30 seconds by default.
        public var grace = Duration.seconds(30)
        /// How many sessions a principal may have; the oldest one ends when there are more. 64 by
        /// default.
        public var maximumSessionsPerPrincipal = 64
        /// How many bytes the keys and values of a session may have together; 64 KiB by default.
        public var maximumBytes = 64 * 1_024
        /// How many values a session may have; 256 by default. Keys may have 128 bytes.
        public var maximumValues = 256
        /// Whether values are encrypted in the store, each session under a key of its own; false
        /// by default. Keys stay readable. Sessions from before it was turned on count as none.
        public var sealsValues = false
        /// What becomes of a request whose session can't be read or kept; by default it is
        /// refused. A request that did not ask for its session is never affected.
        public var outage: @Sendable (Request) -> SessionOutage = { _ in .refuse() }
        /// Where a request comes from, as a list of sessions shows it; by default the peer, which
        /// behind a proxy is the proxy.
        public var address: @Sendable (Request) -> String? = { $0.peer }

        /// Makes the default configuration.
        public init() {}
    }

    let context: SessionContext

    /// Makes the layer.
    ///
    /// - Parameters:
    ///   - store: where sessions are kept.
    ///   - keys: the secrets; the first one signs, all of them are accepted.
    ///   - randomBytes: draws ids and nonces; by default from the system's secure generator.
    /// - Precondition: there is a key, and the cookie's name and domain are such that clients
    ///   accept it.
    public init(
        store: any SessionStore, keys: [SessionKey], configuration: Configuration = .init(),
        time: any TimeSource = SystemTime(), events: Events = .ignored,
        randomBytes: @escaping @Sendable (Int) -> [UInt8] = Sessions.systemRandomBytes
    ) {
        let keyring = SessionKeyring(keys, cookieName: configuration.cookie.fullName)
        context = SessionContext(
            store: store, keyring: keyring, configuration: configuration, time: time,
            events: events, randomBytes: randomBytes)
        precondition(
            context.fieldValue(.clear) != nil, "Clients would not accept the session's cookie")
        (store as? any SessionStoreAtStart)?.beginKeepingSessions()
    }

    /// Answers the request, which gets its session on the way in and keeps it on the way out.
    public func respond(to request: Request, next: Next) async throws -> Response {
        let session = Session(request, context)
        var inner = request
        inner.values[SessionValueKey.self] = session
        defer { session.close() }
        var response: Response
        do {
            response = try await next(inner)
        } catch {
            guard session.isTouched, let problem = error.problem else { throw error }
            response = problem.response
        }
        guard session.close() else { return response }
        var action = SessionCookie.Action.keep
        do {
            action = try await session.finish()
        } catch {
            guard let problem = error.problem else { throw error }
            response = problem.response
        }
        response.headers.markSession(cookie: context.fieldValue(action))
        return response
    }

    /// Ends all sessions of a principal, such as after its password was changed or it was barred.
    ///
    /// - Returns: whether it had any.
    @discardableResult
    public func logOutEverywhere(_ principal: String) async throws(StoreError) -> Bool {
        try await context.store.end(.principal(SessionDigest(principal: principal)))
    }

    /// Bytes from the system's secure generator.
    public static func systemRandomBytes(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return generator.bytes(count)
    }
}

/// What becomes of a request whose session can't be read or kept.
public enum SessionOutage: Sendable, Hashable {
    /// It is refused with 503 and `Retry-After`.
    case refuse(retryAfter: Duration = .seconds(5))
    /// It goes on as if it had no session; what it sets is lost. Logging in and out still fail.
    case goOn
}

/// What all requests of a ``Sessions`` share.
final class SessionContext: Sendable {
    let store: any SessionStore
    let keyring: SessionKeyring
    let configuration: Sessions.Configuration
    let time: any TimeSource
    let events: Events
    let randomBytes: @Sendable (Int) -> [UInt8]

    init(
        store: any SessionStore, keyring: SessionKeyring, configuration: Sessions.Configuration,
        time: any TimeSource, events: Events, randomBytes: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.store = store
        self.keyring = keyring
        self.configuration = configuration
        self.time = time
        self.events = events
        self.randomBytes = randomBytes
    }

    /// The value of `Set-Cookie` that does so; nil where there is nothing to do.
    func fieldValue(_ action: SessionCookie.Action) -> String? {
        switch action {
        case .keep: nil
        case .set(let id, let lifetime):
            try? configuration.cookie.fieldValue(
                token: keyring.token(for: id), keptFor: lifetime)
        case .clear: try? configuration.cookie.fieldValue(token: "", keptFor: .zero)
        }
    }

    func nonce() -> [UInt8] { randomBytes(Crypto.nonceLength) }
}

extension Headers {
    /// Keeps a response that depends on a session from all but its own client, and sets the cookie.
    mutating func markSession(cookie: String?) {
        if let cookie {
            try? append(.setCookie, cookie)
            let control = CacheControl(self, .cacheControl)
            if !control.noStore, !control.private.isEverything { remove(.cacheControl) }
            remove(.cdnCacheControl)
        }
        guard !contains(.cacheControl) else { return }
        self[.cacheControl] = "private, no-cache"
        guard contains(.vary) else { return self[.vary] = "Cookie" }
        var vary = VaryField(self, .vary)
        vary.insert(.cookie)
        self[.vary] = vary.fieldValue
    }
}

extension SessionDigest {
    init(principal: String) { self.init(of: Array(principal.utf8), kind: "principal") }
}

extension Error {
    /// What the client is told, where the error says so itself.
    fileprivate var problem: Problem? { self as? Problem ?? (self as? SessionError)?.problem }
}
