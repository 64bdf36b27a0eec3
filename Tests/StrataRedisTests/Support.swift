import Strata
import StrataRedis
import StrataTesting
import Synchronization
import Testing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

extension RedisServer {
    /// A client of the server.
    func client(
        events: Events = .ignored, _ change: (inout RedisConfiguration) -> Void = { _ in }
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: url)
        configuration.commandTimeout = .seconds(10)
        change(&configuration)
        return try RedisClient(configuration, events: events)
    }
}

/// A client that gives its commands as long as a machine under load may need.
func patientClient(url: String, events: Events = .ignored) throws -> RedisClient {
    var configuration = try RedisConfiguration(url: url)
    configuration.commandTimeout = .seconds(10)
    return try RedisClient(configuration, events: events)
}

/// Runs the body again until it succeeds, for as long as a machine under load may need.
func eventually(
    _ body: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    for _ in 0..<1000 {
        if try await body() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it never happened", sourceLocation: sourceLocation)
}

/// The error that the body throws, or nil.
func storeError(_ body: () async throws -> Void) async -> StoreError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? StoreError
    }
}

/// How long the body takes.
func elapsed(_ body: () async throws -> Void) async rethrows -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    try await body()
    return clock.now - start
}

/// The events of a type that came.
final class Recorder<Kind: Event>: Sendable {
    private let list = Mutex<[Kind]>([])

    var events: Events {
        Events { [self] event in
            if let event = event as? Kind { list.withLock { $0.append(event) } }
        }
    }
    var all: [Kind] { list.withLock(\.self) }
}

/// A server that reads what comes and answers each connection with bytes of the test's choice.
final class FakeServer: Sendable {
    /// What to do once the bytes are sent.
    enum End: Sendable { case hangUp, stayOpen }

    let path: String
    private let listener: Int32

    init(answering bytes: [UInt8], then end: End) throws {
        path = "/tmp/strata-fake-\(UInt64.random(in: 0 ... .max))"
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.dropLast().copyBytes(from: path.utf8) }
        let isBound = withUnsafeBytes(of: address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) {
                bind(listener, $0.baseAddress, socklen_t(bytes.count)) == 0
            }
        }
        try #require(isBound && listen(listener, 16) == 0)
        let listening = listener
        var thread = pthread_t()
        let job = Unmanaged.passRetained(
            Job {
                while true {
                    let connection = accept(listening, nil, nil)
                    if connection < 0 {
                        // Not before: another one's socket could have got its number.
                        close(listening)
                        return
                    }
                    var buffer = [UInt8](repeating: 0, count: 4096)
                    _ = recv(connection, &buffer, buffer.count, 0)
                    _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                    if end == .stayOpen {
                        while recv(connection, &buffer, buffer.count, 0) > 0 {}
                    }
                    close(connection)
                }
            })
        pthread_create(
            &thread, nil,
            { pointer in
                pointer.map { Unmanaged<Job>.fromOpaque($0).takeRetainedValue().run() }
                return nil
            }, job.toOpaque())
        pthread_detach(thread)
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
    }

    private final class Job {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }
}

/// The pushes that a handler was told.
final class PushRecorder: Sendable {
    private let list = Mutex<[RedisPush]>([])

    func append(_ push: RedisPush) { list.withLock { $0.append(push) } }
    var count: Int { list.withLock(\.count) }
    var last: RedisPush? { list.withLock(\.last) }
}
