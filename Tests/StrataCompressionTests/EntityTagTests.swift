import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataCompression

@Suite struct `Entity tags of encoded content` {
    /// A handler with a tag, that answers conditions as RFC 9110 §13 has it, and ranges.
    static func handler(tag: String?, fields: Headers = [:]) -> Handler {
        { request in
            var fields = fields
            fields[.etag] = tag
            let tag = tag.flatMap { EntityTag($0) }
            if request.headers.contains(.ifMatch) {
                guard EntityTagList(request.headers, .ifMatch).stronglyMatches(tag) else {
                    return Response(status: .preconditionFailed)
                }
            }
            if request.headers.contains(.ifNoneMatch),
                EntityTagList(request.headers, .ifNoneMatch).weaklyMatches(tag)
            {
                return Response(status: .notModified, headers: fields)
            }
            if request.headers.contains(.range) {
                let asked = request.headers.first(.ifRange)
                if asked == nil || asked == fields[.etag] || asked == fields[.lastModified] {
                    fields[.contentRange] = "bytes 0-4/\(longText.utf8.count)"
                    return .sample(
                        fields, status: .partialContent, body: .text("All h"))
                }
            }
            return .sample(fields)
        }
    }

    static func exchange(
        _ tag: String?, _ headers: Headers, method: Method = .get, fields: Headers = [:]
    ) async throws -> Response {
        try await wrap(handler(tag: tag, fields: fields)) { Compression() }(
            Request(method, "/", headers: headers))
    }

    @Test(arguments: [
        ("\"abc\"", "gzip", "W/\"abc-gzip\""), ("\"abc\"", "deflate", "W/\"abc-deflate\""),
        ("\"abc\"", "identity", "\"abc\""), ("W/\"abc\"", "gzip", "W/\"abc\""),
        ("\"abc-gzip\"", "gzip", "W/\"abc-gzip-gzip\""),
        ("\"abc-gzip\"", "identity", "\"abc-gzip-identity\""),
        ("W/\"abc-br\"", "gzip", "W/\"abc-br-identity\""),
        ("\"\"", "gzip", "W/\"-gzip\""), ("no tag", "gzip", "no tag"),
    ])
    func `each coding has its own (§8.8.3.3)`(
        tag: String, coding: String, expected: String
    ) async throws {
        let response = try await Self.exchange(tag, ["Accept-Encoding": coding])
        #expect(response.headers[.etag] == expected)
    }

    @Test func `every tag comes back from every coding`() throws {
        var generator = SeededGenerator()
        let parts = ["a", "-", "gzip", "br", "-identity", "-gzip", "-deflate", "é", ""]
        var seen: [String: CodedEntityTag] = [:]
        for _ in 0..<2000 {
            let text = (0..<Int.random(in: 0...4, using: &generator))
                .map { _ in parts.randomElement(using: &generator) ?? "" }.joined()
            let isWeak = Bool.random(using: &generator)
            let tag = try #require(EntityTag(opaqueTag: text, isWeak: isWeak))
            for coding in [ContentCoding.gzip, .deflate, nil] {
                let coded = CodedEntityTag(tag, in: coding)
                let sent = try #require(EntityTag(coded.fieldValue))
                let back = CodedEntityTag(received: sent)
                #expect(back.tag == tag, "\(text), seed \(generator.seed)")
                #expect(back.isEncoded == (coding != nil && !isWeak))
                #expect(seen.updateValue(back, forKey: coded.fieldValue) ?? back == back)
            }
        }
    }

    @Test(arguments: [
        // What the client holds, what it accepts now, and what it gets (§13.1.2, §15.4.5).
        ("W/\"abc-gzip\"", "gzip", "W/\"abc-gzip\""),
        ("W/\"abc-gzip\"", "gzip, deflate", "W/\"abc-gzip\""),
        ("W/\"abc-deflate\"", "gzip, deflate", "W/\"abc-deflate\""),
        ("\"old\", W/\"abc-deflate\", W/\"abc-gzip\"", "deflate, gzip", "W/\"abc-gzip\""),
        ("\"abc-gzip\"", "gzip", "W/\"abc-gzip\""),
        ("\"abc\"", "gzip", "\"abc\""), ("W/\"abc\"", "gzip", "\"abc\""),
        ("\"abc\"", "", "\"abc\""), ("*", "gzip", "W/\"abc-gzip\""), ("*", "", "\"abc\""),
    ])
    func `a 304 names the tag that the client holds`(
        held: String, accepted: String, expected: String
    ) async throws {
        let response = try await Self.exchange(
            "\"abc\"", ["If-None-Match": held, "Accept-Encoding": accepted])
        #expect(response.status == .notModified)
        #expect(response.headers[.etag] == expected)
        #expect(response.headers[.vary] == "Accept-Encoding")
        #expect(response.headers[.contentEncoding] == nil)
    }

