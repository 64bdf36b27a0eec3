/// Reads JSON (RFC 8259) in pieces cut anywhere, checks every byte of it, and keeps none.
///
/// It is a state machine without a parse tree: what it remembers between two bytes is where in the
/// grammar it stands, and one bit for each open container. It tells about what happens at
/// ``watchedDepth`` or above, and runs through all that is deeper without stopping.
///
/// Strict where the RFC is: UTF-8 without overlong forms and surrogates (§8.1, RFC 3629 §3), no
/// control characters in strings (§7), numbers as in §6, nothing but white space behind the value.
/// Where parsers may differ (§9), it takes numbers of any size and escapes of lone surrogates,
/// because bytes are handed on as they came and never turned into values; it takes a byte order
/// mark at the beginning (§8.1), and refuses nesting deeper than ``maximumDepth``.
package struct JSONScanner: Sendable {
    /// The most containers that may be open at a time.
    package static let maximumDepth = 512

    /// What kind of value begins.
    package enum Kind: Sendable, Hashable {
        case object, array, string, number, literal
    }

    /// Why the scanner stopped.
    package enum Event: Sendable, Hashable {
        /// All bytes given are read.
        case pieceEnded
        /// A value began with the byte before the position.
        case valueBegan(Kind)
        /// A value ended before the position.
        case valueEnded
        /// A member's name began before the position, with its quote.
        case nameBegan
        /// A member's name ended before the position, with its quote.
        case nameEnded
        /// The byte at the position, or the end, can't stand there.
        case invalid(JSONFault)
    }

    /// Values and names that stand within at most so many containers are told about.
    package var watchedDepth = 0

    /// How many containers are open.
    package private(set) var depth = 0

    private var phase = Phase.beginning
    /// The open containers beginning at the last multiple of 64, the innermost in the lowest bit;
    /// 1 stands for an object.
    private var containers: UInt64 = 0
    /// The full words of those further out.
    private var outerContainers: [UInt64] = []
    private var isName = false
    /// The bytes of a literal that are still to come, the next in the lowest.
    private var literalRest: UInt32 = 0
    /// How many bytes of an escape, a character or a byte order mark are still to come.
    private var pending: UInt8 = 0
    /// What the next byte of a character must lie within (RFC 3629 §4).
    private var continuation: ClosedRange<UInt8> = 0x80...0xBF

    private enum Phase: UInt8 {
        case beginning, byteOrderMark
        case value, valueOrEnd, nameOrEnd, name, colon, afterValue
        case string, escape, hexadecimal, character
        case literal
        case minus, zero, integer, point, fraction, exponent, exponentSign, exponentDigits
    }

    /// Makes a scanner that stands before a text.
    package init() {}

    /// Reads on from the position, up to the next thing to tell.
    ///
    /// The position is left behind what was read. After ``Event/invalid(_:)`` the scanner must not
    /// be used again.
    package mutating func scan(_ bytes: UnsafeRawBufferPointer, from position: inout Int) -> Event {
        guard let base = bytes.baseAddress else { return .pieceEnded }
        let end = bytes.count
        var next = position
        defer { position = next }

        while next < end {
            switch phase {
            case .value, .valueOrEnd:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                if byte == .closingBracket, phase == .valueOrEnd {
                    next += 1
                    pop()
                    if depth <= watchedDepth { return .valueEnded }
                    continue
                }
                guard let kind = begin(byte) else {
                    let opens = byte == .openingBrace || byte == .openingBracket
                    return .invalid(opens ? .tooDeep : .syntax)
                }
                next += 1
                let outside = kind == .object || kind == .array ? depth - 1 : depth
                if outside <= watchedDepth { return .valueBegan(kind) }

            case .string:
                Self.skipPlain(base, &next, end)
                guard next < end else { return .pieceEnded }
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                switch byte {
                case .quote:
                    next += 1
                    if isName {
                        phase = .colon
                        if depth <= watchedDepth { return .nameEnded }
                    } else {
                        phase = .afterValue
                        if depth <= watchedDepth { return .valueEnded }
                    }
                case .backslash:
                    next += 1
                    phase = .escape
                default:
                    guard byte >= 0x80 else { return .invalid(.controlCharacter) }
                    guard beginCharacter(byte) else { return .invalid(.encoding) }
                    next += 1
                }

            case .afterValue:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                guard depth > 0 else { return .invalid(.trailingBytes) }
                let isObject = containers & 1 == 1
                if byte == .comma {
                    next += 1
                    phase = isObject ? .name : .value
                } else if byte == (isObject ? .closingBrace : .closingBracket) {
                    next += 1
                    pop()
                    if depth <= watchedDepth { return .valueEnded }
                } else {
                    return .invalid(.syntax)
                }

            case .name, .nameOrEnd:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                if byte == .quote {
                    next += 1
                    isName = true
                    phase = .string
                    if depth <= watchedDepth { return .nameBegan }
                } else if byte == .closingBrace, phase == .nameOrEnd {
                    next += 1
                    pop()
                    if depth <= watchedDepth { return .valueEnded }
                } else {
                    return .invalid(.syntax)
                }

            case .colon:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                guard byte == .colon else { return .invalid(.syntax) }
                next += 1
                phase = .value

            case .minus, .zero, .integer, .point, .fraction, .exponent, .exponentSign,
                .exponentDigits:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                if continueNumber(byte) {
                    next += 1
                } else {
                    guard numberMayEnd else { return .invalid(.syntax) }
                    phase = .afterValue
                    if depth <= watchedDepth { return .valueEnded }
                }

            case .escape:
                switch base.load(fromByteOffset: next, as: UInt8.self) {
                case UInt8(ascii: "u"):
                    phase = .hexadecimal
                    pending = 4
                case .quote, .backslash, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                    UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                    phase = .string
                default:
                    return .invalid(.escape)
                }
                next += 1

            case .hexadecimal:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard byte.hexadecimalDigit != nil else { return .invalid(.escape) }
                next += 1
                pending -= 1
                if pending == 0 { phase = .string }

            case .character:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard continuation.contains(byte) else { return .invalid(.encoding) }
                next += 1
                continuation = 0x80...0xBF
                pending -= 1
                if pending == 0 { phase = .string }

            case .literal:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard byte == UInt8(truncatingIfNeeded: literalRest) else {
                    return .invalid(.syntax)
                }
                next += 1
                literalRest >>= 8
                if literalRest == 0 {
                    phase = .afterValue
                    if depth <= watchedDepth { return .valueEnded }
                }

            case .beginning:
                if base.load(fromByteOffset: next, as: UInt8.self) == 0xEF {
                    next += 1
                    pending = 2
                    phase = .byteOrderMark
                } else {
                    phase = .value
                }

            case .byteOrderMark:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard byte == (pending == 2 ? 0xBB : 0xBF) else { return .invalid(.encoding) }
                next += 1
                pending -= 1
                if pending == 0 { phase = .value }
            }
        }
        return .pieceEnded
    }

    /// What the end of the text means: nil where the text is complete.
    package func faultAtEnd() -> JSONFault? {
        guard depth == 0 else { return .incomplete }
        return phase == .afterValue || numberMayEnd ? nil : .incomplete
    }

    // MARK: - Containers

    private mutating func push(isObject: Bool) {
        if depth & 63 == 0, depth > 0 { outerContainers.append(containers) }
        containers = containers << 1 | (isObject ? 1 : 0)
        depth += 1
        phase = isObject ? .nameOrEnd : .valueOrEnd
    }

    private mutating func pop() {
        depth -= 1
        containers >>= 1
        if depth & 63 == 0, depth > 0 { containers = outerContainers.removeLast() }
        phase = .afterValue
    }

    // MARK: - Values

    /// Takes the first byte of a value; nil where it is none, or would nest too deep.
    private mutating func begin(_ byte: UInt8) -> Kind? {
        switch byte {
        case .quote:
            isName = false
            phase = .string
            return .string
        case .openingBrace, .openingBracket:
            guard depth < Self.maximumDepth else { return nil }
            push(isObject: byte == .openingBrace)
            return byte == .openingBrace ? .object : .array
        case UInt8(ascii: "1")...UInt8(ascii: "9"):
            phase = .integer
            return .number
        case UInt8(ascii: "0"):
            phase = .zero
            return .number
        case UInt8(ascii: "-"):
            phase = .minus
            return .number
        case UInt8(ascii: "t"): literalRest = 0x65_7572
        case UInt8(ascii: "f"): literalRest = 0x6573_6C61
        case UInt8(ascii: "n"): literalRest = 0x6C_6C75
        default: return nil
        }
        phase = .literal
        return .literal
    }

    /// Takes a byte of a number (RFC 8259 §6); false where the number ends before it.
    private mutating func continueNumber(_ byte: UInt8) -> Bool {
        switch phase {
        case .integer, .zero:
            if byte.isASCIIDigit { return phase == .integer }
            if byte == UInt8(ascii: ".") {
                phase = .point
                return true
            }
            guard byte | 0x20 == UInt8(ascii: "e") else { return false }
            phase = .exponent
        case .minus:
            guard byte.isASCIIDigit else { return false }
            phase = byte == UInt8(ascii: "0") ? .zero : .integer
        case .point:
            guard byte.isASCIIDigit else { return false }
            phase = .fraction
        case .fraction:
            if byte.isASCIIDigit { return true }
            guard byte | 0x20 == UInt8(ascii: "e") else { return false }
            phase = .exponent
        case .exponent:
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") {
                phase = .exponentSign
                return true
            }
            guard byte.isASCIIDigit else { return false }
            phase = .exponentDigits
        case .exponentSign:
            guard byte.isASCIIDigit else { return false }
            phase = .exponentDigits
        case .exponentDigits:
            return byte.isASCIIDigit
        default:
            return false
        }
        return true
    }

    private var numberMayEnd: Bool {
        switch phase {
        case .zero, .integer, .fraction, .exponentDigits: true
        default: false
        }
    }

    // MARK: - Strings

    /// Takes the first byte of a character of several bytes (RFC 3629 §4); false where none begins
    /// with it.
    private mutating func beginCharacter(_ byte: UInt8) -> Bool {
        continuation = 0x80...0xBF
        switch byte {
        case 0xC2...0xDF: pending = 1
        case 0xE0...0xEF:
            pending = 2
            if byte == 0xE0 { continuation = 0xA0...0xBF }
            if byte == 0xED { continuation = 0x80...0x9F }
        case 0xF0...0xF4:
            pending = 3
            if byte == 0xF0 { continuation = 0x90...0xBF }
            if byte == 0xF4 { continuation = 0x80...0x8F }
        default: return false
        }
        phase = .character
        return true
    }

    /// Goes to the first byte that is no printable ASCII, a quote or a backslash, eight at a step.
    ///
    /// In each of the words that are computed, the lowest bit set is that of the first byte looked
    /// for, though a borrow may set bits above it; so the lowest of all is exact.
    @inline(__always)
    private static func skipPlain(
        _ base: UnsafeRawPointer, _ next: inout Int, _ end: Int
    ) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while end &- next >= 8 {
            let word = UInt64(
                littleEndian: base.loadUnaligned(fromByteOffset: next, as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            let found =
                (((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
                    | ((word &- ones &* 0x20) & ~word) | word) & highs
            guard found == 0 else {
                next &+= found.trailingZeroBitCount &>> 3
                return
            }
            next &+= 8
        }
        while next < end {
            let byte = base.load(fromByteOffset: next, as: UInt8.self)
            guard byte >= 0x20, byte < 0x80, byte != .quote, byte != .backslash else { return }
            next &+= 1
        }
    }

    /// Goes to the first byte that is no white space (RFC 8259 §2), and gives it; nil at the end.
    @inline(__always)
    private static func skipWhitespace(
        _ base: UnsafeRawPointer, _ next: inout Int, _ end: Int
    ) -> UInt8? {
        while next < end {
            let byte = base.load(fromByteOffset: next, as: UInt8.self)
            guard byte <= 0x20 else { return byte }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            next &+= 1
        }
        return nil
    }
}

/// Why some bytes are no JSON.
public enum JSONFault: Sendable, Hashable, CustomStringConvertible {
    /// A byte that can't stand where it stands.
    case syntax
    /// A control character within a string (RFC 8259 §7).
    case controlCharacter
    /// An escape that there isn't (RFC 8259 §7).
    case escape
    /// Bytes that are no UTF-8 (RFC 8259 §8.1).
    case encoding
    /// More than 512 open containers.
    case tooDeep
    /// Something behind the value.
    case trailingBytes
    /// The end comes too early.
    case incomplete
    /// The list stands twice in its envelope, so that nobody knows which is meant (RFC 8259 §4).
    case duplicateList

    /// The fault in words.
    public var description: String {
        switch self {
        case .syntax: "a byte that can't stand there"
        case .controlCharacter: "a control character in a string"
        case .escape: "an unknown escape"
        case .encoding: "bytes that are no UTF-8"
        case .tooDeep: "more than \(JSONScanner.maximumDepth) open containers"
        case .trailingBytes: "something behind the value"
        case .incomplete: "an end that comes too early"
        case .duplicateList: "a second list of the same name"
        }
    }
}

extension UInt8 {
    fileprivate static let quote = UInt8(ascii: "\"")
    fileprivate static let backslash = UInt8(ascii: "\\")
    fileprivate static let comma = UInt8(ascii: ",")
    fileprivate static let colon = UInt8(ascii: ":")
    fileprivate static let openingBracket = UInt8(ascii: "[")
    fileprivate static let closingBracket = UInt8(ascii: "]")
    fileprivate static let openingBrace = UInt8(ascii: "{")
    fileprivate static let closingBrace = UInt8(ascii: "}")
}
