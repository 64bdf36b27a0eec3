/// A secret that cursors are sealed with.
///
/// All instances that serve the same clients need the same keys: a cursor made by one is then good
/// at any other. To change the secret, put the new key first and leave the old one behind it for
/// as long as cursors made with it are to be honoured.
///
/// ```swift
/// guard let text = ProcessInfo.processInfo.environment["CURSOR_KEY"],
///     let key = CursorKey(text)
/// else { fatalError("Set CURSOR_KEY to 32 random bytes, as: openssl rand -base64 32") }
/// let pagination = Pagination(defaultLimit: 20, maximumLimit: 100, keys: [key])
/// ```
public struct CursorKey: Sendable, CustomStringConvertible {
    let sealing: [UInt8]
    let numbering: [UInt8]

    /// Makes a key from a secret of 16 bytes or more; nil where there are fewer. It may be the one
    /// that sessions use as well: each use derives keys of its own (HKDF, RFC 5869).
    public init?(_ secret: [UInt8]) {
        guard secret.count >= 16 else { return nil }
        self.init(checked: secret)
    }

    /// Makes a key from the UTF-8 of a text, as it comes from an environment variable.
    public init?(_ text: String) { self.init(Array(text.utf8)) }

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
