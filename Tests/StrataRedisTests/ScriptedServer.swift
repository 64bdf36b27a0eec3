import Strata
import Synchronization
import Testing

@testable import StrataRedis

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A server that says exactly what a test wants, at a port of 127.0.0.1.
///
/// Each connection is served on a thread of its own, until the client leaves.
final class ScriptedServer: Sendable {
    /// What the server says to a command; nil for what a polite server would say to a greeting.
    typealias Script = @Sendable (_ command: [String], _ connection: Connection) -> String?

    let port: UInt16
    private let listener: Int32
    private let counters = Counters()

    /// How many connections there were.
    var connectionCount: Int { counters.connections.load(ordering: .relaxed) }
    /// How many bytes were sent, and taken by the kernel.
    var sentBytes: Int { counters.sentBytes.load(ordering: .relaxed) }

    /// How many times the script has called ``Connection/note()``.
    var notes: Int { counters.notes.load(ordering: .relaxed) }

    /// Tells the script that it has been bad for long enough.
    func improve() { counters.isBetter.store(true, ordering: .relaxed) }

    var url: String { "redis://127.0.0.1:\(port)" }

    init(_ script: @escaping Script) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isBound && listen(listener, 64) == 0)
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        let (port, counters) = (port, counters)
        try Thread.detach {
            while true {
                let descriptor = accept(listener, nil, nil)
                if descriptor < 0 {
                    close(listener)
                    return
                }
                let number = counters.connections.wrappingAdd(1, ordering: .relaxed).newValue
                let connection = Connection(descriptor, number, port, counters)
                try? Thread.detach { connection.serve(script) }
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    fileprivate final class Counters: Sendable {
        let connections = Atomic<Int>(0)
        let sentBytes = Atomic<Int>(0)
        let notes = Atomic<Int>(0)
        let isBetter = Atomic<Bool>(false)
    }

    /// One connection, which its own thread uses alone.
    final class Connection: Sendable {
        /// The first one has the number 1.
        let number: Int
        /// The port that the server listens at.
        let port: UInt16
        private let descriptor: Int32
        private let counters: Counters

        fileprivate init(_ descriptor: Int32, _ number: Int, _ port: UInt16, _ counters: Counters) {
            self.descriptor = descriptor
            self.number = number
            self.port = port
            self.counters = counters
            var yes: Int32 = 1
            setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes,
                socklen_t(MemoryLayout<Int32>.size))
        }

        deinit { close(descriptor) }

        /// Counts what the script wants counted, over all connections.
        func note() { counters.notes.add(1, ordering: .relaxed) }
        /// Counts, and gives the number so far.
        func noteNumber() -> Int { counters.notes.wrappingAdd(1, ordering: .relaxed).newValue }
        var notes: Int { counters.notes.load(ordering: .relaxed) }
        /// Whether the test has had enough of what is wrong.
        var isBetter: Bool { counters.isBetter.load(ordering: .relaxed) }

        /// Sends bytes; whether the client was there to take them.
        @discardableResult
        func send(_ bytes: [UInt8]) -> Bool {
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { return false }
                counters.sentBytes.add(sent, ordering: .relaxed)
                rest = rest.dropFirst(sent)
            }
            return true
        }

        @discardableResult
        func send(_ text: String) -> Bool { send(Array(text.utf8)) }

        /// Sends the text again and again until the client has enough.
        func flood(with text: String) {
            let piece = Array(String(repeating: text, count: 65_536 / text.utf8.count).utf8)
            while send(piece) {}
        }

        /// Sends each byte by itself.
        func trickle(_ text: String) {
            for byte in text.utf8 {
                send([byte])
                usleep(100)
            }
        }

        /// Says nothing more, for as long as the client stays.
        func fallSilent() {
            var buffer = [UInt8](repeating: 0, count: 4096)
            while recv(descriptor, &buffer, buffer.count, 0) > 0 {}
        }

        /// Ends the connection.
        func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

        fileprivate func serve(_ script: Script) {
            guard let reader = try? ReplyReader(maximumReplyBytes: 1 << 20) else { return }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                var commands: [RedisValue] = []
                let isRead = buffer.withUnsafeBytes { bytes in
                    let bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(count))
                    return (try? reader.read(bytes, into: &commands)) != nil
                }
                guard isRead else { return }
                for command in commands {
                    let words = (command.array ?? []).map { $0.text ?? "" }
                    let polite = words.first == "PING" ? "+PONG\r\n" : "+OK\r\n"
                    send(script(words, self) ?? polite)
                }
            }
        }
    }
}

extension String {
    /// The text as Redis sends bytes.
    var asBulk: String { "$\(utf8.count)\r\n\(self)\r\n" }
}
