/// One word of a command: text, bytes or a number.
///
/// ```swift
/// try await client.send("SET", "greeting", .bytes(content), "PX", .integer(500))
/// ```
public struct RedisArgument: Sendable, Hashable, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral
{
    fileprivate enum Content: Hashable { case text(String), bytes([UInt8]) }
    fileprivate let content: Content

    /// A text, as its UTF-8.
    public static func text(_ text: String) -> RedisArgument { RedisArgument(content: .text(text)) }
    /// Any bytes.
    public static func bytes(_ bytes: [UInt8]) -> RedisArgument {
        RedisArgument(content: .bytes(bytes))
    }
    /// A number, in decimal.
    public static func integer(_ number: some BinaryInteger) -> RedisArgument {
        RedisArgument(content: .text(String(number)))
    }

    /// Makes a word of a literal.
    public init(stringLiteral literal: String) { content = .text(literal) }
    /// Makes a word of a literal.
    public init(integerLiteral literal: Int64) { content = .text(String(literal)) }

    private init(content: Content) { self.content = content }

    fileprivate var count: Int {
        switch content {
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        }
    }
}

/// A command as it goes over the wire: an array of bulk strings of the Redis protocol (RESP2).
///
/// It is built here and not by hiredis' formatter, which wants an array of pointers, gives memory
/// of its own, and leaves one more copy to be made; what it would make is what this makes.
public struct RedisCommand: Sendable, Hashable {
    /// The command, encoded.
    package let bytes: [UInt8]

    /// Makes a command of its words, the first of which is its name.
    ///
    /// - Precondition: there is one word at least.
    public init(_ arguments: RedisArgument...) { self.init(arguments) }

    /// Makes a command of its words, the first of which is its name.
    ///
    /// - Precondition: there is one word at least.
    public init(_ arguments: [RedisArgument]) {
        precondition(!arguments.isEmpty, "A command has a name")
        let lengths = arguments.reduce(0) { $0 + $1.count }
        // A star or dollar, at most 19 digits, and two line ends around each word.
        let bound = lengths + 24 * (arguments.count + 1)
        bytes = [UInt8](unsafeUninitializedCapacity: bound) { buffer, initialized in
            var writer = Writer(buffer: buffer)
            writer.header(UInt8(ascii: "*"), arguments.count)
            for argument in arguments {
                writer.header(UInt8(ascii: "$"), argument.count)
                switch argument.content {
                case .text(let text): writer.append(text.utf8)
                case .bytes(let bytes): writer.append(bytes)
                }
                writer.lineEnd()
            }
            initialized = writer.count
        }
    }

    private struct Writer {
        let buffer: UnsafeMutableBufferPointer<UInt8>
        var count = 0

        mutating func append(_ bytes: some Collection<UInt8>) {
            let rest = UnsafeMutableBufferPointer(rebasing: buffer[count...])
            count += rest.update(fromContentsOf: bytes)
        }

        mutating func header(_ mark: UInt8, _ number: Int) {
            buffer[count] = mark
            count += 1
            var divisor = 1
            while number / divisor >= 10 { divisor *= 10 }
            while divisor > 0 {
                buffer[count] = UInt8(ascii: "0") + UInt8(number / divisor % 10)
                count += 1
                divisor /= 10
            }
            lineEnd()
        }

        mutating func lineEnd() {
            buffer[count] = 0x0d
            buffer[count + 1] = 0x0a
            count += 2
        }
    }
}
