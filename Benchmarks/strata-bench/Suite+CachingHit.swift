import Strata

extension Suite {
    /// A hit in memory through `Caching`, beside a layer that does nothing and what the machine does
    /// in that time.
    static let cachingHit = Suite(
        name: "caching-hit", summary: "a hit in memory through Caching, of 1 KiB and 64 KiB"
    ) {
        let constant = Response.text("constant")
        let bare = wrap({ _ in constant }) { Transparent() }
        let plain = Request(.get, "/products/7?limit=20")
        var measurements = [
            await calibration(),
            try await measure("a constant handler behind one layer") { _ = try await bare(plain) },
        ]
        for (name, count) in [("hit of 1 KiB", 1 << 10), ("hit of 64 KiB", 64 << 10)] {
            let app = wrap({ _ in
                Response(
                    headers: [
                        .contentType: "application/json", .cacheControl: "max-age=3600",
                        .etag: "\"0123456789abcdef\"", "X-Request-Cost": "1",
                    ], body: .bytes([UInt8](repeating: 120, count: count)))
            }) {
                Caching(store: MemoryStore())
            }
            var request = Request(
                .get, "/products/7?limit=20",
                headers: [.accept: "application/json", .userAgent: "bench"])
            request.authority = "example.com"
            _ = try await app(request)
            let status = try await app(request).headers[.cacheStatus] ?? ""
            guard status.contains("; hit") else { throw Unavailable(message: "no hit: \(status)") }
            let wanted = request
            measurements.append(try await measure(name) { _ = try await app(wanted) })
        }
        return measurements
    }
}
