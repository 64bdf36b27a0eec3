#if Server
    import Strata
    import Synchronization

    /// A server that accepts connections, until it is stopped.
    public final class RunningServer: Sendable {
        /// Where it listens, with the port that was taken where the configuration said 0.
        public let address: ListenAddress

        private let service: Service
        private let acceptor: Acceptor
        private let daemon: MicroDaemon

        /// Guarded by its mutex; the first who stops the server makes the task.
        private let stopping = Mutex<Task<Void, Never>?>(nil)

        init(_ service: Service) throws(ServerError) {
            self.service = service
            // A few descriptors are left to everything else in the process.
            let maximumConnections = max(
                1, min(service.configuration.maximumConnections, raiseDescriptorLimit() - 32))
            let (listener, address) = try listenSocket(on: service.configuration.address)
            self.address = address
            acceptor = Acceptor(
                service, listener: listener, maximumConnections: maximumConnections)
            do {
                daemon = try MicroDaemon(service, acceptor, maximumConnections: maximumConnections)
            } catch {
                closeDescriptor(listener)
                throw error
            }
            acceptor.start(daemon.serve)
        }

        /// Accepts no further connection, lets the requests in progress finish within the grace
        /// period, cancels what is left then, and returns when all is closed. Responses of that
        /// time end their connections.
        public func stop() async {
            let task = stopping.withLock { stopping in
                // A task of its own, so that the cancellation of the caller's doesn't cut the
                // grace short.
                let task = stopping ?? Task { await self.stopOnce() }
                stopping = task
                return task
            }
            await task.value
        }

        private func stopOnce() async {
            service.isStopping = true
            acceptor.stopListening()
            await acceptor.wait(for: .idle, atMost: service.configuration.gracePeriod)
            service.isCancelling = true
            acceptor.closeAll()
            // libmicrohttpd must have nothing left when it is stopped: it does not survive a
            // request that is malformed at that moment. Only a handler that blocks its thread can
            // take so long.
            await acceptor.wait(for: .empty, atMost: .seconds(5))
            await withCheckedContinuation { continuation in
                // It waits for threads, which a thread of the task pool should not.
                startThread {
                    self.daemon.stop()
                    continuation.resume()
                }
            }
            acceptor.end()
        }
    }
#endif
