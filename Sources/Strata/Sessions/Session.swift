import Synchronization

/// The session of a request.
///
/// Nothing is read before it is first asked for something, and nothing is written before the
/// response goes out, except where a method says so. Values are read as this request changed them.
/// While a streamed body is produced the response has gone out: values that were read before can
/// still be had, and nothing else.
/// Each method throws ``SessionError`` and nothing else; one that goes through to ``Sessions`` because the store is
/// down is answered with 503.
///
/// Several tasks may use it at the same time.
public final class Session: Sendable {
    let context: SessionContext
    let request: Request
    /// Guards all that this request knows and changes.
    let state = Mutex(SessionState())

    init(_ request: Request, _ context: SessionContext) {
        self.request = request
        self.context = context
    }

    /// Whether anybody has asked for anything.
    package var isTouched: Bool { state.withLock(\.isTouched) }

    // MARK: - Values

    /// The value under the key; nil where there is none.
    ///
    /// - Throws: ``SessionError/Code/unreadable`` where it isn't of that type.
    public func get<Value: Decodable>(
        _ key: String, as type: Value.Type = Value.self
    ) async throws(SessionError) -> Value? {
        try await read(SessionValueName.value(key))
    }

    /// Sets the value under the key. Of requests that set the same key at the same time, the last
    /// one wins.
    ///
    /// - Throws: ``SessionError/Code/tooLarge`` where the session would exceed its limits, and
    ///   ``SessionError/Code/invalid`` where the value can't be encoded.
    public func set<Value: Encodable>(
        _ value: Value, for key: String
    ) async throws(SessionError) {
        try await write(value, SessionValueName.value(key))
    }

    /// Removes the value under the key.
    public func remove(_ key: String) async throws(SessionError) {
        try await change { $0.set(nil, for: SessionValueName.value(key)) }
    }

    /// Adds to the whole number under the key; one that isn't there counts as zero. Of requests
    /// that add at the same time, none is lost.
    ///
    /// - Returns: the sum as this request sees it.
    /// - Throws: ``SessionError/Code/unreadable`` where there is something else than a number, or
    ///   the sum exceeds 64 bits.
    @discardableResult
    public func increment(
        _ key: String, by amount: Int = 1
    ) async throws(SessionError) -> Int {
        let name = SessionValueName.value(key)
        let sum = try await change { state throws(SessionError) in
            try check(state, name, 20)
            return state.add(Int64(amount), to: name)
        }
        guard let sum else {
            throw SessionError(.unreadable, "There is no number to add to under “\(key)”.")
        }
        return Int(sum)
    }

    /// Sets the value under the key, or removes it, if it is the expected one at that very moment.
    ///
    /// This is written at once. A value that this request changed already is compared as it made
    /// it, and kept with the rest.
    ///
    /// - Returns: whether it was, and the new value is kept.
    public func compareAndSet<Value: Codable & Equatable>(
        _ key: String, from expected: Value?, to new: Value?
    ) async throws(SessionError) -> Bool {
        let name = SessionValueName.value(key)
        let bytes: [UInt8]? = if let new { try encode(new) } else { nil }
        try await change { state throws(SessionError) in
            try check(state, name, bytes?.count ?? 0)
        }
        while true {
            guard try await read(name) == expected else { return false }
            let (base, isChanged) = state.withLock { ($0.base, $0.changes[name] != nil) }
            guard case .stored(var session, let vault) = base, !isChanged else {
                let isOwn = base == .none || isChanged
                if isOwn { state.withLock { $0.set(bytes, for: name) } }
                return isOwn
            }
            let kept = bytes.map { vault.close($0, name: name, nonce: context.nonce()) }
            let update = SessionUpdate(
                changes: [name: kept.map { .set($0) } ?? .remove],
                conditions: [name: session.values[name]])
            let outcome = try await ask { store throws(StoreError) in
                try await store.apply(update, to: session.digest)
            }
            switch outcome {
            case .applied: session.values[name] = kept
            case .conflict(let values): session.values[name] = values[name]
            case .superseded, .missing: return false
            }
            state.withLock { $0.base = .stored(session, vault) }
            if case .applied = outcome { return true }
        }
    }

