import StrataTesting
import Testing

@testable import Strata

@Suite struct JSONTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808",
        "18446744073709551615", "1.5", "-0.25", "1e+20", "5e-324", "\"\"", "\"a\"", "\"é😀\"",
        "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\"", "[]", "[1,[2,[]],{}]", "{}",
        "{\"b\":1,\"a\":{\"\":null}}",
    ])
    func `what is printed is what was parsed`(text: String) throws {
        let json = try #require(JSON(Array(text.utf8)))
        #expect(String(decoding: json.bytes, as: UTF8.self) == text)
    }

    @Test(arguments: [
        (" [ 1 , 2 ] \n", "[1,2]"), ("{ \"a\" : 1 }", "{\"a\":1}"), ("\"\\/\"", "\"/\""),
        ("\"\\u00e9\"", "\"é\""), ("\"\\ud83d\\ude00\"", "\"😀\""), ("1.0", "1.0"),
        ("10E1", "100.0"), ("-0", "0"), ("18446744073709551616", "1.8446744073709552e+19"),
    ])
    func `other spellings of a value are read (RFC 8259 §2 to §7)`(text: String, json: String) {
        #expect(JSON(Array(text.utf8))?.bytes == Array(json.utf8))
    }

    @Test(arguments: [
        "", " ", "nul", "truee", "01", "+1", "1.", ".5", "1e", "1e400", "-", "\"", "\"\u{1}\"",
        "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"\\ud83d\"", "\"\\ud83d\\u0041\"", "\"\\ude00\"",
        "[", "[1", "[1,]", "[,1]", "[1 2]", "]", "{", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
        "1 2", "NaN", "Infinity", "\u{FEFF}1",
    ])
    func `what is no JSON text is refused`(text: String) {
        #expect(JSON(Array(text.utf8)) == nil)
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(JSON([UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")]) == nil)
        #expect(JSON([UInt8(ascii: "\""), 0xED, 0xA0, 0x80, UInt8(ascii: "\"")]) == nil)
    }

    @Test func `nesting is followed to its limit and no further`() {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: UInt8(ascii: "["), count: depth)
                + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        }
        #expect(JSON(nested(JSON.maximumDepth)) != nil)
        #expect(JSON(nested(JSON.maximumDepth + 1)) == nil)
        #expect(JSON(nested(1_000_000)) == nil)
    }

    @Test func `arbitrary bytes never trap, and what is read prints as what reads the same`() {
        var generator = SeededGenerator()
        let alphabet = Array("{}[]\",:\\u0e1.-+ tfnrulase\u{80}".utf8)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...24, using: &generator)
            let bytes = (0..<count).map { _ in
                alphabet.randomElement(using: &generator) ?? 0
            }
            if let json = JSON(bytes) { #expect(JSON(json.bytes) == json) }
        }
    }
}

