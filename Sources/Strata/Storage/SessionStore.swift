/// What ``Sessions`` keeps its sessions in.
///
/// A store knows a session by the digest of its id alone and never sees the id itself, and values
/// are bytes whose meaning it does not know. Each call is one atomic step for all who use the
/// store, and one round trip where it is remote; time is the store's own. Everything kept has an
/// end: no later than its lifetime allows, a session and every trace of it are gone.
///
/// Three rules hold in every store:
/// - A session that ended, for whatever reason, is never found again, and nothing but
///   ``create(_:as:)`` makes one.
/// - A session that belongs to a principal is found only while the store's record of that
///   principal names it. Removing that one record ends them all, and losing it logs people out
///   and never in.
/// - After a rotation the old digest stands for the new one for a grace period, so that requests
///   in flight don't fail. If the rotation was a log-in, it takes their changes but is no longer
///   found: whoever planted the id before the log-in must not come in by it afterwards.
///
/// A failure is thrown as ``StoreError`` within the store's own time limit.
public protocol SessionStore: Sendable {
    /// The session; its idle end is put off if a sixteenth of the idle time has passed since that
    /// was last done.
    func load(_ session: SessionDigest) async throws(StoreError) -> SessionLookup

    /// Begins a session under a digest that was never used.
    func create(_ session: NewSession, as digest: SessionDigest) async throws(StoreError)

    /// Makes all the changes, or, unless the outcome is ``SessionOutcome/applied(rotated:)``, none.
    func apply(
        _ update: SessionUpdate, to session: SessionDigest
    ) async throws(StoreError) -> SessionOutcome

    /// Ends sessions.
    ///
    /// - Returns: whether there was a session, or a principal with sessions, to end.
    func end(_ target: SessionTarget) async throws(StoreError) -> Bool

    /// The principal's sessions, the oldest first. None that ended is among them.
    func sessions(of principal: SessionDigest) async throws(StoreError) -> [StoredSession]
}

/// The SHA-256 digest under which a store knows a session or a principal: 43 characters of
/// base64url.
///
/// Nobody can come by a session's id from it, so it may be logged, and shown to the session's
/// owner as a handle.
public struct SessionDigest: Sendable, Hashable, CustomStringConvertible {
    /// The digest as text.
    public let description: String

    /// Makes a digest of its text; nil where that isn't one.
    public init?(_ text: String) {
        guard text.utf8.count == 43, [UInt8](base64URL: text) != nil else { return nil }
        description = text
    }

    /// Makes the digest of a message of that kind.
    package init(of message: [UInt8], kind: String) {
        var text: [UInt8] = []
        text.reserveCapacity(kind.utf8.count + 1 + message.count)
        text += kind.utf8
        text.append(0)
        text += message
        description = String(base64URL: Crypto.sha256(text))
    }
}

/// How long a session lives.
public struct SessionLifetime: Sendable, Hashable {
    /// How long it lives without being used. It ends up to a sixteenth earlier, because using it
    /// puts its end off no more often than that.
    public var idle: Duration
    /// How long it lives at most after it began or its principal logged in.
    public var absolute: Duration

    /// Makes a lifetime.
    ///
    /// - Precondition: both are longer than zero.
    public init(idle: Duration, absolute: Duration) {
        precondition(idle > .zero && absolute > .zero, "A session's lifetime is longer than zero")
        self.idle = idle
        self.absolute = absolute
    }

    /// 30 days, used or not: authenticator assurance level 1 (NIST SP 800-63B §4.1.3).
    public static let aal1 = SessionLifetime(
        idle: .seconds(30 * 86_400), absolute: .seconds(30 * 86_400))
    /// 30 minutes without use, 12 hours at most: level 2 (NIST SP 800-63B §4.2.3).
    public static let aal2 = SessionLifetime(idle: .seconds(1_800), absolute: .seconds(43_200))
    /// 15 minutes without use, 12 hours at most: level 3 (NIST SP 800-63B §4.3.3).
    public static let aal3 = SessionLifetime(idle: .seconds(900), absolute: .seconds(43_200))
}

/// A session as a store hands it out.
public struct StoredSession: Sendable, Hashable {
    /// What it is known by now.
    public var digest: SessionDigest
    /// When it began, or its principal logged in.
    public var created: Timestamp
    /// When it was last used, as coarsely as its idle end is put off.
    public var lastSeen: Timestamp
    /// When it ends however much it is used.
    public var expires: Timestamp
    /// Who is logged in.
    public var principal: SessionDigest?
    /// The key of its values, wrapped for the digest that was asked for.
    public var wrappedKey: [UInt8]?
    /// Its values.
    public var values: [String: [UInt8]]

