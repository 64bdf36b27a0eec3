#if Server
    import Foundation
    import StrataServer
    import Synchronization

    /// An origin that says exactly what a test wants, and hides nothing of what it was asked.
    ///
    /// Each connection is served on a thread of its own; after 20 s without a byte it gives up.
    final class ScriptedOrigin: Sendable {
        private let listener: Int32
        let port: Int
        private let open = Mutex<Set<Int32>>([])
        private let accepted = Mutex(0)
        private let isStopped = Mutex(false)

        /// How many connections there were.
        var connectionCount: Int { accepted.withLock { $0 } }
        var url: String { "http://127.0.0.1:\(port)" }

        /// - Parameter serve: serves a connection, the first of which has the number 1.
        init(_ serve: @escaping @Sendable (Connection, Int) throws -> Void) {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = bind(listener, $0, size)
                    _ = getsockname(listener, $0, &size)
                }
            }
            listen(listener, 512)
            self.listener = listener
            port = Int(UInt16(bigEndian: address.sin_port))
            Thread.detachNewThread {
                while true {
                    let descriptor = accept(listener, nil, nil)
                    guard descriptor >= 0 else {
                        close(listener)
                        return
                    }
                    let number = self.accepted.withLock { count in
                        count += 1
                        return count
                    }
                    self.open.withLock { _ = $0.insert(descriptor) }
                    Thread.detachNewThread {
                        try? serve(Connection(descriptor), number)
                        self.open.withLock {
                            $0.remove(descriptor)
                            close(descriptor)
                        }
                    }
                }
            }
        }

        /// Accepts nobody any more; those who try are refused.
        func stop() {
            // Only once: the descriptor is somebody else's soon after.
            let isFirst = isStopped.withLock { isStopped in
                defer { isStopped = true }
                return !isStopped
            }
            if isFirst { shutdown(listener, Int32(SHUT_RDWR)) }
            open.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
        }

        /// A connection, which is closed when it was served.
        final class Connection {
            private let descriptor: Int32
            private var received: [UInt8] = []

            init(_ descriptor: Int32) {
                self.descriptor = descriptor
                var wait = timeval(tv_sec: 20, tv_usec: 0)
                setsockopt(
                    descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait,
                    socklen_t(MemoryLayout<timeval>.size))
                setsockopt(
                    descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait,
                    socklen_t(MemoryLayout<timeval>.size))
            }

            struct Gone: Error {}

            func send(_ text: String) throws { try send(Array(text.utf8)) }

            func send(_ bytes: [UInt8]) throws {
                var rest = bytes[...]
                while !rest.isEmpty {
                    let sent = rest.withUnsafeBytes {
                        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard sent > 0 else { throw Gone() }
                    rest = rest.dropFirst(sent)
                }
            }

            /// The next request's lines, without their ends.
            func head() throws -> Asked {
                var asked = Asked()
                while true {
                    let line = try line()
                    if line.isEmpty { return asked }
                    asked.lines.append(line)
                }
            }

            /// The next request, with its content where that is sent without leave.
            func request() throws -> Asked {
                var asked = try head()
                if asked.field("Transfer-Encoding") == "chunked" {
                    while let size = Int(try line(), radix: 16) {
                        asked.content += try bytes(size)
                        _ = try line()
                        if size == 0 { break }
                    }
                } else if asked.field("Expect") == nil, let length = asked.field("Content-Length") {
                    asked.content = try bytes(Int(length) ?? 0)
                }
                return asked
            }

            func bytes(_ count: Int) throws -> [UInt8] {
                while received.count < count { try receive() }
                defer { received.removeFirst(count) }
                return Array(received.prefix(count))
            }

            /// Waits until the other side closes.
            func waitForEnd() { while (try? receive()) != nil {} }

            private func line() throws -> String {
                while true {
                    if let end = received.firstIndex(of: 10) {
                        let line = received[..<end].filter { $0 != 13 }
                        received.removeFirst(end + 1)
                        return String(String.UnicodeScalarView(line.map { Unicode.Scalar($0) }))
                    }
                    try receive()
                }
            }

            private func receive() throws {
                var buffer = [UInt8](repeating: 0, count: 64 * 1024)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                guard count > 0 else { throw Gone() }
                received += buffer.prefix(count)
            }
        }

        /// A request as it came; bytes beyond ASCII read as ISO 8859-1.
        struct Asked: Sendable {
            var lines: [String] = []
            var content: [UInt8] = []

            func fields(_ name: String) -> [String] {
                lines.dropFirst().compactMap { line in
                    guard line.lowercased().hasPrefix(name.lowercased() + ":") else { return nil }
                    return line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
                }
            }

            func field(_ name: String) -> String? { fields(name).first }
        }
    }

    /// Runs an origin for as long as the body takes.
    func withOrigin<Value>(
        _ serve: @escaping @Sendable (ScriptedOrigin.Connection, Int) throws -> Void,
        _ body: (ScriptedOrigin) async throws -> Value
    ) async throws -> Value {
        let origin = ScriptedOrigin(serve)
        defer { origin.stop() }
        return try await body(origin)
    }
#endif
