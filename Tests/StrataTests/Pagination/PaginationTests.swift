import StrataTesting
import Synchronization
import Testing

@testable import Strata

/// A handler that returns one list whatever it is asked, behind a layer.
struct Shop: Sendable {
    var pagination: Pagination
    var response: @Sendable (Request) async throws -> Response

    static func items(_ count: Int) -> String {
        "[" + (0..<count).map { #"{"id":\#($0),"name":"Product \#($0)"}"# }.joined(separator: ",")
            + "]"
    }

    init(
        _ response: Response,
        pagination: Pagination = Pagination(defaultLimit: 20, maximumLimit: 100)
    ) {
        self.pagination = pagination
        self.response = { _ in response }
    }

    init(
        pagination: Pagination = Pagination(defaultLimit: 20, maximumLimit: 100),
        _ response: @escaping @Sendable (Request) async throws -> Response
    ) {
        self.pagination = pagination
        self.response = response
    }

    func get(
        _ target: String, method: Strata.Method = .get, headers: Headers = [:],
        body: RequestBody = .empty
    ) async throws -> Answer {
        let chain = wrap(response) { pagination }
        let response = try await chain(Request(method, target, headers: headers, body: body))
        return Answer(
            status: response.status, headers: response.headers,
            text: String(decoding: try await response.body.collect(upTo: 1 << 26), as: UTF8.self))
    }
}

struct Answer {
    var status: Status
    var headers: Headers
    var text: String

    /// The target of the link of that relation.
    func link(_ relation: String) -> String? {
        for line in (headers[.link] ?? "").split(separator: ", ")
        where line.hasSuffix("; rel=\"\(relation)\"") {
            return String(line.dropFirst().prefix { $0 != ">" })
        }
        return nil
    }

    var ids: [Int] {
        text.split(separator: #"{"id":"#).dropFirst().compactMap {
            Int($0.prefix { $0.isNumber })
        }
    }
}

@Suite struct PaginationTests {
    @Test func `a handler that ignores the limit is cut to the default`() async throws {
        let answer = try await Shop(.json(Array(Shop.items(50).utf8))).get("/products")
        #expect(answer.status == .ok)
        #expect(answer.text == Shop.items(20))
        #expect(answer.headers["Pagination"] == "limit=20, count=20")
        #expect(answer.link("next")?.hasPrefix("/products?cursor=") == true)
        #expect(answer.link("prev") == nil)
        #expect(answer.link("first") == nil)
    }

    @Test(arguments: [
        ("limit=7", 7, "limit=7, count=7"), ("limit=100", 100, "limit=100, count=100"),
        ("limit=101", 100, "limit=100;clamped, count=100"),
        ("limit=99999999999999999999999", 100, "limit=100;clamped, count=100"),
        ("limit=007", 7, "limit=7, count=7"), ("l%69mit=7", 7, "limit=7, count=7"),
        ("Limit=7", 20, "limit=20, count=20"), ("", 20, "limit=20, count=20"),
    ])
    func `the limit is what was asked for, at most the maximum`(
        _ query: String, _ count: Int, _ field: String
    ) async throws {
        let answer = try await Shop(.json(Array(Shop.items(200).utf8))).get("/products?" + query)
        #expect(answer.ids == Array(0..<count))
        #expect(answer.headers["Pagination"] == field)
    }

    @Test(arguments: [
        "limit=", "limit", "limit=0", "limit=-1", "limit=+1", "limit=1.5", "limit=abc",
        "limit=1e2", "limit=%31%20", "limit=1&limit=2", "limit=１", "cursor=", "cursor",
        "cursor=abc", "cursor=AQ", "cursor=%00", "cursor=a&cursor=b",
    ])
    func `a limit or cursor that is none gives a 400`(_ query: String) async throws {
        let shop = Shop { _ in
            Issue.record("the handler was asked")
            return Response()
        }
        let answer = try await shop.get("/products?" + query)
        #expect(answer.status == .badRequest)
        #expect(answer.headers[.contentType] == "application/problem+json")
        #expect(answer.headers[.cacheControl] == "no-store")
        let name = query.hasPrefix("l") ? "limit" : "cursor"
        #expect(answer.text.contains(#""parameter":"\#(name)""#))
    }

