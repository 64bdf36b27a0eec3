import Strata
import Synchronization

/// Looks a host's addresses up on a thread of its own, since that can take seconds.
final class Lookup: Sendable {
    /// What finds the addresses of a name at a port, which may take seconds.
    typealias Resolver = @Sendable (String, UInt16) throws(StoreError) -> [SocketAddress]

    private enum State { case idle, running, done(Result<[SocketAddress], StoreError>) }

    /// Guarded by the mutex: what became of it.
    private let state = Mutex(State.idle)
    private let resolve: Resolver

    init(_ resolve: @escaping Resolver) { self.resolve = resolve }

    /// Begins, unless an earlier look-up still runs: its outcome will do, and a name server that
    /// does not answer must not cost a thread for each attempt.
    func start(host: String, port: UInt16, then wake: @escaping @Sendable () -> Void) {
        let mustStart = state.withLock { state in
            if case .running = state { return false }
            state = .running
            return true
        }
        guard mustStart else { return }
        do throws(StoreError) {
            try Thread.detach { [self] in
                let outcome = Result { () throws(StoreError) in
                    try resolve(host, port)
                }
                state.withLock { $0 = .done(outcome) }
                wake()
            }
        } catch {
            state.withLock { $0 = .done(.failure(error)) }
            wake()
        }
    }

    /// The outcome, once it is there; given out once.
    func take() -> Result<[SocketAddress], StoreError>? {
        state.withLock { state in
            guard case .done(let outcome) = state else { return nil }
            state = .idle
            return outcome
        }
    }
}
