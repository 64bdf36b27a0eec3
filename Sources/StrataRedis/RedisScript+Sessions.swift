// What is done to sessions in one step; how they stand in Redis is said where `RedisStore` is a
// `SessionStore`.

extension RedisScript {
    /// What the scripts share. `find` follows rotations to the session that lives. What is of another
    /// type or has no number where one belongs counts as nothing, as what is of another version does.
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
                local field = redis.pcall('HMGET', key, 'x', 't', 'p', 'k', 'l', 'i', 'v')
                if field[7] ~= '1' then return nil end
                if not found.rotated then found.wrapped = field[4] or '' end
                if field[2] then
                    found.rotated = true
                    found.closed = found.closed or field[5] == '1'
                    digest = field[2]
                elseif tonumber(field[1]) and tonumber(field[6]) then
                    found.key, found.digest, found.principal = key, digest, field[3]
                    found.absolute, found.own = tonumber(field[1]), field[4]
                    found.idle = tonumber(field[6])
                    if not field[3] then return found end
                    local age = redis.pcall('ZSCORE', principalKey(field[3]), digest)
                    if type(age) == 'string' then return found end
                    redis.pcall('UNLINK', key)
                    return nil
                else
                    return nil
                end
            end
        end
        -- Where a user may not give a key its end it does not stay; then the refusal is raised. (To
        -- ask for the end first is no way: a script that has written is refused nothing by a full
        -- server.)
        local function expire(key, life)
            if type(redis.pcall('PEXPIRE', key, life)) == 'table' then
                redis.call('UNLINK', key)
                redis.call('PEXPIRE', key, life)
            end
        end
        local function begin(key, idle, absolute, time)
            redis.call('HSET', key, 'v', 1, 'c', time, 's', time, 'i', idle, 'x', time + absolute)
            expire(key, math.min(idle, absolute))
        end
        local function add(key, digest, age, life)
            local left = redis.call('PTTL', key)
            redis.call('ZADD', key, age, digest)
            if left < life then expire(key, life) end
        end
        local function join(principal, limit, digest, absolute, time)
            local key = principalKey(principal)
            if redis.call('TYPE', key).ok ~= 'zset' then redis.call('UNLINK', key) end
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
            add(key, digest, age, absolute)
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
                -- A full server takes the first, and then the second as well. One that takes no
                -- writes at all has the session all the same, but for one that may be behind.
                local kept = redis.pcall('PEXPIRE', session.key, later)
                if type(kept) == 'number' then
                    redis.call('HSET', session.key, 's', time)
                elseif string.find(kept.err, 'READONLY', 1, true) then
                    return kept
                end
            end
            local fields = redis.call('HGETALL', session.key)
            return { ARGV[2], session.digest, session.wrapped, fields }
            """)

    static let createSession = RedisScript(
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
            local index, holds, current = 11, true, { ARGV[2] }
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
                    local sum = redis.pcall('HINCRBY', key, field, value)
                    -- What is no number, or has no sum, stays; nothing else may be lost so.
                    if type(sum) == 'table' and not string.find(sum.err, 'not an integer', 1, true)
                        and not string.find(sum.err, 'overflow', 1, true)
                    then
                        return sum
                    end
                end
            end
            if new == '' or (session.rotated and not isLogin) then return 2 end

            local target, time = sessionKey(new), now()
            redis.call('RENAME', key, target)
            redis.call('HSET', key, 'v', 1, 't', new, 'l', isLogin and '1' or '0')
            expire(key, ARGV[4])
            if session.own then redis.call('HSET', key, 'k', session.own) end
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
                if not isLogin then add(members, new, age, absolute) end
            end
            if isLogin then
                redis.call('HSET', target, 'p', ARGV[6])
                join(ARGV[6], tonumber(ARGV[7]), new, absolute, time)
            end
            return 3
            """)

    /// Ends sessions; answers what `RedisStore.repetition` makes of it.
    static let endSession = RedisScript(
        prelude + """
            local session, kind = find(ARGV[2]), ARGV[3]
            if not session then return 0 end
            local members = session.principal and principalKey(session.principal)
            if kind == 'member' and session.principal ~= ARGV[4] then return 0 end
            if not members then
                if kind == 'others' then return 0 end
                redis.call('UNLINK', session.key)
                return { session.key }
            end
            local age = redis.call('ZSCORE', members, session.digest)
            local last = redis.call('ZRANGE', members, -1, -1, 'WITHSCORES')[2]
            if kind == 'others' then
                redis.call('UNLINK', members)
                redis.call('ZADD', members, age, session.digest)
                expire(members, math.max(1, session.absolute - now()))
                return { members, '-inf', '(' .. age, '(' .. age, last }
            end
            redis.call('UNLINK', session.key)
            if kind == 'everywhere' then
                redis.call('UNLINK', members)
                return { members, '-inf', last }
            end
            redis.call('ZREM', members, session.digest)
            return { members, age, age }
            """)

    /// Ends all sessions of a principal; answers as `endSession` does.
    static let endPrincipal = RedisScript(
        """
        local last = redis.pcall('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
        if not last then return 0 end
        redis.call('UNLINK', KEYS[1])
        return { KEYS[1], '-inf', last }
        """)

    static let listSessions = RedisScript(
        prelude + """
            local list = { KEYS[1] }
            for _, member in ipairs(redis.pcall('ZRANGE', KEYS[1], 0, -1)) do
                local fields = redis.pcall('HGETALL', sessionKey(member))
                if #fields == 0 then
                    redis.pcall('ZREM', KEYS[1], member)
                elseif redis.call('HGET', sessionKey(member), 'v') == '1' then
                    list[#list + 1] = member
                    list[#list + 1] = fields
                end
            end
            return list
            """)
}
