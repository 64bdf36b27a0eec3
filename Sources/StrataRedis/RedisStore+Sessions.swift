public import Strata

/// Sessions in Redis; each call is one script, which Redis runs as one step. Works from Redis 6.0
/// on, as it needs no expiry of single fields.
///
/// Under `s:` and a digest stands a hash with the version of its form (`v`), `1`; one of another
/// version counts as no session, and is left alone. So does whatever else is there and no session
/// can be read from: who brings its cookie is nobody, and may log in. Of a session it holds the
/// moments it was created (`c`) and last seen (`s`) and ends at the latest (`x`), its idle time
/// (`i`), all in milliseconds, its principal (`p`), its wrapped key (`k`), and each value under `:`
/// and its name; its idle end is the key's time to live. Of a session that was rotated it holds the
/// new digest (`t`), whether by a log-in (`l`), and the key as it was wrapped for the old one
/// (`k`).
///
/// Under `p:` and a principal's digest stands a sorted set of its sessions' digests by their age. A
/// session is one only while it is named there, so that deleting this one key logs out everywhere.
/// It lives as long as the longest-lived of the sessions; if Redis evicts it, people are logged
/// out, and never the reverse.
///
/// Whatever an answer tells of a session begins with what was asked for: were answers ever mixed up on
/// their way, by a proxy or whatever else, nobody would be taken for somebody else.
///
/// In a cluster a session, what it was rotated to and its principal must be on the same node, and a
/// script can't know beforehand where they lead: so all sessions of one prefix are on one node. The
/// prefix is made their hash tag, unless it has one (`{shop}:`), which then goes for all keys of the
/// store.
extension RedisStore: SessionStore {
    /// The session; its idle end is put off if a sixteenth of the idle time has passed since that
    /// was last done.
    public func load(_ session: SessionDigest) async throws(StoreError) -> SessionLookup {
        let reply = try await run(.loadSession, session, [])
        switch reply {
        case .integer(0): return .missing
        case .integer(1): return .superseded
        case .array(let parts) where parts.count == 4:
            guard parts[0].text == session.description, let text = parts[1].text,
                let digest = text == session.description ? session : SessionDigest(text),
                let wrappedKey = parts[2].bytes, case .array(let fields) = parts[3]
            else { throw Self.unexpected }
            guard var stored = Self.session(digest, fields) else { return .missing }
            stored.wrappedKey = wrappedKey.isEmpty ? nil : wrappedKey
            return .found(stored)
        default: throw Self.unexpected
        }
    }

    /// Begins a session under a digest that was never used.
    public func create(
        _ session: NewSession, as digest: SessionDigest
    ) async throws(StoreError) {
        var arguments = Self.arguments(session.lifetime) + Self.arguments(session.signIn)
        arguments.append(.bytes(session.wrappedKey ?? []))
        for (name, value) in session.values { arguments += [.text(name), .bytes(value)] }
        try await run(.createSession, digest, arguments)
    }

    /// Makes all the changes, or, unless the outcome is `applied`, none.
    public func apply(
        _ update: SessionUpdate, to session: SessionDigest
    ) async throws(StoreError) -> SessionOutcome {
        let rotation = update.rotation
        var arguments: [RedisArgument] = [
            .text(rotation?.digest.description ?? ""),
            .integer(Self.milliseconds(rotation?.grace ?? .zero)),
            .bytes(rotation?.wrappedKey ?? []),
        ]
        arguments += Self.arguments(rotation?.signIn) + Self.arguments(rotation?.lifetime)
        arguments.append(.integer(update.conditions.count))
        for (name, value) in update.conditions {
            arguments += [.text(name), value == nil ? "absent" : "is", .bytes(value ?? [])]
        }
        for (name, change) in update.changes {
            arguments.append(.text(name))
            switch change {
            case .set(let value): arguments += ["set", .bytes(value)]
            case .remove: arguments += ["remove", ""]
            case .add(let amount): arguments += ["add", .integer(amount)]
            }
        }
        switch try await run(.applyToSession, session, arguments) {
        case .integer(0): return .missing
        case .integer(1): return .superseded
        case .integer(2): return .applied(rotated: false)
        case .integer(3): return .applied(rotated: true)
        case .array(let flat) where flat.first?.text == session.description:
            return .conflict(Self.values(flat.dropFirst()))
        default: throw Self.unexpected
        }
    }

    /// Ends sessions, and remembers that for an hour, should Redis lose it.
    public func end(_ target: SessionTarget) async throws(StoreError) -> Bool {
        let doubts = losses.sessionEnds.update { $0.doubts }
        let reply =
            switch target {
            case .session(let session): try await run(.endSession, session, ["session"])
            case .member(let session, let principal):
                try await run(
                    .endSession, session, ["member", .text(principal.description)])
            case .everywhere(let session): try await run(.endSession, session, ["everywhere"])
            case .others(let session): try await run(.endSession, session, ["others"])
            case .principal(let principal):
                try await client.run(
                    .endPrincipal, keys: [principalKey(principal)], within: timeLimit)
            }
        if reply.integer == 0 { return false }
        guard let repetition = Self.repetition(of: reply) else { throw Self.unexpected }
        remember(repetition, since: doubts)
        return true
    }

