/// The id of a session: 144 random bits that nobody but the client holds.
struct SessionID: Sendable, Hashable, CustomStringConvertible {
    static let byteCount = 18
    /// How many characters a cookie's value has: the id and as many bytes of its signature.
    static let tokenLength = 48

    let bytes: [UInt8]

    /// What a store knows the session by.
    var digest: SessionDigest { SessionDigest(of: bytes, kind: "session") }

    /// Tells nothing about the id.
    var description: String { "<session id>" }
}

/// What a client's cookies say about its session.
enum SessionCookieVerdict: Sendable, Hashable {
    /// There is none.
    case absent
    /// This id, which is one of ours.
    case accepted(SessionID)
    /// None that can be relied on.
    case refused(SessionCookieRefusal)

    /// The most cookies of one name that are looked at.
    static let maximumCount = 8

    /// Judges the values of the cookies that bear the session's name.
    ///
    /// Their order tells nothing (RFC 6265bis §5.8.3), and another host of the same site may have
    /// planted one. So those that are not genuine are passed over, and where two different genuine
    /// ones remain neither is believed: the client is nobody rather than whoever planted one.
    init(values: [String], keyring: SessionKeyring) {
        guard values.count <= Self.maximumCount else {
            self = .refused(.tooMany)
            return
        }
        self = .absent
        for value in values {
            switch (keyring.id(in: value), self) {
            case (.success(let id), .accepted(let other)) where id != other:
                self = .refused(.ambiguous)
                return
            case (.success(let id), _): self = .accepted(id)
            case (.failure, .accepted): break
            case (.failure(let reason), _): self = .refused(reason)
            }
        }
    }
}

/// Why a cookie was not accepted.
public enum SessionCookieRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// It isn't of the form that ids have.
    case malformed
    /// It is signed by none of the keys.
    case forged
    /// There are two genuine ones.
    case ambiguous
    /// There are too many of the name.
    case tooMany

    /// The reason in words.
    public var description: String {
        switch self {
        case .malformed: "it isn't of the form that ids have"
        case .forged: "it is signed by none of the keys"
        case .ambiguous: "there are two genuine ones"
        case .tooMany: "there are too many of the name"
        }
    }
}
