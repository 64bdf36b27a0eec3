import Strata
import Synchronization

/// Tells when another server may answer than before, or the same one without what it was told last:
/// a connection was made, Redis answers again, or the primaries are others. Connections for large
/// values don't count: they are made when they are needed, and what matters here is small.
final class RedisRenewals: Sendable {
    /// Guarded by the mutex: who is told, and says whether it wants to be told of the next one.
    private let listeners = Mutex<[@Sendable () -> Bool]>([])

    /// Has the listener told until it returns false. It must be quick, and must not wait.
    func listen(_ listener: @escaping @Sendable () -> Bool) {
        listeners.withLock { $0.append(listener) }
    }

    /// The events for a client's servers, by which they are noticed.
    func overhearing(_ events: Events) -> Events {
        @Sendable func pass(_ event: some Event) { events(event) }
        return Events { [self] event in
            pass(event)
            switch event {
            case let change as RedisConnectionChange
            where change.failure == nil && change.lane == .small:
                tell()
            case let change as RedisTopologyChange where change.failure == nil: tell()
            default: break
            }
        }
    }

    private func tell() { listeners.withLock { $0 = $0.filter { $0() } } }
}
