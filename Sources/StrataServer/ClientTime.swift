#if Server
    /// The time that a client takes for content which is waited for.
    ///
    /// It runs only while somebody waits, and begins anew with each stretch of content that has
    /// come: a client may be as slow as a stretch in the time allowed, for as long as it likes,
    /// but can't hold a connection with a byte now and then.
    struct ClientTime {
        /// How much content begins the time anew.
        static let stretch = 16 * 1024

        private var since: Duration?
        private var spent = Duration.zero
        private var bytes = 0

        /// Somebody waits from now on.
        mutating func start(at now: @autoclosure () -> Duration) {
            if since == nil { since = now() }
        }

        /// Nobody waits any more, for now.
        mutating func pause(at now: @autoclosure () -> Duration) {
            guard let since else { return }
            spent += now() - since
            self.since = nil
        }

        /// Content has come.
        mutating func received(_ count: Int, at now: Duration) {
            bytes += count
            guard bytes >= Self.stretch else { return }
            bytes = 0
            spent = .zero
            if since != nil { since = now }
        }

        /// Whether somebody waits for the client, and has for longer than this, during which no
        /// stretch of content has come.
        func isStalled(_ limit: Duration, at now: Duration) -> Bool {
            since.map { now - $0 > limit } ?? false
        }

        /// Whether the client has taken more than it is allowed to.
        func isOver(_ allowed: Duration, at now: Duration) -> Bool {
            guard let since else { return false }
            return spent + (now - since) > allowed
        }
    }
#endif
