import Foundation
import Strata
import Testing

/// The HTTP working group's own vectors, where they are beside the checkout.
@Suite struct StructuredFieldVectorTests {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "shared/corpora/structured-fields")

    static let files: [String] =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasSuffix(".json") }.sorted()

    @Test(.enabled(if: !files.isEmpty, "the vectors are not beside the checkout"), arguments: files)
    func `every vector of the working group is read and printed as it says`(
        file: String
    ) throws {
        let data = try Data(contentsOf: Self.folder.appending(path: file))
        let vectors = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
        #expect(!vectors.isEmpty)
        for vector in vectors {
            let name = vector["name"] as? String ?? ""
            if let raw = vector["raw"] as? [String] {
                try read(vector, raw.joined(separator: ", "), name: name)
            } else {
                try print(vector, name: name)
            }
        }
    }

    /// Reads the raw text, and compares what came out, and its canonical text.
    private func read(_ vector: [String: Any], _ raw: String, name: String) throws {
        let field = try #require(AnyField(raw, type: vector["header_type"] as? String))
        if vector["must_fail"] as? Bool == true {
            #expect(field.fieldValue == nil, "\(name): \(raw)")
            return
        }
        guard let printed = field.fieldValue else {
            #expect(vector["can_fail"] as? Bool == true, "\(name): \(raw)")
            return
        }
        let canonical = (vector["canonical"] ?? vector["raw"]) as? [String] ?? []
        #expect(printed == canonical.joined(separator: ", "), "\(name): \(raw)")
        let expected = try AnyField(expected: vector)
        #expect(field.hasSameValues(as: expected), "\(name): \(field) for \(expected)")
    }

    /// Prints the expected values, and compares the text.
    private func print(_ vector: [String: Any], name: String) throws {
        if vector["must_fail"] as? Bool == true {
            #expect((try? AnyField(expected: vector))?.fieldValue == nil, "\(name)")
        } else {
            let canonical = vector["canonical"] as? [String] ?? []
            #expect(
                try AnyField(expected: vector).fieldValue == canonical.joined(separator: ", "),
                "\(name)")
        }
    }
}

/// A value that can't even be made.
private struct Unsayable: Error {}

/// A field of any of the three kinds.
private enum AnyField {
    case item(StructuredField.Item?)
    case list(StructuredField.List?)
    case dictionary(StructuredField.Dictionary?)

    init?(_ text: String, type: String?) {
        switch type {
        case "item": self = .item(.init(text))
        case "list": self = .list(.init(text))
        case "dictionary": self = .dictionary(.init(text))
        default: return nil
        }
    }

    var fieldValue: String? {
        switch self {
        case .item(let item): item?.fieldValue
        case .list(let list): list?.fieldValue
        case .dictionary(let dictionary): dictionary?.fieldValue
        }
    }

    /// Compares with what JSON could say: it doesn't tell 1 from 1.0; the canonical text does.
    func hasSameValues(as other: AnyField) -> Bool {
        switch (self, other) {
        case (.item(let left?), .item(let right?)):
            return left.withNumbersAsDecimals == right.withNumbersAsDecimals
        case (.list(let left?), .list(let right?)):
            return left.members.map(\.withNumbersAsDecimals)
                == right.members.map(\.withNumbersAsDecimals)
        case (.dictionary(let left?), .dictionary(let right?)):
            return left.members.entries.map(\.key) == right.members.entries.map(\.key)
                && left.members.entries.map(\.value.withNumbersAsDecimals)
                    == right.members.entries.map(\.value.withNumbersAsDecimals)
        default: return false
        }
    }