@Suite struct JSONCodingTests {
    enum Colour: String, Codable { case red, green }

    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Double)
        case polygon([Int])
    }

    struct Address: Codable, Equatable {
        var street: String
        var number: Int?
    }

    struct Person: Codable, Equatable {
        var name = "Ann \"é\"\n"
        var age: UInt8 = 200
        var balance: Int64 = .min
        var big: UInt64 = .max
        var ratio = 0.1
        var small: Float = 1.5
        var isAdult = true
        var nickname: String?
        var photo: [UInt8] = [0, 255, 10, 13]
        var tags: [String] = []
        var scores: [String: Int] = ["a": 1, "b": -2]
        var byNumber: [Int: [Int]] = [7: [1, 2]]
        var optionals: [Int?] = [1, nil, 3]
        var addresses = [Address(street: "Main", number: 1), Address(street: "Side", number: nil)]
        var colour = Colour.green
        var shapes = [Shape.point, .circle(radius: 2), .polygon([1, 2, 3])]
        var nested: [[Int]] = [[], [1]]
        var range = 3..<9
    }

    @Test func `a value of many kinds comes back equal`() throws {
        var person = Person()
        #expect(try roundTrip(person) == person)
        person.nickname = ""
        person.tags = ["x"]
        person.ratio = .leastNonzeroMagnitude
        person.photo = []
        #expect(try roundTrip(person) == person)
    }

    @Test func `single values come back equal`() throws {
        #expect(try roundTrip("text") == "text")
        #expect(try roundTrip(Int.max) == .max)
        #expect(try roundTrip(Int8.min) == .min)
        #expect(try roundTrip(UInt64.max) == .max)
        #expect(try roundTrip(-0.0).sign == .minus)
        #expect(try roundTrip(Double.greatestFiniteMagnitude) == .greatestFiniteMagnitude)
        #expect(try roundTrip(Optional<Int>.none) == nil)
        #expect(try roundTrip(Optional(5)) == 5)
        #expect(try roundTrip([String]()) == [])
        #expect(try roundTrip([UInt8]([1, 2])) == [1, 2])
        #expect(try roundTrip(Character("é").description) == "é")
    }

    @Test func `an integer is kept as its digits, bytes as base64url`() throws {
        #expect(try JSON(encoding: 42).bytes == Array("42".utf8))
        #expect(try JSON(encoding: [UInt8]([102])).bytes == Array("\"Zg\"".utf8))
        #expect(try JSON(encoding: [String]()).bytes == Array("[]".utf8))
    }

    class Animal: Codable {
        var legs = 4
    }

    final class Dog: Animal {
        var name = "Rex"
        private enum Key: CodingKey { case name }

        override init() { super.init() }

        required init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            name = try container.decode(String.self, forKey: .name)
            try super.init(from: container.superDecoder())
        }

        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(name, forKey: .name)
            try super.encode(to: container.superEncoder())
        }
    }

    @Test func `a class and its superclass come back`() throws {
        let dog = Dog()
        dog.legs = 3
        dog.name = "Bo"
        let decoded = try roundTrip(dog)
        #expect(decoded.legs == 3 && decoded.name == "Bo")
    }

    struct Containers: Codable, Equatable {
        enum Key: CodingKey { case inner, list, empty }

        init() {}

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Key.self)
            let inner = try container.nestedContainer(keyedBy: Key.self, forKey: .inner)
            guard try inner.decodeNil(forKey: .empty) else { throw Wrong() }
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            guard try list.decodeNil() == true, list.currentIndex == 1 else { throw Wrong() }
            let object = try list.nestedContainer(keyedBy: Key.self)
            guard try object.decode(Int.self, forKey: .inner) == 1 else { throw Wrong() }
            var numbers = try list.nestedUnkeyedContainer()
            guard (try? numbers.decode(String.self)) == nil else { throw Wrong() }
            guard try numbers.decode(Int.self) == 2, numbers.isAtEnd else { throw Wrong() }
            guard (try? numbers.decode(Int.self)) == nil, list.isAtEnd else { throw Wrong() }
            guard container.allKeys.count == 2 else { throw Wrong() }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            var inner = container.nestedContainer(keyedBy: Key.self, forKey: .inner)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            try list.encodeNil()
            var object = list.nestedContainer(keyedBy: Key.self)
            var numbers = list.nestedUnkeyedContainer()
            try numbers.encode(2)
            try object.encode(1, forKey: .inner)
            try inner.encodeNil(forKey: .empty)
        }
    }

    struct Wrong: Error {}

    @Test func `containers may be filled in any order`() throws {
        #expect(try roundTrip(Containers()) == Containers())
    }

    @Test func `numbers that JSON has no form for are refused`() {
        #expect(throws: EncodingError.self) { try JSON(encoding: Double.nan) }
        #expect(throws: EncodingError.self) { try JSON(encoding: [Float.infinity]) }
        #expect(throws: EncodingError.self) { try JSON(encoding: Int128.max) }
    }

    @Test func `a value of another type is refused with its place`() throws {
        let json = try JSON(encoding: ["a": [1, 2]])
        #expect(throws: DecodingError.self) { try json.decoded(as: String.self) }
        #expect(throws: DecodingError.self) { try json.decoded(as: [String: [String]].self) }
        #expect(throws: DecodingError.self) { try json.decoded(as: Person.self) }
        #expect(throws: DecodingError.self) { try JSON.integer(300).decoded(as: UInt8.self) }
        #expect(throws: DecodingError.self) { try JSON.number(1.5).decoded(as: Int.self) }
        #expect(throws: DecodingError.self) { try JSON.string("*").decoded(as: [UInt8].self) }
        #expect(throws: DecodingError.self) { try JSON.null.decoded(as: Int.self) }
        #expect(try JSON.number(2).decoded(as: Int.self) == 2)
        #expect(try JSON.integer(2).decoded(as: Double.self) == 2)
    }

    private func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
        let bytes = try JSON(encoding: value).bytes
        return try #require(JSON(bytes)).decoded()
    }
}
