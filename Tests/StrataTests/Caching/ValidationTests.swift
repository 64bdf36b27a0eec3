import StrataTesting
import Testing

@testable import Strata

/// RFC 9111 §4.3 and RFC 9110 §13, row by row.
struct ValidationTests {
    private static let one = "Sun, 09 Sep 2001 01:46:40 GMT"
    private static let next = "Sun, 09 Sep 2001 01:46:41 GMT"

    @Test(
        arguments: [
            ("9110 §13.1.3 the same", [.lastModified: one], [.ifModifiedSince: one], true),
            ("9110 §13.1.3 later", [.lastModified: one], [.ifModifiedSince: next], true),
            ("9110 §13.1.3 earlier", [.lastModified: next], [.ifModifiedSince: one], false),
            (
                "9110 §13.1.3 more than one", [.lastModified: one],
                [.ifModifiedSince: one, .ifModifiedSince: one], false
            ),
            ("9110 §13.1.3 no date", [.lastModified: one], [.ifModifiedSince: "x"], false),
            ("9111 §4.3.2 by Date", [.date: one], [.ifModifiedSince: one], true),
            ("9111 §4.3.2 by Date, earlier", [.date: next], [.ifModifiedSince: one], false),
            (
                "9111 §4.3.2 Last-Modified before Date", [.lastModified: one, .date: next],
                [.ifModifiedSince: one], true
            ),
            ("9111 §4.3.2 by nothing", [:], [.ifModifiedSince: one], false),
            ("9110 §13.1.2 weakly", [.etag: "W/\"1\""], [.ifNoneMatch: "\"1\""], true),
            ("9110 §13.1.2 of a list", [.etag: "\"1\""], [.ifNoneMatch: "\"0\", \"1\""], true),
            ("9110 §13.1.2 any", [:], [.ifNoneMatch: "*"], true),
            ("9110 §13.1.2 without a tag", [:], [.ifNoneMatch: "\"1\""], false),
            (
                "9110 §13.2.2 If-None-Match first", [.etag: "\"1\"", .lastModified: one],
                [.ifNoneMatch: "\"2\"", .ifModifiedSince: one], false
            ),
            (
                "9110 §13.2.2 If-None-Match first", [.etag: "\"1\"", .lastModified: next],
                [.ifNoneMatch: "\"1\"", .ifModifiedSince: one], true
            ),
        ] as [(String, Headers, Headers, Bool)])
    func `a client's copy is confirmed where its conditions say so`(
        section: String, stored: Headers, request: Headers, isConfirmed: Bool
    ) {
        let head = StoredHead.test(headers: stored)
        for method in [Strata.Method.get, .head] {
            let request = Request(method, "/", headers: request)
            let now = Timestamp(seconds: 1_000_000_100)
            #expect(
                Validation.isNotModified(request, head, now: now) == isConfirmed, "\(section)")
        }
    }

    @Test(
        arguments: [
            ("§4.3.4 strongly", [.etag: "\"1\""], [.etag: "\"1\""], true),
            ("§4.3.4 another tag", [.etag: "\"2\""], [.etag: "\"1\""], false),
            (
                "§4.3.4 a strong tag, and a weak one stored", [.etag: "\"1\""], [.etag: "W/\"1\""],
                false
            ),
            ("§4.3.4 weakly", [.etag: "W/\"1\""], [.etag: "\"1\""], true),
            ("§4.3.4 weakly, another", [.etag: "W/\"2\""], [.etag: "\"1\""], false),
            ("§4.3.4 a tag, and none stored", [.etag: "\"1\""], [.lastModified: one], false),
            ("§4.3.4 the same date", [.lastModified: one], [.lastModified: one], true),
            ("§4.3.4 another date", [.lastModified: next], [.lastModified: one], false),
            (
                "§4.3.4 the tag before the date", [.etag: "\"1\"", .lastModified: next],
                [.etag: "\"1\"", .lastModified: one], true
            ),
            ("§4.3.4 no validator", [:], [.etag: "\"1\""], true),
        ] as [(String, Headers, Headers, Bool)])
    func `a 304 speaks of the response that its validators name`(
        section: String, notModified: Headers, stored: Headers, speaksOfIt: Bool
    ) {
        let answer = Response(status: .notModified, headers: notModified)
        #expect(
            Validation.answer(answer, speaksOf: .test(headers: stored)) == speaksOfIt, "\(section)")
    }

    @Test(
        arguments: [
            ("§4.3.5 the same", [.etag: "\"1\"", .contentLength: "10"], true),
            ("§4.3.5 nothing named", [:], true),
            ("§4.3.5 another length", [.etag: "\"1\"", .contentLength: "11"], false),
            ("§4.3.5 another tag", [.etag: "\"2\"", .contentLength: "10"], false),
            ("§4.3.5 another date", [.etag: "\"1\"", .lastModified: next], false),
        ] as [(String, Headers, Bool)])
    func `the answer to a HEAD agrees with what it describes`(
        section: String, answer: Headers, agrees: Bool
    ) {
        let stored = StoredResponse(
            head: .test(headers: [.etag: "\"1\"", .lastModified: Self.one]),
            content: Array("0123456789".utf8))
        #expect(
            Validation.head(Response(headers: answer), agreesWith: stored) == agrees, "\(section)")
    }

    @Test(
        arguments: [
            ([.etag: "\"1\"", .lastModified: one], ["\"2\"", "\"1\""], "\"1\", \"2\"", one),
            ([.lastModified: one], ["\"2\"", "\"2\""], "\"2\"", one),
            ([.etag: "1"], [], nil, nil),
        ] as [(Headers, [String], String?, String?)])
    func `the handler is asked by each stored validator once, and not by the client's`(
        stored: Headers, entityTags: [String], tags: String?, date: String?
    ) {
        let asked = Validation.request(
            Request(
                .get, "/", headers: [.ifNoneMatch: "\"9\"", .ifModifiedSince: Self.next]),
            validating: .test(headers: stored), entityTags: entityTags)
        #expect(asked.headers[.ifNoneMatch] == tags)
        #expect(asked.headers[.ifModifiedSince] == date)
    }

    @Test func `a 304 has the fields that a client brings its copy up to date by, and no others`()
        throws
    {
        var fields: Headers = [:]
        let sent: [HeaderName] = [
            .cacheControl, .contentLocation, .date, .etag, .expires, .vary, .cdnCacheControl,
            .lastModified, .link,
        ]
        for name in sent + [.contentType, .contentEncoding, .contentRange, .server, "X"] {
            try fields.append(name, "1")
        }
        let notModified = Validation.notModified(.test(headers: fields), length: 7)
        #expect(notModified.status == .notModified)
        #expect(notModified.headers.map(\.name) == sent + [.contentLength])
        #expect(notModified.headers[.contentLength] == "7")
        let unknown = Validation.notModified(.test(headers: fields), length: nil)
        #expect(!unknown.headers.contains(.contentLength))
    }

    @Test func `newer fields take the place of stored ones but for those of the content`() throws {
        let stored: Headers = [
            .contentType: "a", .contentLength: "1", .contentEncoding: "a", .contentRange: "a",
            "X": "a", "Y": "a",
        ]
        var newer: Headers = [
            .contentType: "b", .contentLength: "0", .contentEncoding: "b", .contentRange: "b",
            "X": "b", .age: "1", .cacheStatus: "b", .connection: "Z", "Z": "b",
            .proxyAuthenticate: "b", .proxyAuthorization: "b", "Proxy-Authentication-Info": "b",
        ]
        try newer.append("X", "c")
        let expected: Headers = [
            .contentLength: "1", .contentEncoding: "a", .contentRange: "a", "Y": "a",
            .contentType: "b", "X": "b", "x": "c",
        ]
        #expect(Validation.update(stored, by: newer) == expected)
    }
}
