import Strata

extension Suite {
    /// Hits of a caching proxy, end to end.
    static let proxy = Suite(
        name: "proxy",
        summary: "hits of strata-proxy, against nginx' cache, Varnish, and a bare handler"
    ) {
        let peers = try await ProxyPeers()
        var rows: [Measurement] = []
        for (name, path) in [("1 KiB", "/1k"), ("64 KiB", "/64k")] {
            for (_, peer) in peers.fronts { _ = try Load(path, on: peer, seconds: 1) }
            let before = peers.origin.processorTime
            var rounds: [[Load]] = []
            for _ in 0..<5 { rounds.append(try peers.fronts.map { try Load(path, on: $0.peer) }) }
            guard peers.origin.processorTime - before < .milliseconds(100) else {
                throw Unavailable(message: "the origin was asked: these are no hits")
            }
            for (index, front) in peers.fronts.enumerated() {
                rows.append(
                    Measurement(
                        name: "\(name), \(front.name)",
                        values: [
                            ("per second", median(rounds.map { $0[index].perSecond })),
                            ("µs CPU", median(rounds.map { $0[index].microsecondsOfCPU })),
                            (
                                "strata-proxy's rate to it",
                                median(rounds.map { $0[0].perSecond / $0[index].perSecond })
                            ),
                            (
                                "its CPU to strata-proxy's",
                                median(
                                    rounds.map {
                                        $0[index].microsecondsOfCPU / $0[0].microsecondsOfCPU
                                    })
                            ),
                        ]))
            }
        }
        return rows
    }
}