    @Test func `a limit above the maximum is refused where that is wanted`() async throws {
        var configuration = Pagination.Configuration()
        configuration.style.overLimit = .refuse
        let pagination = Pagination(
            defaultLimit: 20, maximumLimit: 100, configuration: configuration)
        let shop = Shop(.json(Array(Shop.items(200).utf8)), pagination: pagination)
        #expect(try await shop.get("/products?limit=101").status == .badRequest)
        #expect(try await shop.get("/products?limit=100").ids.count == 100)
    }

    @Test(arguments: [(1, 100), (7, 700), (100, 10_000)])
    func `walking the cursors visits each item once`(_ limit: Int, _ count: Int) async throws {
        let shop = Shop(.json(Array(Shop.items(count).utf8)))
        var ids: [Int] = []
        var target: String? = "/products?tag=a%20b&limit=\(limit)"
        var last: Answer?
        while let here = target {
            let answer = try await shop.get(here)
            ids += answer.ids
            #expect(answer.ids.count <= limit)
            last = answer
            target = answer.link("next")
        }
        #expect(ids == Array(0..<count))

        // And back again.
        var back: [Int] = last?.ids ?? []
        target = last?.link("prev")
        while let here = target {
            let answer = try await shop.get(here)
            back = answer.ids + back
            target = answer.link("prev")
        }
        #expect(back == Array(0..<count))
        #expect(last?.link("first") == "/products?tag=a%20b&limit=\(limit)")
    }

    @Test func `the page before one that begins within the first limit ends where it begins`()
        async throws
    {
        let shop = Shop(.json(Array(Shop.items(50).utf8)))
        let second = try #require(try await shop.get("/products?limit=5").link("next"))
        let wide = try await shop.get(second.replacing("limit=5", with: "limit=20"))
        #expect(wide.ids == Array(5..<25))
        let previous = try #require(wide.link("prev"))
        #expect(try await shop.get(previous).ids == Array(0..<5))
    }

    @Test func `a list that fits is left as it is`() async throws {
        var response = Response.json(Array(" [ 1 , 2 ]\n".utf8))
        response.headers[.etag] = "\"v1\""
        response.headers[.contentLength] = "11"
        let answer = try await Shop(response).get("/products")
        #expect(answer.text == " [ 1 , 2 ]\n")
        #expect(answer.headers[.etag] == "\"v1\"")
        #expect(answer.headers[.contentLength] == "11")
        #expect(answer.headers[.link] == nil)
        #expect(answer.headers["Pagination"] == "limit=20, count=2")
    }

    @Test func `what is true of the whole list alone is not said of a page`() async throws {
        var response = Response.json(Array(Shop.items(50).utf8))
        response.headers[.etag] = "\"v1\""
        response.headers[.lastModified] = "Tue, 14 Nov 2023 22:13:20 GMT"
        for name: HeaderName in [
            .contentLength, .acceptRanges, .contentRange, .contentDigest, .reprDigest,
            .contentLocation,
        ] { response.headers[name] = "x" }
        let shop = Shop(response)
        let first = try await shop.get("/products?limit=10")
        #expect(first.headers[.etag] == "\"v1~0+10\"")
        #expect(
            first.headers.map(\.name) == [.contentType, .etag, .lastModified, .link, "Pagination"])
        let next = try #require(first.link("next"))
        #expect(try await shop.get(next).headers[.etag] == "\"v1~10+10\"")
    }

    @Test func `a page is validated by the tag of its list`() async throws {
        let shop = Shop { request in
            if request.headers[.ifNoneMatch] == "\"other\", W/\"v1\"" {
                return Response(status: .notModified, headers: [.etag: "W/\"v1\""])
            }
            var response = Response.json(Array(Shop.items(50).utf8))
            response.headers[.etag] = "W/\"v1\""
            return response
        }
        let tag = try #require(try await shop.get("/products").headers[.etag])
        #expect(tag == "W/\"v1~0+20\"")
        let again = try await shop.get("/products", headers: [.ifNoneMatch: "\"other\", " + tag])
        #expect(again.status == .notModified)
        #expect(again.headers[.etag] == tag)
        let other = try await shop.get(
            "/products?limit=10", headers: [.ifNoneMatch: "\"other\", " + tag])
        #expect(other.status == .ok)
    }

