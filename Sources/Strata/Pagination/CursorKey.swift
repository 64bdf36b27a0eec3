/// A secret that cursors are sealed with.
///
/// All instances that serve the same clients need the same keys: a cursor made by one is then good
/// at any other. To change the secret, put the new key first and leave the old one behind it for
/// as long as cursors made with it are to be honoured.
///
/// ```swift
/// guard let key = CursorKey(base64URL: environment["CURSOR_KEY"] ?? "") else {
///     fatalError("Set CURSOR_KEY to what `openssl rand -base64 32` prints.")
/// }
/// let pagination = Pagination(defaultLimit: 20, maximumLimit: 100, keys: [key])
/// ```
public struct CursorKey: Sendable, CustomStringConvertible {
    let sealing: [UInt8]
    let numbering: [UInt8]

    /// Makes a key of at least 32 secret bytes; nil where there are fewer. They may be those of a
    /// ``SessionKey`` as well: each use derives keys of its own (HKDF, RFC 5869).
    public init?(_ secret: [UInt8]) {
        guard secret.count >= 32 else { return nil }
        self.init(checked: secret)
    }

    /// Makes a key of at least 32 secret bytes in base64 or base64url, with or without padding;
    /// nil where the text is none, or too short.
    public init?(base64URL text: String) {
        var text = String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
        while text.last == "=" { text.removeLast() }
        guard let secret = [UInt8](base64URL: text) else { return nil }
        self.init(secret)
    }

    /// Makes a key at random. It is good in this process alone, and gone with it.
    public static func random() -> CursorKey {
        var generator = SystemRandomNumberGenerator()
        return CursorKey(checked: generator.bytes(Crypto.keyLength))
    }

    private init(checked secret: [UInt8]) {
        sealing = Crypto.hkdfSHA256(secret: secret, info: Array("strata cursor sealing".utf8))
        numbering = Crypto.hkdfSHA256(secret: secret, info: Array("strata cursor nonce".utf8))
    }

    /// Nothing of the secret.
    public var description: String { "CursorKey(<redacted>)" }
}
