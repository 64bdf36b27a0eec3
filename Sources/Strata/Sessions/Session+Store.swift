import Synchronization

// How a session gets from its store and back.

extension Session {
    /// How often a number in an encrypted session is tried to be added to, when others add to it
    /// at the same time: each time one of them gets on.
    private static let maximumTries = 128

    // MARK: - Reading

    /// Notes that the response depends on the session, while it still can.
    func touch() throws(SessionError) {
        try state.withLock { state throws(SessionError) in
            guard !state.isClosed else { throw Self.closed }
            state.isTouched = true
        }
    }

    /// Finds out what the session is, once.
    ///
    /// Two tasks that ask for the first time at the same moment may both read it; the first answer
    /// stays.
    func load() async throws(SessionError) {
        let isUnread = try state.withLock { state throws(SessionError) in
            guard case .unread = state.base else { return false }
            guard !state.isClosed else { throw Self.closed }
            state.isTouched = true
            return true
        }
        guard isUnread else { return }
        let digest = try presentedID()?.digest
        let base: SessionState.Base = if let digest { try await read(digest) } else { .none }
        state.withLock { state in
            guard case .unread = state.base else { return }
            state.base = base
            if case .stored(let session, _) = base { state.isRotated = session.digest != digest }
        }
    }

    private func read(_ digest: SessionDigest) async throws(SessionError) -> SessionState.Base {
        let lookup: SessionLookup
        do {
            lookup = try await context.store.load(digest)
        } catch {
            try decide(on: error)
            return .unavailable
        }
        switch lookup {
        case .found(let session):
            guard let vault = vault(of: session, asked: digest) else {
                context.events(SessionEvent.unreadable(digest))
                return .none
            }
            return .stored(session, vault)
        case .superseded:
            context.events(SessionEvent.superseded(digest))
            return .superseded(digest)
        case .missing:
            context.events(SessionEvent.expired(digest))
            return .none
        }
    }

    /// The id that the client holds, if it is one of ours.
    func presentedID() throws(SessionError) -> SessionID? {
        let cookie = context.configuration.cookie
        guard cookie.allows(peer: request.peer, authority: request.authority) else {
            throw SessionError(
                .insecure,
                "Cookies without Secure are only for loopback; this request came from or for "
                    + "another host. Choose another scope for the session's cookie.")
        }
        let values = Cookie.values(of: context.keyring.cookieName, in: request.headers)
        switch SessionCookieVerdict(values: values, keyring: context.keyring) {
        case .absent: return nil
        case .accepted(let id): return id
        case .refused(let reason):
            context.events(SessionEvent.cookieRefused(reason))
            return nil
        }
    }

    /// What opens the values of a session; nil where none of the keys does.
    func vault(of session: StoredSession, asked digest: SessionDigest) -> SessionVault? {
        guard let wrapped = session.wrappedKey else {
            return context.configuration.sealsValues ? nil : .plain
        }
        return context.keyring.unwrap(wrapped, for: digest).map { .sealed($0) }
    }

    /// The value of that name, decoded.
    func read<Value: Decodable>(_ name: String) async throws(SessionError) -> Value? {
        try await load()
        guard let bytes = state.withLock({ $0.value(of: name) }) else { return nil }
        do {
            guard let json = JSON(bytes) else {
                throw SessionError(.unreadable, "What is kept under “\(name)” is damaged.")
            }
            if case .null = json { return nil }
            return try json.decoded(as: Value.self)
        } catch {
            throw SessionError(
                .unreadable, "What is kept under “\(name)” is no \(Value.self).",
                underlying: error)
        }
    }

    // MARK: - Changing

    /// Changes what this request knows, before the response goes out.
    func change<Result: Sendable>(
        _ body: (inout sending SessionState) throws(SessionError) -> Result
    ) async throws(SessionError) -> Result {
        try await load()
        return try state.withLock { state throws(SessionError) in
            guard !state.isClosed else { throw Self.closed }
            return try body(&state)
        }
    }

    /// Sets the value of that name, encoded.
    func write<Value: Encodable>(_ value: Value, _ name: String) async throws(SessionError) {
        let bytes = try encode(value)
        try await change { state throws(SessionError) in
            try check(state, name, bytes.count)
            state.set(bytes, for: name)
        }
    }

