import Foundation
import StrataTesting
import Testing

@testable import Strata

/// What the conventions for pages demand, clause by clause, where ``PaginationStyleTests`` does
/// not walk through it.
@Suite struct PageClauseTests {
    struct Clause: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Asks, and says whether the clause holds.
        let holds: @Sendable (Shop) async throws -> Bool

        init(_ words: String, _ holds: @escaping @Sendable (Shop) async throws -> Bool) {
            testDescription = words
            self.holds = holds
        }
    }

    private static func shop(_ style: Pagination.Style, _ list: String) -> Shop {
        var configuration = Pagination.Configuration()
        configuration.style = style
        configuration.style.total = "total"
        configuration.scope = { $0.headers[.authorization] }
        return Shop(
            .json(Array(list.utf8)),
            pagination: Pagination(
                defaultLimit: 20, maximumLimit: 100, configuration: configuration))
    }

    private static func token(_ answer: Answer) throws -> String? {
        try PaginationStyleTests.json(answer.text)["next_page_token"] as? String
    }

    // MARK: - AIP-158

    static let aip158: [Clause] = [
        Clause("page_size must not be required") { try await $0.get("/books").status == .ok },
        Clause("without page_size the service chooses one") {
            try await $0.get("/books").ids.count == 20
        },
        Clause("0 is as good as no page_size, and no error") {
            try await $0.get("/books?page_size=0").ids.count == 20
        },
        Clause("a page_size above the maximum gets the maximum") {
            try await $0.get("/books?page_size=1000000").ids.count == 100
        },
        Clause("a negative page_size is an invalid argument") {
            try await $0.get("/books?page_size=-1").status == .badRequest
        },
        Clause("page_token must not be required, and an empty one is none") {
            try await $0.get("/books?page_token=").ids.first == 0
        },
        Clause("a page_size that changes between requests is honoured") { shop in
            let token = try token(try await shop.get("/books?page_size=5")) ?? ""
            let answer = try await shop.get("/books?page_size=7&page_token=" + token)
            return answer.ids == Array(5..<12)
        },
        Clause("any other argument that changes is an invalid argument") { shop in
            let token = try token(try await shop.get("/books?shelf=1&page_size=5")) ?? ""
            for other in ["shelf=2&", "", "shelf=1&x=&"] {
                let answer = try await shop.get("/books?\(other)page_token=" + token)
                guard answer.status == .badRequest else { return false }
            }
            return true
        },
        Clause("next_page_token is there while there is more, and empty or absent at the end") {
            let isThere = try await token($0.get("/books?page_size=100")) != nil
            let rest = try await token($0.get("/books?page_size=100")) ?? ""
            let last = try await $0.get("/books?page_size=100&page_token=" + rest)
            return try isThere && (token(last) ?? "").isEmpty && last.ids.last == 149
        },
        Clause("a token is opaque, and may stand in a URL as it is") { shop in
            let token = try token(try await shop.get("/books?page_size=5")) ?? ""
            let bytes = [UInt8](base64URL: token) ?? []
            // The place is a small number of eight bytes: most would be zero if it weren't sealed.
            let showsPlace = bytes.indices.dropLast(3).contains {
                bytes[$0..<($0 + 4)] == [0, 0, 0, 0]
            }
            return token.utf8.allSatisfy(\.isUnreservedInURI) && bytes.count > 16 && !showsPlace
        },
        Clause("a token is no way to what another user may see") { shop in
            let own = try await shop.get("/books", headers: [.authorization: "ann"])
            let token = try token(own) ?? ""
            return try await shop.get(
                "/books?page_token=" + token, headers: [.authorization: "bob"]
            ).status == .badRequest
        },
        Clause("total_size is the number of all, whatever the page") {
            try await $0.get("/books?total=true&page_size=3").text.contains("\"total_size\":150")
        },
    ]

    @Test(arguments: aip158)
    func `AIP-158 holds`(clause: Clause) async throws {
        var style = Pagination.Style.aip158
        style.listPath = ["books"]
        #expect(try await clause.holds(Self.shop(style, #"{"books":\#(Shop.items(150))}"#)))
    }

    // MARK: - The cursor pagination profile of JSON:API

    private static func links(_ answer: Answer) throws -> [String: Any] {
        try PaginationStyleTests.json(answer.text)["links"] as? [String: Any] ?? [:]
    }

    private static func problem(_ answer: Answer) throws -> String? {
        let errors = try PaginationStyleTests.json(answer.text)["errors"] as? [[String: Any]]
        let types = (errors?.first?["links"] as? [String: [String]])?["type"]
        return types?.first?.split(separator: "/").last.map(String.init) ?? ""
    }

    static let jsonAPI: [Clause] = [
        Clause("without page[size] the server chooses one") {
            try await $0.get("/people").ids.count == 20
        },
        Clause("page[size] must be a positive integer, else 400") { shop in
            for size in ["0", "-1", "x", "1.5", ""] {
                guard try await shop.get("/people?page[size]=\(size)").status == .badRequest
                else { return false }
            }
            return true
        },
        Clause("never more items than page[size]") {
            try await $0.get("/people?page[size]=7").ids == Array(0..<7)
        },
        Clause("a page[size] above the maximum is the error max-size-exceeded") {
            try await problem($0.get("/people?page[size]=101")) == "max-size-exceeded"
        },
        Clause("page[after] gives what follows the cursor at once") { shop in
            let next = try links(try await shop.get("/people?page[size]=10"))["next"] as? String
            return try await shop.get(next ?? "").ids == Array(10..<20)
        },
        Clause("page[before] gives what precedes the cursor at once") { shop in
            let next = try links(try await shop.get("/people?page[size]=10"))["next"] as? String
            let third = try links(try await shop.get(next ?? ""))["next"] as? String
            let back = try links(try await shop.get(third ?? ""))["prev"] as? String
            guard let back, back.contains("page%5Bbefore%5D=") else { return false }
            return try await shop.get(back).ids == Array(10..<20)
        },
        Clause("a cursor that is none is a 400 that names its parameter") {
            let answer = try await $0.get("/people?page[after]=x")
            return answer.status == .badRequest
                && answer.text.contains(#""parameter":"page[after]""#)
        },
        Clause("both cursors are the error range-pagination-not-supported") {
            try await problem($0.get("/people?page[after]=x&page[before]=y"))
                == "range-pagination-not-supported"
        },
        Clause("links stand beside the data, and prev and next are there even where null") {
            let object = try PaginationStyleTests.json(try await $0.get("/people").text)
            let links = object["links"] as? [String: Any]
            return object["data"] != nil && links?["prev"] is NSNull && links?["next"] is String
        },
        Clause("links keep what else the client asked for") {
            let links = try links(try await $0.get("/people?sort=age&page[size]=5&filter=a"))
            let next = links["next"] as? String ?? ""
            return next.contains("sort=age") && next.contains("filter=a") && next.contains("=5")
        },
        Clause("page.total is the number of all, in the document's meta") {
            let object = try PaginationStyleTests.json(
                try await $0.get("/people?total=true").text)
            let meta = object["meta"] as? [String: Any]
            return (meta?["page"] as? [String: Any])?["total"] as? Int == 150
        },
    ]

    @Test(arguments: jsonAPI)
    func `the cursor pagination profile of JSON:API holds`(clause: Clause) async throws {
        #expect(try await clause.holds(Self.shop(.jsonAPI, #"{"data":\#(Shop.items(150))}"#)))
    }

    // MARK: - RFC 8288

    /// The link-values of a field, read by the grammar of RFC 8288 §3 alone; nil where one is none.
    private static func parsed(_ field: String) -> [(target: String, rel: String)]? {
        var links: [(String, String)] = []
        for value in field.split(separator: ", <") {
            let value = value.hasPrefix("<") ? value.dropFirst() : value
            let parts = value.split(separator: ">; rel=\"", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[1].hasSuffix("\"") else { return nil }
            links.append((String(parts[0]), String(parts[1].dropLast())))
        }
        return links
    }

    private static func middle(_ shop: Shop, _ target: String = "/list?limit=10&total=true")
        async throws -> Answer
    {
        try await shop.get(try await shop.get(target).link("next") ?? "")
    }

    static let rfc8288: [Clause] = [
        Clause("§3: the field is a list of link-values, each a target and parameters") {
            let field = try await middle($0).headers[.link] ?? ""
            return parsed(field)?.count == 4
        },
        Clause("§3.1: a target is a URI reference that stands for the page") { shop in
            let first = try await shop.get("/list?limit=10").link("next") ?? ""
            return try await shop.get(first).ids == Array(10..<20)
        },
        Clause("§3.1: nothing in a target can end it, or begin another link") {
            let odd = "/list?q=%3E,%3C/x%3E;rel=%22next%22&r=<>\"%20,;"
            let field = try await $0.get(odd).headers[.link] ?? ""
            return parsed(field)?.map(\.rel) == ["next"]
        },
        Clause("§3.2: no anchor, so that the context is the page itself") {
            try await middle($0).headers[.link]?.contains("anchor") == false
        },
        Clause("§3.3: each link has one rel, of one registered type in lower case (§2.1.1)") {
            let rels = parsed(try await middle($0).headers[.link] ?? "")?.map(\.rel)
            return rels.map { Set($0) == ["next", "prev", "first", "last"] && $0.count == 4 }
                ?? false
        },
        Clause("§3.3: next and prev are each other's opposites") { shop in
            let page = try await middle(shop)
            let next = try await shop.get(page.link("next") ?? "")
            let back = try await shop.get(next.link("prev") ?? "")
            return back.ids == page.ids && page.ids == Array(10..<20)
        },
        Clause("§3.3: first and last are the ends, and have no prev and no next") { shop in
            let page = try await middle(shop)
            let first = try await shop.get(page.link("first") ?? "")
            let last = try await shop.get(page.link("last") ?? "")
            return first.ids.first == 0 && first.link("prev") == nil && last.ids.last == 149
                && last.link("next") == nil
        },
        Clause("§3: the handler's own links stay, in front") { shop in
            let handler = Shop { request in
                var response = try await shop.response(request)
                response.headers[.link] = "</style.css>; rel=\"preload\""
                return response
            }
            let field = try await handler.get("/list").headers[.link] ?? ""
            return parsed(field)?.map(\.rel) == ["preload", "next"]
        },
    ]

    @Test(arguments: rfc8288)
    func `RFC 8288 holds`(clause: Clause) async throws {
        #expect(try await clause.holds(Self.shop(.plain, Shop.items(150))))
    }
}
