import Strata
import Synchronization

/// The loop's side of one connection: it opens the socket and reads from it.
///
/// It is the loop's thread that uses it, and whoever waits for an answer where they are.
///
/// `@unchecked Sendable`: what is not constant is used by whoever holds `turn` alone, but for the
/// addresses of a host, which another thread may look up and which have a lock of their own.
final class Line: @unchecked Sendable {
    /// Whom a connection tells of how it fares, and of what was subscribed to.
    enum Audience: Sendable {
        /// Connections for commands are told of as events, under their lane; those beside it are
        /// told why its commands are refused.
        case lane(RedisLane, Events, isBreached: @Sendable (StoreError) -> Void)
        /// Returns whether it can take more.
        case subscriber(@Sendable (RedisPush) -> Bool)
    }

    private let connection: RedisConnection
    private let poller: Poller
    private let configuration: RedisConfiguration
    private let audience: Audience
    /// How long a reply may be.
    private let maximumReplyBytes: Int
    private let time = SystemTime()
    /// Held by whoever uses what follows; by one who waits for an answer for a moment at most.
    private let turn = Mutex<Void>(())

    private var socket: Socket?
    private let tls: TLSContext?
    /// Whether the socket is connected, and TLS about to be agreed on.
    private var isShakingHands = false
    private var reader: ReplyReader?
    /// Those of the host's addresses that the present attempt has not tried yet.
    private var addresses = AddressQueue<SocketAddress>()
    private let lookup: Lookup
    /// Why the connection is not ready, as it was told last.
    private var toldFailure: String?
    /// Whether the server has ever answered, and so is one for this client.
    private var hasBeenReady = false
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 64 * 1024, alignment: 16)
    private var replies: [RedisValue] = []
    private var arrivals = RedisConnection.Arrivals()

    init(
        _ connection: RedisConnection, poller: Poller, configuration: RedisConfiguration,
        tls: TLSContext?, resolver: @escaping Lookup.Resolver, maximumReplyBytes: Int,
        audience: Audience
    ) {
        self.tls = tls
        lookup = Lookup(resolver)
        self.maximumReplyBytes = maximumReplyBytes
        self.connection = connection
        self.poller = poller
        self.configuration = configuration
        self.audience = audience
    }

    deinit { buffer.deallocate() }

    /// Does what is due; when to look again at the latest, and the server's address if it was found
    /// to take no writes.
    func look(now: Duration) -> (next: Duration?, replica: SocketAddress?) {
        turn.withLock { _ in doWhatIsDue(now: now) }
    }

    private func doWhatIsDue(now: Duration) -> (next: Duration?, replica: SocketAddress?) {
        if let result = lookup.take() { resolved(result) }
        var replica: SocketAddress?
        while true {
            let due = connection.due(now: now)
            if due.isRefusedToWrite { replica = addresses.current }
            // First, so that whoever is told that time is over finds nobody who would try again.
            if let breach = due.breach {
                tell(named(breach))
                if case .lane(_, _, let isBreached) = audience { isBreached(breach) }
            }
            for waiter in due.expired {
                waiter.resume(
                    returning: .failure(
                        StoreError(.timedOut, "Redis did not answer in time.")))
            }
            switch due.step {
            case .none, .write: return (due.next, replica)
            case .open: open(now: now)
            case .fail(let error):
                if connection.phase != .ready { addresses.shun() }
                lose(isShakingHands ? Self.noTLS : error)
            }
        }
    }

    /// Does what the socket is ready for.
    ///
    /// - Returns: whether the connection's times may have changed.
    func handle(_ readiness: Poller.Readiness, now: Duration) -> Bool {
        turn.withLock { _ in use(readiness, now: now) }
    }

    private func use(_ readiness: Poller.Readiness, now: Duration) -> Bool {
        guard let socket else { return false }
        switch connection.phase {
        case .waiting, .closed: return false
        case .opening:
            if isShakingHands { shakeHands(socket) } else { finishConnecting(socket) }
            return true
        case .greeting, .ready:
            if readiness.canSend { connection.resumeWriting(to: socket, now: now) }
            return readiness.canReceive ? receive(from: socket) : false
        }
    }

    /// Waits for what arrives next and takes it, on the thread of one who waits for an answer.
    ///
    /// - Returns: whether anything came; false where it is somebody else's turn, too.
    func takeNext(from socket: Socket, upTo limit: Duration) -> Bool {
        turn.withLockIfAvailable { _ in
            guard socket === self.socket, socket.waitForArrival(upTo: limit) else { return false }
            // The loop looks at times that may have changed.
            if receive(from: socket) { poller.wake() }
            return true
        } ?? false
    }

    /// Closes the connection for good.
    func close() { turn.withLock { _ in end() } }

    private func end() {
        dropSocket()
        for waiter in connection.close(.closed) { waiter.resume(returning: .failure(.closed)) }
        if case .subscriber(let tell) = audience { _ = tell(.lost(.closed)) }
    }

    // MARK: - Opening

    private func open(now: Duration) {
        connection.beginOpening(now: now)
        switch configuration.endpoint {
        case .unix(let path):
            resolved(.success([SocketAddress(unixPath: path)]))
        case .tcp(let host, let port):
            if let address = SocketAddress.address(host: host, port: port) {
                return resolved(.success([address]))
            }
            lookup.start(host: host, port: port) { [poller] in poller.wake() }
        }
    }

    private func resolved(_ result: Result<[SocketAddress], StoreError>) {
        guard case .opening = connection.phase, socket == nil else { return leave(for: result) }
        switch result {
        case .success(let found):
            addresses.begin(found)
            connectToNextAddress(
                failure: StoreError(.unavailable, "The host of Redis has no address."))
        case .failure(let error): lose(error)
        }
    }

    /// Looks the server's name up again, if it has one and is connected to there, where it takes no
    /// writes.
    func lookAgain(shunning address: SocketAddress) {
        guard case .tcp(let host, let port) = configuration.endpoint,
            SocketAddress.address(host: host, port: port) == nil, connection.phase == .ready,
            turn.withLock({ _ in addresses.current }) == address
        else { return }
        lookup.start(host: host, port: port) { [poller] in poller.wake() }
    }

    /// Leaves a server that takes no writes where its name leads to another one.
    private func leave(for result: Result<[SocketAddress], StoreError>) {
        guard connection.phase == .ready, case .success(let found) = result,
            found.contains(where: { $0 != addresses.current })
        else { return }
        addresses.shun()
        lose(
            StoreError(
                .unavailable,
                "It takes no writes, and its name leads to another server, too, which is "
                    + "connected to."))
    }

    private func connectToNextAddress(failure: StoreError) {
        var failure = failure
        while let address = addresses.next() {
            do {
                let socket = try Socket(connectingTo: address, tls: tls?.makeSession())
                self.socket = socket
                poller.add(socket, key: connection.key, for: .both)
                return
            } catch {
                failure = error
            }
        }
        lose(failure)
    }

    private func finishConnecting(_ socket: Socket) {
        let error = socket.connectError()
        guard error == 0 else {
            dropSocket()
            return connectToNextAddress(failure: .io("Redis can't be reached", error))
        }
        do {
            reader = try ReplyReader(maximumReplyBytes: maximumReplyBytes)
        } catch {
            return lose(error)
        }
        poller.change(socket, key: connection.key, for: .receiving)
        guard socket.tls == nil else {
            isShakingHands = true
            return shakeHands(socket)
        }
        finishOpening(socket)
    }

    private func shakeHands(_ socket: Socket) {
        guard let tls = socket.tls else { return }
        do throws(StoreError) {
            switch socket.receive(into: buffer) {
            case .moved(let count):
                tls.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .wouldBlock: break
            case .ended: throw Self.noTLS
            case .failed(let error): throw .io("The connection was lost", error)
            }
            let (isDone, output) = try tls.shakeHands()
            // The few bytes of a handshake fit into a socket that nothing was sent on before.
            if !output.isEmpty {
                let outcome = output.withUnsafeBytes { socket.send($0) }
                guard case .moved(output.count) = outcome else {
                    throw StoreError(.unavailable, "Redis does not take what TLS begins with.")
                }
            }
            if isDone { finishOpening(socket) }
        } catch {
            lose(error)
        }
    }

    private static let noTLS = StoreError(
        .unavailable, "TLS was not agreed on; does the server listen for TLS at that port?")

    private func finishOpening(_ socket: Socket) {
        isShakingHands = false
        connection.opened(socket, line: self, now: time.uptime)
        if connection.phase == .ready { tell(nil) }
    }

    // MARK: - Reading

    /// - Returns: whether the connection's times may have changed.
    private func receive(from socket: Socket) -> Bool {
        // Several buffers at most, so that one connection does not keep the others waiting.
        for _ in 0..<16 {
            do throws(StoreError) {
                switch socket.receive(into: buffer) {
                case .moved(let count):
                    if try take(count, from: socket) { return true }
                    if count < buffer.count { return false }
                case .wouldBlock: return false
                case .ended: throw StoreError(.unavailable, "Redis closed the connection.")
                case .failed(let error): throw StoreError.io("The connection was lost", error)
                }
            } catch {
                lose(advised(error))
                return true
            }
        }
        return false
    }

    /// Takes the bytes at the buffer's beginning, which were received.
    ///
    /// - Returns: whether the connection has become ready.
    private func take(_ count: Int, from socket: Socket) throws(StoreError) -> Bool {
        guard let tls = socket.tls else { return try take(count) }
        tls.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        var isReady = false
        while true {
            let count = try tls.open(into: buffer)
            guard count > 0 else { return isReady }
            if try take(count) { isReady = true }
        }
    }

    /// Makes replies of the bytes at the buffer's beginning, and gives them to those who wait.
    ///
    /// - Returns: whether the connection has become ready.
    private func take(_ count: Int) throws(StoreError) -> Bool {
        guard let reader else { return false }
        var failure: StoreError?
        var isReady = false
        do {
            try reader.read(
                UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &replies)
        } catch {
            failure = error
        }
        // What came before the fault was answered, and is given out.
        do {
            isReady = try connection.receive(replies, now: time.uptime, arrivals: &arrivals)
        } catch {
            failure = error
        }
        replies.removeAll(keepingCapacity: true)
        if isReady {
            hasBeenReady = true
            tell(nil)
        }
        for answer in arrivals.answers { answer.waiter.resume(returning: answer.result) }
        arrivals.answers.removeAll(keepingCapacity: true)
        let isDated = try handOverPushes()
        if let failure { throw failure }
        return isReady || isDated
    }

    /// Gives out what was subscribed to; whether one of them answers a ping.
    private func handOverPushes() throws(StoreError) -> Bool {
        guard !arrivals.pushes.isEmpty, case .subscriber(let tell) = audience else { return false }
        defer { arrivals.pushes.removeAll(keepingCapacity: true) }
        var isDated = false
        for push in arrivals.pushes {
            guard tell(push) else {
                throw StoreError(
                    .unavailable, "More messages came than are taken; some were lost.")
            }
            if case .current = push { isDated = true }
        }
        return isDated
    }

    // MARK: - Losing

    /// The error with what may be behind it where the server ends the connection without a word.
    private func advised(_ error: StoreError) -> StoreError {
        guard !hasBeenReady, case .greeting = connection.phase, error.code == .unavailable else {
            return error
        }
        let advice =
            tls == nil
            ? "does the server want TLS (rediss://)?"
            : "does the server want the client's certificate (cert, key)?"
        return StoreError(
            error.code, "\(error.message) It had answered nothing; \(advice)",
            underlying: error.underlying)
    }

    private func lose(_ error: StoreError) {
        let error = named(error)
        dropSocket()
        let waiters = connection.lose(
            error, now: time.uptime, jitter: Double.random(in: 0...1))
        tell(error)
        for waiter in waiters { waiter.resume(returning: .failure(error)) }
    }

    /// The error with the name of the server.
    private func named(_ error: StoreError) -> StoreError {
        StoreError(
            error.code, "Redis at \(configuration.endpoint): \(error.message)",
            underlying: error.underlying)
    }

    private func dropSocket() {
        if let socket {
            poller.remove(socket)
            socket.shutDown()
        }
        socket = nil
        reader = nil
        isShakingHands = false
    }

    /// Tells that the connection is ready, or why it is not.
    private func tell(_ failure: StoreError?) {
        switch audience {
        case .lane(let lane, let events, _):
            // That an attempt fails like the one before is no change.
            if let failure, failure.message == toldFailure { return }
            toldFailure = failure?.message
            events(
                RedisConnectionChange(
                    endpoint: configuration.endpoint, lane: lane, failure: failure))
        case .subscriber(let tell):
            // That it is ready came among the pushes, in its place.
            if let failure { _ = tell(.lost(failure)) }
        }
    }
}
