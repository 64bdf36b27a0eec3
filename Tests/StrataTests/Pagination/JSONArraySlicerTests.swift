import Foundation
import StrataTesting
import Testing

@testable import Strata

@Suite struct JSONArraySlicerTests {
    struct Result: Equatable {
        var outcome: JSONArraySlicer.Outcome
        var output: String
    }

    static func slice(
        _ text: [UInt8], path: [String] = [], offset: Int = 0, limit: Int = 2,
        maximumBytes: Int = 1 << 20, cuts: [Int] = []
    ) -> Result {
        var slicer = JSONArraySlicer(
            path: path, offset: offset, limit: limit, maximumBytes: maximumBytes)
        var start = 0
        for cut in cuts + [text.count] where cut >= start {
            if let outcome = slicer.feed(text[start..<cut].span.bytes) {
                return Result(
                    outcome: outcome, output: String(decoding: slicer.output, as: UTF8.self))
            }
            start = cut
        }
        let outcome = slicer.finish()
        return Result(outcome: outcome, output: String(decoding: slicer.output, as: UTF8.self))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var path: [String] = []
        var offset = 0
        var limit = 2
        var outcome: JSONArraySlicer.Outcome
        var page: String?
        var testDescription: String { "\(text) \(path) \(offset)+\(limit)" }
    }

