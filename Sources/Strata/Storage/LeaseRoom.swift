import Synchronization

/// Where those wait who want a lease that another holds, until something is told of it.
final class LeaseRoom: Sendable {
    /// Whoever watches a lease; what is told from its making on is not missed.
    final class Watch: Sendable {
        fileprivate enum State {
            case quiet
            case told
            case awaited(CheckedContinuation<Void, Never>)
        }
        private let room: LeaseRoom
        private let name: String
        /// Guarded: by who watches and who tells.
        private let state = Mutex(State.quiet)

        fileprivate init(_ room: LeaseRoom, _ name: String) {
            self.room = room
            self.name = name
        }

        /// Waits until something was told since the last wait, at most so long.
        func wait(atMost limit: Duration, _ time: any TimeSource) async {
            let clock = Task {
                try await time.sleep(for: limit)
                tell()
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isTold = state.withLock { state in
                        if case .told = state {
                            state = .quiet
                            return true
                        }
                        state = .awaited(continuation)
                        return false
                    }
                    if isTold { continuation.resume() }
                }
            } onCancel: {
                tell()
            }
            clock.cancel()
        }

        fileprivate func tell() {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                if case .awaited(let waiter) = state {
                    state = .quiet
                    return waiter
                }
                state = .told
                return nil
            }
            waiter?.resume()
        }

        /// Ends the watch.
        func end() { room.end(self, name) }
    }

    /// Guarded: by those who watch and by the channel of changes.
    private let watches = Mutex<[String: [Watch]]>([:])

    /// Begins to watch the lease of a name.
    func watch(_ name: String) -> Watch {
        let watch = Watch(self, name)
        watches.withLock { $0[name, default: []].append(watch) }
        return watch
    }

    private func end(_ watch: Watch, _ name: String) {
        watches.withLock { watches in
            watches[name]?.removeAll { $0 === watch }
            if watches[name]?.isEmpty == true { watches[name] = nil }
        }
    }

    /// Something is told of the leases.
    func wake(_ names: [String]) {
        for watch in watches.withLock({ watches in names.flatMap { watches[$0] ?? [] } }) {
            watch.tell()
        }
    }

    /// Something may have happened to any of them.
    func wakeAll() {
        for watch in watches.withLock({ $0.values.flatMap(\.self) }) { watch.tell() }
    }
}
