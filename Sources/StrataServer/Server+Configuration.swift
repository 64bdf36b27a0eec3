#if Server
    public import Strata

    extension Server {
        /// Where a server listens, and its limits.
        public struct Configuration: Sendable {
            /// Where to listen; by default 127.0.0.1:8080. Port 0 takes any that is free.
            public var address: ListenAddress

            /// How many threads serve connections; by default as many as there are processors.
            /// At least 2 and at most 64 are used.
            public var threads: Int?

            /// How many connections may be open at the same time; by default 10,000, and as many
            /// as the process may open files where that is less. Further ones wait to be accepted.
            public var maximumConnections = 10_000

            /// How many bytes a request's head may have; by default 16 KiB. Three times as much
            /// memory is set aside for each connection. A larger head is answered with 431, or
            /// with 414 where the target is the larger part of it.
            public var maximumHeadBytes = 16 * 1024

            /// How many bytes a request's content may have; by default 16 MiB, and nil for no
            /// limit. More is answered with 413.
            public var maximumContentBytes: Int? = 16 * 1024 * 1024

            /// How long a client may take for a request's head, from its first line to its end;
            /// by default 10 s. After that it is answered with 408.
            public var headTimeout: Duration = .seconds(10)

            /// How long a client may take for each 16 KiB of content that the handler waits for;
            /// by default 30 s. After that it is answered with 408.
            public var contentTimeout: Duration = .seconds(30)

            /// How long a connection may wait for a request, and how long a client may take no
            /// byte of a response that is ready; by default 60 s. It is then closed. Whole
            /// seconds count.
            public var idleTimeout: Duration = .seconds(60)

            /// How long requests in progress have when the server stops; by default 10 s. What is
            /// not done by then is cancelled.
            public var gracePeriod: Duration = .seconds(10)

            /// What the field `Server` of each response says (RFC 9110 §10.2.4); by default there
            /// is none.
            public var name: String?

            /// Who hears of ``HandlerFailed`` and ``RequestRefused``.
            public var events: Events = .ignored

            /// Where the time comes from.
            public var time: any TimeSource = SystemTime()

            /// Makes a configuration of the defaults for the address.
            public init(address: ListenAddress = ListenAddress(host: "127.0.0.1", port: 8080)) {
                self.address = address
            }
        }
    }

    /// An address that a server listens on.
    public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
        /// A host name, an IPv4 address, or an IPv6 address without brackets.
        public var host: String
        /// The port; 0 takes any that is free.
        public var port: Int

        /// Makes an address of its parts.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// Reads `HOST:PORT`; an IPv6 address stands in brackets.
        ///
        /// - Throws: ``ServerError`` where the text is something else.
        public init(_ text: String) throws(ServerError) {
            guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
                let port = Int(text[text.utf8.index(after: colon)...]), (0...65535).contains(port)
            else { throw ServerError(malformed: text) }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
            } else if host.utf8.contains(UInt8(ascii: ":")) {
                throw ServerError(malformed: text)
            }
            guard !host.isEmpty else { throw ServerError(malformed: text) }
            self.init(host: String(host), port: port)
        }

        /// The address as `HOST:PORT`.
        public var description: String {
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// A server could not be started.
    public struct ServerError: Error, Sendable, Hashable, CustomStringConvertible {
        /// What went wrong, and what to do.
        public let description: String

        init(_ description: String) { self.description = description }

        fileprivate init(malformed text: String) {
            description = "“\(text)” is no address to listen on; write HOST:PORT."
        }
    }
#endif
