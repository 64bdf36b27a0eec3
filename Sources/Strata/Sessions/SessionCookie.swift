/// The cookie that holds a session's id; always `HttpOnly`.
public struct SessionCookie: Sendable, Hashable {
    /// Where the cookie is sent.
    public enum Scope: Sendable, Hashable {
        /// To this host alone, over secure connections alone: the prefix `__Host-` keeps other
        /// hosts of the site from planting one (RFC 6265bis §4.1.3.2).
        case host
        /// To a domain and all hosts below it, over secure connections, with the prefix
        /// `__Secure-`. Each of those hosts can then read it and plant another.
        case domain(String)
        /// To this host, over plain HTTP. For development: requests that come from or for
        /// anything but loopback get no session, and a handler that asks for one fails.
        case insecureLoopback
    }

    /// With which requests from other sites the cookie comes along (RFC 6265bis §4.1.2.7).
    public enum SameSite: Sendable, Hashable {
        /// With none.
        case strict
        /// With those that navigate to this site by a safe method.
        case lax
        /// With all; needs protection against forged requests.
        case none
    }

    /// The name, without the prefix that ``scope`` adds; `session` by default, which tells
    /// nothing about what the service is made of.
    public var name = "session"
    /// Where the cookie is sent; to this host alone by default.
    public var scope = Scope.host
    /// With which requests from other sites it comes along; ``SameSite/lax`` by default.
    public var sameSite = SameSite.lax
    /// Whether it is kept apart for each site that embeds this one; false by default.
    public var isPartitioned = false

    /// Makes the default cookie.
    public init() {}

    /// A cookie for development over plain HTTP on loopback.
    public static let insecureLoopback: SessionCookie = {
        var cookie = SessionCookie()
        cookie.scope = .insecureLoopback
        return cookie
    }()

    /// The name as it is sent.
    var fullName: String {
        switch scope {
        case .host: "__Host-" + name
        case .domain: "__Secure-" + name
        case .insecureLoopback: name
        }
    }

    /// What is to be done about the cookie when a response goes out.
    enum Action: Sendable, Hashable {
        /// It stays as it is.
        case keep
        /// It is set, to be kept so long or as long as the client runs.
        case set(SessionID, keptFor: Duration?)
        /// It is removed.
        case clear
    }

    /// The value of `Set-Cookie` for a token; an empty one removes the cookie.
    ///
    /// - Throws: where a client would drop the cookie; `Sessions` asks once, when it is made.
    func fieldValue(
        token: String, keptFor lifetime: Duration?
    ) throws(SetCookie.Invalid) -> String {
        var attributes = SetCookie.Attributes()
        attributes.path = "/"
        attributes.isHTTPOnly = true
        attributes.isSecure = scope != .insecureLoopback
        attributes.isPartitioned = isPartitioned
        if case .domain(let domain) = scope { attributes.domain = domain }
        attributes.sameSite =
            switch sameSite {
            case .strict: .strict
            case .lax: .lax
            case .none: SetCookie.SameSite.none
            }
        attributes.maxAge = lifetime.map { Int($0.wholeSeconds) }
        return try SetCookie(name: fullName, value: token, attributes: attributes).fieldValue
    }

    /// Whether a request may have a session at all: with a cookie that isn't `Secure`, only
    /// where neither the peer nor the host it asks for is known to be elsewhere.
    func allows(peer: String?, authority: String) -> Bool {
        guard scope == .insecureLoopback else { return true }
        return (peer ?? "127.0.0.1").isLoopbackHost
            && (authority.isEmpty || authority.withoutPort.isLoopbackHost)
    }
}

extension StringProtocol where SubSequence == Substring {
    /// A host and port without the port, and without the brackets around an address.
    fileprivate var withoutPort: Substring {
        if utf8.first == UInt8(ascii: "["), let end = firstIndex(of: "]") {
            return self[index(after: startIndex)..<end]
        }
        return prefix { $0 != ":" }
    }

    /// Whether it is the name or address of this machine for itself (RFC 6761 §6.3, RFC 1122
    /// §3.2.1.3, RFC 4291 §2.5.3).
    fileprivate var isLoopbackHost: Bool {
        let host = lowercased()
        if host == "localhost" || host.hasSuffix(".localhost") || host == "::1" { return true }
        let parts = host.hasPrefix("::ffff:") ? host.dropFirst(7) : host[...]
        let numbers = parts.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.first == "127"
            && numbers.allSatisfy { $0.utf8.allSatisfy(\.isASCIIDigit) && UInt8($0) != nil }
    }
}
