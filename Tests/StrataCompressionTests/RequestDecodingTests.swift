import Strata
import StrataTesting
import Testing

@testable import StrataCompression

@Suite struct `Encoded content of requests` {
    static func encoded(_ bytes: [UInt8], _ coding: ContentCoding = .gzip) throws -> [UInt8] {
        let coder = Coder(coding, .init(), SystemTime())
        return try #require(try coder.encoded(bytes, upTo: bytes.count + 1000))
    }

    /// What a handler that echoes the content makes of it.
    static func echo(
        _ body: RequestBody, _ coding: String, _ decoding: Compression.RequestDecoding? = .init()
    ) async throws -> Response {
        var configuration = Compression.Configuration()
        configuration.requestDecoding = decoding
        let app = wrap({ request in
            var response = Response(body: .bytes(try await request.body.collect(upTo: 1 << 30)))
            for field in request.headers { response.headers.append(field) }
            return response
        }) { Compression(configuration) }
        let length = body.length.map(String.init) ?? ""
        do {
            return try await app(
                Request(
                    .post, "/",
                    headers: ["Content-Encoding": coding, "Content-Length": length], body: body))
        } catch let problem as Problem {
            return problem.response
        }
    }

    @Test func `content reaches the handler decoded, whatever its pieces`() async throws {
        let text = Array(longText.utf8)
        for coding in ContentCoding.allCases {
            let encoded = try Self.encoded(text, coding)
            for size in [1, 2, 7, 100, encoded.count] {
                let pieces = stride(from: 0, to: encoded.count, by: size).map {
                    Array(encoded[$0..<min($0 + size, encoded.count)])
                }
                let body = RequestBody(length: encoded.count, Pieces(pieces))
                let response = try await Self.echo(body, coding.rawValue)
                #expect(try await response.body.collect(upTo: 5000) == text)
                #expect(response.headers[.contentEncoding] == nil)
                #expect(response.headers[.contentLength] == nil)
            }
        }
    }

    @Test(arguments: ["gzip", "X-GZIP", "identity, gzip", " gzip ,"])
    func `names are read as RFC 9110 §8.4 has them`(coding: String) async throws {
        let body = RequestBody(try Self.encoded(Array(longText.utf8)))
        let response = try await Self.echo(body, coding)
        #expect(try await response.body.collect(upTo: 5000) == Array(longText.utf8))
    }

    @Test func `several codings are undone from the last to the first`() async throws {
        let body = RequestBody(try Self.encoded(Self.encoded(Array(longText.utf8), .deflate)))
        let response = try await Self.echo(body, "deflate, gzip")
        #expect(try await response.body.collect(upTo: 5000) == Array(longText.utf8))
    }

    @Test(arguments: ["compress", "gzip;q=1", "aes128gcm", "gzip, gzip, gzip", "gz ip"])
    func `a coding that isn't known is 415, with those that are (§12.5.3)`(
        coding: String
    ) async throws {
        let response = try await Self.echo(RequestBody([1, 2, 3]), coding)
        #expect(response.status == .unsupportedMediaType)
        #expect(response.headers[.acceptEncoding]?.hasSuffix("gzip, deflate") == true)
    }

    @Test func `identity and no content are left alone`() async throws {
        #expect(try await Self.echo(RequestBody([1]), "identity").status == .ok)
        #expect(try await Self.echo(.empty, "compress").status == .ok)
        let left = try await Self.echo(RequestBody([1]), "gzip", nil)
        #expect(left.headers[.contentEncoding] == "gzip")
        #expect(try await left.body.collect(upTo: 10) == [1])
    }

    @Test func `gzip may have several members (RFC 1952 §2.2)`() async throws {
        let one = try Self.encoded(Array("one ".utf8))
        let two = try Self.encoded(Array("two".utf8))
        let whole = try await Self.echo(RequestBody(one + two), "gzip")
        #expect(try await whole.body.collect(upTo: 10) == Array("one two".utf8))
        let pieces = RequestBody(Pieces([one, [], two]))
        let streamed = try await Self.echo(pieces, "gzip")
        #expect(try await streamed.body.collect(upTo: 10) == Array("one two".utf8))
    }

    @Test func `what is cut off, damaged or followed by something is 400`() async throws {
        for coding in ContentCoding.allCases {
            let encoded = try Self.encoded(Array(longText.utf8), coding)
            for count in 1..<encoded.count {
                let cut = try await Self.echo(
                    RequestBody(Array(encoded[..<count])), coding.rawValue)
                #expect(cut.status == .badRequest)
            }
            let longer = try await Self.echo(RequestBody(encoded + [0, 0]), coding.rawValue)
            #expect(longer.status == .badRequest)
        }
        var damaged = try Self.encoded(Array(longText.utf8))
        damaged[damaged.count - 6] ^= 1
        #expect(try await Self.echo(RequestBody(damaged), "gzip").status == .badRequest)
    }

    @Test func `arbitrary bytes are refused, and nothing worse`() async throws {
        var generator = SeededGenerator()
        let encoded = try Self.encoded(Array(longText.utf8))
        for _ in 0..<2000 {
            var bytes = encoded
            for _ in 0...Int.random(in: 0...3, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
            }
            let coding = ContentCoding.allCases.randomElement(using: &generator)?.rawValue ?? ""
            let status = try await Self.echo(RequestBody(bytes), coding).status
            #expect(status == .ok || status == .badRequest, "seed \(generator.seed)")
        }
    }

    @Test func `content longer than the limit is 413`() async throws {
        var limits = Compression.RequestDecoding()
        limits.maximumBytes = 3000
        let within = RequestBody(try Self.encoded(Array(longText.utf8)))
        #expect(try await Self.echo(within, "gzip", limits).status == .ok)
        limits.maximumBytes = 2999
        #expect(try await Self.echo(within, "gzip", limits).status == .contentTooLarge)
    }

    @Test func `a bomb is 413 before it has gone off`() async throws {
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        for coding in ContentCoding.allCases {
            let bomb = try Self.encoded(zeros, coding)
            let pieces = stride(from: 0, to: bomb.count, by: 256).map {
                Array(bomb[$0..<min($0 + 256, bomb.count)])
            }
            let source = Pieces(pieces)
            let response = try await Self.echo(RequestBody(source), coding.rawValue)
            #expect(response.status == .contentTooLarge)
            #expect(source.left > pieces.count / 2 || pieces.count < 8)
        }
    }

    @Test func `a bomb of bombs is 413`() async throws {
        let zeros = [UInt8](repeating: 0, count: 8 << 20)
        let bomb = try Self.encoded(Self.encoded(zeros))
        #expect(try await Self.echo(RequestBody(bomb), "gzip, gzip").status == .contentTooLarge)
    }

    @Test func `nothing is read before it is asked for`() async throws {
        let encoded = try Self.encoded(Array(longText.utf8))
        let source = Pieces([encoded])
        let app = wrap({ _ in Response() }) { Compression() }
        _ = try await app(
            Request(
                .post, "/", headers: ["Content-Encoding": "gzip"], body: RequestBody(source)))
        #expect(source.left == 1)
    }
}