    /// Makes a session.
    public init(
        digest: SessionDigest, created: Timestamp, lastSeen: Timestamp, expires: Timestamp,
        principal: SessionDigest?, wrappedKey: [UInt8]?, values: [String: [UInt8]]
    ) {
        self.digest = digest
        self.created = created
        self.lastSeen = lastSeen
        self.expires = expires
        self.principal = principal
        self.wrappedKey = wrappedKey
        self.values = values
    }
}

/// What a store knows about a digest.
public enum SessionLookup: Sendable, Hashable {
    /// There is a session.
    case found(StoredSession)
    /// The session has gone on under another digest by a log-in a short while ago.
    case superseded
    /// There is none, or none any more.
    case missing
}

/// A log-in, as a store sees it.
public struct SessionSignIn: Sendable, Hashable {
    /// Who logs in.
    public var principal: SessionDigest
    /// How many sessions the principal may have; the oldest ones end when there are more.
    public var limit: Int

    /// Makes a log-in.
    public init(principal: SessionDigest, limit: Int) {
        self.principal = principal
        self.limit = limit
    }
}

/// A session that begins.
public struct NewSession: Sendable, Hashable {
    /// How long it lives.
    public var lifetime: SessionLifetime
    /// Who logs in with it.
    public var signIn: SessionSignIn?
    /// The key of its values, wrapped for its digest.
    public var wrappedKey: [UInt8]?
    /// Its values.
    public var values: [String: [UInt8]]

    /// Makes a session.
    public init(
        lifetime: SessionLifetime, signIn: SessionSignIn? = nil, wrappedKey: [UInt8]? = nil,
        values: [String: [UInt8]] = [:]
    ) {
        self.lifetime = lifetime
        self.signIn = signIn
        self.wrappedKey = wrappedKey
        self.values = values
    }
}

/// What becomes of one value.
public enum SessionChange: Sendable, Hashable {
    /// It is replaced.
    case set([UInt8])
    /// It is removed.
    case remove
    /// So much is added to it, as a 64-bit number in decimal ASCII; an absent one counts as zero.
    /// A value that is no such number, or a sum that would be none, stays as it is.
    case add(Int64)
}

/// Changes to a session. Values that they don't name stay as others leave them.
public struct SessionUpdate: Sendable, Hashable {
    /// What a session goes on as.
    public struct Rotation: Sendable, Hashable {
        /// The new digest, which was never used.
        public var digest: SessionDigest
        /// How long the old digest stands for the new one.
        public var grace: Duration
        /// The key of the values, wrapped for the new digest; the old digest keeps the old one.
        public var wrappedKey: [UInt8]?
        /// The log-in that it is done for.
        public var signIn: SessionSignIn?
        /// The lifetime that begins with it; nil where the one it has goes on.
        public var lifetime: SessionLifetime?

        /// Makes a rotation.
        public init(
            to digest: SessionDigest, grace: Duration, wrappedKey: [UInt8]? = nil,
            signIn: SessionSignIn? = nil, lifetime: SessionLifetime? = nil
        ) {
            self.digest = digest
            self.grace = grace
            self.wrappedKey = wrappedKey
            self.signIn = signIn
            self.lifetime = lifetime
        }
    }

    /// What becomes of each value that changes.
    public var changes: [String: SessionChange]
    /// What values must be for the changes to be made: these bytes, or absent.
    public var conditions: [String: [UInt8]?]
    /// What the session goes on as, if not as it is.
    public var rotation: Rotation?

    /// Makes an update.
    public init(
        changes: [String: SessionChange] = [:], conditions: [String: [UInt8]?] = [:],
        rotation: Rotation? = nil
    ) {
        self.changes = changes
        self.conditions = conditions
        self.rotation = rotation
    }
}

/// What became of an update.
public enum SessionOutcome: Sendable, Hashable {
    /// It was made; the session was not rotated again if somebody had just rotated it.
    case applied(rotated: Bool)
    /// A condition did not hold; the values of the names in the conditions are these now.
    case conflict([String: [UInt8]])
    /// A log-in came too late: somebody has logged in on this session under another digest.
    case superseded
    /// There is no session any more.
    case missing
}

/// Which sessions end.
public enum SessionTarget: Sendable, Hashable {
    /// This one.
    case session(SessionDigest)
    /// This one, if it is the principal's.
    case member(SessionDigest, of: SessionDigest)
    /// This one and all of the principal it belongs to.
    case everywhere(from: SessionDigest)
    /// All but this one of the principal it belongs to.
    case others(than: SessionDigest)
    /// All of the principal.
    case principal(SessionDigest)
}

/// A session store that has something to check, or to warn of, before the first session.
package protocol SessionStoreAtStart {
    /// A layer begins to keep sessions in the store.
    func beginKeepingSessions()
}
