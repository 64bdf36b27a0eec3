public import Strata

/// The commands for plain values, with the types that they have.
extension RedisClient {
    /// The value of a key; nil where there is none.
    public func get(
        _ key: String, within limit: Duration? = nil
    ) async throws(StoreError) -> [UInt8]? {
        let reply = try await send(RedisCommand("GET", .text(key)), within: limit)
        return try Self.value(reply)
    }

    /// The values of keys, in their order; nil for each where there is none.
    public func get(
        _ keys: [String], within limit: Duration? = nil
    ) async throws(StoreError) -> [[UInt8]?] {
        guard !keys.isEmpty else { return [] }
        let command = RedisCommand(["MGET"] + keys.map(RedisArgument.text))
        let replies = try await send(command, within: limit).array ?? []
        guard replies.count == keys.count else { throw Self.unexpected }
        var values: [[UInt8]?] = []
        for reply in replies { values.append(try Self.value(reply)) }
        return values
    }

    /// Sets the value of a key.
    ///
    /// - Parameters:
    ///   - lifetime: how long the key lives, rounded up to milliseconds; for good if nil.
    ///   - isNew: whether it is only set where there is no value yet.
    /// - Returns: whether it was set, which is always so unless it had to be new.
    @discardableResult
    public func set(
        _ key: String, to value: RedisArgument, for lifetime: Duration? = nil,
        ifNew isNew: Bool = false, within limit: Duration? = nil
    ) async throws(StoreError) -> Bool {
        var words: [RedisArgument] = ["SET", .text(key), value]
        if let lifetime {
            let milliseconds = (max(lifetime, .zero).saturatedNanoseconds - 1) / 1_000_000 + 1
            words += ["PX", .integer(max(1, milliseconds))]
        }
        if isNew { words.append("NX") }
        switch try await send(RedisCommand(words), within: limit) {
        case .status: return true
        case .null where isNew: return false
        default: throw Self.unexpected
        }
    }

    /// Removes keys (`UNLINK`); how many of them were there.
    @discardableResult
    public func remove(
        _ keys: [String], within limit: Duration? = nil
    ) async throws(StoreError) -> Int {
        guard !keys.isEmpty else { return 0 }
        let command = RedisCommand(["UNLINK"] + keys.map(RedisArgument.text))
        guard let count = try await send(command, within: limit).integer else {
            throw Self.unexpected
        }
        return Int(count)
    }

    private static func value(_ reply: RedisValue) throws(StoreError) -> [UInt8]? {
        switch reply {
        case .null: return nil
        case .bytes(let bytes): return bytes
        default: throw unexpected
        }
    }

    private static let unexpected = StoreError(
        .protocolViolation, "Redis answered a command with what is no answer to it.")
}
