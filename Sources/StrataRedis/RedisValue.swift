/// What Redis answers.
public enum RedisValue: Sendable, Hashable {
    /// Nothing: a missing key, an aborted transaction.
    case null
    /// A word, such as `OK`.
    case status(String)
    /// A whole number.
    case integer(Int64)
    /// Any bytes.
    case bytes([UInt8])
    /// Several values.
    case array([RedisValue])
    /// A refusal. As the whole answer to one command it is thrown; here it stands where one
    /// command of a pipeline, or one element of an answer, failed.
    case error(RedisError)

    /// The bytes of ``bytes(_:)``, else nil.
    public var bytes: [UInt8]? {
        if case .bytes(let bytes) = self { bytes } else { nil }
    }

    /// The text of ``bytes(_:)`` or ``status(_:)``, else nil; bytes that are not UTF-8 are
    /// repaired.
    public var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .status(let word): word
        default: nil
        }
    }

    /// The number of ``integer(_:)``, or the one that bytes spell in decimal, else nil.
    public var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .bytes(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
        default: nil
        }
    }

    /// The elements of ``array(_:)``, else nil.
    public var array: [RedisValue]? {
        if case .array(let values) = self { values } else { nil }
    }
}

/// A refusal by Redis, in its own words.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// All that Redis said, such as `WRONGTYPE Operation against a key …`.
    public let message: String

    /// Makes a refusal.
    public init(_ message: String) { self.message = message }

    /// The first word, which names the kind: `ERR`, `WRONGTYPE`, `NOSCRIPT`, `READONLY`.
    public var kind: String { String(message.prefix { $0 != " " }) }

    /// What Redis said.
    public var description: String { message }
}
