#if Server
    import Strata
    import Synchronization

    /// What a running server's connections have in common.
    final class Service: Sendable {
        let handler: Handler
        let configuration: Server.Configuration
        let contentLimit: Int

        private let stopping = Atomic(false)
        private let cancelling = Atomic(false)

        init(_ handler: @escaping Handler, _ configuration: Server.Configuration) {
            self.handler = handler
            self.configuration = configuration
            contentLimit = configuration.maximumContentBytes ?? .max
        }

        /// The time since some fixed moment.
        var now: Duration { configuration.time.uptime }

        /// Whether each response is its connection's last.
        var isStopping: Bool {
            get { stopping.load(ordering: .relaxed) }
            set { stopping.store(newValue, ordering: .relaxed) }
        }

        /// Whether the grace is over.
        var isCancelling: Bool {
            get { cancelling.load(ordering: .sequentiallyConsistent) }
            set { cancelling.store(newValue, ordering: .sequentiallyConsistent) }
        }

        /// Tells that a request was refused.
        func refused(_ problem: Problem, from peer: String?) {
            configuration.events(
                RequestRefused(
                    status: problem.status, peer: peer, reason: problem.detail ?? problem.title))
        }
    }

    extension Problem {
        static func headTooLarge(limit: Int) -> Problem {
            Problem(
                .requestHeaderFieldsTooLarge,
                detail: "The request line and the header fields may have at most \(limit) bytes.")
        }

        static func targetTooLong(limit: Int) -> Problem {
            Problem(
                .uriTooLong,
                detail: "The request line and the header fields may have at most \(limit) bytes.")
        }

        static let tooSlow = Problem(408, detail: "The request came too slowly.")

        /// What libmicrohttpd could not read; it knows the status.
        ///
        /// It blames itself where a chunk's extensions leave it no room, which is the client's
        /// doing (RFC 9112 §7.1.1).
        static func unreadable(_ status: Int) -> Problem {
            Problem(
                status == 500 ? .badRequest : Status(code: status) ?? .badRequest,
                detail: "The request could not be read as HTTP/1.1, or is too large.")
        }

        static func contentTooLarge(limit: Int) -> Problem {
            Problem(
                .contentTooLarge, detail: "The content may have at most \(limit) bytes.")
        }
    }
#endif
