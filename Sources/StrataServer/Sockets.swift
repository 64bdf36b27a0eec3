#if Server
    import CMicroHTTPD
    import Glibc
    import Strata

    // All calls about sockets, events and threads.

    /// A handle of a connected socket, which somebody else closes.
    struct Socket: Sendable {
        let descriptor: Int32

        /// Sends what the kernel takes at once; used for short messages when nothing else waits.
        ///
        /// - Returns: how many bytes were sent; negative where none could be.
        @discardableResult func send(_ bytes: [UInt8]) -> Int {
            bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress, $0.count,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
        }

        func shutDownReading() { _ = Glibc.shutdown(descriptor, Int32(SHUT_RD)) }
        func shutDownWriting() { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }
        func shutDown() { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

        /// Whether the peer may still send something.
        var isPeerThere: Bool {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
            return count > 0 || (count < 0 && errno == EAGAIN)
        }

        /// Whether the peer has sent something that isn't read, or is gone.
        var hasInput: Bool {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
            return count >= 0 || errno != EAGAIN
        }

        /// The port at this end.
        var localPort: Int? {
            // The port stands at the same place in the addresses of both families.
            var address = sockaddr_in6()
            var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let isKnown = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(descriptor, $0, &size)
                } == 0
            }
            return isKnown ? Int(UInt16(bigEndian: address.sin6_port)) : nil
        }

        /// Has the peer told that the connection is broken.
        func reset() {
            var unspecified = sockaddr()
            unspecified.sa_family = sa_family_t(AF_UNSPEC)
            _ = Glibc.connect(descriptor, &unspecified, socklen_t(MemoryLayout<sockaddr>.size))
        }

        /// A second handle, which the caller closes.
        func duplicate() -> Int32? {
            let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
            return copy < 0 ? nil : copy
        }

        /// Has the descriptor lead to where all that is sent vanishes.
        ///
        /// - Returns: the socket under another descriptor, for ``endDiversion(_:)``; nil where
        ///   that is impossible.
        func divert() -> Socket? {
            guard let drain = Drain.shared, let kept = duplicate() else { return nil }
            guard dup3(drain.inlet, descriptor, O_CLOEXEC) == descriptor else {
                closeDescriptor(kept)
                return nil
            }
            return Socket(descriptor: kept)
        }

        /// Has the descriptor lead to its own socket again.
        func endDiversion(_ kept: Socket) {
            Drain.shared?.empty()
            _ = dup3(kept.descriptor, descriptor, O_CLOEXEC)
            closeDescriptor(kept.descriptor)
        }
    }

    /// A connection from the process to itself that takes what nobody is to get. It is a TCP
    /// connection, so that whatever can be set on a client's socket can be set on it.
    private final class Drain: Sendable {
        static let shared = Drain()

        let inlet: Int32
        private let outlet: Int32

        private init?() {
            guard
                let (listener, address) = try? listenSocket(
                    on: ListenAddress(host: "127.0.0.1", port: 0))
            else { return nil }
            defer { closeDescriptor(listener) }
            let sending = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = UInt16(address.port).bigEndian
            target.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
            let isConnected =
                withUnsafePointer(to: &target) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        connect(sending, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                } == 0
            guard isConnected, let own = Socket(descriptor: sending).localPort else {
                closeDescriptor(sending)
                return nil
            }
            var peer = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let receiving = withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    accept(listener, $0, &size)
                }
            }
            // Somebody else may have been quicker to connect.
            guard receiving >= 0, Int(UInt16(bigEndian: peer.sin_port)) == own else {
                closeDescriptor(sending)
                if receiving >= 0 { closeDescriptor(receiving) }
                return nil
            }
            _ = fcntl(receiving, F_SETFD, FD_CLOEXEC)
            _ = fcntl(sending, F_SETFL, O_NONBLOCK)
            inlet = sending
            outlet = receiving
        }

        /// Throws away what came.
        func empty() { _ = discardInput(outlet) }
    }

    /// Throws away what has arrived on a socket.
    ///
    /// - Returns: whether more may come.
    func discardInput(_ descriptor: Int32) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 1) { buffer in
            for _ in 0..<64 {
                let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                if count == 0 { return false }
                if count < 0 { return errno == EAGAIN || errno == EINTR }
            }
            return true
        }
    }

    func closeDescriptor(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    // MARK: - Addresses

    /// The address of a peer, as ``Request/peer`` has it.
    func text(of address: UnsafePointer<sockaddr_storage>) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let found: UnsafePointer<CChar>? = UnsafeRawPointer(address).withMemoryRebound(
            to: sockaddr_in6.self, capacity: 1
        ) { address in
            switch Int32(address.pointee.sin6_family) {
            case AF_INET6:
                var binary = address.pointee.sin6_addr
                return inet_ntop(AF_INET6, &binary, &text, socklen_t(text.count))
            case AF_INET:
                return UnsafeRawPointer(address).withMemoryRebound(
                    to: sockaddr_in.self, capacity: 1
                ) {
                    var binary = $0.pointee.sin_addr
                    return inet_ntop(AF_INET, &binary, &text, socklen_t(text.count))
                }
            default: return nil
            }
        }
        return found == nil
            ? nil : text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    }

    /// A socket that listens on the address, without blocking, and the address with its port.
    func listenSocket(on address: ListenAddress) throws(ServerError) -> (Int32, ListenAddress) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(address.host, String(address.port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard failure == 0, let first = found?.pointee else {
            throw ServerError(
                "The host “\(address.host)” is unknown: " + String(cString: gai_strerror(failure)))
        }
        let listener = socket(
            first.ai_family,
            Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        func fail(_ doing: String) -> ServerError {
            let reason = String(cString: strerror(errno))
            if listener >= 0 { close(listener) }
            return ServerError("Can't \(doing) \(address): \(reason).")
        }
        guard listener >= 0 else { throw fail("make a socket for") }
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard bind(listener, first.ai_addr, first.ai_addrlen) == 0, listen(listener, 4096) == 0
        else { throw fail("listen on") }

        guard let port = Socket(descriptor: listener).localPort else {
            throw fail("find the port of")
        }
        return (listener, ListenAddress(host: address.host, port: port))
    }

    /// A connected socket, and who is at its other end.
    struct Accepted {
        let descriptor: Int32
        let address: sockaddr_storage
        let addressLength: socklen_t

        /// The address as text.
        var peer: String? {
            var address = address
            return text(of: &address)
        }
    }

    /// What came of an attempt to accept a connection.
    enum AcceptResult {
        case connected(Accepted)
        /// Nobody waits.
        case nobody
        /// The process has no room for another descriptor.
        case impossible
    }

    /// Accepts a connection without waiting for one.
    func acceptConnection(_ listener: Int32) -> AcceptResult {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let descriptor = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                accept(listener, $0, &size)
            }
        }
        if descriptor >= 0 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return .connected(
                Accepted(descriptor: descriptor, address: address, addressLength: size))
        }
        switch errno {
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .impossible
        default: return .nobody
        }
    }

    /// How many processors there are.
    func processorCount() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Lets the process open as many files as it is allowed to, and tells how many that is.
    func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 1024
        }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 {
                limit = raised
            }
        }
        return Int(clamping: limit.rlim_cur)
    }

    // MARK: - Events

    /// What happens on descriptors, each of which goes by a number (epoll).
    struct EventPoll: Sendable {
        /// What to wait for.
        enum Interest {
            /// Something can be read, as long as it is so.
            case readable
            /// The peer has closed its side; told once.
            case hangUp
        }

        /// Something that has happened on a descriptor.
        struct Event {
            let number: UInt64
            /// Whether something, be it an error, is found by reading.
            let isReadable: Bool
            /// Whether something, be it an error, is found by writing.
            let isWritable: Bool
            /// Whether nothing can be sent to the peer any more.
            let isBroken: Bool
        }

        private let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))

        func add(_ watched: Int32, _ interest: Interest, number: UInt64) {
            var event = epoll_event()
            event.events =
                switch interest {
                case .readable: EPOLLIN.rawValue
                case .hangUp: EPOLLRDHUP.rawValue | EPOLLET.rawValue
                }
            event.data.u64 = number
            _ = epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event)
        }

        /// Watches for these from now on, whatever was watched for before.
        func set(_ watched: Int32, reads: Bool, writes: Bool, number: UInt64) {
            var event = epoll_event()
            event.events = (reads ? EPOLLIN.rawValue : 0) | (writes ? EPOLLOUT.rawValue : 0)
            event.data.u64 = number
            if epoll_ctl(descriptor, EPOLL_CTL_MOD, watched, &event) != 0 {
                _ = epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event)
            }
        }

        func remove(_ watched: Int32) {
            _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, watched, nil)
        }

        /// What has happened meanwhile, as soon as something has.
        func wait(milliseconds: Int32) -> [Event] {
            var events = [epoll_event](repeating: epoll_event(), count: 64)
            let count = epoll_wait(descriptor, &events, 64, milliseconds)
            return events.prefix(Int(max(0, count))).map { event in
                let isBroken = event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
                return Event(
                    number: event.data.u64,
                    isReadable: isBroken || event.events & EPOLLIN.rawValue != 0,
                    isWritable: isBroken || event.events & EPOLLOUT.rawValue != 0,
                    isBroken: isBroken)
            }
        }

        func close() { closeDescriptor(descriptor) }
    }

    /// Something that can be waited for with the others, and can be made to happen (eventfd).
    struct Wakeup: Sendable {
        let descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))

        func signal() { _ = eventfd_write(descriptor, 1) }

        /// Blocks the thread until it happens.
        func wait() {
            var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            while Glibc.poll(&poll, 1, -1) < 1 {}
        }

        func clear() {
            var count: eventfd_t = 0
            _ = eventfd_read(descriptor, &count)
        }

        func close() { closeDescriptor(descriptor) }
    }

    // MARK: - Threads

    /// Runs the body on a thread of its own, with all signals left to the other threads.
    func startThread(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let box = Unmanaged.passRetained(Box(body))
        let failure = pthread_create(
            &thread, &attributes,
            { box in
                if let box { Unmanaged<Box>.fromOpaque(box).takeRetainedValue().body() }
                return nil
            }, box.toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(failure == 0, "The system has no room for another thread")
    }
#endif
