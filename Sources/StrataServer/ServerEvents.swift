#if Server
    public import Strata

    /// A handler threw something other than a ``Problem``, so that its client got a 500 without
    /// any detail, or a connection that was cut off where the response had already begun.
    public struct HandlerFailed: Event {
        /// The method of the request.
        public let method: Method
        /// The path of the request.
        public let path: String
        /// What was thrown.
        public let error: any Error

        /// The type of what was thrown.
        public var topic: String { "\(type(of: error))" }

        /// What happened, on one line.
        public var description: String { "\(method) \(path) failed: \(error)" }
    }

    /// A request never reached its handler, because it was malformed, too large or too slow.
    public struct RequestRefused: Event {
        /// The status that the client was answered with.
        public let status: Status
        /// The address of the client, where it is known.
        public let peer: String?
        /// Why.
        public let reason: String

        /// The status.
        public var topic: String { "\(status.code)" }

        /// What happened, on one line.
        public var description: String {
            "refused a request of \(peer ?? "an unknown client") with \(status): \(reason)"
        }
    }
#endif