    /// Sets a value that is read once: a note for the next page.
    public func setFlash<Value: Encodable>(
        _ value: Value, for key: String
    ) async throws(SessionError) {
        try await write(value, SessionValueName.flash(key))
    }

    /// Reads such a value and removes it; nil where there is none.
    public func takeFlash<Value: Decodable>(
        _ key: String, as type: Value.Type = Value.self
    ) async throws(SessionError) -> Value? {
        let name = SessionValueName.flash(key)
        guard let value: Value = try await read(name) else { return nil }
        try await change { $0.set(nil, for: name) }
        return value
    }

    // MARK: - Who it is

    /// Who is logged in; nil where nobody is.
    public var principal: String? {
        get async throws(SessionError) { try await read(SessionValueName.principal) }
    }

    /// Logs a principal in: the session goes on under another id, its lifetime begins anew, and
    /// the old id leads nowhere any more. What an anonymous session held stays; what the session
    /// of another principal held is ended with that session.
    ///
    /// - Parameter isRemembered: whether the client keeps the session when it is closed, for the
    ///   longer of the two lifetimes.
    /// - Throws: ``SessionError/Code/unavailable`` where the store is down, whatever the policy.
    public func logIn(
        as principal: String, isRemembered: Bool = false
    ) async throws(SessionError) {
        guard (1...256).contains(principal.utf8.count) else {
            throw SessionError(.invalid, "A principal has a name of 1 to 256 bytes.")
        }
        try await load()
        try refuseOutage()
        if let current = try await self.principal, current != principal { try await destroy() }
        let address = context.configuration.address(request)
        let agent = request.headers.first(.userAgent).map { String($0.prefix(256)) }
        try await change { state throws(SessionError) in
            state.rotation = .signIn(principal: principal, isRemembered: isRemembered)
            state.set(JSON.string(principal).bytes, for: SessionValueName.principal)
            state.set(address.map { JSON.string($0).bytes }, for: SessionValueName.address)
            state.set(agent.map { JSON.string($0).bytes }, for: SessionValueName.userAgent)
            state.set(
                isRemembered ? JSON.boolean(true).bytes : nil, for: SessionValueName.isRemembered)
        }
    }

    /// Logs out: ends this session, as ``destroy()`` does.
    public func logOut() async throws(SessionError) { try await destroy() }

    /// Gives the session another id, such as after a change of rights. The old one stands for it
    /// during the grace period; requests in flight that bring it leave the new one as it is.
    public func rotate() async throws(SessionError) {
        try await change { state in
            if state.rotation == nil, !state.isRotated { state.rotation = .plain }
        }
    }

    /// Ends the session at once, and removes the cookie. What is set afterwards begins another.
    ///
    /// - Throws: ``SessionError/Code/unavailable`` where the store is down, whatever the policy.
    public func destroy() async throws(SessionError) { _ = try await end { .session($0) } }

    /// Ends this session and all others of the principal at once.
    ///
    /// - Returns: whether there was a session.
    /// - Throws: ``SessionError/Code/unavailable`` where the store is down, whatever the policy.
    @discardableResult
    public func logOutEverywhere() async throws(SessionError) -> Bool {
        try await end { .everywhere(from: $0) }
    }

    /// Ends all sessions of the principal but this one at once.
    ///
    /// - Returns: whether anybody is logged in.
    /// - Throws: ``SessionError/Code/unavailable`` where the store is down, whatever the policy.
    @discardableResult
    public func logOutOthers() async throws(SessionError) -> Bool {
        try await load()
        try refuseOutage()
        let (base, rotation) = state.withLock { ($0.base, $0.rotation) }
        if case .stored(let session, _) = base, session.principal != nil {
            return try await ask { store throws(StoreError) in
                try await store.end(.others(than: session.digest))
            }
        }
        guard case .signIn(let principal, _) = rotation else { return false }
        _ = try await ask { store throws(StoreError) in
            try await store.end(.principal(SessionDigest(principal: principal)))
        }
        return true
    }

