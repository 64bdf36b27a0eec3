public import Strata

/// Sessions in Redis; each call is one script, which Redis runs as one step. Works from Redis 6.0
/// on, as it needs no expiry of single fields.
///
/// Under `s:` and a digest stands a hash with the version of its form (`v`), `1`; one of another
/// version counts as no session, and is left alone. Of a session it holds the moments it was created (`c`)
/// and last seen (`s`) and ends at the latest (`x`), its idle time (`i`), all in milliseconds, its
/// principal (`p`), its wrapped key (`k`), and each value under `:` and its name; its idle end is
/// the key's time to live. Of a session that was rotated it holds the new digest (`t`), whether by
/// a log-in (`l`), and the key as it was wrapped for the old one (`k`).
///
/// Under `p:` and a principal's digest stands a sorted set of its sessions' digests by their age. A
/// session is one only while it is named there, so that deleting this one key logs out everywhere.
/// It lives as long as the longest-lived of the sessions; if Redis evicts it, people are logged
/// out, and never the reverse.
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
        case .array(let parts) where parts.count == 3:
            guard let text = parts[0].text,
                let digest = text == session.description ? session : SessionDigest(text),
                let wrappedKey = parts[1].bytes, var stored = Self.session(digest, parts[2])
            else { throw Self.unexpected }
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
        case .array(let flat): return .conflict(Self.values(flat[...]))
        default: throw Self.unexpected
        }
    }

    /// Ends sessions.
    public func end(_ target: SessionTarget) async throws(StoreError) -> Bool {
        let reply =
            switch target {
            case .session(let session): try await run(.endSession, session, ["session"])
            case .member(let session, let principal):
                try await run(
                    .endSession, session, ["member", .text(principal.description)])
            case .everywhere(let session): try await run(.endSession, session, ["everywhere"])
            case .others(let session): try await run(.endSession, session, ["others"])
            case .principal(let principal):
                try await client.send(
                    RedisCommand("UNLINK", .text(principalKey(principal))), within: timeLimit)
            }
        guard let count = reply.integer else { throw Self.unexpected }
        return count > 0
    }

    /// The principal's sessions, the oldest first.
    public func sessions(
        of principal: SessionDigest
    ) async throws(StoreError) -> [StoredSession] {
        let reply = try await client.run(
            .listSessions, keys: [principalKey(principal)], arguments: [.text(sessionPrefix)],
            within: timeLimit)
        guard let parts = reply.array else { throw Self.unexpected }
        var sessions: [StoredSession] = []
        for index in stride(from: 0, to: parts.count - 1, by: 2) {
            guard let text = parts[index].text, let digest = SessionDigest(text),
                let session = Self.session(digest, parts[index + 1])
            else { throw Self.unexpected }
            sessions.append(session)
        }
        return sessions
    }

    // MARK: - To Redis and back

    private var sessionPrefix: String {
        let isSplit =
            client.configuration.topology == .cluster && KeySlot.hashTag(of: prefix) == nil
        return isSplit ? "{\(prefix)}" : prefix
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

    /// A session from the fields and values of its hash.
    private static func session(_ digest: SessionDigest, _ reply: RedisValue) -> StoredSession? {
        guard let flat = reply.array else { return nil }
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

extension RedisScript {
    /// What the scripts share. `find` follows rotations to the session that lives.
    private static let prelude = """
        local prefix = ARGV[1]
        local function sessionKey(digest) return prefix .. 's:' .. digest end
        local function principalKey(digest) return prefix .. 'p:' .. digest end
        local function now()
            local time = redis.call('TIME')
            return time[1] * 1000 + math.floor(time[2] / 1000)
        end
        local function find(digest)
            local found = {}
            for hop = 0, 8 do
                local key = sessionKey(digest)
                local field = redis.call('HMGET', key, 'x', 't', 'p', 'k', 'l', 'i', 'v')
                if field[7] ~= '1' then return nil end
                if not found.rotated then found.wrapped = field[4] or '' end
                if field[2] then
                    found.rotated = true
                    found.closed = found.closed or field[5] == '1'
                    digest = field[2]
                elseif field[1] then
                    found.key, found.digest, found.principal = key, digest, field[3]
                    found.absolute, found.own = tonumber(field[1]), field[4]
                    found.idle = tonumber(field[6])
                    if not field[3] or redis.call('ZSCORE', principalKey(field[3]), digest) then
                        return found
                    end
                    redis.call('UNLINK', key)
                    return nil
                else
                    return nil
                end
            end
        end
        local function begin(key, idle, absolute, time)
            redis.call('HSET', key, 'v', 1, 'c', time, 's', time, 'i', idle, 'x', time + absolute)
            redis.call('PEXPIRE', key, math.min(idle, absolute))
        end
        local function keepPrincipal(key, life)
            if redis.call('PTTL', key) < life then redis.call('PEXPIRE', key, life) end
        end
        local function join(principal, limit, digest, absolute, time)
            local key = principalKey(principal)
            for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
                if redis.call('EXISTS', sessionKey(member)) == 0 then
                    redis.call('ZREM', key, member)
                end
            end
            local excess = redis.call('ZCARD', key) + 1 - limit
            if excess > 0 then
                for _, member in ipairs(redis.call('ZRANGE', key, 0, excess - 1)) do
                    redis.call('UNLINK', sessionKey(member))
                    redis.call('ZREM', key, member)
                end
            end
            local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
            local age = time
            if last[2] and tonumber(last[2]) >= age then age = tonumber(last[2]) + 1 end
            redis.call('ZADD', key, age, digest)
            keepPrincipal(key, absolute)
        end

        """

    package static let loadSession = RedisScript(
        prelude + """
            local session = find(ARGV[2])
            if not session then return 0 end
            if session.closed then return 1 end
            local idle, time = session.idle, now()
            local later = math.min(idle, session.absolute - time)
            local left = redis.call('PTTL', session.key)
            if later <= 0 then return 0 end
            if later > left and later - left >= idle / 16 then
                redis.call('HSET', session.key, 's', time)
                redis.call('PEXPIRE', session.key, later)
            end
            return { session.digest, session.wrapped, redis.call('HGETALL', session.key) }
            """)

    fileprivate static let createSession = RedisScript(
        prelude + """
            local key, time = sessionKey(ARGV[2]), now()
            local absolute = tonumber(ARGV[4])
            begin(key, tonumber(ARGV[3]), absolute, time)
            if ARGV[5] ~= '' then
                redis.call('HSET', key, 'p', ARGV[5])
                join(ARGV[5], tonumber(ARGV[6]), ARGV[2], absolute, time)
            end
            if ARGV[7] ~= '' then redis.call('HSET', key, 'k', ARGV[7]) end
            for index = 8, #ARGV, 2 do
                redis.call('HSET', key, ':' .. ARGV[index], ARGV[index + 1])
            end
            return 1
            """)

    package static let applyToSession = RedisScript(
        prelude + """
            local session = find(ARGV[2])
            if not session then return 0 end
            local key, new, isLogin = session.key, ARGV[3], ARGV[6] ~= ''
            if session.closed and isLogin then return 1 end
            local index, holds, current = 11, true, {}
            for _ = 1, tonumber(ARGV[10]) do
                local value = redis.call('HGET', key, ':' .. ARGV[index])
                if ARGV[index + 1] == 'absent' then
                    if value then holds = false end
                elseif value ~= ARGV[index + 2] then
                    holds = false
                end
                if value then
                    current[#current + 1] = ARGV[index]
                    current[#current + 1] = value
                end
                index = index + 3
            end
            if not holds then return current end
            for place = index, #ARGV, 3 do
                local field, kind, value = ':' .. ARGV[place], ARGV[place + 1], ARGV[place + 2]
                if kind == 'set' then
                    redis.call('HSET', key, field, value)
                elseif kind == 'remove' then
                    redis.call('HDEL', key, field)
                else
                    redis.pcall('HINCRBY', key, field, value)
                end
            end
            if new == '' or (session.rotated and not isLogin) then return 2 end

            local target, time = sessionKey(new), now()
            redis.call('RENAME', key, target)
            redis.call('HSET', key, 'v', 1, 't', new, 'l', isLogin and '1' or '0')
            if session.own then redis.call('HSET', key, 'k', session.own) end
            redis.call('PEXPIRE', key, ARGV[4])
            if ARGV[5] == '' then
                redis.call('HDEL', target, 'k')
            else
                redis.call('HSET', target, 'k', ARGV[5])
            end
            local absolute = session.absolute - time
            if ARGV[9] ~= '' then
                absolute = tonumber(ARGV[9])
                begin(target, tonumber(ARGV[8]), absolute, time)
            end
            if session.principal then
                local members = principalKey(session.principal)
                local age = redis.call('ZSCORE', members, session.digest)
                redis.call('ZREM', members, session.digest)
                if not isLogin then
                    redis.call('ZADD', members, age, new)
                    keepPrincipal(members, absolute)
                end
            end
            if isLogin then
                redis.call('HSET', target, 'p', ARGV[6])
                join(ARGV[6], tonumber(ARGV[7]), new, absolute, time)
            end
            return 3
            """)

    fileprivate static let endSession = RedisScript(
        prelude + """
            local session, kind = find(ARGV[2]), ARGV[3]
            if not session then return 0 end
            local members = session.principal and principalKey(session.principal)
            if kind == 'member' and session.principal ~= ARGV[4] then return 0 end
            if kind == 'others' then
                if not members then return 0 end
                local age = redis.call('ZSCORE', members, session.digest)
                redis.call('UNLINK', members)
                redis.call('ZADD', members, age, session.digest)
                redis.call('PEXPIRE', members, math.max(1, session.absolute - now()))
                return 1
            end
            redis.call('UNLINK', session.key)
            if members and kind == 'everywhere' then redis.call('UNLINK', members) end
            if members then redis.call('ZREM', members, session.digest) end
            return 1
            """)

    fileprivate static let listSessions = RedisScript(
        prelude + """
            local list = {}
            for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
                local fields = redis.call('HGETALL', sessionKey(member))
                if #fields == 0 then
                    redis.call('ZREM', KEYS[1], member)
                elseif redis.call('HGET', sessionKey(member), 'v') == '1' then
                    list[#list + 1] = member
                    list[#list + 1] = fields
                end
            end
            return list
            """)
}
