import Strata
import Testing

@testable import StrataCompression

@Suite struct `Decision about a response` {
    struct Row: Sendable, CustomTestStringConvertible {
        var expected: CodingDecision
        var why: String
        var response: Response
        var method: Method = .get
        var request: Headers = ["Accept-Encoding": "gzip"]
        var testDescription: String { why }
    }

    static let rows: [Row] = [
        Row(expected: .encode(.gzip), why: "long text", response: .sample()),
        Row(
            expected: .encode(.gzip), why: "errors too",
            response: .sample(status: .notFound)),
        Row(
            expected: .identity(.negotiated(.notAsked)), why: "not asked for (§12.5.3)",
            response: .sample(), request: [:]),
        Row(
            expected: .identity(.nothingAcceptable), why: "nothing acceptable (§12.4.1)",
            response: .sample(), request: ["Accept-Encoding": "*;q=0"]),
        Row(
            expected: .leave(.handler), why: "the handler's word",
            response: .sample().with(.never)),
        Row(
            expected: .encode(.gzip), why: "the handler's word against type and length",
            response: .sample(["Content-Type": "image/png"], body: .text("x")).with(.always)),
        Row(
            expected: .leave(.alreadyEncoded), why: "encoded already (§8.4)",
            response: .sample(["Content-Encoding": "br"]).with(.always)),
        Row(
            expected: .leave(.noTransform), why: "no-transform (RFC 9111 §5.2.2.6)",
            response: .sample(["Cache-Control": "public, No-Transform"]).with(.always)),
        Row(
            expected: .identity(.noTransform), why: "no-transform (RFC 9111 §5.2.1.6)",
            response: .sample(),
            request: ["Accept-Encoding": "gzip", "Cache-Control": "no-transform"]),
        Row(
            expected: .leave(.noContent), why: "204 has no content (§15.3.5)",
            response: .sample(status: .noContent, body: .empty)),
        Row(
            expected: .leave(.noContent), why: "205 has no content (§15.3.6)",
            response: .sample(status: 205)),
        Row(
            expected: .leave(.noContent), why: "an answer to CONNECT has none (§9.3.6)",
            response: .sample(), method: .connect),
        Row(
            expected: .leave(.noContent), why: "there is no content",
            response: .sample(body: .empty).with(.always)),
        Row(
            expected: .identity(.notModified), why: "304 has no content (§15.4.5)",
            response: Response(status: .notModified)),
        Row(
            expected: .leave(.noTransform), why: "304 of what is never encoded",
            response: Response(status: .notModified, headers: ["Cache-Control": "no-transform"])),
        Row(
            expected: .identity(.partial), why: "206 is part of the content as it is (§15.3.7)",
            response: .sample(["Content-Range": "bytes 0-1/10"], status: 206, body: .text("ab"))),
        Row(
            expected: .identity(.partial), why: "Content-Range (§14.4)",
            response: .sample(["Content-Range": "bytes 0-1/10"], status: 200)),
        Row(
            expected: .leave(.mediaType), why: "part of an image",
            response: .sample(["Content-Type": "image/png"], status: 206)),
        Row(
            expected: .leave(.tooShort), why: "127 bytes",
            response: .sample(body: .bytes(Array(repeating: 65, count: 127)))),
        Row(
            expected: .encode(.gzip), why: "128 bytes",
            response: .sample(body: .bytes(Array(repeating: 65, count: 128)))),
        Row(
            expected: .leave(.tooShort), why: "a short stream of known length",
            response: .sample(body: .stream(BodyStream(length: 10) { _ in }))),
        Row(
            expected: .encode(.gzip), why: "a stream of unknown length",
            response: .sample(body: .stream(BodyStream { _ in }))),
        Row(
            expected: .encode(.gzip), why: "HEAD, nothing known (§9.3.2)",
            response: .sample(body: .empty), method: .head),
        Row(
            expected: .encode(.gzip), why: "HEAD, long",
            response: .sample(["Content-Length": "5000"], body: .empty), method: .head),
        Row(
            expected: .leave(.tooShort), why: "HEAD, short",
            response: .sample(["Content-Length": "50"], body: .empty), method: .head),
        Row(
            expected: .leave(.noContent), why: "HEAD, nothing",
            response: .sample(["Content-Length": "0"], body: .empty), method: .head),
        Row(
            expected: .leave(.mediaType), why: "no media type",
            response: Response(body: .text(longText))),
    ]

    @Test(arguments: rows) func `has its reason`(row: Row) {
        let list = QualityList(row.request, .acceptEncoding)
        let decision = CodingDecision(
            row.response, to: Request(row.method, "/", headers: row.request),
            negotiation: Negotiation(accepting: list, offering: [.gzip, .deflate]),
            configuration: .init())
        #expect(decision == row.expected)
    }

    @Test(arguments: [
        "text/html; charset=utf-8", "TEXT/CSS", "application/json", "application/json;a=\"b\"",
        "application/problem+json", "application/atom+xml", "image/svg+xml", "text/event-stream",
        "application/wasm", " application/javascript ;x", "font/ttf",
    ]) func `text and its like are compressible`(type: String) {
        #expect(Compression.Configuration().isCompressible(contentType: type))
    }

    @Test(arguments: [
        "image/png", "image/jpeg", "image/webp", "video/mp4", "audio/mpeg", "font/woff2",
        "application/zip", "application/gzip", "application/pdf", "application/octet-stream",
        "application/zstd", "multipart/byteranges; boundary=x", "", "garbage", ";",
    ]) func `what is dense or unknown is not`(type: String) {
        #expect(!Compression.Configuration().isCompressible(contentType: type))
    }

    @Test func `the configuration decides about media types`() async throws {
        var configuration = Compression.Configuration()
        configuration.isCompressible = { $0 == "application/x-odd" }
        let odd = Response.sample(["Content-Type": "application/X-Odd; a=b"])
        let encoded = try await answer(odd, to: ["Accept-Encoding": "gzip"], .get, configuration)
        #expect(encoded.headers[.contentEncoding] == "gzip")
        let plain = try await answer(
            .sample(), to: ["Accept-Encoding": "gzip"], .get, configuration)
        #expect(plain.headers[.contentEncoding] == nil)
    }
}
