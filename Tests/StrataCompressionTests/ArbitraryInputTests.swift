import Glibc
import Strata
import StrataTesting
import Testing

@testable import StrataCompression

/// Reading what a peer may send: fields that ask for codings, and content in them.
///
/// The environment variable `STRATA_FUZZ_SECONDS` makes each run that long.
@Suite struct `Arbitrary input` {
    private static func rounds(_ count: Int, _ body: () async throws -> Bool) async rethrows {
        let seconds = getenv("STRATA_FUZZ_SECONDS").flatMap { Double(String(cString: $0)) }
        let start = ContinuousClock.now
        var round = 0
        while seconds.map({ ContinuousClock.now - start < .seconds($0) }) ?? (round < count) {
            round += 1
            guard try await body() else { return }
        }
    }

    /// Bytes with some put in, taken out and replaced.
    private static func mutated(
        _ bytes: [UInt8], with alphabet: [UInt8], using generator: inout SeededGenerator
    ) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0...4, using: &generator) {
            case 0: bytes.insert(.random(in: .min ... .max, using: &generator), at: place)
            case 1: bytes.insert(alphabet.randomElement(using: &generator) ?? 0, at: place)
            case 2 where place < bytes.count: bytes.remove(at: place)
            case 3 where place < bytes.count:
                bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            default: bytes.removeSubrange(Int.random(in: place...bytes.count, using: &generator)...)
            }
        }
        return bytes
    }

    @Test func `no Accept-Encoding leads anywhere but where the oracle goes`() async {
        var generator = SeededGenerator()
        let alphabet = Array(",;=*q0.1 \t\"\\gzipGZIP-x".utf8)
        await Self.rounds(3000) {
            let lines = AcceptEncodingGenerator.lines(using: &generator).map { line in
                // What no host lets through isn't asked about, nor what the oracle can't read.
                let bytes = Self.mutated(Array(line.utf8), with: alphabet, using: &generator)
                    .filter { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") || $0 == 9 }
                return String(decoding: bytes, as: UTF8.self)
            }
            let decided = Negotiation(
                accepting: QualityList(lines: lines), offering: [.gzip, .deflate])
            let outcome: String =
                switch decided {
                case .coding(let coding): coding.rawValue
                case .identity: "identity"
                case .nothingAcceptable: "nothing"
                }
            let expected = NegotiationOracle.outcome(lines, ["gzip", "deflate"])
            #expect(outcome == expected, "\(lines), seed \(generator.seed)")
            return outcome == expected
        }
    }

    @Test func `no fields trap the layer, and what it sends is the content`() async throws {
        var generator = SeededGenerator()
        let alphabet = Array(",;=*q0.1 \t\"\\W/-gzipidentity".utf8)
        let names = [
            "Accept-Encoding", "If-None-Match", "If-Match", "If-Range", "Range", "Cache-Control",
            "Content-Encoding",
        ]
        let values = [
            "gzip, deflate;q=0.5, *;q=0", "\"a-gzip\", W/\"b-identity\", *", "\"a-deflate\"",
            "bytes=0-10", "no-transform", "gzip, deflate", "Sun, 06 Nov 1994 08:49:37 GMT",
        ]
        let app = wrap({ request in
            _ = try await request.body.collect(upTo: 1 << 20)
            return Response.sample(["ETag": "\"a-gzip\""])
        }) {
            Compression()
        }
        try await Self.rounds(1000) {
            var headers = Headers()
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let value = values.randomElement(using: &generator) ?? ""
                let bytes = Self.mutated(Array(value.utf8), with: alphabet, using: &generator)
                guard let name = HeaderName(names.randomElement(using: &generator) ?? "") else {
                    continue
                }
                // A host refuses what can't stand in a field.
                try? headers.append(name, bytes: bytes)
            }
            let response: Response
            do {
                response = try await app(
                    Request(.post, "/", headers: headers, body: RequestBody([1, 2, 3])))
            } catch let problem as Problem {
                #expect(problem.response.status == .badRequest)
                return true
            }
            guard response.status == .ok else {
                #expect(response.status == .unsupportedMediaType)
                return true
            }
            let bytes = try await response.body.collect(upTo: 1 << 16)
            let coding = response.headers[.contentEncoding].flatMap(ContentCoding.init(rawValue:))
            let content = try coding.map { try decoded(bytes, $0).bytes } ?? bytes
            #expect(content == Array(longText.utf8), "\(headers), seed \(generator.seed)")
            return content == Array(longText.utf8)
        }
    }

    @Test(arguments: ContentCoding.allCases)
    func `no content traps a decoder, and nothing goes past its limit`(
        coding: ContentCoding
    ) async throws {
        var generator = SeededGenerator(for: coding.rawValue)
        let coder = Coder(coding, .init(), SystemTime())
        let contents: [[UInt8]] = [
            Array("one".utf8), Array(longText.utf8), [UInt8](repeating: 0, count: 100_000),
            (0..<3000).map { _ in UInt8.random(in: .min ... .max, using: &generator) },
        ]
        let samples = try contents.map {
            try #require(try coder.encoded($0, upTo: $0.count + 1000))
        }
        var limits = Compression.RequestDecoding()
        limits.maximumBytes = 50_000
        try await Self.rounds(500) {
            let whole = (0...Int.random(in: 0...2, using: &generator)).flatMap { _ in
                samples.randomElement(using: &generator) ?? []
            }
            let bytes = Self.mutated(whole, with: [0, 0xFF], using: &generator)
            let size = Int.random(in: 1...max(1, bytes.count), using: &generator)
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            let source = DecodingSource(
                RequestBody(Pieces(pieces)), try coding.makeDecoder(), limits: limits)
            var count = 0
            do {
                while let piece = try await source.next() { count += piece.count }
            } catch is Problem {}
            #expect(count <= limits.maximumBytes, "seed \(generator.seed)")
            return count <= limits.maximumBytes
        }
    }
}
