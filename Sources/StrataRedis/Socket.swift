import CHiredis
import Strata

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A socket to Redis that never blocks, closed when nobody holds it any more.
///
/// Any number of threads may use it: the number of its descriptor does not change, and is not
/// given to another socket while somebody still holds this one.
final class Socket: Sendable {
    let descriptor: Int32
    /// What the bytes are sealed with; nil where they go as they are.
    let tls: TLSSession?

    /// What became of an attempt to send or receive.
    enum Outcome { case moved(Int), wouldBlock, ended, failed(Int32) }

    /// Begins to connect; the socket is writable when that is decided.
    init(connectingTo address: SocketAddress, tls: TLSSession? = nil) throws(StoreError) {
        self.tls = tls
        let type = Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | O_CLOEXEC
        descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw .io("A socket can't be opened", errno) }
        if address.family != AF_UNIX {
            for (level, option) in [
                (Int32(IPPROTO_TCP), TCP_NODELAY), (SOL_SOCKET, SO_KEEPALIVE),
            ] {
                var on: Int32 = 1
                setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
            }
        }
        let result = address.bytes.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) {
                connect(descriptor, $0.baseAddress, socklen_t(bytes.count))
            }
        }
        guard result == 0 || errno == EINPROGRESS else {
            throw .io("Redis can't be reached", errno)
        }
    }

    deinit { close(descriptor) }

    /// What became of the attempt to connect; 0 when it succeeded.
    func connectError() -> Int32 {
        var error: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size)
        return error
    }

    /// Sends as much as fits.
    func send(_ bytes: UnsafeRawBufferPointer) -> Outcome {
        outcome {
            // Without the flag a closed socket would kill the process by SIGPIPE.
            sendto(
                descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL), nil, 0)
        }
    }

    /// Waits until there is something to receive, but no longer than that; whether there is.
    ///
    /// At first it looks again and again: that takes no more processor time than to sleep and be
    /// woken, and a server nearby has often answered before one were awake. In between it lets others
    /// have the processor that wait for it, as the server may be among them.
    func waitForArrival(upTo limit: Duration) -> Bool {
        let time = SystemTime()
        let start = time.uptime
        var waited = Duration.zero
        while waited < min(Self.watchfulness, limit) {
            if arrives(within: .zero) { return true }
            sched_yield()
            waited = time.uptime - start
        }
        return arrives(within: limit - waited)
    }

    /// For how long it pays to look again and again.
    private static let watchfulness = Duration.microseconds(50)

    private func arrives(within limit: Duration) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var time = timespec()
        time.tv_nsec = Int(min(max(limit.saturatedNanoseconds, 0), 999_999_999))
        return ppoll(&poll, 1, &time, nil) > 0
    }

    /// Receives what is there.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Outcome {
        outcome { recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    }

    /// Ends both directions; whoever waits for the socket learns of it.
    func shutDown() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func outcome(_ call: () -> Int) -> Outcome {
        while true {
            let count = call()
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            default: return .failed(errno)
            }
        }
    }
}

/// Where a socket can connect to.
struct SocketAddress: Sendable, Hashable {
    let family: Int32
    let bytes: [UInt8]

    /// The address of a Unix socket.
    init(unixPath path: String) {
        family = AF_UNIX
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.dropLast().copyBytes(from: path.utf8) }
        bytes = withUnsafeBytes(of: address) { Array($0) }
    }

    private init(_ info: addrinfo) {
        family = info.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen)))
    }

    /// The addresses of a host, in the order in which they should be tried. May take seconds for
    /// a name, and no time for an address.
    static func resolve(host: String, port: UInt16) throws(StoreError) -> [SocketAddress] {
        try resolve(host: host, port: port, onlyNumeric: false)
    }

    /// The address that stands there itself; nil for a name.
    static func address(host: String, port: UInt16) -> SocketAddress? {
        try? resolve(host: host, port: port, onlyNumeric: true).first
    }

    private static func resolve(
        host: String, port: UInt16, onlyNumeric: Bool
    ) throws(StoreError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (onlyNumeric ? AI_NUMERICHOST : AI_ADDRCONFIG)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        defer { freeaddrinfo(list) }
        guard status == 0 else {
            throw StoreError(
                .unavailable,
                "The host \(host) is not known (\(String(cString: gai_strerror(status)))).")
        }
        return sequence(first: list, next: { $0?.pointee.ai_next }).prefix { $0 != nil }
            .compactMap { $0.map { SocketAddress($0.pointee) } }
    }
}

extension StoreError {
    /// A system call failed.
    static func io(_ what: String, _ error: Int32) -> StoreError {
        StoreError(.unavailable, "\(what): \(String(cString: strerror(error))).")
    }
}
