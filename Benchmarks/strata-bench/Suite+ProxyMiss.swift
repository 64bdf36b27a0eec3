import Foundation
import Strata

extension Suite {
    /// What waits for the origin, end to end.
    static let proxyMiss = Suite(
        name: "proxy-miss",
        summary:
            "200 clients at once for what takes 100 ms; 1 GiB that is passed on, by strata-proxy"
    ) {
        [
            try await herd("200 at the origin itself", "/private", isDirect: true),
            try await herd("200 at once, shareable", "/slow"),
            try await herd("200 at once, private", "/private"),
            try await stream("1 GiB, against the origin"),
        ]
    }

    /// Asks for one cold thing by 200 clients at once, several times.
    private static func herd(
        _ name: String, _ path: String, isDirect: Bool = false
    ) async throws -> Measurement {
        let (origin, proxy) = try await slowOrigin()
        let port = isDirect ? origin.port : proxy.port
        var calls: [Double] = []
        var latencies: [[Double]] = []
        for round in 0..<9 {
            latencies.append(try await latency("\(path)?\(round)", port: port))
            calls.append(try callCount(origin))
        }
        return Measurement(
            name: name,
            values: [
                ("calls", median(calls)),
                ("p50 ms", median(latencies.map { percentile(0.5, $0) })),
                ("p99 ms", median(latencies.map { percentile(0.99, $0) })),
                ("worst p99 ms", latencies.map { percentile(0.99, $0) }.max() ?? .nan),
                ("first byte, ms more", .nan), ("MiB", .nan),
            ])
    }

    /// How many milliseconds each of 200 clients waits that ask at once.
    private static func latency(_ target: String, port: Int) async throws -> [Double] {
        let clients = try (0..<200).map { _ in try RawClient(port: port) }
        // The connections are there before the first asks.
        try await SystemTime().sleep(for: .milliseconds(100))
        return try RawClient.ask(clients, for: target).map { $0 / .milliseconds(1) }
    }

    /// Passes a file of 1 GiB on that is too long to be stored.
    private static func stream(_ name: String) async throws -> Measurement {
        let directory = try TemporaryDirectory()
        try directory.makeFolder("www")
        let file = try directory.write("www/large", "")
        guard truncate(file, 1 << 30) == 0 else {
            throw Unavailable(message: "there is no room for a file of 1 GiB")
        }
        let origin = try await ProxyPeers.nginx(
            "origin", in: directory, server: "root \(directory.path)/www;")
        let proxy = try await proxy(of: origin)
        var additions: [Double] = []
        for _ in 0..<31 {
            let direct = try RawClient.timeToFirstByte(of: "/large", port: origin.port)
            let through = try RawClient.timeToFirstByte(of: "/large", port: proxy.port)
            additions.append((through - direct) / .milliseconds(1))
        }
        // What was given up is let go before what is resident is looked at.
        try await SystemTime().sleep(for: .milliseconds(300))
        let growth = try await PeakMemory.growth(of: proxy.id) {
            let count = try RawClient.read("/large", port: proxy.port)
            guard count > 1 << 30 else { throw Unavailable(message: "only \(count) bytes came") }
        }
        return Measurement(
            name: name,
            values: [
                ("calls", .nan), ("p50 ms", .nan), ("p99 ms", .nan), ("worst p99 ms", .nan),
                ("first byte, ms more", median(additions)), ("MiB", growth / 1024),
            ])
    }

    private static func slowOrigin() async throws -> (origin: Peer, proxy: Peer) {
        let port = try Peer.freePort()
        let origin = try await Peer(
            "strata-bench", ["--serve", "\(port)"], port: port, package: ProxyPeers.package)
        return (origin, try await proxy(of: origin))
    }

    private static func proxy(of origin: Peer) async throws -> Peer {
        let port = try Peer.freePort()
        return try await Peer(
            "strata-proxy",
            ["--listen", "127.0.0.1:\(port)", "--upstream", "http://127.0.0.1:\(origin.port)"],
            port: port, package: ProxyPeers.package)
    }

    private static func callCount(_ origin: Peer) throws -> Double {
        let text = try Peer.output(
            of: "curl", ["-s", "http://127.0.0.1:\(origin.port)/calls"],
            package: "apt-get install curl")
        return Double(String(decoding: text, as: UTF8.self)) ?? .nan
    }

    private static func percentile(_ share: Double, _ values: [Double]) -> Double {
        values.sorted()[min(values.count - 1, Int(Double(values.count) * share))]
    }
}