    // MARK: - The principal's sessions

    /// When the session began and was last used; nil where there is none yet.
    public var info: SessionInfo? {
        get async throws(SessionError) {
            try await load()
            guard case .stored(let session, let vault) = state.withLock(\.base) else { return nil }
            return SessionInfo(session, vault, isCurrent: true)
        }
    }

    /// The sessions of the principal, the oldest first; none where nobody is logged in.
    public func sessionsOfPrincipal() async throws(SessionError) -> [SessionInfo] {
        try await load()
        guard case .stored(let current, _) = state.withLock(\.base),
            let principal = current.principal
        else { return [] }
        let sessions = try await ask { store throws(StoreError) in
            try await store.sessions(of: principal)
        }
        return sessions.compactMap { session in
            vault(of: session, asked: session.digest).map {
                SessionInfo(session, $0, isCurrent: session.digest == current.digest)
            }
        }
    }

    /// Ends one of the principal's sessions, by the handle from the list of them.
    ///
    /// - Returns: whether there was such a session.
    public func end(_ handle: String) async throws(SessionError) -> Bool {
        try await load()
        guard let digest = SessionDigest(handle),
            case .stored(let current, _) = state.withLock(\.base),
            let principal = current.principal
        else { return false }
        if digest == current.digest { return try await end { .session($0) } }
        return try await ask { store throws(StoreError) in
            try await store.end(.member(digest, of: principal))
        }
    }
}

/// What is known about a session.
public struct SessionInfo: Sendable, Hashable {
    /// Names the session to ``Session/end(_:)``; useless for anything else.
    public let handle: String
    /// When it began, or its principal logged in.
    public let created: Timestamp
    /// When it was last used, to within a sixteenth of the idle time.
    public let lastSeen: Timestamp
    /// When it ends however much it is used.
    public let expires: Timestamp
    /// What the client said it is when it logged in, at most 256 characters.
    public let userAgent: String?
    /// Where the client logged in from.
    public let address: String?
    /// Whether it is the one that asks.
    public let isCurrent: Bool

    init(_ session: StoredSession, _ vault: SessionVault, isCurrent: Bool) {
        func text(_ name: String) -> String? {
            session.values[name].flatMap { vault.open($0, name: name) }
                .flatMap { JSON($0) }.flatMap { try? $0.decoded() }
        }
        handle = session.digest.description
        created = session.created
        lastSeen = session.lastSeen
        expires = session.expires
        userAgent = text(SessionValueName.userAgent)
        address = text(SessionValueName.address)
        self.isCurrent = isCurrent
    }
}

/// Where a request carries its session.
enum SessionValueKey: ValueKey { typealias Value = Session }

extension Request {
    /// The session of the request.
    ///
    /// - Precondition: the handler is wrapped in ``Sessions``.
    public var session: Session {
        guard let session = values[SessionValueKey.self] else {
            preconditionFailure("Wrap the handler in Sessions before asking for a session")
        }
        return session
    }

    /// Whether the response depends on a session: whether anybody has asked for it so far.
    package var sessionTouched: Bool { values[SessionValueKey.self]?.isTouched ?? false }

    /// The request without its session, for work that goes on behind the response and serves
    /// everybody: a handler that asks for the session there gets ``SessionError/Code/closed``.
    package func detachedFromSession() -> Request {
        guard let session = values[SessionValueKey.self] else { return self }
        var request = self
        let other = Session(self, session.context)
        other.close()
        request.values[SessionValueKey.self] = other
        return request
    }
}
