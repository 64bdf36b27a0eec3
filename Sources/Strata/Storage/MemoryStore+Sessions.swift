extension MemoryStore: SessionStore {
    /// The session, its idle end put off where it is time to.
    public func load(_ session: SessionDigest) async throws(StoreError) -> SessionLookup {
        try await sessions.load(session)
    }

    /// Begins a session.
    public func create(
        _ session: NewSession, as digest: SessionDigest
    ) async throws(StoreError) {
        try await sessions.create(session, as: digest)
    }

    /// Makes the changes to a session that is there.
    public func apply(
        _ update: SessionUpdate, to session: SessionDigest
    ) async throws(StoreError) -> SessionOutcome {
        try await sessions.apply(update, to: session)
    }

    /// Ends sessions.
    public func end(_ target: SessionTarget) async throws(StoreError) -> Bool {
        try await sessions.end(target)
    }

    /// The principal's sessions, the oldest first.
    public func sessions(
        of principal: SessionDigest
    ) async throws(StoreError) -> [StoredSession] {
        try await sessions.sessions(of: principal)
    }
}
