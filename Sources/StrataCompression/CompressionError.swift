/// Content could not be compressed.
public struct CompressionError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The kind in words.
        public let description: String

        /// There was no memory for the compressor.
        public static let outOfMemory = Code(description: "out of memory")
        /// A body's producer wrote more or fewer bytes than it had promised.
        public static let wrongLength = Code(description: "wrong length")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened and what to do about it.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The kind and the message.
    public var description: String { "compression \(code): \(message)" }
}