    func encode<Value: Encodable>(_ value: Value) throws(SessionError) -> [UInt8] {
        do {
            return try JSON(encoding: value).bytes
        } catch {
            throw SessionError(.invalid, "The value can't be encoded.", underlying: error)
        }
    }

    /// Refuses a value of so many bytes where the session would exceed its limits.
    func check(_ state: SessionState, _ name: String, _ count: Int) throws(SessionError) {
        let limits = context.configuration
        // The name carries a mark in front of the key.
        guard name.utf8.count <= 128 + 1 else {
            throw SessionError(.tooLarge, "A key has at most 128 bytes.")
        }
        let size = state.size(with: name, of: count)
        guard size.values <= limits.maximumValues, size.bytes <= limits.maximumBytes else {
            throw SessionError(
                .tooLarge,
                "A session holds at most \(limits.maximumValues) values and "
                    + "\(limits.maximumBytes) bytes; keep less in it, or raise the limit.")
        }
    }

    // MARK: - Ending

    /// Ends sessions at once, starting from the one that the client holds; it need not be read
    /// for that.
    func end(
        _ target: (SessionDigest) -> SessionTarget
    ) async throws(SessionError) -> Bool {
        try touch()
        let base = state.withLock(\.base)
        try refuseOutage()
        let digest: SessionDigest? =
            switch base {
            case .unread: try presentedID()?.digest
            case .stored(let session, _): session.digest
            case .superseded(let digest): digest
            case .none, .unavailable: nil
            }
        var hasEnded = false
        if let digest {
            let target = target(digest)
            hasEnded = try await ask { store throws(StoreError) in try await store.end(target) }
            if hasEnded { context.events(SessionEvent.destroyed(digest)) }
        }
        state.withLock { state in
            state.end()
            state.endsCookie = request.headers.contains(.cookie)
        }
        return hasEnded
    }

    // MARK: - The store's failures

    /// Asks the store for what can't be done without it.
    func ask<Answer>(
        _ question: (any SessionStore) async throws(StoreError) -> Answer
    ) async throws(SessionError) -> Answer {
        do {
            return try await question(context.store)
        } catch {
            context.events(SessionEvent.storeFailed(error))
            throw unavailable(error)
        }
    }

    /// Throws where a request is refused when the store fails.
    private func decide(on error: StoreError) throws(SessionError) {
        context.events(SessionEvent.storeFailed(error))
        if case .refuse = context.configuration.outage(request) { throw unavailable(error) }
    }

    /// Throws where the request goes on without the store, for what can't be done so.
    func refuseOutage() throws(SessionError) {
        if case .unavailable = state.withLock(\.base) { throw unavailable(nil) }
    }

    private func unavailable(_ error: StoreError?) -> SessionError {
        var delay: Duration?
        if case .refuse(let retryAfter) = context.configuration.outage(request) {
            delay = retryAfter
        }
        return SessionError(
            .unavailable, "The session's store failed; see the error behind this one.",
            underlying: error, retryAfter: delay)
    }

    private static let closed = SessionError(
        .closed, "The response was already given; ask for the session before it is.")

    // MARK: - Keeping

    /// Lets nothing change any more, and nobody ask who had not asked before: the response has
    /// been given, and whether it depends on the session is settled.
    ///
    /// - Returns: whether it does.
    @discardableResult
    func close() -> Bool {
        state.withLock { state in
            state.isClosed = true
            return state.isTouched
        }
    }

    /// Keeps what was changed, as the response goes out.
    ///
    /// - Returns: what is to be done about the cookie.
    func finish() async throws(SessionError) -> SessionCookie.Action {
        let state = state.withLock { $0 }
        switch state.save {
        case .nothing: return state.endsCookie ? .clear : .keep
        case .discard:
            if case .superseded(let digest) = state.base {
                context.events(SessionEvent.changesLost(digest))
            }
            return .keep
        case .create, .update: break
        }
        do {
            return state.save == .create ? try await create(state) : try await update(state)
        } catch {
            if case .signIn = state.rotation {
                context.events(SessionEvent.storeFailed(error))
                throw unavailable(error)
            }
            try decide(on: error)
            return .keep
        }
    }

