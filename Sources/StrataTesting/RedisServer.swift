import Synchronization

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A redis-server of a test's own, empty, on a free port of 127.0.0.1 and on a Unix socket.
///
/// It ends when the object is gone, and also when the test's process dies in whatever way.
///
/// ```swift
/// @Test(.enabled(if: RedisServer.isInstalled))
/// func `a stopped server costs no more than the deadline`() async throws {
///     let server = try await RedisServer()
///     let store = try await RedisStore(url: server.url)
///     server.suspend()
///     …
/// }
/// ```
public final class RedisServer: Sendable {
    /// The server could not be started.
    public struct StartError: Error, CustomStringConvertible {
        /// What happened, with the server's log.
        public let description: String
    }

    private struct Run: Sendable {
        /// A shell that kills the server as soon as its standard input ends.
        let guardian: pid_t
        let guardianInput: Int32
        let server: pid_t
    }

    private static let executable = find("redis-server")

    /// Whether a redis-server is found in `PATH`.
    public static var isInstalled: Bool { executable != nil }

    /// The port at 127.0.0.1.
    public let port: UInt16
    /// The port at 127.0.0.1 for TLS; 0 where the server was made without.
    public let tlsPort: UInt16
    /// The path of the Unix socket.
    public var socketPath: String { "\(directory)/socket" }
    /// The server's URL over TCP.
    public var url: String { "redis://127.0.0.1:\(port)" }
    /// The server's URL over its Unix socket.
    public var unixURL: String { "unix://\(socketPath)" }

    private let directory: String
    /// The lines of a sentinel's configuration; nil for an ordinary server.
    private let sentinelLines: [String]?
    private let options: [String]
    /// Guarded by the mutex: the process, or nil while there is none.
    private let run = Mutex<Run?>(nil)

    /// Starts a server and waits until it answers.
    ///
    /// - Parameters:
    ///   - options: options of redis-server, such as `["--requirepass", "secret"]`.
    ///   - isTLSEnabled: whether it also listens for TLS; the options then name its certificate.
    public convenience init(options: [String] = [], isTLSEnabled: Bool = false) async throws {
        try await self.init(options, isTLSEnabled: isTLSEnabled, sentinelLines: nil)
    }

    /// Starts a sentinel and waits until it answers.
    ///
    /// - Parameters:
    ///   - lines: lines of its configuration, such as `["sentinel monitor shop 127.0.0.1 6379 2"]`.
    ///   - isTLSEnabled: whether it also listens for TLS; the lines then name its certificate.
    public convenience init(sentinel lines: [String], isTLSEnabled: Bool = false) async throws {
        try await self.init([], isTLSEnabled: isTLSEnabled, sentinelLines: lines)
    }

    private init(
        _ options: [String], isTLSEnabled: Bool, sentinelLines: [String]?
    ) async throws {
        self.options = options
        self.sentinelLines = sentinelLines
        port = try Self.freePort()
        tlsPort = isTLSEnabled ? try Self.freePort() : 0
        var template = Array("/tmp/strata-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw StartError(description: "There is no room in /tmp.")
        }
        directory = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        try await start()
    }

    deinit {
        kill()
        for name in ["socket", "log", "dump.rdb", "nodes.conf", "sentinel.conf"] {
            unlink("\(directory)/\(name)")
        }
        rmdir(directory)
    }

