import Foundation
import StrataTesting
import Testing

@testable import Strata

@Suite struct PaginationStyleTests {
    static func shop(
        _ style: Pagination.Style, _ text: String, type: String = "application/json"
    ) -> Shop {
        var configuration = Pagination.Configuration()
        configuration.style = style
        var response = Response.json(Array(text.utf8))
        response.headers[.contentType] = type
        return Shop(
            response,
            pagination: Pagination(
                defaultLimit: 20, maximumLimit: 100, configuration: configuration))
    }

    static func json(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    // MARK: - AIP-158

    static var aip: Pagination.Style {
        var style = Pagination.Style.aip158
        style.listPath = ["books"]
        return style
    }

    @Test(arguments: [
        #"{"books":LIST}"#, #"{"total_size":45,"books":LIST,"next_page_token":"","x":[1]}"#,
        #"{"next_page_token":"","books":LIST}"#, #"{ "next_page_token" : "" , "books":LIST}"#,
        #"{"a":{"next_page_token":1},"next_page_token":{"b":[]},"books":LIST,"z":1}"#,
    ])
    func `next_page_token leads through the list, and is not there at its end`(_ form: String)
        async throws
    {
        let shop = Self.shop(Self.aip, form.replacing("LIST", with: Shop.items(45)))
        var ids: [Int] = []
        var token: String? = ""
        while let here = token {
            let answer = try await shop.get("/books?shelf=1&page_token=" + here)
            let object = try Self.json(answer.text)
            ids += answer.ids
            #expect(answer.text.split(separator: "\"next_page_token\"").count <= 3)
            token = (object["next_page_token"] as? String).flatMap { $0.isEmpty ? nil : $0 }
        }
        #expect(ids == Array(0..<45))
        let first = try Self.json(try await shop.get("/books?shelf=1").text)
        let other = try await shop.get(
            "/books?shelf=2&page_token=\(first["next_page_token"] as? String ?? "")")
        #expect(other.status == .badRequest)
    }

    // MARK: - JSON:API's cursor pagination profile

    static let api = #"{"links":{"self":"/x"},"data":\#(Shop.items(45)),"meta":{}}"#

    static let apiRows: [(clause: String, query: String, parameter: String, type: String?)] = [
        ("page[size] MUST be a positive integer", "page[size]=0", "page[size]", nil),
        ("page[size] MUST be a positive integer", "page%5Bsize%5D=-1", "page[size]", nil),
        ("a size above the maximum", "page[size]=101", "page[size]", "max-size-exceeded"),
        ("page[after] that is no cursor", "page[after]=x", "page[after]", nil),
        ("page[before] that is no cursor", "page[before]=x", "page[before]", nil),
        (
            "both at the same time", "page[after]=x&page[before]=y", "page[before]",
            "range-pagination-not-supported"
        ),
    ]

    @Test(arguments: apiRows)
    func `errors are those of the profile`(
        _ clause: String, _ query: String, _ parameter: String, _ type: String?
    ) async throws {
        let answer = try await Self.shop(.jsonAPI, Self.api).get("/articles?" + query)
        #expect(answer.status == .badRequest, "\(clause)")
        #expect(answer.headers[.contentType] == "application/vnd.api+json")
        let errors = try #require(try Self.json(answer.text)["errors"] as? [[String: Any]])
        let error = try #require(errors.first)
        #expect(error["status"] as? String == "400")
        #expect((error["source"] as? [String: String])?["parameter"] == parameter)
        let types = (error["links"] as? [String: [String]])?["type"]
        #expect(
            types
                == type.map {
                    ["https://jsonapi.org/profiles/ethanresnick/cursor-pagination/\($0)"]
                })
        if type == "max-size-exceeded" {
            let meta = error["meta"] as? [String: [String: Int]]
            #expect(meta?["page"]?["maxSize"] == 100)
        }
    }

    @Test func `links lead both ways, and are null where there is nothing`() async throws {
        let shop = Self.shop(.jsonAPI, Self.api, type: "application/vnd.api+json")
        var ids: [Int] = []
        var target: String? = "/articles?page[size]=10&sort=x"
        var pages: [[String: Any]] = []
        var last = ""
        while let here = target {
            let answer = try await shop.get(here)
            ids += answer.ids
            let links = try #require(try Self.json(answer.text)["links"] as? [String: Any])
            pages.append(links)
            last = here
            target = links["next"] as? String
            #expect(answer.link("next") == target)
        }
        #expect(ids == Array(0..<45))
        #expect(pages.first?["prev"] is NSNull)
        #expect(pages.last?["next"] is NSNull)
        let first = "/articles?page%5Bsize%5D=10&sort=x"
        #expect(pages.allSatisfy { $0["first"] as? String == first })
        #expect(last.contains("page%5Bafter%5D="))

        target = pages.last?["prev"] as? String
        var back: [[Int]] = []
        while let here = target {
            #expect(here.contains("page%5Bbefore%5D="))
            let answer = try await shop.get(here)
            back.append(answer.ids)
            target = (try Self.json(answer.text)["links"] as? [String: Any])?["prev"] as? String
        }
        #expect(back == [Array(30..<40), Array(20..<30), Array(10..<20), Array(0..<10)])
    }

    @Test func `a page that ends at a cursor is as long as there are items before it`()
        async throws
    {
        let shop = Self.shop(.jsonAPI, Self.api)
        let second = try #require(try await shop.get("/articles?page[size]=5").link("next"))
        let wide = try await shop.get(
            second.replacing("page[size]=5", with: "page[size]=20")
                .replacing("page%5Bafter%5D", with: "page[before]"))
        #expect(wide.ids == Array(0..<5))
    }

    @Test func `an item's cursor serves in both directions for a handler that helps`()
        async throws
    {
        var configuration = Pagination.Configuration()
        configuration.style = .jsonAPI
        let shop = Shop(
            pagination: Pagination(
                defaultLimit: 8, maximumLimit: 100, configuration: configuration)
        ) { PaginationBodyTests.helper($0) }
        let second = try #require(try await shop.get("/a").link("next"))
        #expect(try await shop.get(second).ids == Array(8..<16))
        let before = second.replacing("page%5Bafter%5D", with: "page[before]")
        #expect(try await shop.get(before).ids == Array(0..<7))
    }

    // MARK: - GitHub's

    @Test func `pages have numbers`() async throws {
        let shop = Self.shop(.gitHub, Shop.items(45))
        let first = try await shop.get("/repos?per_page=20&q=a")
        #expect(first.ids == Array(0..<20))
        #expect(first.headers[.link] == "</repos?per_page=20&q=a&page=2>; rel=\"next\"")
        let second = try await shop.get("/repos?page=2")
        #expect(second.ids == Array(20..<40))
        #expect(second.link("next") == "/repos?page=3")
        #expect(second.link("prev") == "/repos?page=1")
        #expect(second.link("first") == "/repos")
        let third = try await shop.get("/repos?page=3")
        #expect(third.ids == Array(40..<45))
        #expect(third.link("next") == nil)
        #expect(try await shop.get("/repos?page=4").text == "[]")
        #expect(
            try await shop.get("/repos?per_page=101").headers["Pagination"]
                == "limit=100;clamped, count=45")
        for query in [
            "page=0", "page=-1", "page=x", "page=", "page=1&page=2", "page=501",
            "page=101&per_page=100", "page=99999999999999999999",
        ] {
            #expect(try await shop.get("/repos?" + query).status == .badRequest, "\(query)")
        }
        #expect(try await shop.get("/repos?page=500").status == .ok)
    }
}
