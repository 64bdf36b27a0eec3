import Foundation
import StrataTesting
import Testing

@testable import Strata

/// The files of `test_parsing` in github.com/nst/JSONTestSuite, which tell by their names what a
/// parser must make of them: `y_` to be taken, `n_` to be refused, `i_` up to the parser.
///
/// They stand in the folder that the environment variable `STRATA_JSON_SUITE` names.
@Suite struct JSONTestSuiteTests {
    static let folder = ProcessInfo.processInfo.environment["STRATA_JSON_SUITE"]
    static let isThere: ConditionTrait = .enabled(
        if: folder != nil, "set STRATA_JSON_SUITE to its folder")

    struct Fixture: Sendable, CustomTestStringConvertible {
        var name: String
        var text: [UInt8]
        var testDescription: String { name }
    }

    static let fixtures: [Fixture] = {
        guard let folder else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { name in
            let file = URL(filePath: folder).appending(path: name)
            return (try? Data(contentsOf: file)).map { Fixture(name: name, text: Array($0)) }
        }
    }()

    /// Of those that are up to the parser: what is no UTF-8 is refused.
    static let refused = [
        "UTF-16LE_with_BOM", "UTF-8_invalid_sequence", "UTF8_surrogate_U+D800", "invalid_utf-8",
        "iso_latin_1", "lone_utf8_continuation_byte", "not_in_unicode_range",
        "overlong_sequence_2_bytes", "overlong_sequence_6_bytes",
        "overlong_sequence_6_bytes_null", "truncated-utf-8", "utf16BE_no_BOM", "utf16LE_no_BOM",
    ].map { "i_string_\($0).json" }

    @Test(isThere) func `the suite is whole`() {
        let kinds = Dictionary(grouping: Self.fixtures, by: { $0.name.prefix(2) })
        #expect(kinds.mapValues(\.count) == ["y_": 95, "n_": 188, "i_": 35])
        #expect(Self.fixtures.filter { Self.refused.contains($0.name) }.count == 13)
    }

    @Test(isThere, arguments: fixtures)
    func `a fixture is judged as its name says, however it is cut`(_ fixture: Fixture) {
        let isValid =
            fixture.name.hasPrefix("y_")
            || fixture.name.hasPrefix("i_") && !Self.refused.contains(fixture.name)
        for size in Array(1...9) + [64, .max] {
            #expect((JSONScannerTests.fault(in: fixture.text, pieces: size) == nil) == isValid)
        }
        JSONWindowTests.expectSame(
            fixture.text + Array(repeating: UInt8(ascii: " "), count: 80), pieces: [.max / 2])
        if !isValid {
            let whole = JSONArraySlicerTests.slice(fixture.text, limit: .max)
            if case .page = whole.outcome { Issue.record("a page of \(whole.output)") }
        }
    }

    @Test(isThere, arguments: fixtures.filter { $0.name.hasPrefix("y_") })
    func `the pages of a valid list are the items that Foundation finds`(
        _ fixture: Fixture
    ) throws {
        // Of what RFC 8259 allows, Foundation refuses a few, such as a lone surrogate.
        let value = try? JSONSerialization.jsonObject(
            with: Data(fixture.text), options: .fragmentsAllowed)
        guard let items = value as? [Any] else { return }
        for offset in 0...items.count {
            let result = JSONArraySlicerTests.slice(fixture.text, offset: offset, limit: 1)
            let page = Array(items.dropFirst(offset).prefix(1))
            let hasMore = offset + 1 < items.count
            #expect(result.outcome == .page(count: page.count, hasMore: hasMore))
            let found = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [Any]
            #expect(found.map(NSArray.init(array:)) == NSArray(array: page))
        }
    }
}
