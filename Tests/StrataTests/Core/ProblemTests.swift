import Foundation
import Strata
import Testing

@Suite struct ProblemTests {
    static func json(_ problem: Problem) async throws -> String {
        String(decoding: try await problem.response.body.collect(upTo: 1 << 20), as: UTF8.self)
    }

    @Test func `members come in order, with further ones behind`() async throws {
        let problem = Problem(
            .unprocessableContent, type: "https://example.com/x", title: "T", detail: "D",
            instance: "/i",
            extensions: [("b", .integer(-1)), ("a", .string("s")), ("c", .boolean(false))])
        #expect(
            try await Self.json(problem)
                == #"{"type":"https://example.com/x","title":"T","status":422,"detail":"D","#
                + #""instance":"/i","b":-1,"a":"s","c":false}"#)
    }

    @Test func `what isn't given is left out, and the title is the status' phrase`() async throws {
        #expect(
            try await Self.json(Problem(.notFound)) == #"{"title":"Not Found","status":404}"#)
    }

    @Test func `any text is escaped so that a JSON parser gives it back`() async throws {
        let scalars = (0...0x2FF).compactMap { Unicode.Scalar($0 as Int) }
        let text =
            String(String.UnicodeScalarView(scalars))
            + "\u{2028}\u{FEFF}\u{1F600}\u{10FFFF}e\u{301}</script>"
        let problem = Problem(
            .badRequest, type: text, title: text, detail: text, instance: text,
            extensions: [(text, .string(text))])
        let parsed = try JSONSerialization.jsonObject(
            with: Data(await Self.json(problem).utf8))
        let members = try #require(parsed as? [String: Any])
        for name in ["type", "title", "detail", "instance", text] {
            let value = try #require(members[name] as? String)
            #expect(Array(value.unicodeScalars) == Array(text.unicodeScalars))
        }
    }

    @Test func `the response says what it is and that no cache may keep it`() {
        let response = Problem(.serviceUnavailable, headers: [.retryAfter: "5"]).response
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(response.headers[.cacheControl] == "no-store")
        #expect(response.headers[.retryAfter] == "5")
        let kept = Problem(.notFound, headers: [.cacheControl: "max-age=5"]).response
        #expect(kept.headers[.cacheControl] == "max-age=5")
    }
}
