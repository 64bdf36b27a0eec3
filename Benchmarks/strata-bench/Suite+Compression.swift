import Strata
import StrataCompression
import StrataTesting

extension Suite {
    /// Content that is all there, beside zlib by itself.
    static let compression = Suite(
        name: "compression",
        summary: "JSON of 20 KB through Compression, beside zlib by itself; the traits count"
    ) {
        let content = JSONSample.content(count: 20_000)
        var contenders: [Contender] = []
        var counts: [Int] = []
        for level: Int32 in [6, 1] {
            let zlib = try PlainZlib(level: level)
            counts.append(zlib.compressed(content).count)
            contenders.append(
                Contender("zlib by itself, level \(level)") { _ = zlib.compressed(content) })
        }
        for coding in ContentCoding.allCases {
            for level in [6, 1] {
                var configuration = Compression.Configuration()
                configuration.level = level
                let app = wrap({ _ in .json(content) }) { Compression(configuration) }
                let request = Request(.get, "/", headers: [.acceptEncoding: coding.rawValue])
                counts.append(try await app(request).body.collect(upTo: content.count).count)
                contenders.append(
                    Contender("\(coding.rawValue), level \(level)") { _ = try await app(request) })
            }
        }
        return try await compare(contenders).enumerated().map { index, measured in
            Measurement(
                name: measured.name,
                values: [
                    ("MB/s", Double(content.count) / measured["ns"] * 1000),
                    ("ratio", Double(content.count) / Double(counts[index])),
                    ("of zlib-6's speed", measured["speed"]),
                ])
        }
    }

    /// Hits in memory with a form that was made before.
    static let compressionHit = Suite(
        name: "compression-hit",
        summary: "a hit of 20 KB in memory through Compression and Caching, and without the cache"
    ) {
        let content = JSONSample.content(count: 20_000)
        let handler: Handler = { _ in
            Response(
                headers: [
                    .contentType: "application/json", .cacheControl: "max-age=3600",
                    .etag: "\"0123456789abcdef\"",
                ], body: .bytes(content))
        }
        let cached = wrap(handler) {
            Compression()
            Caching(store: MemoryStore())
        }
        // The store behind it is in this process; it is not asked for what is in memory.
        var configuration = TieredStore.Configuration()
        configuration.maximumStaleness = .seconds(3600)
        configuration.copyLifetime = .seconds(3600)
        let tiered = TieredStore(
            memory: MemoryStore(), shared: ObservedStore(), configuration: configuration)
        let copied = wrap(handler) {
            Compression()
            Caching(store: tiered)
        }
        let uncached = wrap(handler) { Compression() }
        func request(_ accepted: String?) -> Request {
            var request = Request(.get, "/products/7?limit=20")
            request.authority = "example.com"
            request.headers[.acceptEncoding] = accepted
            return request
        }
        let browser = "gzip, deflate, br, zstd"
        for _ in 0..<3 {
            for accepted in [browser, "gzip", nil] {
                for app in [cached, copied] {
                    _ = try await app(request(accepted)).body.collect(upTo: content.count)
                }
            }
        }
        return try await compare(
            [
                ("identity hit", cached, nil), ("gzip hit", cached, "gzip"),
                ("a browser's hit", cached, browser),
                ("identity hit, tiered", copied, nil), ("gzip hit, tiered", copied, "gzip"),
                ("a browser's hit, tiered", copied, browser),
                ("gzip compressed anew", uncached, "gzip"),
            ].map { name, app, accepted in
                let wanted = request(accepted)
                return Contender(name) { _ = try await app(wanted) }
            })
    }

    /// Streams: what small pieces cost in density, and what a stream takes of memory and time.
    static let compressionStream = Suite(
        name: "compression-stream",
        summary: "streams through Compression: small pieces, 1 GiB, and the first of some events"
    ) {
        let content = JSONSample.content(count: 1 << 20)
        var rows: [Measurement] = []
        for coding in ContentCoding.allCases {
            for level in [6, 1] {
                let whole = try await ratio(content, in: content.count, coding, level)
                let small = try await ratio(content, in: 64, coding, level)
                rows.append(
                    Measurement(
                        name:
                            "of the ratio kept in pieces of 64 bytes, \(coding.rawValue) \(level)",
                        values: [("value", small / whole)]))
            }
        }
        var identity = 0.0
        for accepted in [nil, "gzip"] {
            let peak = try await peakGrowth(ofStreaming: 1 << 30, content, accepting: accepted)
            if accepted == nil { identity = peak }
            rows.append(
                Measurement(
                    name: "KiB that 1 GiB adds to the peak, \(accepted ?? "identity")",
                    values: [("value", accepted == nil ? peak : peak - identity)]))
        }
        for accepted in [nil, "gzip"] {
            let delay = try await firstEvent(accepting: accepted)
            rows.append(
                Measurement(
                    name: "ms until the first event, \(accepted ?? "identity")",
                    values: [("value", delay)]))
        }
        return rows
    }

