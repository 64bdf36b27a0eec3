#if Server
    public import Strata

    extension Upstream {
        /// The limits of what is exchanged with an origin.
        public struct Configuration: Sendable {
            /// By what name this intermediary stands in `Via`: a token, by default `strata`
            /// (RFC 9110 §7.6.3).
            public var name = "strata"

            /// How long a connection may take to be made; by default 5 s.
            public var connectTimeout: Duration = .seconds(5)

            /// How long an origin may take from the request to the first byte of its response;
            /// by default 60 s. While the request's content is on its way the time begins anew
            /// with each piece of it.
            public var firstByteTimeout: Duration = .seconds(60)

            /// How long an origin may pause in the midst of a response; by default 60 s. Time in
            /// which the client takes nothing doesn't count.
            public var idleTimeout: Duration = .seconds(60)

            /// How long a client's `Expect: 100-continue` is waited upon before content is sent
            /// without an answer to it; by default 1 s (RFC 9110 §10.1.1).
            public var continueTimeout: Duration = .seconds(1)

            /// How many bytes the heads of a response may have, interim ones included; by default
            /// 32 KiB. A larger one is an error.
            public var maximumHeadBytes = 32 * 1024

            /// How many bytes of a response's content are held for a client that doesn't take
            /// them; by default 256 KiB. The origin is then not read from.
            public var maximumBufferedBytes = 256 * 1024

            /// How many connections are kept open for further requests, for up to two minutes; by
            /// default 256, so that the next burst of requests finds those of the last one.
            public var maximumIdleConnections = 256

            /// Where the time comes from.
            public var time: any TimeSource = SystemTime()

            /// Makes a configuration of the defaults.
            public init() {}
        }
    }
#endif
