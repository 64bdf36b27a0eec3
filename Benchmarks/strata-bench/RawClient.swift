import Glibc
import Strata

/// One connection to a server, for what `wrk` can't measure: single requests, and many at the same
/// moment.
final class RawClient {
    private let descriptor: Int32

    /// Connects to a port of 127.0.0.1.
    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = in_port_t(port).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, size) == 0
            }
        }
        guard isConnected else { throw Unavailable(message: "\(port) takes no connection") }
    }

    deinit { close(descriptor) }

    /// How long each of the clients waits for the first byte of its answer, where all ask at once.
    static func ask(_ clients: [RawClient], for target: String) throws -> [Duration] {
        let time = SystemTime()
        var waiting = clients.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        var latencies: [Duration] = []
        let start = time.uptime
        for client in clients { try client.send(target) }
        while latencies.count < clients.count {
            guard poll(&waiting, nfds_t(waiting.count), 10_000) > 0 else {
                throw Unavailable(message: "\(clients.count - latencies.count) got no answer")
            }
            let now = time.uptime
            for index in waiting.indices where waiting[index].revents != 0 {
                // What has answered isn't asked again: a negative descriptor is passed over.
                waiting[index].fd = -1
                waiting[index].revents = 0
                latencies.append(now - start)
            }
        }
        return latencies
    }

    /// How long the first byte takes on a connection that is there.
    static func timeToFirstByte(of target: String, port: Int) throws -> Duration {
        let client = try RawClient(port: port)
        let time = SystemTime()
        let start = time.uptime
        try client.send(target)
        var byte: UInt8 = 0
        guard recv(client.descriptor, &byte, 1, 0) == 1 else {
            throw Unavailable(message: "\(target) has no answer")
        }
        return time.uptime - start
    }

    /// Reads an answer to the end of its connection; gives how many bytes it had, head and all.
    static func read(_ target: String, port: Int) throws -> Int {
        let client = try RawClient(port: port)
        try client.send(target, fields: "Connection: close\r\n")
        var buffer = [UInt8](repeating: 0, count: 256 << 10)
        var total = 0
        while true {
            let count = recv(client.descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return total }
            total += count
        }
    }

    private func send(_ target: String, fields: String = "") throws {
        let request = Array("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n".utf8)
        guard Glibc.send(descriptor, request, request.count, 0) == request.count else {
            throw Unavailable(message: "\(target) can't be asked for")
        }
    }
}
