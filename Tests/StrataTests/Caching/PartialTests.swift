import Strata
import StrataTesting
import Testing

/// Ranges from full and partial stored responses (RFC 9110 §14; RFC 9111 §3.3, §3.4).
struct PartialTests {
    private static let content = "0123456789"

    /// A handler that knows ranges of the form `first-last` and `first-`.
    private static func ranged(_ request: Request, headers: Headers = [:]) -> Response {
        var response = Response(headers: headers, body: .text(content))
        response.headers[.cacheControl] = response.headers[.cacheControl] ?? "max-age=60"
        response.headers[.etag] = response.headers[.etag] ?? "\"1\""
        guard let range = request.headers[.range]?.dropFirst("bytes=".count) else {
            return response
        }
        let bounds = range.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = bounds[0] else { return response }
        guard first < content.count else {
            return .of("", [.contentRange: "bytes */\(content.count)"], status: 416)
        }
        let last = bounds[1] ?? content.count - 1
        response.status = .partialContent
        response.headers[.contentRange] = "bytes \(first)-\(last)/\(content.count)"
        response.body = .bytes(Array(Array(content.utf8)[first...last]))
        return response
    }

    @Test(
        arguments: [
            ("bytes=2-4", 206, "234", "bytes 2-4/10"),
            ("bytes=7-", 206, "789", "bytes 7-9/10"),
            ("bytes=-2", 206, "89", "bytes 8-9/10"),
            ("bytes=5-500", 206, "56789", "bytes 5-9/10"),
            ("bytes=0-9", 206, "0123456789", "bytes 0-9/10"),
            ("bytes=10-", 416, nil, "bytes */10"),
            ("bytes=x", 200, "0123456789", nil),
            ("lines=1-2", 200, "0123456789", nil),
        ] as [(String, Int, String?, String?)])
    func `a range is cut from a stored response`(
        range: String, status: Int, text: String?, contentRange: String?
    ) async throws {
        let cache = CachingHarness { _ in
            .of(Self.content, [.cacheControl: "max-age=60", .etag: "\"1\""])
        }
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", [.range: range])
        #expect(reply.status == status)
        if let text { #expect(reply.text == text) }
        #expect(reply[.contentRange] == contentRange)
        #expect(reply.isHit)
        #expect(try await cache.send().text == Self.content)
    }

    @Test func `that a range is beyond the end is no answer to those who ask for another`()
        async throws
    {
        let cache = CachingHarness { request in
            guard request.headers[.range] == "bytes=10-" else { return Self.ranged(request) }
            return .of("", [.cacheControl: "max-age=60", .contentRange: "bytes */10"], status: 416)
        }
        #expect(try await cache.send(.get, "/", [.range: "bytes=10-"]).status == 416)
        #expect(try await cache.send(.get, "/", [.range: "bytes=2-4"]).text == "234")
        #expect(try await cache.send().text == Self.content)
        #expect(try await cache.send(.get, "/", [.range: "bytes=10-"]).isHit)
    }

    @Test func `several ranges are several parts`() async throws {
        let content = String(repeating: "a", count: 500) + String(repeating: "b", count: 500)
        let cache = CachingHarness { _ in
            .of(content, [.cacheControl: "max-age=60", .contentType: "text/plain"])
        }
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", [.range: "bytes=0-1, 998-"])
        #expect(reply.status == 206)
        let type = try #require(reply[.contentType])
        let boundary = try #require(type.split(separator: "boundary=").last)
        let part = { (range: String, text: String) in
            "\r\n--\(boundary)\r\nContent-Type: text/plain\r\nContent-Range: bytes \(range)/1000"
                + "\r\n\r\n\(text)"
        }
        #expect(reply.text == part("0-1", "aa") + part("998-999", "bb") + "\r\n--\(boundary)--\r\n")
    }

    @Test(arguments: [
        ("\"1\"", 206), ("\"2\"", 200), ("W/\"1\"", 200), ("Sun, 09 Sep 2001 01:46:40 GMT", 206),
        ("Sun, 09 Sep 2001 01:46:41 GMT", 200), ("nonsense", 200),
    ])
    func `If-Range gives the range only of the version it names`(condition: String, status: Int)
        async throws
    {
        let cache = CachingHarness { _ in
            .of(
                Self.content,
                [
                    .cacheControl: "max-age=60", .etag: "\"1\"",
                    .lastModified: "Sun, 09 Sep 2001 01:46:40 GMT",
                    .date: "Sun, 09 Sep 2001 02:46:40 GMT",
                ])
        }
        cache.time.setWallClock(to: Timestamp(seconds: 1_000_003_600))
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", [.range: "bytes=0-1", .ifRange: condition])
        #expect(reply.status == status)
        #expect(reply.isHit)
    }

    @Test func `If-Range names no version of a response without an entity tag`() async throws {
        let cache = CachingHarness { _ in .of(Self.content, [.cacheControl: "max-age=60"]) }
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", [.range: "bytes=0-1", .ifRange: "\"1\""])
        #expect(reply.isHit && reply.status == 200 && reply.text == Self.content)
    }

    @Test func `a stored part answers what lies within it, and nothing else`() async throws {
        let cache = CachingHarness { Self.ranged($0) }
        let first = try await cache.send(.get, "/", [.range: "bytes=2-6"])
        #expect(first.status == 206 && first.text == "23456")
        let within = try await cache.send(.get, "/", [.range: "bytes=3-4"])
        #expect(within.isHit && within.text == "34" && within[.contentRange] == "bytes 3-4/10")
        let beyond = try await cache.send(.get, "/", [.range: "bytes=5-8"])
        #expect(beyond.cacheStatus.contains("fwd=partial"))
        #expect(beyond.text == "5678")
        let joined = try await cache.send(.get, "/", [.range: "bytes=2-8"])
        #expect(joined.isHit && joined.text == "2345678")
    }

    @Test func `a part that has all the bytes is the whole (RFC 9110 §15.3.7.3)`() async throws {
        let cache = CachingHarness { Self.ranged($0) }
        #expect(try await cache.send(.get, "/", [.range: "bytes=0-"]).status == 206)
        let whole = try await cache.send()
        #expect(whole.isHit && whole.status == 200 && whole.text == Self.content)
        #expect(whole[.contentRange] == nil)
        let part = try await cache.send(.get, "/", [.range: "bytes=3-4"])
        #expect(part.isHit && part.status == 206 && part.text == "34")
    }

    @Test func `the whole is asked for where the rest of it is beyond the end`() async throws {
        let cache = CachingHarness { request in
            request.headers[.range] == "bytes=7-"
                ? .of("", [.contentRange: "bytes */5"], status: 416) : Self.ranged(request)
        }
        _ = try await cache.send(.get, "/", [.range: "bytes=0-6"])
        let whole = try await cache.send()
        #expect(whole.status == 200 && whole.text == Self.content)
        #expect(cache.origin.last?.headers[.range] == nil)
    }

    @Test(arguments: [("\"1\"", 304), ("\"2\"", 206)])
    func `a stored part is held against the client's conditions (RFC 9111 §4.3.2)`(
        tag: String, status: Int
    ) async throws {
        let cache = CachingHarness { Self.ranged($0) }
        _ = try await cache.send(.get, "/", [.range: "bytes=2-6"])
        let reply = try await cache.send(.get, "/", [.range: "bytes=3-4", .ifNoneMatch: tag])
        #expect(reply.isHit && reply.status == status)
        #expect(reply[.contentLength] == (status == 304 ? "10" : nil))
    }

    @Test(arguments: [("max-age=60", true), ("no-store", false)])
    func `a stored part that a 304 confirms answers with the range asked for`(
        control: String, isHit: Bool
    ) async throws {
        let cache = CachingHarness { request in
            guard request.headers.contains(.ifNoneMatch) else { return Self.ranged(request) }
            return Response(
                status: .notModified, headers: [.cacheControl: control, .etag: "\"1\""])
        }
        _ = try await cache.send(.get, "/", [.range: "bytes=2-4"])
        _ = try await cache.send(.get, "/", [.range: "bytes=5-8"])
        cache.time.advance(by: .seconds(70))
        let within = try await cache.send(.get, "/", [.range: "bytes=3-6"])
        #expect(within.status == 206 && within.text == "3456")
        #expect(within[.contentRange] == "bytes 3-6/10")
        #expect(cache.origin.last?.headers[.ifNoneMatch] == "\"1\"")
        #expect(try await cache.send(.get, "/", [.range: "bytes=4-5"]).isHit == isHit)
    }

    @Test func `who wants the whole doesn't take the part that is confirmed meanwhile`()
        async throws
    {
        let gate = Gate(isOpen: true)
        let cache = CachingHarness { request in
            let headers: Headers = [
                .cacheControl: "max-age=10, stale-while-revalidate=60", .etag: "\"1\"",
            ]
            guard request.headers.contains(.ifNoneMatch) else {
                return Self.ranged(request, headers: headers)
            }
            try await gate.pass()
            return Response(status: .notModified, headers: headers)
        }
        _ = try await cache.send(.get, "/", [.range: "bytes=0-4"])
        cache.time.advance(by: .seconds(20))
        gate.close()
        #expect(try await cache.send(.get, "/", [.range: "bytes=1-2"]).text == "12")
        async let whole = cache.send()
        for _ in 0..<1000 { await Task.yield() }
        gate.open()
        let reply = try await whole
        #expect(reply.status == 200 && reply.text == Self.content)
    }

    @Test func `what is whole is fetched anew as a whole, whatever part is asked for`()
        async throws
    {
        let cache = CachingHarness {
            Self.ranged($0, headers: [.cacheControl: "max-age=10, stale-while-revalidate=60"])
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(20))
        #expect(try await cache.send(.get, "/", [.range: "bytes=1-2"]).text == "12")
        while cache.origin.count < 2 { await Task.yield() }
        #expect(cache.origin.last?.headers[.range] == nil)
    }

    @Test func `a part of another variant is no answer to who wants the whole`() async throws {
        let cache = CachingHarness { request in
            var headers: Headers = [.cacheControl: "max-age=60", .vary: "X-A"]
            headers[.etag] = "\"\(request.headers["X-A"] ?? "")\""
            guard request.headers.contains(.ifNoneMatch) else {
                return Self.ranged(request, headers: headers)
            }
            headers[.etag] = "\"1\""
            return Response(status: .notModified, headers: headers)
        }
        _ = try await cache.send(.get, "/", [.range: "bytes=2-4", "X-A": "1"])
        let whole = try await cache.send(.get, "/", ["X-A": "2"])
        #expect(whole.status == 200 && whole.text == Self.content)
        let part = try await cache.send(.get, "/", [.range: "bytes=3-4", "X-A": "3"])
        #expect(part.status == 206 && part.text == "34")
    }

    @Test func `a request for the whole asks only for what a stored part lacks`() async throws {
        let cache = CachingHarness { Self.ranged($0) }
        _ = try await cache.send(.get, "/", [.range: "bytes=0-6"])
        let whole = try await cache.send()
        #expect(whole.status == 200 && whole.text == Self.content)
        #expect(whole[.contentRange] == nil)
        #expect(cache.origin.last?.headers[.range] == "bytes=7-")
        #expect(cache.origin.last?.headers[.ifRange] == "\"1\"")
        #expect(try await cache.send().isHit)
    }

    @Test(arguments: [
        ("bytes=5-9", "bytes=0-4", "\"1\""), ("bytes=3-6", nil, nil),
        ("bytes=0-8", "bytes=9-", "\"1\""),
    ])
    func `a request for the whole asks for what is missing at one end, else for everything`(
        stored: String, asked: String?, condition: String?
    ) async throws {
        let cache = CachingHarness { Self.ranged($0) }
        _ = try await cache.send(.get, "/", [.range: stored])
        #expect(try await cache.send().text == Self.content)
        #expect(cache.origin.last?.headers[.range] == asked)
        #expect(cache.origin.last?.headers[.ifRange] == condition)
        #expect(try await cache.send().isHit)
    }

    @Test func `a part that came before the other is put in front of it`() async throws {
        let cache = CachingHarness { Self.ranged($0) }
        _ = try await cache.send(.get, "/", [.range: "bytes=5-9"])
        _ = try await cache.send(.get, "/", [.range: "bytes=0-4"])
        let whole = try await cache.send()
        #expect(whole.isHit && whole.status == 200 && whole.text == Self.content)
    }

    @Test func `what lies beyond the end is answered from a stored part with 416`() async throws {
        let cache = CachingHarness { Self.ranged($0) }
        _ = try await cache.send(.get, "/", [.range: "bytes=2-6"])
        let reply = try await cache.send(.get, "/", [.range: "bytes=10-"])
        #expect(reply.isHit && reply.status == 416 && reply[.contentRange] == "bytes */10")
    }

    @Test(arguments: [
        ("Sun, 09 Sep 2001 01:46:40 GMT", 200), ("Sun, 09 Sep 2001 01:46:41 GMT", 206),
    ])
    func `a date is a strong validator from a second on`(made: String, status: Int) async throws {
        let modified = "Sun, 09 Sep 2001 01:46:40 GMT"
        let cache = CachingHarness { _ in
            .of(
                Self.content,
                [.cacheControl: "max-age=60", .lastModified: modified, .date: made])
        }
        cache.time.setWallClock(to: Timestamp(seconds: 1_000_000_001))
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", [.range: "bytes=0-1", .ifRange: modified])
        #expect(reply.isHit && reply.status == status)
    }

    @Test func `several ranges are cut from a stored part that has them all`() async throws {
        let content = [UInt8](0...255)
        let cache = CachingHarness { request in
            guard request.headers[.range] == "bytes=50-249" else {
                return Response(status: .internalServerError)
            }
            return Response(
                status: .partialContent,
                headers: [
                    .cacheControl: "max-age=60", .etag: "\"1\"", .contentRange: "bytes 50-249/256",
                ], body: .bytes(Array(content[50...249])))
        }
        _ = try await cache.send(.get, "/", [.range: "bytes=50-249"])
        let reply = try await cache.send(.get, "/", [.range: "bytes=50-52, 200-202"])
        #expect(reply.isHit && reply.status == 206)
        for range in ["50-52", "200-202"] {
            #expect(reply.text.contains("\r\nContent-Range: bytes \(range)/256\r\n\r\n"))
        }
        #expect(reply.text.contains("\r\n\r\n234\r\n--"))
        let beyond = try await cache.send(.get, "/", [.range: "bytes=50-52, 250-252"])
        #expect(beyond.status == 500)
    }

    @Test func `parts with a weak tag are not put together`() async throws {
        let cache = CachingHarness { Self.ranged($0, headers: [.etag: "W/\"1\""]) }
        _ = try await cache.send(.get, "/", [.range: "bytes=0-4"])
        _ = try await cache.send(.get, "/", [.range: "bytes=5-9"])
        #expect(try await !cache.send(.get, "/", [.range: "bytes=0-9"]).isHit)
        #expect(cache.origin.last?.headers[.ifRange] == nil)
    }

    @Test func `parts of different versions are not put together`() async throws {
        let cache = CachingHarness { request in
            let isFirst = request.headers[.range] == "bytes=0-4"
            return Self.ranged(request, headers: [.etag: isFirst ? "\"1\"" : "\"2\""])
        }
        _ = try await cache.send(.get, "/", [.range: "bytes=0-4"])
        _ = try await cache.send(.get, "/", [.range: "bytes=5-9"])
        #expect(try await cache.send(.get, "/", [.range: "bytes=0-9"]).isHit == false)
        #expect(try await cache.send(.get, "/", [.range: "bytes=0-4"]).isHit)
    }

    @Test func `a 206 that doesn't say what it is is not stored`() async throws {
        let cache = CachingHarness { _ in
            .of("23", [.cacheControl: "max-age=60", .contentRange: "bytes 2-9/10"], status: 206)
        }
        for _ in 0..<2 {
            #expect(try await cache.send(.get, "/", [.range: "bytes=2-9"]).isHit == false)
        }
    }
}
