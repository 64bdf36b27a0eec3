package import Strata

/// A script reads the entry and follows where it leads, so that whoever has nothing in memory has
/// all of a hit after one round trip. In a cluster what it leads to may be on other nodes; then, and
/// wherever the script can't follow, the rest is asked for after.
extension RedisStore: FollowingStore {
    /// What stands under the key and what that leads to.
    package func trail<Value: StoreValue>(
        from key: String, as type: Value.Type, with names: [String],
        selecting fields: [SelectingField]
    ) async throws(StoreError) -> StoredTrail<Value> {
        let replies = try await follow(from: key, with: names, selecting: fields)
        guard replies.count > (names.isEmpty ? 0 : 1) else { throw Self.unexpected("a script") }
        if case .error(let error) = replies[0] { throw StoreError(error) }
        guard let found = replies[0].array, found.count == 7 else {
            throw Self.unexpected("the script that reads an entry")
        }
        let generations = names.isEmpty ? [] : try self.generations(in: replies[1], of: names)
        var trail = StoredTrail(
            copy: StoredCopy<Value>(
                value: try await value(found[0], under: key),
                timeToLive: try Self.timeToLive(found[1]), generations: generations))
        if let selected = found[2].text {
            trail.selected = (
                selected,
                StoredCopy(
                    value: try await value(found[3], under: selected),
                    timeToLive: try Self.timeToLive(found[4]), generations: [])
            )
        }
        let others = (found[5].array ?? []).compactMap(\.text)
        // In a cluster they are elsewhere, and an error stands in the place of the values.
        if let values = found[6].array, values.count == others.count {
            trail.others = Array(zip(others, try self.generations(in: found[6], of: others)))
        }
        return trail
    }

    /// The value of which Redis answered the beginning; nil where there is none that can be read.
    func value<Value: StoreValue>(
        _ reply: RedisValue, under key: String
    ) async throws(StoreError) -> Value? {
        switch reply {
        case .error(let error) where error.kind == "WRONGTYPE":
            tellOfWrongType(key)
            return nil
        case .error(let error): throw StoreError(error)
        case .bytes(let bytes):
            let whole = try await entry(entryKey(key), beginningWith: bytes)
            guard !whole.isEmpty, let value: Value = decode(whole, key: key) else { return nil }
            return try await isTrusted(value) ? value : nil
        default: throw Self.unexpected("GETRANGE")
        }
    }

    static func timeToLive(_ reply: RedisValue) throws(StoreError) -> Duration {
        if case .error(let error) = reply { throw StoreError(error) }
        return .milliseconds(max(0, reply.integer ?? 0))
    }

    private func follow(
        from key: String, with names: [String], selecting fields: [SelectingField]
    ) async throws(StoreError) -> [RedisValue] {
        let rest: [RedisArgument] =
            [
                1, .text(entryKey(key)), .integer(RedisLane.threshold - 1), .text(entryKey("")),
                .text(generationKey("")), .integer(names.count),
            ] + names.map(RedisArgument.text)
            + fields.flatMap { field -> [RedisArgument] in
                [.text(field.name.spelling.lowercased()), .text(field.value ?? "")]
            }
        func commands(_ start: [RedisArgument]) -> [RedisCommand] {
            [RedisCommand(start + rest)] + (names.isEmpty ? [] : [read(names)])
        }
        let script = RedisScript.follow
        let time = SystemTime()
        let deadline = time.uptime + timeLimit
        // What a replica has may be older than the last change that was told.
        let replies = try await client.pipeline(
            commands(["EVALSHA", .text(script.digest)]), within: timeLimit, reads: .primary)
        guard case .error(let error)? = replies.first, error.kind == "NOSCRIPT" else {
            return replies
        }
        return try await client.pipeline(
            commands(["EVAL", .text(script.source)]), within: deadline - time.uptime,
            reads: .primary)
    }
}

extension RedisScript {
    /// Reads an entry; the variant that it leads to where it is an index; and the generations that
    /// the response was filled under, but for those that are asked for anyway.
    ///
    /// It reads what `StoreEnvelope` and `CacheRecord` write. Anything else, be it of another
    /// version or damaged, leads nowhere: whether what is read is right is decided by whoever asked.
    /// The keys that it comes to can't be known before, and so not be declared.
    fileprivate static let follow = RedisScript(
        """
        local last, entries, generations = ARGV[1], ARGV[2], ARGV[3]
        local asked, fields = {}, {}
        for index = 5, 4 + ARGV[4] do asked[ARGV[index]] = true end
        for index = 5 + ARGV[4], #ARGV, 2 do fields[ARGV[index]] = ARGV[index + 1] end

        local bytes, place
        local function number()
            place = place + 4
            return struct.unpack('<I4', bytes, place - 4)
        end
        local function text()
            local count = number()
            place = place + count
            return string.sub(bytes, place - count, place - 1)
        end
        local function optional()
            place = place + 1
            if string.byte(bytes, place - 1) == 1 then return text() end
        end

        -- Moves to what is behind the kind of the record, and returns the kind.
        local function open(entry)
            bytes = entry
            if string.sub(bytes, 1, 4) ~= 'STR1' then return nil end
            place = 13
            place = 21 + number()
            local version, kind = string.byte(bytes, place, place + 1)
            place = place + 2
            return version == 3 and kind
        end
        local function variant(entry)
            if open(entry) ~= 1 then return nil end
            place = place + 8
            for _ = 1, number() do
                for _ = 1, number() do text() end
            end
            for _ = 1, number() do
                local key = text()
                optional()
                local selects, count = true, number()
                for _ = 1, count do
                    local name = string.lower(text())
                    selects = optional() == fields[name] and selects
                end
                optional()
                optional()
                if selects and count > 0 then return key end
            end
        end
        local function names(entry)
            local found = {}
            if open(entry) ~= 0 then return found end
            place = place + 2
            for _ = 1, number() do
                text()
                text()
            end
            place = place + 41
            for _ = 1, number() do
                text()
                optional()
            end
            for _ = 1, number() do
                local name = text()
                place = place + 16
                if not asked[name] then found[#found + 1] = name end
            end
            return found
        end

        local function read(key)
            return redis.pcall('GETRANGE', key, 0, last), redis.pcall('PTTL', key)
        end
        local entry, life = read(KEYS[1])
        local reply = {entry, life, false, false, false, {}, {}}
        if type(entry) ~= 'string' then return reply end
        local response = entry
        local done, key = pcall(variant, entry)
        if done and key then
            local other, otherLife = read(entries .. key)
            if type(other) ~= 'string' then return reply end
            reply[3], reply[4], reply[5] = key, other, otherLife
            response = other
        end
        local done, found = pcall(names, response)
        if done and #found > 0 then
            local keys = {}
            for index, name in ipairs(found) do keys[index] = generations .. name end
            reply[6], reply[7] = found, redis.pcall('MGET', unpack(keys))
        end
        return reply
        """)
}
