#if Server
    import Strata
    import StrataRedis
    import StrataServer
    import Synchronization

    /// Counts what happens, for `GET /stats`.
    final class Statistics: Sendable {
        struct Counts: Codable, Sendable {
            /// How often each route's handler ran.
            var handlers: [String: Int] = [:]
            /// How many requests the cache answered by itself.
            var hits = 0
            /// How many it could have answered, had it had what they were for.
            var misses = 0
            var storeErrors = 0
        }

        /// Guarded: written by every request, read by `GET /stats`.
        private let state = Mutex(Counts())
        private let lines = EventLines()

        var counts: Counts { state.withLock { $0 } }

        /// The handler of a route runs.
        func ran(_ route: String) { state.withLock { $0.handlers[route, default: 0] += 1 } }

        /// Listens to the layers, and writes a log of what an operator should know.
        var events: Events {
            Events { event in
                switch event {
                case let event as CacheEvent: self.count(event.status)
                case is StoreFault, SessionEvent.storeFailed:
                    self.state.withLock { $0.storeErrors += 1 }
                    self.log(event)
                case is HandlerFailed, is SessionEvictionRisk: self.log(event)
                default: break
                }
            }
        }

        private func log(_ event: any Event) {
            if let line = lines.line(for: event) { note(line) }
        }

        private func count(_ status: CacheStatus) {
            state.withLock { counts in
                switch status.forward {
                case nil: counts.hits += 1
                case .bypass, .method: break
                default: counts.misses += 1
                }
            }
        }
    }
#endif
