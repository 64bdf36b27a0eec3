/// A Lua script that Redis runs as one step.
///
/// ```swift
/// let take = RedisScript("local v = redis.call('GET', KEYS[1]); redis.call('DEL', KEYS[1]); return v")
/// let value = try await client.run(take, keys: ["ticket"])
/// ```
public struct RedisScript: Sendable, Hashable {
    /// The script in Lua.
    public let source: String
    /// The SHA-1 of the source in hexadecimal, by which Redis knows a script that it has run.
    public let digest: String

    /// Makes a script of its source.
    public init(_ source: String) {
        self.source = source
        digest = OpenSSL.sha1(Array(source.utf8)).reduce(into: "") { text, byte in
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
}