    @Test func `a range of the list's bytes is no way around the limit`() async throws {
        let shop = Shop { request in
            var response = Response.json(Array(Shop.items(50).utf8))
            if request.headers.contains(.range) { response.status = .partialContent }
            return response
        }
        let answer = try await shop.get("/products", headers: [.range: "bytes=0-"])
        #expect(answer.status == .ok)
        #expect(answer.ids.count == 20)
    }

    @Test func `a cursor is good for its own list alone`() async throws {
        let key = try #require(CursorKey([UInt8](repeating: 7, count: 32)))
        var configuration = Pagination.Configuration()
        configuration.scope = { $0.headers[.authorization] }
        let pagination = Pagination(
            defaultLimit: 20, maximumLimit: 100, keys: [key], configuration: configuration)
        let shop = Shop(.json(Array(Shop.items(90).utf8)), pagination: pagination)
        let next = try #require(
            try await shop.get(
                "/products?tag=a&tag=b&x=1", headers: [.authorization: "me"]
            ).link("next"))
        let cursor = try #require(next.split(separator: "cursor=").last)

        let same = [
            "/products?tag=a&tag=b&x=1", "/products?x=1&tag=a&tag=b",
            "/products?x=%31&t%61g=a&tag=b",
            "/products?tag=a&tag=b&x=1&limit=3",
        ]
        for target in same {
            let answer = try await shop.get(
                target + "&cursor=" + cursor, headers: [.authorization: "me"])
            #expect(answer.status == .ok, "\(target)")
            #expect(answer.ids.first == 20)
        }
        let others = [
            "/product?tag=a&tag=b&x=1", "/products/?tag=a&tag=b&x=1", "/products?tag=b&tag=a&x=1",
            "/products?tag=a&tag=b&x=2", "/products?tag=a&tag=b", "/products?tag=a&tag=b&x=1&y=",
            "/products?tag=a&tag=b&X=1", "/products?tag=atag=b&x=1", "/products?tag=a&tag=bx&=1",
        ]
        for target in others {
            let answer = try await shop.get(
                target + "&cursor=" + cursor, headers: [.authorization: "me"])
            #expect(answer.status == .badRequest, "\(target)")
        }
        for headers: Headers in [[:], [.authorization: ""], [.authorization: "you"]] {
            #expect(try await shop.get(next, headers: headers).status == .badRequest)
        }
    }

    @Test func `instances with the same key continue each other's walks, others do not`()
        async throws
    {
        let key = try #require(CursorKey([UInt8](repeating: 7, count: 32)))
        func shop(_ keys: [CursorKey]) -> Shop {
            Shop(
                .json(Array(Shop.items(50).utf8)),
                pagination: Pagination(defaultLimit: 20, maximumLimit: 100, keys: keys))
        }
        let next = try #require(try await shop([key]).get("/products").link("next"))
        #expect(try await shop([key]).get(next).ids == Array(20..<40))
        #expect(try await shop([]).get(next).status == .badRequest)
    }

    @Test func `an expired cursor gives a 410 with a link to the start`() async throws {
        let time = ManualTime()
        var configuration = Pagination.Configuration()
        configuration.cursorLifetime = .seconds(60)
        let shop = Shop(
            .json(Array(Shop.items(50).utf8)),
            pagination: Pagination(
                defaultLimit: 20, maximumLimit: 100, configuration: configuration, time: time))
        let next = try #require(try await shop.get("/products?a=b").link("next"))
        time.advance(by: .seconds(59))
        #expect(try await shop.get(next).status == .ok)
        time.advance(by: .seconds(9))
        let answer = try await shop.get(next)
        #expect(answer.status == .gone)
        #expect(answer.link("first") == "/products?a=b")
    }

    @Test(arguments: [
        ("/a//b", "/a//b"), ("//evil.example/x", "/.//evil.example/x"),
        ("/a>b\"c", "/a%3Eb%22c"), ("/ü", "/%C3%BC"), ("/a%20b", "/a%20b"),
    ])
    func `a link can't be made to point elsewhere`(_ path: String, _ target: String) async throws {
        let answer = try await Shop(.json(Array(Shop.items(50).utf8))).get(path + "?q=<\">")
        let next = try #require(answer.link("next"))
        #expect(next.hasPrefix(target + "?q=%3C%22%3E&cursor="))
    }
}