    /// How many times shorter a stream in pieces of that size gets.
    private static func ratio(
        _ content: [UInt8], in size: Int, _ coding: ContentCoding, _ level: Int
    ) async throws -> Double {
        var configuration = Compression.Configuration()
        configuration.level = level
        let app = wrap({ request in
            let stream = BodyStream { writer in
                var place = 0
                while place < content.count {
                    let end = min(place + size, content.count)
                    try await writer.write(content[place..<end])
                    place = end
                }
            }
            return Response(headers: [.contentType: "application/json"], body: .stream(stream))
        }) { Compression(configuration) }
        let request = Request(.get, "/", headers: [.acceptEncoding: coding.rawValue])
        let counter = CountingWriter()
        try await app(request).body.write(to: counter)
        return Double(content.count) / Double(counter.count)
    }

    /// By how many KiB the peak of resident memory grows while so many bytes are streamed.
    private static func peakGrowth(
        ofStreaming count: Int, _ content: [UInt8], accepting: String?
    ) async throws -> Double {
        var fast = Compression.Configuration()
        fast.level = 1
        let configuration = fast
        let app = wrap({ _ in
            let stream = BodyStream { writer in
                for _ in 0..<count / content.count { try await writer.write(content) }
            }
            return Response(headers: [.contentType: "application/json"], body: .stream(stream))
        }) {
            Compression(configuration)
        }
        var asked = Request(.get, "/")
        asked.headers[.acceptEncoding] = accepting
        let request = asked
        return try await PeakMemory.growth {
            try await app(request).body.write(to: CountingWriter())
        }
    }

    /// How many milliseconds pass until an event reaches the client, of a producer that goes on.
    private static func firstEvent(accepting: String?) async throws -> Double {
        let time = SystemTime()
        let app = wrap({ _ in
            let stream = BodyStream { writer in
                try await writer.write("data: one\n\n")
                try await time.sleep(for: .milliseconds(50))
                try await writer.write("data: two\n\n")
            }
            return Response(headers: [.contentType: "text/event-stream"], body: .stream(stream))
        }) { Compression() }
        var request = Request(.get, "/")
        request.headers[.acceptEncoding] = accepting
        var delays: [Double] = []
        for _ in 0..<9 {
            let counter = CountingWriter()
            let start = time.uptime
            try await app(request).body.write(to: counter)
            delays.append(((counter.first ?? time.uptime) - start) / .milliseconds(1))
        }
        return median(delays)
    }
}

/// Counts what it is given, and forgets it.
private final class CountingWriter: BodyWriter {
    var count = 0
    /// When the first bytes came.
    var first: Duration?

    func write(_ chunk: borrowing RawSpan) async throws {
        if first == nil { first = SystemTime().uptime }
        count += chunk.byteCount
    }
}

/// JSON as an API sends it: the same fields again and again, with values that differ.
enum JSONSample {
    static func content(count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: 6)
        let words = [
            "blue", "lamp", "old", "table", "for", "the", "garden", "kettle", "and", "chair",
            "solid", "every", "day", "kitchen", "children", "bottle", "a", "of", "noble", "wood",
        ]
        func text(_ range: ClosedRange<Int>) -> String {
            (0..<Int.random(in: range, using: &generator)).map { _ in
                words.randomElement(using: &generator) ?? ""
            }.joined(separator: " ")
        }
        var json = "["
        var number = 0
        while json.utf8.count < count {
            number += 1
            let price = Int.random(in: 1...99_999, using: &generator)
            let tag = UInt32(truncatingIfNeeded: generator.next())
            json += "{\"id\":\(number),\"name\":\"\(text(1...3))\",\"price\":\(price),"
            json += "\"tag\":\"\(tag)\",\"description\":\"\(text(4...14))\"},"
        }
        return Array(json.utf8.prefix(count))
    }
}