    /// The principal's sessions, the oldest first.
    public func sessions(
        of principal: SessionDigest
    ) async throws(StoreError) -> [StoredSession] {
        let key = principalKey(principal)
        let reply = try await client.run(
            .listSessions, keys: [key], arguments: [.text(sessionPrefix)], within: timeLimit)
        guard let parts = reply.array, parts.first?.text == key else { throw Self.unexpected }
        var sessions: [StoredSession] = []
        for index in stride(from: 1, to: parts.count - 1, by: 2) {
            guard let text = parts[index].text, case .array(let fields) = parts[index + 1]
            else { throw Self.unexpected }
            guard let digest = SessionDigest(text), let session = Self.session(digest, fields)
            else { continue }
            sessions.append(session)
        }
        return sessions
    }

    // MARK: - To Redis and back

    var sessionPrefix: String {
        let isSplit =
            client.configuration.topology == .cluster && KeySlot.hashTag(of: prefix) == nil
        // Empty braces are no hash tag.
        return isSplit ? "{\(prefix.isEmpty ? "s" : prefix)}" : prefix
    }

    private func principalKey(_ principal: SessionDigest) -> String {
        "\(sessionPrefix)p:\(principal)"
    }

    @discardableResult
    private func run(
        _ script: RedisScript, _ session: SessionDigest, _ arguments: [RedisArgument]
    ) async throws(StoreError) -> RedisValue {
        tellOfEvictionRisk()
        let prefix = sessionPrefix
        return try await client.run(
            script, keys: [prefix + "s:" + session.description],
            arguments: [.text(prefix), .text(session.description)] + arguments,
            within: timeLimit)
    }

    private static func arguments(_ lifetime: SessionLifetime?) -> [RedisArgument] {
        guard let lifetime else { return ["", ""] }
        return [
            .integer(max(1, milliseconds(lifetime.idle))),
            .integer(max(1, milliseconds(lifetime.absolute))),
        ]
    }

    private static func arguments(_ signIn: SessionSignIn?) -> [RedisArgument] {
        guard let signIn else { return ["", "0"] }
        return [.text(signIn.principal.description), .integer(max(1, signIn.limit))]
    }

    /// At most a hundred years, which numbers in Lua hold exactly.
    private static func milliseconds(_ duration: Duration) -> Int64 {
        min(duration, .seconds(100 * 365 * 86_400)).saturatedNanoseconds / 1_000_000
    }

    /// A session from the fields and values of its hash; nil where one that it must have is none.
    private static func session(_ digest: SessionDigest, _ flat: [RedisValue]) -> StoredSession? {
        var created, lastSeen, expires: Timestamp?
        var principal: SessionDigest?
        var wrappedKey: [UInt8]?
        var values = [String: [UInt8]](minimumCapacity: flat.count / 2)
        for index in stride(from: 0, to: flat.count - 1, by: 2) {
            guard let name = flat[index].bytes, let value = flat[index + 1].bytes else {
                return nil
            }
            switch name.first {
            case UInt8(ascii: ":"):
                values[String(decoding: name.dropFirst(), as: UTF8.self)] = value
            case UInt8(ascii: "c"): created = moment(flat[index + 1])
            case UInt8(ascii: "s"): lastSeen = moment(flat[index + 1])
            case UInt8(ascii: "x"): expires = moment(flat[index + 1])
            case UInt8(ascii: "p"):
                principal = SessionDigest(String(decoding: value, as: UTF8.self))
            case UInt8(ascii: "k"): wrappedKey = value
            default: break
            }
        }
        guard let created, let lastSeen, let expires else { return nil }
        return StoredSession(
            digest: digest, created: created, lastSeen: lastSeen, expires: expires,
            principal: principal, wrappedKey: wrappedKey, values: values)
    }

    /// The moment that a number of milliseconds stands for.
    private static func moment(_ reply: RedisValue) -> Timestamp? {
        reply.integer.map { Timestamp(nanoseconds: 0) + .milliseconds($0) }
    }

    /// The values of names that stand in turn with them.
    private static func values(_ flat: ArraySlice<RedisValue>) -> [String: [UInt8]] {
        var values: [String: [UInt8]] = [:]
        var rest = flat
        while let name = rest.popFirst()?.text, let value = rest.popFirst()?.bytes {
            values[name] = value
        }
        return values
    }

    private static let unexpected = StoreError(
        .protocolViolation, "Redis' answer to a session's script can't be understood.")
}
