/// Refuses requests that another site has a client's browser send (cross-site request forgery).
///
/// Safe methods always pass (RFC 9110 §9.2.1), so a handler must not change anything for them. Of
/// the others, browsers say where they come from: first by `Sec-Fetch-Site` (W3C Fetch Metadata
/// §2.3), else by `Origin` (RFC 6454 §7). What carries neither is either no browser, and then
/// passes if it has no cookies, which are what such an attack lives on, or one from before 2020,
/// and then must bring ``Session/csrfToken``: in the field `X-CSRF-Token`, or in `csrf_token` of a
/// form (`application/x-www-form-urlencoded`).
///
/// It stands inside of ``Sessions``; a cross-site log-in is refused as well.
///
/// ```swift
/// let app = wrap(handler) {
///     Sessions(store: store, keys: [key])
///     CSRFProtection(trustedOrigins: ["https://pay.example"])
/// }
/// ```
public struct CSRFProtection: Middleware {
    /// Origins that may send requests besides this one, such as `https://pay.example`.
    public let trustedOrigins: Set<String>
    /// How many bytes a form may have that is searched for the token; 64 KiB by default. A longer
    /// one is refused where the token is needed.
    public let maximumFormBytes: Int

    private let events: Events

    /// Makes the layer.
    public init(
        trustedOrigins: Set<String> = [], maximumFormBytes: Int = 64 * 1_024,
        events: Events = .ignored
    ) {
        self.trustedOrigins = trustedOrigins
        self.maximumFormBytes = maximumFormBytes
        self.events = events
    }

    /// Lets the request pass, or answers with 403.
    public func respond(to request: Request, next: Next) async throws -> Response {
        var request = request
        var verdict = verdict(on: request)
        if verdict == .needsToken {
            verdict = try await hasToken(&request) ? .pass(.token) : .refuse(.noToken)
        }
        guard case .refuse(let reason) = verdict else { return try await next(request) }
        events(CrossSiteRequestRefused(reason: reason, method: request.method))
        return Problem(.forbidden, detail: "The request does not come from this site.").response
    }

    /// Decides on all but the token.
    func verdict(on request: Request) -> CSRFVerdict {
        if request.method.isSafe { return .pass(.safeMethod) }
        let origin = request.headers[.origin]
        if let origin, trustedOrigins.contains(origin) { return .pass(.trustedOrigin) }
        if let site = request.headers[.secFetchSite] {
            // What the user typed or bookmarked comes from no site.
            let isOwn = site == "same-origin" || site == "none"
            return isOwn ? .pass(.sameOrigin) : .refuse(.otherSite)
        }
        if let origin {
            // The scheme is not compared: behind a proxy this end may not know it.
            let host = origin.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
            let isOwn =
                host.count == 3 && !request.authority.isEmpty
                && host[2].equalsIgnoringASCIICase(request.authority)
            return isOwn ? .pass(.sameOrigin) : .refuse(.otherSite)
        }
        return request.headers.contains(.cookie) ? .needsToken : .pass(.noCookies)
    }

    /// Whether the request brings its session's token; a form is put back for the handler.
    private func hasToken(_ request: inout Request) async throws -> Bool {
        guard let session = request.values[SessionValueKey.self] else { return false }
        if let token = request.headers.first("X-CSRF-Token") {
            return session.accepts(csrfToken: token)
        }
        let type = request.headers.first(.contentType).flatMap { MediaType($0) }
        guard let type, type.type == "application", type.subtype == "x-www-form-urlencoded",
            let form = try? await request.body.collect(upTo: maximumFormBytes)
        else { return false }
        request.body = RequestBody(form)
        let fields = QueryString(String(decoding: form, as: UTF8.self))
        guard let token = fields.first("csrf_token") else { return false }
        return session.accepts(csrfToken: token)
    }
}

/// What ``CSRFProtection`` makes of a request.
enum CSRFVerdict: Sendable, Hashable {
    enum Reason: Sendable, Hashable {
        case safeMethod, trustedOrigin, sameOrigin, noCookies, token
    }

    /// The request passes.
    case pass(Reason)
    /// It passes if it brings the session's token.
    case needsToken
    /// It does not.
    case refuse(CrossSiteRequestRefused.Reason)
}

/// Told when ``CSRFProtection`` refuses a request.
public struct CrossSiteRequestRefused: Event, Hashable {
    /// Why it was refused.
    public enum Reason: Sendable, Hashable {
        /// The browser says that it comes from another site.
        case otherSite
        /// It has cookies, says nothing about where it comes from, and has no token.
        case noToken
    }

    /// Why it was refused.
    public let reason: Reason
    /// Its method.
    public let method: Method

    /// The event in words.
    public var description: String {
        switch reason {
        case .otherSite: "\(method) request from another site refused"
        case .noToken: "\(method) request without a token refused"
        }
    }
}

extension Session {
    /// A token that proves that a form was made for this session; nil where the client has none
    /// yet.
    ///
    /// It looks different each time, so that compression can't be used to guess it (the BREACH
    /// attack), and all of them serve until the session gets another id.
    public var csrfToken: String? {
        get throws(SessionError) {
            try touch()
            guard let id = try presentedID() else { return nil }
            let mask = context.randomBytes(Crypto.digestLength)
            let proof = context.keyring.proof(for: id, context.keyring.keys[0])
            return String(base64URL: mask + zip(mask, proof).map { $0 ^ $1 })
        }
    }

    /// Whether it is one of this session's tokens.
    func accepts(csrfToken token: String) -> Bool {
        guard let id = try? presentedID(), token.utf8.count <= 128,
            let bytes = [UInt8](base64URL: token), bytes.count == 2 * Crypto.digestLength
        else { return false }
        let proof = zip(bytes, bytes[Crypto.digestLength...]).map { $0 ^ $1 }
        let keyring = context.keyring
        return keyring.keys.contains {
            Crypto.areEqual(keyring.proof(for: id, $0)[...], proof[...])
        }
    }
}

extension SessionKeyring {
    /// What only this service can know of an id.
    fileprivate func proof(for id: SessionID, _ key: SessionKey) -> [UInt8] {
        Crypto.hmacSHA256(id.bytes, key: key.tokenKey)
    }
}
