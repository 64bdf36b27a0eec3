import Strata

/// How a name's generation stands in Redis: its number in 20 digits and, after a soft purge, `@`
/// and the moment of that in nanoseconds. The width is fixed so that a soft purge writes behind
/// the number without reading it.
enum RedisGeneration {
    fileprivate static let digits = 20

    /// The text of a number.
    static func text(of number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// What a soft purge at the moment writes behind the number.
    static func text(of moment: Timestamp) -> String { "@\(moment.nanoseconds)" }

    /// What a purge that is made again puts in the place of what stands there; `number` is that of a
    /// hard one.
    static func bytes(after former: [UInt8], _ purge: PurgeKind, _ number: UInt64?) -> [UInt8] {
        switch purge {
        case .hard: return Array(text(of: number ?? .random(in: 1 ... .max)).utf8)
        case .soft(let moment):
            let padding = [UInt8](repeating: 0, count: max(0, digits - former.count))
            // Within a millisecond of the moment, and unlike any before: it may have been followed
            // by a purge whose clock was behind.
            let moment = moment + .nanoseconds(Int64.random(in: 1..<1_000_000))
            return former.prefix(digits) + padding + text(of: moment).utf8
        }
    }

    /// The generation that stands under a key; nil where nothing does.
    ///
    /// What can't be read was put there by somebody else. It still says that the name was purged,
    /// and must equal no generation that anything was filled under before.
    static func read(_ bytes: [UInt8]?) -> Generation {
        guard let bytes else { return .first }
        // Redis fills up with zero bytes where there was no number, or a shorter one.
        let number = bytes.prefix(digits).filter { $0 != 0 }
        let rest = bytes.dropFirst(digits)
        if let number = number.isEmpty ? 0 : UInt64(String(decoding: number, as: UTF8.self)) {
            if rest.isEmpty { return Generation(number) }
            if rest.first == UInt8(ascii: "@"),
                let moment = Int64(String(decoding: rest.dropFirst(), as: UTF8.self))
            {
                return Generation(number, staleSince: Timestamp(nanoseconds: moment))
            }
        }
        return Generation(bytes.withUnsafeBytes { XXHash64.hash($0) } | 1)
    }
}

extension RedisScript {
    /// Reads generations; gives those that are missing the number that is proposed for them, and
    /// keeps those that are in use for as long again when they have half of that left.
    static let readGenerations = RedisScript(
        """
        local values = redis.call('MGET', unpack(KEYS))
        local kept = tonumber(ARGV[1])
        for index, key in ipairs(KEYS) do
            local proposed = ARGV[index + 1]
            if proposed ~= '' then
                if not values[index] then
                    local value = redis.pcall('GET', key)
                    values[index] = type(value) == 'string' and value or proposed
                    redis.call('SET', key, values[index], 'PX', 2 * kept)
                elseif redis.call('PTTL', key) < kept then
                    redis.call('PEXPIRE', key, 2 * kept)
                end
            end
        end
        return values
        """)

    /// Puts generations in the place of others, where those are still there (nothing, where they are
    /// empty); what was remembered for longer stays so. Says of each whether it was.
    static let replaceGenerations = RedisScript(
        """
        local replaced = {}
        for index, key in ipairs(KEYS) do
            local place = 3 * index
            local value = redis.pcall('GET', key)
            local isThere = (type(value) == 'string' and value or '') == ARGV[place - 2]
            if isThere then
                local left = math.max(redis.call('PTTL', key), tonumber(ARGV[place]))
                -- What is replaced needs no room: a script that has written is not refused by a full
                -- server.
                if value then redis.call('PEXPIRE', key, left) end
                redis.call('SET', key, ARGV[place - 1], 'PX', left)
            end
            replaced[index] = isThere and 1 or 0
        end
        return replaced
        """)

    /// Gives names new numbers where they have generations, for which a full server has room: it
    /// refuses what needs more, but not in a script that has written already. Says of each whether it
    /// had one.
    static let advanceGenerations = RedisScript(
        """
        local advanced = {}
        for index, key in ipairs(KEYS) do
            advanced[index] = redis.call('UNLINK', key)
            if advanced[index] == 1 then
                redis.call('SET', key, ARGV[index + 1], 'PX', ARGV[1])
            end
        end
        return advanced
        """)

    /// Marks a name as purged softly; what was remembered for longer stays so. Where there is nothing
    /// to mark, and no room for it, it is left so, but for the name of a single URI.
    static let purgeSoftly = RedisScript(
        """
        local former = redis.pcall('GET', KEYS[1])
        local value = string.sub(type(former) == 'string' and former or ARGV[3], 1, \(RedisGeneration.digits))
        local left = math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[2]))
        if former then redis.call('PEXPIRE', KEYS[1], left) end
        local done = redis.pcall('SET', KEYS[1], value, 'PX', left)
        if done.err then
            local isFull = string.find(done.err, 'OOM', 1, true)
            return isFull and ARGV[3] ~= '' and 1 or done
        end
        redis.call('SETRANGE', KEYS[1], \(RedisGeneration.digits), ARGV[1])
        return 1
        """)
}
