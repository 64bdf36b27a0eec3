import Foundation
import Strata
import StrataTesting

/// A program that is measured, or stands between one and its clients; it ends with the object.
final class Peer {
    private let process = Process()
    /// Where it listens at 127.0.0.1.
    let port: Int

    /// Starts a program and waits until it listens.
    ///
    /// - Parameters:
    ///   - name: one that stands beside this program, or in `PATH`.
    ///   - port: where it will listen.
    ///   - package: the package of Debian that it is in.
    init(_ name: String, _ arguments: [String], port: Int, package: String) async throws {
        self.port = port
        process.executableURL = try Self.find(name, package: package)
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<400 {
            if Self.isListening(port) { return }
            try await SystemTime().sleep(for: .milliseconds(25))
        }
        kill(process.processIdentifier, SIGKILL)
        throw Unavailable(message: "\(name) does not listen on \(port)")
    }

    // Not every program that was started from here hears a milder signal: it may be blocked.
    deinit { for id in processes { kill(id, SIGKILL) } }

    /// Its process.
    var id: Int32 { process.processIdentifier }

    /// How much processor time it has taken, with all its threads and the processes it has started.
    var processorTime: Duration { processes.reduce(.zero) { $0 + Self.processorTime(of: $1) } }

    /// Its process, and those that it has started.
    private var processes: [Int32] {
        var found = [id]
        var next = 0
        while next < found.count {
            let id = found[next]
            next += 1
            let children = try? String(
                contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
            found += (children ?? "").split(separator: " ").compactMap { Int32($0) }
        }
        return found
    }

    private static func processorTime(of id: Int32) -> Duration {
        let stat = (try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)) ?? ""
        // The name in parentheses may hold spaces; user and system time are the 12th and 13th behind.
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            return .zero
        }
        return .milliseconds((user + system) * 1000 / sysconf(Int32(_SC_CLK_TCK)))
    }

    /// A port at 127.0.0.1 that nobody listens on.
    static func freePort() throws -> Int {
        let (socket, port) = try boundSocket()
        close(socket)
        return port
    }

    /// What a command prints; its arguments hold no apostrophes.
    static func output(of name: String, _ arguments: [String], package: String) throws -> [UInt8] {
        let words = [try find(name, package: package).path] + arguments
        guard let pipe = popen(words.map { "'\($0)'" }.joined(separator: " "), "r") else {
            throw Unavailable(message: "\(name) can't be started")
        }
        defer { pclose(pipe) }
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&buffer, 1, buffer.count, pipe)
            guard count > 0 else { return output }
            output += buffer[..<count]
        }
    }

    private static func find(_ name: String, package: String) throws -> URL {
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let places =
            [own] + path.map { URL(fileURLWithPath: String($0)) } + [
                URL(fileURLWithPath: "/usr/sbin")
            ]
        for place in places {
            let file = place.appendingPathComponent(name)
            if FileManager.default.isExecutableFile(atPath: file.path) { return file }
        }
        throw Unavailable(message: "\(name) is not there: \(package)")
    }

    private static func boundSocket() throws -> (Int32, Int) {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw Unavailable(message: "there is no free port at 127.0.0.1") }
        return (socket, Int(UInt16(bigEndian: address.sin_port)))
    }

    private static func isListening(_ port: Int) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = in_port_t(port).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// What wrk measures of a server: 32 connections, one thread.
struct Load {
    /// How many requests a second were answered.
    var perSecond: Double
    /// How much processor time of the measured programs a request took, in microseconds.
    var microsecondsOfCPU: Double

    /// Puts load on a URL for that many seconds.
    init(
        _ path: String, on front: Peer, with others: [Peer] = [], fields: [String] = [],
        seconds: Int = 2
    ) throws {
        let measured = [front] + others
        let before = measured.reduce(.zero) { $0 + $1.processorTime }
        var arguments = ["-t1", "-c32", "-d\(seconds)s"]
        for field in fields { arguments += ["-H", field] }
        let text = String(
            decoding: try Peer.output(
                of: "wrk", arguments + ["http://127.0.0.1:\(front.port)\(path)"],
                package: "apt-get install wrk"),
            as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("Requests/sec:") }
        guard let line, let rate = Double(line.split(separator: " ").last ?? ""), rate > 0,
            !text.contains("Non-2xx")
        else { throw Unavailable(message: "wrk does not get its answers:\n\(text)") }
        perSecond = rate
        let spent = measured.reduce(.zero) { $0 + $1.processorTime } - before
        microsecondsOfCPU = spent / .microseconds(1) / (rate * Double(seconds))
    }
}
