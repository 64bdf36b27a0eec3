import CHiredis
import Strata

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Waits for sockets, by Linux' epoll.
final class Poller: Sendable {
    /// A socket that can be used, by the key it was watched with.
    struct Readiness {
        let key: UInt64
        /// There is something to receive: bytes, the end, or an error.
        let canReceive: Bool
        let canSend: Bool
    }

    private static let wakeKey = UInt64.max
    private let epoll: Int32
    private let wakeEvent: Int32

    init() throws(StoreError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw .io("Sockets can't be waited for", errno) }
        wakeEvent = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeEvent >= 0 else {
            let error = errno
            close(epoll)
            throw .io("Sockets can't be waited for", error)
        }
        control(EPOLL_CTL_ADD, wakeEvent, EPOLLIN.rawValue, Self.wakeKey)
    }

    deinit {
        close(wakeEvent)
        close(epoll)
    }

    /// What a socket is watched for.
    enum Interest { case nothing, receiving, both }

    /// Watches the socket from now on.
    func add(_ socket: Socket, key: UInt64, for interest: Interest) {
        control(EPOLL_CTL_ADD, socket.descriptor, events(interest), key)
    }

    /// Changes what the socket is watched for.
    func change(_ socket: Socket, key: UInt64, for interest: Interest) {
        control(EPOLL_CTL_MOD, socket.descriptor, events(interest), key)
    }

    /// Watches the socket no more.
    func remove(_ socket: Socket) { control(EPOLL_CTL_DEL, socket.descriptor, 0, 0) }

    private func events(_ interest: Interest) -> UInt32 {
        switch interest {
        case .nothing: 0
        case .receiving: EPOLLIN.rawValue | EPOLLRDHUP.rawValue
        case .both: EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLOUT.rawValue
        }
    }

    /// A descriptor that another thread has removed meanwhile is no error.
    private func control(_ operation: Int32, _ descriptor: Int32, _ events: UInt32, _ key: UInt64) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: key))
        epoll_ctl(epoll, operation, descriptor, &event)
    }

    /// Ends the wait of another thread, or its next one.
    func wake() { eventfd_write(wakeEvent, 1) }

    /// Waits until a socket can be used, somebody calls ``wake()``, or the time is over.
    func wait(upTo limit: Duration?) -> (ready: [Readiness], wasWoken: Bool) {
        // Rounded up, so that what is due is due when the wait is over.
        let milliseconds =
            limit.map {
                max(0, min($0.saturatedNanoseconds, 3_600_000_000_000) + 999_999) / 1_000_000
            }
            ?? -1
        return withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = epoll_wait(epoll, events.baseAddress, 64, Int32(milliseconds))
            var ready: [Readiness] = []
            var wasWoken = false
            for event in events.prefix(max(0, Int(count))) {
                if event.data.u64 == Self.wakeKey {
                    var value: eventfd_t = 0
                    eventfd_read(wakeEvent, &value)
                    wasWoken = true
                } else {
                    ready.append(
                        Readiness(
                            key: event.data.u64,
                            canReceive: event.events & ~EPOLLOUT.rawValue != 0,
                            canSend: event.events & EPOLLOUT.rawValue != 0))
                }
            }
            return (ready, wasWoken)
        }
    }
}
