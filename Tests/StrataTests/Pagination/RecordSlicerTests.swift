import StrataTesting
import Testing

@testable import Strata

@Suite struct RecordSlicerTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var format = RecordSlicer.Format.jsonLines
        var text: String
        var offset = 0
        var outcome: JSONArraySlicer.Outcome
        var page: String?
        var testDescription: String { "\(text.debugDescription) from \(offset)" }
    }

    static let table = RecordSlicer.Format.csv(hasHeader: true)
    static let rows = RecordSlicer.Format.csv(hasHeader: false)

    static let cases: [Case] = [
        Case(text: "", outcome: .page(count: 0, hasMore: false), page: ""),
        Case(text: "1\n2\n", outcome: .page(count: 2, hasMore: false), page: "1\n2\n"),
        Case(text: "1\n2", outcome: .page(count: 2, hasMore: false), page: "1\n2"),
        Case(
            text: "1\n2\n\n \r\n", outcome: .page(count: 2, hasMore: false), page: "1\n2\n\n \r\n"),
        Case(
            text: "{\"a\":\"\\n\"}\r\n[2]\r\n3\r\n", outcome: .page(count: 2, hasMore: true),
            page: "{\"a\":\"\\n\"}\r\n[2]\r\n"),
        Case(text: "\n1\n\n2\n3", outcome: .page(count: 2, hasMore: true), page: "\n1\n\n2\n"),
        Case(
            text: "1\n2\n3\n4\n5", offset: 2, outcome: .page(count: 2, hasMore: true),
            page: "3\n4\n"),
        Case(text: "1\n2\n3", offset: 2, outcome: .page(count: 1, hasMore: false), page: "3"),
        Case(text: "1\n", offset: 2, outcome: .page(count: 0, hasMore: false), page: ""),
        Case(text: "1\n{\n}\n", outcome: .malformed(.incomplete, at: 3)),
        Case(text: "1\n2x\n", outcome: .malformed(.trailingBytes, at: 3)),
        Case(text: "1\n2 3\n", outcome: .malformed(.trailingBytes, at: 4)),
        Case(text: "1\n[2", outcome: .malformed(.incomplete, at: 4)),
        Case(
            format: table, text: "a,b\r\n1,2\r\n3,4\r\n5,6\r\n",
            outcome: .page(count: 2, hasMore: true), page: "a,b\r\n1,2\r\n3,4\r\n"),
        Case(
            format: table, text: "a,b\r\n1,2\r\n3,4\r\n5,6\r\n", offset: 2,
            outcome: .page(count: 1, hasMore: false), page: "a,b\r\n5,6\r\n"),
        Case(format: table, text: "a,b", outcome: .page(count: 0, hasMore: false), page: "a,b"),
        Case(
            format: table, text: "a\n1\n", offset: 7, outcome: .page(count: 0, hasMore: false),
            page: "a\n"),
        Case(
            format: rows, text: "\"1\n,\"\"\",2\n\"\",\"\"\n3,\"\"\n", offset: 1,
            outcome: .page(count: 2, hasMore: false), page: "\"\",\"\"\n3,\"\"\n"),
        Case(
            format: rows, text: "\"1\r\n1\"\r\n2\n3\n", outcome: .page(count: 2, hasMore: true),
            page: "\"1\r\n1\"\r\n2\n"),
        Case(
            format: table, text: "\u{FEFF}\"a\",b\n1,2\n", outcome: .page(count: 1, hasMore: false),
            page: "\u{FEFF}\"a\",b\n1,2\n"),
        Case(format: rows, text: "1,2\"\n", outcome: .malformed(.syntax, at: 3)),
        Case(format: rows, text: "\"1\"2\n", outcome: .malformed(.syntax, at: 3)),
        Case(format: rows, text: "1\n\"2\n3\n", outcome: .malformed(.incomplete, at: 7)),
    ]

    static func slice(_ item: Case, _ cuts: [Int]) -> (JSONArraySlicer.Outcome, String) {
        var slicer = RecordSlicer(
            format: item.format, offset: item.offset, limit: 2, maximumBytes: 1000)
        let text = Array(item.text.utf8)
        var start = 0
        for cut in cuts + [text.count] {
            if let outcome = slicer.feed(text[start..<cut].span.bytes) {
                return (outcome, String(decoding: slicer.output, as: UTF8.self))
            }
            start = cut
        }
        return (slicer.finish(), String(decoding: slicer.output, as: UTF8.self))
    }

    @Test(arguments: cases)
    func `records are cut, wherever the pieces are`(_ item: Case) {
        let count = item.text.utf8.count
        var all: [[Int]] = [[], Array(0..<count)]
        for first in 0...count { for second in first...count { all.append([first, second]) } }
        for cuts in all {
            let (outcome, page) = Self.slice(item, cuts)
            #expect(outcome == item.outcome, "cut at \(cuts)")
            if let expected = item.page { #expect(page == expected, "cut at \(cuts)") }
        }
    }

    @Test func `a page has fewer records where they are too large for its bytes`() {
        for step in [1, 5, 100] {
            var slicer = RecordSlicer(format: .jsonLines, offset: 0, limit: 9, maximumBytes: 20)
            let text = Array("\"aaaaaa\"\n\"bbbbbb\"\n\"cccccc\"\n".utf8)
            var outcome: JSONArraySlicer.Outcome?
            var rest = text[...]
            while outcome == nil, !rest.isEmpty {
                let piece = rest.prefix(step)
                outcome = slicer.feed(piece.span.bytes)
                rest = rest.dropFirst(step)
            }
            #expect(outcome == .page(count: 2, hasMore: true))
            #expect(slicer.output == Array(text.prefix(18)))
        }
    }

    @Test(arguments: [
        ("application/x-ndjson", ""), ("application/jsonl", ""), ("text/csv", "id\n"),
        ("text/csv; header=absent", ""),
    ])
    func `a stream of records is walked`(_ type: String, _ header: String) async throws {
        let records = (0..<45).map { "\($0)\n" }
        let shop = Shop(PaginationBodyTests.stream([header] + records, type: type))
        var text = ""
        var target: String? = "/log"
        while let here = target {
            let answer = try await shop.get(here)
            #expect(answer.text.hasPrefix(header))
            text += answer.text.dropFirst(header.count)
            target = answer.link("next")
        }
        #expect(text == records.joined())
    }

    @Test func `routes without a limit are listed with their reasons`() {
        let pagination = Pagination(
            defaultLimit: 1, maximumLimit: 1,
            rules: [
                .path("/export/**").unlimited(because: "A contract with the warehouse."),
                .path("/v1/**").list(at: "items"),
            ])
        #expect(
            pagination.unlimitedRoutes.map(\.description)
                == ["/export/**: A contract with the warehouse."])
    }

    static let links: [(proxies: Int, forwarded: String?, authority: String, base: String)] = [
        (0, nil, "shop.example:8080", "https://shop.example:8080"),
        (0, "host=evil.example", "shop.example", "https://shop.example"),
        (0, nil, "", ""), (0, nil, "a@b", ""), (0, nil, "a/b", ""),
        (0, nil, "[::1]", "https://[::1]"),
        (1, nil, "inner", "https://inner"),
        (1, "host=shop.example;proto=http", "inner", "http://shop.example"),
        (1, "host=evil.example, host=shop.example", "inner", "https://shop.example"),
        (2, "host=evil.example, host=shop.example, for=10.0.0.1", "inner", "https://shop.example"),
        (2, "host=shop.example", "inner", "https://shop.example"),
        (1, "host=shop.example;proto=ftp", "inner", ""),
        (1, "host=\"shop.example/x\"", "inner", ""),
    ]

    @Test(arguments: links)
    func `absolute links name the host that a trusted proxy was asked for`(
        _ proxies: Int, _ forwarded: String?, _ authority: String, _ base: String
    ) async throws {
        var configuration = Pagination.Configuration()
        configuration.links = .absolute(trustedProxies: proxies)
        let chain = wrap({ _ in .json(Array(Shop.items(50).utf8)) }) {
            Pagination(defaultLimit: 20, maximumLimit: 100, configuration: configuration)
        }
        var request = Request(.get, "/products")
        request.scheme = "https"
        request.authority = authority
        request.headers[.forwarded] = forwarded
        let link = try #require(try await chain(request).headers[.link])
        #expect(link.hasPrefix("<\(base)/products?cursor="))
    }
}