    @Test(arguments: [
        ("\"abd-gzip\"", "gzip"), ("\"abc-gzip\"", "identity"), ("\"abc-gzip\"", "gzip;q=0"),
        ("\"abc-br\"", "gzip"), ("\"abc-gzip-gzip\"", "gzip"),
    ])
    func `what the client can't use any more it gets anew`(
        held: String, accepted: String
    ) async throws {
        let response = try await Self.exchange(
            "\"abc\"", ["If-None-Match": held, "Accept-Encoding": accepted])
        #expect(response.status == .ok)
    }

    @Test func `a weak tag is the same for all codings`() async throws {
        for coding in ["gzip", "deflate", "identity"] {
            let response = try await Self.exchange(
                "W/\"abc\"", ["If-None-Match": "W/\"abc\"", "Accept-Encoding": coding])
            #expect(response.status == .notModified)
            #expect(response.headers[.etag] == "W/\"abc\"")
        }
    }

    @Test func `a round trip through the client ends in a 304`() async throws {
        for tag in ["\"abc\"", "W/\"abc\"", "\"abc-gzip\"", "W/\"x-identity\"", "\"-\""] {
            for coding in ["gzip", "deflate", "br", "identity", "*"] {
                let first = try await Self.exchange(tag, ["Accept-Encoding": coding])
                let held = try #require(first.headers[.etag])
                let second = try await Self.exchange(
                    tag, ["Accept-Encoding": coding, "If-None-Match": held])
                #expect(second.status == .notModified)
                #expect(second.headers[.etag] == held)
            }
        }
    }

    @Test(arguments: [
        ("\"abc-gzip\"", Status.ok), ("\"abc-deflate\"", .ok), ("\"abc\"", .ok), ("*", .ok),
        ("\"x\", \"abc-gzip\"", .ok), ("\"abd-gzip\"", .preconditionFailed),
        ("W/\"abc-gzip\"", .ok), ("W/\"abc\"", .preconditionFailed),
    ])
    func `If-Match takes any coding's tag for the state (§13.1.1)`(
        held: String, status: Status
    ) async throws {
        let response = try await Self.exchange("\"abc\"", ["If-Match": held], method: .put)
        #expect(response.status == status)
    }

    @Test func `the tag in the answer to a change is of the new state (§9.3.4)`() async throws {
        let response = try await Self.exchange(
            "\"abc\"", ["Accept-Encoding": "gzip"], method: .put)
        #expect(response.headers[.contentEncoding] == "gzip")
        #expect(response.headers[.etag] == "\"abc\"")
    }

    @Test func `a range is of the content as it is (§14.2)`() async throws {
        let response = try await Self.exchange(
            "\"abc\"", ["Accept-Encoding": "gzip", "Range": "bytes=0-4"])
        #expect(response.status == .partialContent)
        #expect(response.headers[.etag] == "\"abc\"")
        #expect(response.headers[.contentEncoding] == nil)
        #expect(response.headers[.vary] == "Accept-Encoding")
        #expect(try await response.body.collect(upTo: 10) == Array("All h".utf8))
    }

    @Test(arguments: [
        ("\"abc\"", "gzip", Status.partialContent), ("W/\"abc-gzip\"", "gzip", .ok),
        ("\"abc-gzip\"", "identity", .ok), ("\"old\"", "gzip", .ok),
        // A date doesn't tell the codings apart (§13.1.5).
        ("Tue, 14 Nov 2023 00:00:00 GMT", "gzip", .ok),
        ("Tue, 14 Nov 2023 00:00:00 GMT", "identity", .partialContent),
    ])
    func `encoded content is never resumed with a part of the identity (§13.1.5)`(
        held: String, accepted: String, status: Status
    ) async throws {
        let response = try await Self.exchange(
            "\"abc\"",
            ["Accept-Encoding": accepted, "Range": "bytes=0-4", "If-Range": held],
            fields: ["Last-Modified": "Tue, 14 Nov 2023 00:00:00 GMT"])
        #expect(response.status == status)
        #expect(
            (response.headers[.contentEncoding] == "gzip") == (status == .ok && accepted == "gzip"))
    }

    @Test func `an escaped tag in If-Range is the handler's own again`() async throws {
        let response = try await Self.exchange(
            "\"abc-gzip\"", ["Range": "bytes=0-4", "If-Range": "\"abc-gzip-identity\""])
        #expect(response.status == .partialContent)
        #expect(response.headers[.etag] == "\"abc-gzip-identity\"")
    }
}
