import StrataTesting
import Testing

@testable import Strata

@Suite struct PageTotalTests {
    private static func shop(
        _ style: Pagination.Style = .plain, maximumCount: Int = 10_000, _ count: Int = 45
    ) -> Shop {
        var configuration = Pagination.Configuration()
        configuration.style = style
        configuration.style.total = "total"
        configuration.maximumCount = maximumCount
        return Shop(
            .json(Array(Shop.items(count).utf8)),
            pagination: Pagination(
                defaultLimit: 20, maximumLimit: 100, configuration: configuration))
    }

    static let totals: [(query: String, total: String?, maximumCount: Int)] = [
        ("", nil, 10_000), ("?total=true", "total=45", 10_000),
        ("?total=estimated", "total=45", 10_000), ("?total=true&limit=50", "total=45", 10_000),
        ("?total=true", "total=31;at-least", 30), ("?total=true", "total=21;at-least", 20),
    ]

    @Test(arguments: totals)
    func `a total is told where it is asked for, and counted to its bound`(
        query: String, total: String?, maximumCount: Int
    ) async throws {
        let answer = try await Self.shop(maximumCount: maximumCount).get("/products" + query)
        let field = answer.headers["Pagination"] ?? ""
        #expect(answer.status == .ok)
        #expect(field.contains("total=") == (total != nil))
        if let total { #expect(field.hasSuffix(total), "\(field)") }
    }

    @Test func `a total that can't be understood is a 400`() async throws {
        #expect(try await Self.shop().get("/products?total=maybe").status == .badRequest)
    }

    @Test func `with a total the last page is linked, and holds the rest`() async throws {
        let shop = Self.shop()
        let first = try await shop.get("/products?total=true")
        let last = try #require(first.link("last"))
        let answer = try await shop.get(last)
        #expect(answer.ids == Array(40..<45))
        #expect(answer.link("next") == nil)
        #expect(try await shop.get("/products").link("last") == nil)
    }

    @Test func `a handler's own total is told only to whoever asks`() async throws {
        var response = Response.json(Array("[1,2]".utf8))
        response.page = PageBounds(total: .estimated(7))
        var configuration = Pagination.Configuration()
        configuration.style.total = "total"
        let shop = Shop(
            response,
            pagination: Pagination(
                defaultLimit: 20, maximumLimit: 100, configuration: configuration))
        let asked = try await shop.get("/products?total=estimated").headers["Pagination"]
        #expect(asked?.contains("total=7;estimated") == true)
        let field = try await shop.get("/products").headers["Pagination"]
        #expect(field?.contains("total") == false)
    }

    static let preferences:
        [(prefer: String, query: String, count: Int, applied: String?, range: String)] = [
            ("maxpagesize=5", "", 5, "maxpagesize=5", "items 0-4/*"),
            ("maxpagesize=5, count=exact", "", 5, "maxpagesize=5, count=exact", "items 0-4/45"),
            ("MaxPageSize = \"5\"; x=y", "", 5, "maxpagesize=5", "items 0-4/*"),
            ("maxpagesize=5", "?limit=7", 7, nil, "items 0-6/*"),
            ("maxpagesize=500", "", 45, "maxpagesize=500", "items 0-44/*"),
            ("maxpagesize=0", "", 20, nil, "items 0-19/*"),
            ("maxpagesize=x, return=minimal", "", 20, nil, "items 0-19/*"),
            ("", "", 20, nil, "items 0-19/*"),
        ]

    @Test(arguments: preferences)
    func `Prefer says what the query doesn't (RFC 7240)`(
        prefer: String, query: String, count: Int, applied: String?, range: String
    ) async throws {
        let answer = try await Self.shop(.preferences).get(
            "/products" + query, headers: prefer.isEmpty ? [:] : ["Prefer": prefer])
        #expect(answer.ids.count == count)
        #expect(answer.headers["Preference-Applied"] == applied)
        #expect(answer.headers[.contentRange] == range)
        #expect(VaryField(answer.headers, .vary).contains("Prefer"))
    }

    @Test func `in the style of AIP-158 and of JSON:API the total stands beside the list`()
        async throws
    {
        for (style, name, total) in [
            (Pagination.Style.aip158, "items", "\"total_size\":45"),
            (.jsonAPI, "data", "\"meta\":{\"page\":{\"total\":45}}"),
        ] {
            var style = style
            style.listPath = [name]
            style.total = "total"
            var configuration = Pagination.Configuration()
            configuration.style = style
            let shop = Shop(
                .json(Array("{\"\(name)\":\(Shop.items(45))}".utf8)),
                pagination: Pagination(
                    defaultLimit: 20, maximumLimit: 100, configuration: configuration))
            #expect(try await shop.get("/x?total=true").text.contains(total))
            #expect(try await !shop.get("/x").text.contains("total"))
        }
    }

    @Test func `a single item's cursor leads behind it`() async throws {
        let shop = Shop { request in
            let page = try #require(request.page)
            var first = 0
            if case .after(let key) = page.position, case .integer(let id)? = key.first {
                first = Int(id) + 1
            }
            let cursors = (first..<first + 3).map {
                request.pageCursors?.cursor(at: [.integer(Int64($0))]) ?? ""
            }
            var response = Response.json(Array("[\"\(cursors.joined(separator: "\",\""))\"]".utf8))
            response.headers["X-First"] = String(first)
            response.page = PageBounds()
            return response
        }
        let answer = try await shop.get("/products")
        let cursor = try #require(answer.text.split(separator: "\"").dropFirst(3).first)
        #expect(try await shop.get("/products?cursor=\(cursor)").headers["X-First"] == "2")
        #expect(try await shop.get("/others?cursor=\(cursor)").status == .badRequest)
    }

    @Test func `names in items may be cut anywhere, whatever is counted`() {
        let text = Array(#"[{"name":1,"b\"":[{}]},{"name":2},{"name":3},{"name":4}]"#.utf8)
        for countLimit in [0, 3, 100] {
            for cut in 0...text.count {
                var slicer = JSONArraySlicer(
                    limit: 2, maximumBytes: 1 << 20, countLimit: countLimit)
                var outcome: JSONArraySlicer.Outcome?
                for part in [text[..<cut], text[cut...]] where outcome == nil {
                    outcome = slicer.feed(part.span.bytes)
                }
                outcome = outcome ?? slicer.finish()
                #expect(outcome == .page(count: 2, hasMore: true))
                #expect(
                    String(decoding: slicer.output, as: UTF8.self)
                        == #"[{"name":1,"b\"":[{}]},{"name":2}]"#)
            }
        }
    }
}