    /// Begins a session of all that this request knows.
    private func create(
        _ state: SessionState
    ) async throws(StoreError) -> SessionCookie.Action {
        let id = SessionID(bytes: context.randomBytes(SessionID.byteCount))
        let digest = id.digest
        var new = NewSession(lifetime: context.configuration.lifetime)
        var vault = SessionVault.plain
        if context.configuration.sealsValues {
            let key = context.randomBytes(Crypto.keyLength)
            vault = .sealed(key)
            new.wrappedKey = context.keyring.wrap(key, for: digest, nonce: context.nonce())
        }
        for (name, bytes) in state.values {
            new.values[name] = vault.close(bytes, name: name, nonce: context.nonce())
        }
        var keptFor: Duration?
        if case .signIn(let principal, let isRemembered) = state.rotation {
            new.signIn = signIn(principal)
            if isRemembered {
                new.lifetime = context.configuration.rememberedLifetime
                keptFor = new.lifetime.absolute
            }
        }
        try await context.store.create(new, as: digest)
        context.events(SessionEvent.created(digest))
        return .set(id, keptFor: keptFor)
    }

    private func signIn(_ principal: String) -> SessionSignIn {
        SessionSignIn(
            principal: SessionDigest(principal: principal),
            limit: context.configuration.maximumSessionsPerPrincipal)
    }

    /// Brings the changes to the session.
    private func update(
        _ state: SessionState
    ) async throws(StoreError) -> SessionCookie.Action {
        var state = state
        guard case .stored(var session, let vault) = state.base else { return .keep }
        var id: SessionID?
        var rotation: SessionUpdate.Rotation?
        var keptFor: Duration?
        if let kind = state.rotation {
            let new = SessionID(bytes: context.randomBytes(SessionID.byteCount))
            id = new
            (rotation, keptFor) = self.rotation(
                kind, of: state, session, vault, to: new.digest)
        }
        for _ in 0..<Self.maximumTries {
            let update = SessionUpdate(state, session, vault, rotation, nonce: context.nonce)
            switch try await context.store.apply(update, to: session.digest) {
            case .applied(let isRotated):
                guard isRotated, let id else { return .keep }
                context.events(SessionEvent.rotated(from: session.digest, to: id.digest))
                return .set(id, keptFor: keptFor)
            case .conflict(let values):
                for name in update.conditions.keys { session.values[name] = values[name] }
                state.base = .stored(session, vault)
            case .superseded:
                // Somebody logged in on this session a moment ago. Both log-ins count; this one
                // gets a session of its own, as the other's id is not ours to know.
                return try await create(state)
            case .missing:
                context.events(SessionEvent.changesLost(session.digest))
                guard case .signIn = state.rotation else { return .keep }
                // What the ended session held is not brought back with it.
                state.base = .none
                return try await create(state)
            }
        }
        throw StoreError(.unavailable, "Too many requests add to the same number at once.")
    }

    private func rotation(
        _ kind: SessionState.Rotation, of state: SessionState, _ session: StoredSession,
        _ vault: SessionVault, to digest: SessionDigest
    ) -> (SessionUpdate.Rotation, keptFor: Duration?) {
        let configuration = context.configuration
        var rotation = SessionUpdate.Rotation(to: digest, grace: configuration.grace)
        if case .sealed(let key) = vault {
            rotation.wrappedKey = context.keyring.wrap(key, for: digest, nonce: context.nonce())
        }
        switch kind {
        case .plain:
            let isRemembered = state.value(of: SessionValueName.isRemembered) != nil
            return (rotation, isRemembered ? session.expires - context.time.now : nil)
        case .signIn(let principal, let isRemembered):
            let lifetime =
                isRemembered ? configuration.rememberedLifetime : configuration.lifetime
            rotation.signIn = signIn(principal)
            rotation.lifetime = lifetime
            return (rotation, isRemembered ? lifetime.absolute : nil)
        }
    }
}

extension SessionUpdate {
    /// The changes as a store makes them. A store can't add to a number that is encrypted, so that
    /// becomes a new value on the condition that the old one is still there.
    fileprivate init(
        _ state: SessionState, _ session: StoredSession, _ vault: SessionVault,
        _ rotation: Rotation?, nonce: () -> [UInt8]
    ) {
        self.init(rotation: rotation)
        for (name, change) in state.changes {
            switch (change, vault) {
            case (.set(let bytes), _):
                changes[name] = .set(vault.close(bytes, name: name, nonce: nonce()))
            case (.add, .sealed):
                conditions[name] = .some(session.values[name])
                changes[name] = .set(
                    vault.close(state.value(of: name) ?? [], name: name, nonce: nonce()))
            case (.remove, _), (.add, .plain): changes[name] = change
            }
        }
    }
}
