/// A JSON value (RFC 8259), as the values of sessions are kept.
///
/// Integers keep all their digits; the members of an object keep their order.
enum JSON: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int64)
    /// An integer above the signed ones.
    case unsigned(UInt64)
    case number(Double)
    case string(String)
    indirect case array([JSON])
    indirect case object([Member])

    /// A name and its value.
    struct Member: Sendable, Hashable {
        let name: String
        let value: JSON
    }

    /// How deep arrays and objects may stand in each other.
    static let maximumDepth = 64
}

// MARK: - Printing

extension JSON {
    /// The value as UTF-8 text, without white space.
    var bytes: [UInt8] {
        var text = ""
        write(to: &text)
        return Array(text.utf8)
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .boolean(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += String(number)
        case .unsigned(let number): text += String(number)
        case .number(let number): text += "\(number)"
        case .string(let string): text += string.jsonQuoted
        case .array(let elements):
            text += "["
            for (index, element) in elements.enumerated() {
                if index > 0 { text += "," }
                element.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                text += member.name.jsonQuoted + ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }
}

// MARK: - Parsing

extension JSON {
    /// Parses a text; nil where it is not one JSON value and nothing else, or too deep.
    init?(_ bytes: [UInt8]) {
        var parser = Parser(bytes: bytes)
        guard let value = parser.value(depth: 0), parser.isAtEnd else { return nil }
        self = value
    }

    private struct Parser {
        let bytes: [UInt8]
        var index = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return index == bytes.count
            }
        }

        private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

        private mutating func skipSpace() {
            while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                index += 1
            }
        }

        /// Skips white space, and the character if it stands there.
        private mutating func skip(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard next == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        private mutating func skip(word: StaticString) -> Bool {
            let end = index + word.utf8CodeUnitCount
            guard end <= bytes.count else { return false }
            let isThere = word.withUTF8Buffer { bytes[index..<end].elementsEqual($0) }
            if isThere { index = end }
            return isThere
        }

        mutating func value(depth: Int) -> JSON? {
            skipSpace()
            switch next {
            case UInt8(ascii: "{"): return object(depth: depth + 1)
            case UInt8(ascii: "["): return array(depth: depth + 1)
            case UInt8(ascii: "\""): return string().map(JSON.string)
            case UInt8(ascii: "t"): return skip(word: "true") ? .boolean(true) : nil
            case UInt8(ascii: "f"): return skip(word: "false") ? .boolean(false) : nil
            case UInt8(ascii: "n"): return skip(word: "null") ? .null : nil
            default: return number()
            }
        }

        private mutating func array(depth: Int) -> JSON? {
            guard depth <= JSON.maximumDepth, skip("[") else { return nil }
            var elements: [JSON] = []
            if skip("]") { return .array(elements) }
            repeat {
                guard let element = value(depth: depth) else { return nil }
                elements.append(element)
            } while skip(",")
            return skip("]") ? .array(elements) : nil
        }

        private mutating func object(depth: Int) -> JSON? {
            guard depth <= JSON.maximumDepth, skip("{") else { return nil }
            var members: [Member] = []
            if skip("}") { return .object(members) }
            repeat {
                skipSpace()
                guard let name = string(), skip(":"), let value = value(depth: depth) else {
                    return nil
                }
                members.append(Member(name: name, value: value))
            } while skip(",")
            return skip("}") ? .object(members) : nil
        }

        private mutating func number() -> JSON? {
            let start = index
            var isInteger = true
            if next == UInt8(ascii: "-") { index += 1 }
            let first = index
            skipDigits()
            let isPadded = index - first > 1 && bytes[first] == UInt8(ascii: "0")
            guard index > first, !isPadded else { return nil }
            if next == UInt8(ascii: ".") {
                isInteger = false
                index += 1
                guard skipDigits() else { return nil }
            }
            if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
                isInteger = false
                index += 1
                if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
                guard skipDigits() else { return nil }
            }
            let text = String(decoding: bytes[start..<index], as: UTF8.self)
            if isInteger, let number = Int64(text) { return .integer(number) }
            if isInteger, let number = UInt64(text) { return .unsigned(number) }
            guard let number = Double(text), number.isFinite else { return nil }
            return .number(number)
        }

        @discardableResult
        private mutating func skipDigits() -> Bool {
            let start = index
            while let byte = next, byte.isASCIIDigit { index += 1 }
            return index > start
        }

        private mutating func string() -> String? {
            guard next == UInt8(ascii: "\"") else { return nil }
            index += 1
            var content: [UInt8] = []
            while let byte = next {
                index += 1
                switch byte {
                case UInt8(ascii: "\""): return String(validating: content, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let scalar = escape() else { return nil }
                    content.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
                case ..<0x20: return nil
                default: content.append(byte)
                }
            }
            return nil
        }

        /// What an escape behind its backslash stands for (RFC 8259 §7).
        private mutating func escape() -> Unicode.Scalar? {
            guard let byte = next else { return nil }
            index += 1
            switch byte {
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
                return Unicode.Scalar(byte)
            case UInt8(ascii: "u"):
                guard let unit = hexadecimal() else { return nil }
                guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
                guard skip(word: "\\u"), let second = hexadecimal(),
                    UTF16.isTrailSurrogate(second)
                else { return nil }
                return UTF16.decode(UTF16.EncodedScalar([unit, second]))
            default: return nil
            }
        }

        private mutating func hexadecimal() -> UInt16? {
            guard index + 4 <= bytes.count, bytes[index] != UInt8(ascii: "+") else { return nil }
            defer { index += 4 }
            return UInt16(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        }
    }
}
