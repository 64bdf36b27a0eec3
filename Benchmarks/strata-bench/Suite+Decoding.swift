import Strata
import StrataCompression

extension Suite {
    /// What content that was made to explode takes of memory.
    static let decoding = Suite(
        name: "decoding",
        summary:
            "requests that unpack to far more than they are; the limit is 16 MiB; the traits count"
    ) {
        let app = wrap({ request in
            // The worst that a handler does: it wants everything in one piece.
            let content = try await request.body.collect(upTo: limit)
            return .text("\(content.count)")
        }) { Compression() }
        func row(_ name: String, _ coding: String, _ content: [UInt8]) async throws -> Measurement {
            let request = Request(
                .post, "/", headers: [.contentEncoding: coding], body: RequestBody(content))
            var status = 0
            let growth = try await PeakMemory.growth {
                do {
                    status = try await app(request).status.code
                } catch let problem as Problem {
                    status = problem.status.code
                }
            }
            return Measurement(
                name: name,
                values: [
                    ("KiB sent", Double(content.count) / 1024),
                    ("status", Double(status)), ("KiB to the peak", growth),
                    ("above the limit", max(0, growth - Double(limit) / 1024)),
                ])
        }
        var rows: [Measurement] = []
        for coding in ContentCoding.allCases {
            let name = coding.rawValue
            let zeros = try await encoded(coding) { writer in
                let piece = [UInt8](repeating: 0, count: 1 << 20)
                for _ in 0..<256 { try await writer.write(piece) }
            }
            rows.append(try await row("256 MiB of zeros, \(name)", name, zeros))
            // Below the ratio that counts as a bomb, so that the limit has to stop it.
            let text = try await encoded(coding) { writer in
                for number in 0..<400_000 {
                    try await writer.write(
                        "\(number &* 7_919): the same words on every line, and so on\n")
                }
            }
            rows.append(try await row("23 MiB of text, \(name)", name, text))
        }
        let member = try await encoded(.gzip) {
            try await $0.write([UInt8](repeating: 0, count: 1 << 16))
        }
        let members = [[UInt8]](repeating: member, count: 4096).flatMap { $0 }
        rows.append(try await row("256 MiB in 4,096 members", "gzip", members))
        let empty = try await encoded(.gzip) { _ in }
        let nothing = [[UInt8]](repeating: empty, count: 400_000).flatMap { $0 }
        rows.append(try await row("400,000 members of nothing", "gzip", nothing))
        let nested = try await encoded(.gzip) {
            try await $0.write(
                try await encoded(.gzip) { writer in
                    let piece = [UInt8](repeating: 0, count: 1 << 20)
                    for _ in 0..<256 { try await writer.write(piece) }
                })
        }
        rows.append(try await row("gzip in gzip", "gzip, gzip", nested))
        return rows
    }

    private static let limit = Compression.RequestDecoding().maximumBytes

    /// What the producer writes, in the coding.
    private static func encoded(
        _ coding: ContentCoding,
        _ produce: @escaping @Sendable (any BodyWriter) async throws -> Void
    ) async throws -> [UInt8] {
        var fast = Compression.Configuration()
        fast.level = 1
        fast.codings = [coding]
        let configuration = fast
        let app = wrap({ _ in
            Response(
                headers: [.contentType: "text/plain"], body: .stream(BodyStream(produce)))
        }) { Compression(configuration) }
        let request = Request(.get, "/", headers: [.acceptEncoding: coding.rawValue])
        return try await app(request).body.collect(upTo: 1 << 30)
    }
}
