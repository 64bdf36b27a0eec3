/// A session could not do what it was asked.
public struct SessionError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The kind in words.
        public let description: String

        /// The store failed. ``Sessions`` answers with 503 where a handler lets it pass.
        public static let unavailable = Code(description: "unavailable")
        /// A cookie without `Secure` is only for loopback, and this request came from elsewhere.
        public static let insecure = Code(description: "insecure")
        /// A key, a value or the session as a whole would exceed its limit.
        public static let tooLarge = Code(description: "too large")
        /// A value can't be encoded, or a principal's name is empty or too long.
        public static let invalid = Code(description: "invalid")
        /// What is kept isn't of the type asked for.
        public static let unreadable = Code(description: "unreadable")
        /// A secret is too short or not spelled as it must be.
        public static let invalidKey = Code(description: "invalid key")
        /// The response was already given.
        public static let closed = Code(description: "closed")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened and what to do about it.
    public let message: String
    /// The error behind this one.
    public let underlying: (any Error)?
    /// After how long a client should try again, where the store is down.
    let retryAfter: Duration?

    init(
        _ code: Code, _ message: String, underlying: (any Error)? = nil,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.underlying = underlying
        self.retryAfter = retryAfter
    }

    /// The kind and the message.
    public var description: String { "session \(code): \(message)" }

    /// What a client is told; nil for what is the handler's own fault.
    var problem: Problem? {
        switch code {
        case .unavailable:
            Problem(
                .serviceUnavailable, detail: "Sessions are not available. Try again later.",
                headers: [.retryAfter: String(max(1, (retryAfter ?? .seconds(5)).wholeSeconds))])
        case .insecure:
            Problem(
                .forbidden,
                detail: "This server is set up for development: it keeps sessions for clients on "
                    + "the same machine alone.")
        default: nil
        }
    }
}

/// What ``Sessions`` tells of.
public enum SessionEvent: Event, Hashable {
    /// A session began.
    case created(SessionDigest)
    /// A session goes on under another id.
    case rotated(from: SessionDigest, to: SessionDigest)
    /// A session was ended on request.
    case destroyed(SessionDigest)
    /// A genuine id came whose session expired or was ended elsewhere.
    case expired(SessionDigest)
    /// An id came whose session has gone on under another one by a log-in.
    case superseded(SessionDigest)
    /// A session ended while a request was about to change it; the changes are lost.
    case changesLost(SessionDigest)
    /// A session can't be opened with any of the keys; it counts as none.
    case unreadable(SessionDigest)
    /// A cookie was not accepted.
    case cookieRefused(SessionCookieRefusal)
    /// The store failed: how, and what happened in words.
    case storeFailed(StoreError.Code, message: String)

    /// A store's failure.
    static func storeFailed(_ error: StoreError) -> SessionEvent {
        .storeFailed(error.code, message: error.message)
    }

    /// What happened, without of which session.
    public var topic: String {
        switch self {
        case .created: "created"
        case .rotated: "rotated"
        case .destroyed: "destroyed"
        case .expired: "expired"
        case .superseded: "superseded"
        case .changesLost: "changes lost"
        case .unreadable: "unreadable"
        case .cookieRefused(let reason): "cookie refused: \(reason)"
        case .storeFailed(let code, _): "store \(code)"
        }
    }

    /// The event in words; sessions go by their digests.
    public var description: String {
        switch self {
        case .created(let digest): "session \(digest) created"
        case .rotated(let old, let new): "session \(old) rotated to \(new)"
        case .destroyed(let digest): "session \(digest) destroyed"
        case .expired(let digest): "session \(digest) expired or ended"
        case .superseded(let digest): "session \(digest) superseded by a log-in"
        case .changesLost(let digest): "session \(digest) ended before its changes were kept"
        case .unreadable(let digest): "session \(digest) can't be opened with any key"
        case .cookieRefused(let reason): "session cookie refused: \(reason)"
        case .storeFailed(let code, let message): "session store \(code): \(message)"
        }
    }
}