    /// Starts the server again, empty, after ``kill()``.
    public func start() async throws {
        guard let executable = Self.executable else {
            throw StartError(description: "redis-server is not installed.")
        }
        let place = [
            "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", socketPath, "--dir",
            directory, "--logfile", "\(directory)/log",
        ]
        // A sentinel writes what it learns into its configuration, which therefore is a file.
        let arguments =
            if sentinelLines == nil {
                [executable] + place + ["--save", "", "--appendonly", "no"]
            } else {
                [executable, try writeSentinelFile(), "--sentinel"] + place
            }
        // A redis-server that was built without TLS does not know the option.
        let tls = tlsPort == 0 ? [] : ["--tls-port", "\(tlsPort)"]
        let (guardian, input) = try Self.spawn(arguments + tls + options)
        for _ in 0..<3000 {
            if let server = processID() {
                run.withLock { $0 = Run(guardian: guardian, guardianInput: input, server: server) }
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        close(input)
        waitpid(guardian, nil, 0)
        throw StartError(description: "redis-server does not answer; see \(directory)/log.")
    }

    private func writeSentinelFile() throws -> String {
        let path = "\(directory)/sentinel.conf"
        guard let file = fopen(path, "w") else {
            throw StartError(description: "There is no room in /tmp.")
        }
        defer { fclose(file) }
        fputs((sentinelLines ?? []).joined(separator: "\n") + "\n", file)
        return path
    }

    /// A port that is free, and given to nobody else who asks here.
    public static func unusedPort() throws -> UInt16 { try freePort() }

    /// Stops the process where it stands (SIGSTOP): connections stay open, nothing is answered.
    public func suspend() { signal(SIGSTOP) }

    /// Lets a suspended process go on (SIGCONT).
    public func resume() { signal(SIGCONT) }

    /// Kills the process (SIGKILL) and waits for its end.
    public func kill() {
        guard let run = run.withLock({ $0.take() }) else { return }
        close(run.guardianInput)
        waitpid(run.guardian, nil, 0)
    }

    private func signal(_ number: Int32) {
        run.withLock { if let run = $0 { _ = Glibc.kill(run.server, number) } }
    }

    // MARK: - The process

    private static func spawn(_ command: [String]) throws -> (pid_t, Int32) {
        // The kernel closes the far end when this process ends; no other process inherits it.
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &ends) == 0 else {
            throw StartError(description: "No file descriptor is left.")
        }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // Threads of the concurrency runtime block signals, which would be inherited.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let script = "\"$@\" </dev/null & read -r _; kill -9 $!; wait $!"
        let words = ["sh", "-c", script, "sh"] + command
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        defer { pointers.forEach { free($0) } }
        pointers.append(nil)
        var process = pid_t()
        let error = posix_spawn(&process, "/bin/sh", &actions, &attributes, pointers, environ)
        guard error == 0 else {
            close(ends[1])
            throw StartError(description: "The shell can't be started.")
        }
        return (process, ends[1])
    }

    private static func find(_ name: String) -> String? {
        guard let path = getenv("PATH") else { return nil }
        return String(cString: path).split(separator: ":").map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }

    /// The next port to try: each is given once, and they lie below those that the kernel hands
    /// to connections, so that nobody takes one before redis-server does.
    private static let nextPort = Atomic<UInt16>(.random(in: 10_000..<30_000))

    private static func freePort() throws -> UInt16 {
        for _ in 0..<1000 {
            let port = nextPort.wrappingAdd(1, ordering: .relaxed).newValue
            if (1024..<32_768).contains(port), isFree(port) { return port }
        }
        throw StartError(description: "No port is free.")
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) {
                bind(descriptor, $0.baseAddress, socklen_t(bytes.count)) == 0
            }
        }
    }

    /// The process that listens at the Unix socket; nil while none does.
    private func processID() -> pid_t? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.dropLast().copyBytes(from: socketPath.utf8)
        }
        let isConnected = withUnsafeBytes(of: address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) {
                connect(descriptor, $0.baseAddress, socklen_t(bytes.count)) == 0
            }
        }
        guard isConnected else { return nil }
        // The kernel knows who listens, whatever password the server wants.
        var peer: (process: pid_t, user: uid_t, group: gid_t) = (0, 0, 0)
        var size = socklen_t(MemoryLayout.size(ofValue: peer))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 else {
            return nil
        }
        // Anything it says, were it that it wants a password, shows that it is up.
        let question = Array("PING\r\n".utf8)
        var answer = [UInt8](repeating: 0, count: 64)
        guard send(descriptor, question, question.count, Int32(MSG_NOSIGNAL)) > 0,
            recv(descriptor, &answer, answer.count, 0) > 0
        else { return nil }
        return peer.process
    }
}
