import Strata

extension RedisStore {
    /// The lease that a value was filled under, and the token that it must be held under.
    struct Fence {
        let key: String
        let token: LeaseToken
    }

    /// Keeps the value under the key, unless the lease is not held any more; whether it was.
    ///
    /// To look at the lease, to keep the generations and to write the value is one step of Redis,
    /// where one server has all of them and the value is not large: a script copies it twice, while
    /// Redis does nothing else. Elsewhere the value is written right after the others.
    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration, under fence: Fence?
    ) async throws(StoreError) -> Bool {
        let bytes = value.storeBytes
        let mayBeKept = timeToLive > .zero && bytes.count <= maximumValueBytes
        let envelope = mayBeKept ? StoreEnvelope.encode(bytes, key: key) : []
        let generations = generationKeys(of: value)
        let keys = [entryKey(key)] + (fence.map { [$0.key] } ?? []) + generations
        let isLarge = envelope.count >= RedisLane.threshold
        if mayBeKept, !isLarge, keys.count > 1, client.hasOneServer(for: keys) {
            let outcome = try await client.run(
                .write, keys: keys,
                arguments: [
                    fence.map { .integer($0.token.number) } ?? "",
                    .integer(Self.expiry(max(timeToLive, Self.fillTime))),
                    .integer(Self.expiry(timeToLive)), .bytes(envelope),
                ], within: timeLimit)
            return outcome.integer != 0
        }
        if let fence, try await !isHeld(fence) { return false }
        guard mayBeKept, try await keepGenerations(generations, for: timeToLive) else {
            try await remove([key])
            return true
        }
        try await client.send(
            Self.set(entryKey(key), .bytes(envelope), timeToLive: timeToLive),
            within: isLarge ? nil : timeLimit)
        return true
    }

    private func isHeld(_ fence: Fence) async throws(StoreError) -> Bool {
        let token = try await client.send(
            RedisCommand("GET", .text(fence.key)), within: timeLimit, reads: .primary)
        return token.text == String(fence.token.number)
    }

    /// Where the generations stand that the value was filled under; not those of single URIs, which
    /// begin with their first purge.
    private func generationKeys(of value: some StoreValue) -> [String] {
        value.generationNames.filter { !PurgeName.isOfOneURI($0) }.map(generationKey)
    }

    /// Has the generations remembered for at least as long; whether all of them are still there.
    private func keepGenerations(
        _ keys: [String], for timeToLive: Duration
    ) async throws(StoreError) -> Bool {
        guard !keys.isEmpty else { return true }
        let outcome = try await client.run(
            .keepGenerations, keys: keys,
            arguments: [.integer(Self.expiry(max(timeToLive, Self.fillTime)))], within: timeLimit)
        return outcome.integer == 1
    }
}

extension RedisScript {
    /// Generations that are kept for less are kept for up to a day more, since whoever has copies of
    /// them is told of it as of any other change.
    private static let keeping = """
        local function areThere(first)
            for index = first, #KEYS do
                if redis.call('EXISTS', KEYS[index]) == 0 then return false end
            end
            return true
        end
        local function keep(first, life)
            for index = first, #KEYS do
                if redis.call('PTTL', KEYS[index]) < life then
                    redis.call('PEXPIRE', KEYS[index], life + math.min(life, 86400000))
                end
            end
        end

        """

    /// Keeps generations for at least that long, if all of them are there; whether they are.
    fileprivate static let keepGenerations = RedisScript(
        keeping + """
            if not areThere(1) then return 0 end
            keep(1, tonumber(ARGV[1]))
            return 1
            """)

    /// Writes the value of the first key, and keeps the generations that it was filled under; removes
    /// what is there where one of them is gone. Does nothing, and says so, where the second key is a
    /// lease that is not held under the token.
    ///
    /// The value comes first, as a full server refuses nothing to a script that has written.
    fileprivate static let write = RedisScript(
        keeping + """
            local first = 2
            if ARGV[1] ~= '' then
                if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then return 0 end
                first = 3
            end
            if areThere(first) then
                redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
                keep(first, tonumber(ARGV[2]))
            else
                redis.call('UNLINK', KEYS[1])
            end
            return 1
            """)
}
