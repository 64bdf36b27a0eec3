/// A secret of the service that signs the cookies of its sessions and, where that is asked for,
/// encrypts their values.
///
/// All instances hold the same list: the first key signs, all are accepted. To replace a key where
/// instances are restarted one after the other, deploy three times: with the new one behind the
/// old one, so that all accept it before any signs with it; with the new one in front; and
/// without the old one, when the longest lifetime has passed. Nobody is logged out.
///
/// ```swift
/// let key = try SessionKey(base64URL: environment["SESSION_KEY"] ?? "")   // openssl rand …
/// ```
public struct SessionKey: Sendable, CustomStringConvertible {
    /// Signs cookies.
    fileprivate let cookieKey: Crypto.HMACKey
    /// Wraps the keys of values.
    fileprivate let valueKey: [UInt8]
    /// Signs tokens against forged requests.
    let tokenKey: [UInt8]

    /// Makes a key of at least 32 secret bytes.
    ///
    /// - Throws: ``SessionError`` where there are fewer.
    public init(_ secret: [UInt8]) throws(SessionError) {
        guard secret.count >= 32 else {
            throw SessionError(
                .invalidKey, "A session key has at least 32 random bytes, not \(secret.count).")
        }
        self.init(checked: secret)
    }

    /// Makes a key of at least 32 secret bytes in base64url, as `openssl rand -base64 32` prints
    /// them; padding and the two characters of plain base64 are accepted too.
    ///
    /// - Throws: ``SessionError`` where the text is none or too short.
    public init(base64URL text: String) throws(SessionError) {
        var text = String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
        while text.last == "=" { text.removeLast() }
        guard let secret = [UInt8](base64URL: text) else {
            throw SessionError(
                .invalidKey,
                "The session key isn't base64; make one with `openssl rand -base64 32`.")
        }
        try self.init(secret)
    }

    /// A key drawn at random, for development and tests: with it all sessions end when the process
    /// does.
    public static func random() -> SessionKey {
        var generator = SystemRandomNumberGenerator()
        return SessionKey(checked: generator.bytes(32))
    }

    private init(checked secret: [UInt8]) {
        func derive(_ purpose: String) -> [UInt8] {
            Crypto.hkdfSHA256(secret: secret, info: Array("strata session \(purpose) 1".utf8))
        }
        cookieKey = Crypto.HMACKey(derive("cookie"))
        valueKey = derive("value")
        tokenKey = derive("token")
    }

    /// Tells nothing about the key.
    public var description: String { "<session key>" }
}

/// The keys of a service: the first one makes, all of them check.
struct SessionKeyring: Sendable {
    let keys: [SessionKey]

    /// Which ids are signed: those for the cookie of this name.
    let cookieName: String
    /// What is signed in front of an id.
    private let signedName: [UInt8]

    /// - Precondition: there is a key.
    init(_ keys: [SessionKey], cookieName: String) {
        precondition(!keys.isEmpty, "Sessions need a key")
        self.keys = keys
        self.cookieName = cookieName
        signedName = Array(cookieName.utf8) + [0]
    }

    // MARK: Cookies

    /// The value of the cookie for an id.
    func token(for id: SessionID) -> String {
        String(base64URL: id.bytes + signature(of: id, keys[0]))
    }

    /// The id in a cookie's value.
    func id(in token: String) -> Result<SessionID, SessionCookieRefusal> {
        guard token.utf8.count == SessionID.tokenLength, let bytes = [UInt8](base64URL: token)
        else { return .failure(.malformed) }
        let id = SessionID(bytes: Array(bytes[..<SessionID.byteCount]))
        let given = bytes[SessionID.byteCount...]
        for key in keys where Crypto.areEqual(signature(of: id, key), given) {
            return .success(id)
        }
        return .failure(.forged)
    }

    private func signature(of id: SessionID, _ key: SessionKey) -> ArraySlice<UInt8> {
        key.cookieKey.code(of: signedName + id.bytes)[..<SessionID.byteCount]
    }

    // MARK: Values

    /// A session's key of values, wrapped so that it opens for that digest alone: a record that
    /// is copied under another digest is of no use there.
    func wrap(_ valueKey: [UInt8], for digest: SessionDigest, nonce: [UInt8]) -> [UInt8] {
        Crypto.seal(valueKey, key: wrappingKey(for: digest, keys[0]), nonce: nonce)
    }

    /// The key that was wrapped for the digest; nil where it was not, or by none of these keys.
    func unwrap(_ wrapped: [UInt8], for digest: SessionDigest) -> [UInt8]? {
        for key in keys {
            if let opened = Crypto.open(wrapped, key: wrappingKey(for: digest, key)),
                opened.count == Crypto.keyLength
            {
                return opened
            }
        }
        return nil
    }

    private func wrappingKey(for digest: SessionDigest, _ key: SessionKey) -> [UInt8] {
        Crypto.hmacSHA256(Array(digest.description.utf8), key: key.valueKey)
    }
}

/// How the values of one session are kept.
enum SessionVault: Sendable, Hashable {
    /// As they are.
    case plain
    /// Encrypted under a key of the session's own, each bound to its name.
    case sealed([UInt8])

    /// The bytes as they are kept.
    func close(_ bytes: [UInt8], name: String, nonce: @autoclosure () -> [UInt8]) -> [UInt8] {
        switch self {
        case .plain: bytes
        case .sealed(let key):
            Crypto.seal(bytes, key: key, nonce: nonce(), authenticating: Array(name.utf8))
        }
    }

    /// The bytes as they were; nil where they were changed.
    func open(_ kept: [UInt8], name: String) -> [UInt8]? {
        switch self {
        case .plain: kept
        case .sealed(let key): Crypto.open(kept, key: key, authenticating: Array(name.utf8))
        }
    }
}
