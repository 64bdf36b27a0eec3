#if Server
    public import Strata

    /// An embedded HTTP/1.1 server (RFC 9112): it runs any ``Handler``.
    ///
    /// Bodies stream both ways, at the pace of the slower side. A handler starts on the thread of
    /// its connection and stays there until it first suspends, so that an answer that is at hand,
    /// such as a hit in memory, costs no change of threads; a handler that computes for long
    /// keeps other connections of the thread waiting, and should be marked `@concurrent`.
    ///
    /// There is no TLS: it belongs behind something that speaks it to the world.
    ///
    /// ```swift
    /// @main struct Main {
    ///     static func main() async throws {
    ///         try await Server.run({ _ in .text("Hello\n") }, on: "127.0.0.1:8080")
    ///     }
    /// }
    /// ```
    public struct Server: Sendable {
        private let configuration: Configuration

        /// Makes a server that listens nowhere yet.
        public init(_ configuration: Configuration = Configuration()) {
            self.configuration = configuration
        }

        /// What ends a server's run, besides the cancellation of the task that it runs in.
        public enum End: Sendable, Hashable {
            /// Nothing else does.
            case cancelled
            /// The process is asked to end, by SIGTERM or SIGINT; a second signal ends it at once.
            case terminated
        }

        /// Answers requests until the end, and then stops gracefully.
        ///
        /// - Parameters:
        ///   - handler: what answers.
        ///   - end: what ends the run besides the cancellation of the task.
        ///   - isListening: called once with the address, as soon as connections are accepted.
        /// - Throws: ``ServerError`` where the address can't be listened on.
        public func run(
            _ handler: @escaping Handler, until end: End = .terminated,
            isListening: (ListenAddress) -> Void = { _ in }
        ) async throws {
            let server = try start(handler)
            let end = EndOfRun(end)
            isListening(server.address)
            await end.wait()
            await server.stop()
        }

        /// Answers requests on the address, such as `127.0.0.1:8080`, until SIGTERM or SIGINT.
        ///
        /// - Throws: ``ServerError`` where the address is malformed or can't be listened on.
        public static func run(_ handler: @escaping Handler, on address: String) async throws {
            try await Server(Configuration(address: ListenAddress(address))).run(handler)
        }

        /// Begins to listen, and answers requests in the background until the result is stopped.
        ///
        /// - Throws: ``ServerError`` where the address can't be listened on.
        public func start(_ handler: @escaping Handler) throws -> RunningServer {
            try RunningServer(Service(handler, configuration))
        }
    }
#endif
