/// A store could not do what it was asked.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The kind in words.
        public let description: String

        /// The store can't be reached, the connection was lost, or it serves nobody for now, as it
        /// is loading or busy.
        public static let unavailable = Code(description: "unavailable")
        /// There was no answer in time.
        public static let timedOut = Code(description: "timed out")
        /// The store is full or read-only, and said so.
        public static let refused = Code(description: "refused")
        /// The store's answer can't be understood.
        public static let protocolViolation = Code(description: "protocol violation")
        /// The task that asked was cancelled.
        public static let cancelled = Code(description: "cancelled")
        /// What was asked can't be done as configured: wrong credentials, value too large.
        public static let misconfigured = Code(description: "misconfigured")
    }

    /// What kind of failure it is.
    public let code: Code
    /// What happened and what to do about it.
    public let message: String
    /// The error behind this one.
    public let underlying: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The kind and the message.
    public var description: String { "store \(code): \(message)" }
}