    static let cases: [Case] = [
        Case(text: "[]", outcome: .page(count: 0, hasMore: false), page: "[]"),
        Case(text: "[1]", outcome: .page(count: 1, hasMore: false), page: "[1]"),
        Case(text: "[1,2]", outcome: .page(count: 2, hasMore: false), page: "[1,2]"),
        Case(text: " [ 1 , 2 ] ", outcome: .page(count: 2, hasMore: false), page: " [ 1 , 2 ] "),
        Case(text: "[1,2,3]", outcome: .page(count: 2, hasMore: true), page: "[1,2]"),
        Case(text: "[ 1 , 2 , 3 ]", outcome: .page(count: 2, hasMore: true), page: "[ 1 , 2]"),
        Case(text: "[1,2,3]", offset: 2, outcome: .page(count: 1, hasMore: false), page: "[3]"),
        Case(
            text: "[1,2,3,4 ,5]", offset: 2, outcome: .page(count: 2, hasMore: true),
            page: "[3,4]"),
        Case(text: "[1, 2]", offset: 2, outcome: .page(count: 0, hasMore: false), page: "[]"),
        Case(text: "[1]", offset: 9, outcome: .page(count: 0, hasMore: false), page: "[]"),
        Case(text: "[]", offset: 1, outcome: .page(count: 0, hasMore: false), page: "[]"),
        Case(
            text: #"[{"a":[1,2,3]},[[],[]],"x]",4]"#, outcome: .page(count: 2, hasMore: true),
            page: #"[{"a":[1,2,3]},[[],[]]]"#),
        Case(
            text: #"["a\"]",{"]":"}"},1]"#, offset: 1, limit: 1,
            outcome: .page(count: 1, hasMore: true), page: #"[{"]":"}"}]"#),
        Case(
            text: "[1e999999,123456789012345678901234567890,3]",
            outcome: .page(count: 2, hasMore: true),
            page: "[1e999999,123456789012345678901234567890]"),
        Case(
            text: "\u{FEFF}[1,2,3]", outcome: .page(count: 2, hasMore: true),
            page: "\u{FEFF}[1,2]"),
        // What stands behind the page isn't looked at.
        Case(text: "[1,2,3,x", outcome: .page(count: 2, hasMore: true), page: "[1,2]"),
        // Envelopes.
        Case(
            text: #"{"n":3,"items":[1,2,3],"z":0}"#, path: ["items"],
            outcome: .page(count: 2, hasMore: true), page: #"{"n":3,"items":[1,2]}"#),
        Case(
            text: #"{"n":3,"items":[1,2],"z":0}"#, path: ["items"],
            outcome: .page(count: 2, hasMore: false), page: #"{"n":3,"items":[1,2],"z":0}"#),
        Case(
            text: #"{"n":3,"items":[1,2,3],"z":0}"#, path: ["items"], offset: 2,
            outcome: .page(count: 1, hasMore: false), page: #"{"n":3,"items":[3],"z":0}"#),
        Case(
            text: #"{"items":1,"data":{"items":[1],"x":{"list":[0]},"list":[1,2,3]}}"#,
            path: ["data", "list"], outcome: .page(count: 2, hasMore: true),
            page: #"{"items":1,"data":{"items":[1],"x":{"list":[0]},"list":[1,2]}}"#),
        Case(
            text: #"{"it\u0065ms":[1,2,3]}"#, path: ["items"],
            outcome: .page(count: 2, hasMore: true), page: #"{"it\u0065ms":[1,2]}"#),
        Case(
            text: #"{"\ud83d\ude00":[1,2,3]}"#, path: ["😀"],
            outcome: .page(count: 2, hasMore: true), page: #"{"\ud83d\ude00":[1,2]}"#),
        Case(
            text: "[1,2,3]", path: ["items"], outcome: .page(count: 2, hasMore: true),
            page: "[1,2]"),
        Case(
            text: #"{"items":[1],"items":[1,2,3]}"#, path: ["items"],
            outcome: .malformed(.duplicateList, at: 20)),
        Case(
            text: #"{"a":{"b":[1]},"\u0061":{"b":[1,2,3]}}"#, path: ["a", "b"],
            outcome: .malformed(.duplicateList, at: 23)),
        // No list.
        Case(text: #"{"a":[1,2,3]}"#, outcome: .notAList),
        Case(text: "7", outcome: .notAList),
        Case(text: #""text""#, path: ["a"], outcome: .notAList),
        Case(text: #"{"items":{"items":[1,2,3]}}"#, path: ["items"], outcome: .notAList),
        Case(text: #"{"x":{"items":[1,2,3]}}"#, path: ["items"], outcome: .notAList),
        Case(text: #"{"a":[{"b":[1,2,3]}]}"#, path: ["a", "b"], outcome: .notAList),
        Case(text: #"{"items ":[1,2,3]}"#, path: ["items"], outcome: .notAList),
        Case(text: #"{"\ud83d":[1,2,3]}"#, path: ["�"], outcome: .notAList),
        // No JSON.
        Case(text: "[1,2", outcome: .malformed(.incomplete, at: 4)),
        Case(text: "[1,2,]", outcome: .malformed(.syntax, at: 5)),
        Case(text: "[1 2]", outcome: .malformed(.syntax, at: 3)),
        Case(text: "[1]]", outcome: .malformed(.trailingBytes, at: 3)),
        Case(text: "[x,2,3]", offset: 2, outcome: .malformed(.syntax, at: 1)),
        Case(text: #"{"items":[1],}"#, path: ["items"], outcome: .malformed(.syntax, at: 13)),
        Case(text: "", outcome: .malformed(.incomplete, at: 0)),
    ]

    @Test(arguments: cases)
    func `a page is cut, wherever the pieces are`(_ item: Case) {
        let text = Array(item.text.utf8)
        func check(_ cuts: [Int]) {
            let result = Self.slice(
                text, path: item.path, offset: item.offset, limit: item.limit, cuts: cuts)
            #expect(result.outcome == item.outcome, "cut at \(cuts)")
            if let page = item.page { #expect(result.output == page, "cut at \(cuts)") }
            if item.page == nil, item.offset == 0 {
                let fed = cuts.first { item.text.utf8.prefix($0).elementsEqual(result.output.utf8) }
                #expect(fed != nil || result.output == item.text, "cut at \(cuts)")
            }
        }
        check([])
        for first in 0...text.count {
            check([first])
            for second in first...text.count { check([first, second]) }
        }
        check(Array(0..<text.count))
    }

    @Test func `a page has fewer items where they are too large for its bytes`() {
        let text = Array(#"["aaaaaaaa","bbbbbbbb","cccccccc","dddddddd"]"#.utf8)
        for cuts in [[], Array(0..<text.count), [15], [23], [24]] {
            let result = Self.slice(text, limit: 4, maximumBytes: 24, cuts: cuts)
            #expect(result.outcome == .page(count: 2, hasMore: true))
            #expect(result.output == #"["aaaaaaaa","bbbbbbbb"]"#)
            let last = Self.slice(text, offset: 2, limit: 4, maximumBytes: 24, cuts: cuts)
            #expect(last.outcome == .page(count: 2, hasMore: false))
            #expect(last.output == #"["cccccccc","dddddddd"]"#)
            #expect(Self.slice(text, maximumBytes: 8, cuts: cuts).outcome == .tooLarge)
        }
    }

    @Test func `pages of any list are what Foundation finds in it`() throws {
        var random = SeededGenerator()
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...12, using: &random)
            let text = RandomJSON.list(&random, count: count)
            let items = try #require(
                try JSONSerialization.jsonObject(with: Data(text)) as? [Any])
            let limit = Int.random(in: 1...5, using: &random)
            let offset = Int.random(in: 0...14, using: &random)
            let cuts = (0..<4).map { _ in Int.random(in: 0...text.count, using: &random) }.sorted()
            let result = Self.slice(text, offset: offset, limit: limit, cuts: cuts)
            let page = items.dropFirst(offset).prefix(limit)
            #expect(
                result.outcome == .page(count: page.count, hasMore: offset + limit < items.count))
            let found = try #require(
                try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [Any])
            #expect(NSArray(array: found) == NSArray(array: Array(page)))
        }
    }
}
