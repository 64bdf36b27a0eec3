import Strata
import Synchronization
import Testing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Stands between a client and a Unix socket, and passes bytes on after a delay, or not at all.
final class SlowLink: Sendable {
    let path: String
    private let listener: Int32
    private let nanoseconds = Atomic<Int64>(0)
    /// Connections up to this number are swallowed.
    private let swallowed = Atomic<Int>(0)
    private let accepted = Atomic<Int>(0)
    private let sent = Atomic<Int>(0)

    /// How many pieces came from clients so far: as many as round trips, for one who waits for each
    /// answer.
    var pieces: Int { sent.load(ordering: .relaxed) }

    /// How long each piece is held back.
    var delay: Duration {
        get { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }
        set { nanoseconds.store(newValue.saturatedNanoseconds, ordering: .relaxed) }
    }

    /// From now on the connections that there are carry nothing, and stay open.
    func swallow() { swallowed.store(accepted.load(ordering: .relaxed), ordering: .relaxed) }

    init(to target: String) throws {
        path = "/tmp/strata-link-\(UInt64.random(in: 0 ... .max))"
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        let bound = Self.withAddress(path) { Glibc.bind(listener, $0, $1) }
        try #require(bound == 0 && listen(listener, 16) == 0)
        let listening = listener
        Self.detach { [weak self] in
            while true {
                let near = accept(listening, nil, nil)
                guard near >= 0 else { return }
                let far = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
                _ = Self.withAddress(target) { connect(far, $0, $1) }
                guard let number = self?.accepted.add(1, ordering: .relaxed).newValue else {
                    return
                }
                Self.detach { [weak self] in
                    self?.pass(near, far, number) { $0.sent.add(1, ordering: .relaxed) }
                }
                Self.detach { [weak self] in self?.pass(far, near, number) { _ in } }
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        unlink(path)
    }

    private func pass(
        _ source: Int32, _ sink: Int32, _ number: Int, _ note: (SlowLink) -> Void
    ) {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            note(self)
            let pause = nanoseconds.load(ordering: .relaxed)
            if pause > 0 { usleep(UInt32(pause / 1000)) }
            if number <= swallowed.load(ordering: .relaxed) { continue }
            guard send(sink, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        // Both ends are told, and the descriptors kept: the other direction still uses them.
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(sink, Int32(SHUT_RDWR))
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.dropLast().copyBytes(from: path.utf8) }
        return withUnsafeBytes(of: address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { pointer in
                pointer.baseAddress.map { body($0, socklen_t(bytes.count)) } ?? -1
            }
        }
    }

    private final class Job {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    private static func detach(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { pointer in
                pointer.map { Unmanaged<Job>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(Job(run)).toOpaque())
        pthread_detach(thread)
    }
}
