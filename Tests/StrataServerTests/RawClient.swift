#if Server
    import Foundation
    import Strata
    import StrataServer
    import Testing

    /// An HTTP client that sends exactly the bytes it is given, and hides nothing of the answer.
    ///
    /// It blocks, so it is used on threads of its own: see `onThread`.
    final class RawClient {
        private let descriptor: Int32
        private var received: [UInt8] = []

        /// Connects.
        ///
        /// - Parameter receiveBuffer: how much the kernel may hold for this client, where the test
        ///   needs it small.
        init(_ port: Int, receiveBuffer: Int32? = nil) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var wait = timeval(tv_sec: 20, tv_usec: 0)
            setsockopt(
                descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(
                descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
            if var receiveBuffer {
                setsockopt(
                    descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer,
                    socklen_t(MemoryLayout<Int32>.size))
            }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let failure = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard failure == 0 else { throw Failure("connect: \(errno)") }
        }

        deinit { close(descriptor) }

        struct Failure: Error, CustomStringConvertible {
            let description: String
            init(_ description: String) { self.description = description }
        }

        struct Answer {
            var status = 0
            var lines: [String] = []
            var body: [UInt8] = []

            /// The values of the fields of that name, in order.
            func fields(_ name: String) -> [String] {
                lines.compactMap { line in
                    guard let colon = line.firstIndex(of: ":"),
                        line[..<colon].lowercased() == name.lowercased()
                    else { return nil }
                    return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                }
            }

            func field(_ name: String) -> String? { fields(name).first }

            var text: String { String(decoding: body, as: UTF8.self) }
        }

        // MARK: Sending

        func send(_ text: String) throws { try send(Array(text.utf8)) }

        func send(_ bytes: [UInt8]) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                let sent = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard sent > 0 else { throw Failure("send: \(errno)") }
                rest = rest.dropFirst(sent)
            }
        }

        /// Sends what the kernel takes without waiting.
        ///
        /// - Returns: how many bytes that were.
        func sendWithoutWaiting(_ bytes: [UInt8]) -> Int {
            bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
        }

        func closeWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

        // MARK: Receiving

        /// The next response: a head, and content as the head delimits it.
        func answer(to method: String = "GET") throws -> Answer {
            var answer = try head()
            guard method != "HEAD", answer.status >= 200, answer.status != 204,
                answer.status != 304
            else { return answer }
            if answer.field("Transfer-Encoding") == "chunked" {
                while true {
                    let size = Int(try line(), radix: 16)
                    guard let size else { throw Failure("no chunk size") }
                    answer.body += try bytes(size)
                    guard try line().isEmpty else { throw Failure("no end of a chunk") }
                    if size == 0 { return answer }
                }
            }
            if let length = answer.field("Content-Length").flatMap({ Int($0) }) {
                answer.body = try bytes(length)
            } else {
                answer.body = try rest()
            }
            return answer
        }

        /// The next head.
        func head() throws -> Answer {
            var answer = Answer()
            let status = try line().split(separator: " ")
            guard status.count > 1, status[0] == "HTTP/1.1", let code = Int(status[1]) else {
                throw Failure("no status line: \(status)")
            }
            answer.status = code
            while true {
                let line = try line()
                if line.isEmpty { return answer }
                answer.lines.append(line)
            }
        }

        /// The next line, without its end; bytes beyond ASCII read as ISO 8859-1.
        func line() throws -> String {
            while true {
                if let end = received.firstIndex(of: 10) {
                    let line = received[..<end]
                    received.removeFirst(end + 1)
                    guard line.last == 13 else { throw Failure("a line ends without CR") }
                    return String(
                        String.UnicodeScalarView(line.dropLast().map { Unicode.Scalar($0) }))
                }
                guard try receive() else { throw Failure("the connection ended in a line") }
            }
        }

        func bytes(_ count: Int) throws -> [UInt8] {
            while received.count < count {
                guard try receive() else { throw Failure("the connection ended in content") }
            }
            defer { received.removeFirst(count) }
            return Array(received.prefix(count))
        }

        /// All until the connection ends.
        ///
        /// - Throws: where it ends with a reset.
        func rest() throws -> [UInt8] {
            while try receive() {}
            defer { received = [] }
            return received
        }

        /// Receives something.
        ///
        /// - Returns: false at the end of the connection.
        private func receive() throws -> Bool {
            var buffer = [UInt8](repeating: 0, count: 64 * 1024)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw Failure("receive: \(errno)") }
            received += buffer.prefix(count)
            return count > 0
        }
    }

    /// Runs what blocks on a thread of its own, so that the handlers' tasks have theirs.
    func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Runs a server on a free port for as long as the body takes.
    func withServer<Value>(
        _ handler: @escaping Handler, _ configure: (inout Server.Configuration) -> Void = { _ in },
        _ body: (Int) async throws -> Value
    ) async throws -> Value {
        var configuration = Server.Configuration(
            address: ListenAddress(host: "127.0.0.1", port: 0))
        configuration.gracePeriod = .seconds(5)
        configure(&configuration)
        let server = try Server(configuration).start(handler)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(server.address.port))
        } catch {
            result = .failure(error)
        }
        await server.stop()
        return try result.get()
    }

    /// Sends one request to a server that runs the handler, and returns its answer.
    func exchange(
        _ request: String, with handler: @escaping Handler,
        _ configure: (inout Server.Configuration) -> Void = { _ in }
    ) async throws -> RawClient.Answer {
        try await withServer(handler, configure) { port in
            try await onThread {
                let client = try RawClient(port)
                try client.send(request)
                return try client.answer(to: String(request.prefix { $0 != " " }))
            }
        }
    }
#endif