    init(expected vector: [String: Any]) throws {
        let json = try #require(vector["expected"])
        switch vector["header_type"] as? String {
        case "item": self = .item(try Self.item(json))
        case "list":
            self = .list(.init(try #require(json as? [Any]).map(Self.member)))
        default:
            var members = OrderedMap<StructuredField.Member>()
            for entry in try #require(json as? [[Any]]) {
                members.set(try Self.member(entry[1]), for: try #require(entry[0] as? String))
            }
            self = .dictionary(.init(members))
        }
    }

    private static func member(_ json: Any) throws -> StructuredField.Member {
        let pair = try #require(json as? [Any])
        guard let items = pair[0] as? [Any] else { return .item(try item(json)) }
        return .innerList(.init(try items.map(item), try parameters(pair[1])))
    }

    private static func item(_ json: Any) throws -> StructuredField.Item {
        let pair = try #require(json as? [Any])
        return .init(try value(pair[0]), try parameters(pair[1]))
    }

    private static func parameters(_ json: Any) throws -> StructuredField.Parameters {
        var parameters = StructuredField.Parameters()
        for entry in try #require(json as? [[Any]]) {
            parameters.set(try value(entry[1]), for: try #require(entry[0] as? String))
        }
        return parameters
    }

    private static func value(_ json: Any) throws -> StructuredField.BareItem {
        switch json {
        case let text as String: return .string(text)
        case let number as NSNumber:
            if ["c", "B"].contains(String(cString: number.objCType)) {
                return .boolean(number.boolValue)
            }
            if let integer = Int(exactly: number.doubleValue) { return .integer(integer) }
            guard let decimal = StructuredField.Decimal(number.doubleValue) else {
                throw Unsayable()
            }
            return .decimal(decimal)
        case let typed as [String: Any]:
            switch typed["__type"] as? String {
            case "token": return .token(try #require(typed["value"] as? String))
            case "binary": return .bytes(base32(try #require(typed["value"] as? String)))
            case "date": return .date(try #require(typed["value"] as? Int))
            default: return .displayString(try #require(typed["value"] as? String))
            }
        default: throw Unsayable()
        }
    }

    private static func base32(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var (bits, count) = (0, 0)
        for character in text.utf8 where character != UInt8(ascii: "=") {
            let value = character >= 65 ? character - 65 : character - 50 + 26
            bits = bits << 5 | Int(value)
            count += 5
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            }
        }
        return bytes
    }
}

extension StructuredField.BareItem {
    fileprivate var withNumbersAsDecimals: StructuredField.BareItem {
        if case .decimal(let number) = self, number.thousandths % 1000 == 0 {
            return .integer(number.thousandths / 1000)
        }
        return self
    }
}

extension StructuredField.Item {
    fileprivate var withNumbersAsDecimals: StructuredField.Item {
        .init(value.withNumbersAsDecimals, parameters.withNumbersAsDecimals)
    }
}

extension StructuredField.Parameters {
    fileprivate var withNumbersAsDecimals: StructuredField.Parameters {
        var result = StructuredField.Parameters()
        for (key, value) in entries { result.set(value.withNumbersAsDecimals, for: key) }
        return result
    }
}

extension StructuredField.Member {
    fileprivate var withNumbersAsDecimals: StructuredField.Member {
        switch self {
        case .item(let item): .item(item.withNumbersAsDecimals)
        case .innerList(let list):
            .innerList(
                .init(
                    list.items.map(\.withNumbersAsDecimals),
                    list.parameters.withNumbersAsDecimals))
        }
    }
}

/// What doesn't hang on the vectors being there.
@Suite struct StructuredFieldTests {
    @Test(arguments: [
        // RFC 9651 §3.3, one of each kind.
        ("42", "42"), ("-0", "0"), ("4.50", "4.5"), ("-0.0", "0.0"), ("\"a\\\"b\"", "\"a\\\"b\""),
        ("foo123/456", "foo123/456"), (":cHJl/+4=:", ":cHJl/+4=:"), (":aGk:", ":aGk=:"),
        ("?1", "?1"), ("@1659578233", "@1659578233"),
        ("%\"f%c3%bc\"", "%\"f%c3%bc\""), ("  a ; b ;c=1 ", nil),
        ("a;b; c=?1;d=\"\"", "a;b;c;d=\"\""),
        // §4.2.3.1 and on: what breaks the syntax is no item.
        ("", nil), ("a b", nil), ("1.", nil), ("1.2345", nil), ("1234567890123456", nil),
        ("1234567890123.1", nil), ("--1", nil), ("\"a", nil), ("\"\\a\"", nil), ("\"\u{e9}\"", nil),
        ("?2", nil), ("@1.5", nil), ("%\"%C3%BC\"", nil), ("%\"%ff\"", nil), (":a-b_:", nil),
        (":aGk==:", nil), (":iZ==:", nil), ("(a)", nil), ("a;B", nil), ("\ta", nil),
    ])
    func `items are read strictly and printed canonically`(text: String, expected: String?) {
        #expect(StructuredField.Item(text)?.fieldValue == expected)
    }

    @Test(arguments: [
        ("", ""), ("a,b ,\tc", "a, b, c"), ("(a  b );x, ()", "(a b);x, ()"), ("a,", nil),
        (",a", nil), ("a,,b", nil), ("(a", nil), ("(a(b))", nil), ("(a\tb)", nil), ("a b", nil),
    ])
    func `lists are read strictly and printed canonically`(text: String, expected: String?) {
        #expect(StructuredField.List(text)?.fieldValue == expected)
    }

    @Test(arguments: [
        ("", ""), ("a=1 , b;x=?0,c=(1 2)", "a=1, b;x=?0, c=(1 2)"), ("a=?1", "a"),
        ("a=1, b, a=2", "a=2, b"), ("a=", nil), ("a = 1", nil), ("A=1", nil), ("a=1,", nil),
        ("a=1 b=2", nil), ("=1", nil),
    ])
    func `dictionaries are read strictly and printed canonically`(
        text: String, expected: String?
    ) {
        #expect(StructuredField.Dictionary(text)?.fieldValue == expected)
    }

    @Test(arguments: [
        StructuredField.BareItem.integer(1_000_000_000_000_000), .integer(.min),
        .string("\u{e9}"), .string("\n"), .token(""), .token("1a"), .token("a b"),
        .date(-1_000_000_000_000_000),
    ])
    func `what no field can say isn't printed`(value: StructuredField.BareItem) {
        #expect(StructuredField.Item(value).fieldValue == nil)
        #expect(StructuredField.List([.item(.init(value))]).fieldValue == nil)
        #expect(StructuredField.Item(.boolean(true), ["a": value]).fieldValue == nil)
    }

    @Test func `a key that is none isn't printed`() {
        #expect(StructuredField.Item(.boolean(true), ["A": .integer(1)]).fieldValue == nil)
        #expect(StructuredField.Dictionary(["": .item(.init(.integer(1)))]).fieldValue == nil)
    }

    @Test func `decimals are rounded to thousandths, halves to the even one`() {
        #expect(StructuredField.Decimal(0.0025)?.thousandths == 2)
        #expect(StructuredField.Decimal(999_999_999_999.9999) == nil)
        #expect(StructuredField.Decimal(.infinity) == nil)
        #expect(StructuredField.Decimal(.nan) == nil)
        #expect(StructuredField.Decimal(thousandths: 1_000_000_000_000_000) == nil)
    }

    @Test func `a map of many keys keeps the last value of each in the first place`() {
        var map = OrderedMap<Int>()
        for round in 0..<3 {
            for key in 0..<100 { map.set(key + round * 1000, for: "k\(key)") }
        }
        #expect(map.entries.map(\.key) == (0..<100).map { "k\($0)" })
        #expect(map.entries.map(\.value) == (0..<100).map { $0 + 2000 })
        #expect(map["k7"] == 2007 && map["k100"] == nil)
    }
}
