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

    /// So many values that stand within exactly ``watchedDepth`` containers are not told about;
    /// it counts down as they end. The innermost of these containers must be an array.
    package var untoldValues = 0

    /// How many containers are open.
    package internal(set) var depth = 0

    private var phase = Phase.beginning
    /// The open containers beginning at the last multiple of 64, the innermost in the lowest bit;
    /// 1 stands for an object.
    var containers: UInt64 = 0
    /// The full words of those further out.
    private var outerContainers: [UInt64] = []
    var isName = false
    /// The bytes of a literal that are still to come, the next in the lowest.
    private var literalRest: UInt32 = 0
    /// How many bytes of an escape, a character or a byte order mark are still to come.
    private var pending: UInt8 = 0
    /// What the next byte of a character must lie within (RFC 3629 §4).
    private var continuation: ClosedRange<UInt8> = 0x80...0xBF

    enum Phase: UInt8 {
        case beginning, byteOrderMark
        // Those with which a window may begin.
        case value, valueOrEnd, nameOrEnd, name, colon, afterValue, string
        case escape, hexadecimal, character
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
        // Both stand in registers while the loop runs.
        var next = position
        var phase = self.phase
        defer {
            position = next
            self.phase = phase
        }

        // Where a window was not passed, its bytes are read one by one.
        var windowsFrom = 0
        while next < end {
            if next >= windowsFrom, end &- next >= 64, mayPassWindow(phase) {
                let passed = passWindow(base + next, &phase)
                next &+= passed
                if passed > 0 { continue }
                windowsFrom = next &+ 64
            }
            switch phase {
            case .value, .valueOrEnd:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                switch byte {
                case .quote:
                    isName = false
                    phase = .string
                case UInt8(ascii: "1")...UInt8(ascii: "9"): phase = .integer
                case UInt8(ascii: "0"): phase = .zero
                case UInt8(ascii: "-"): phase = .minus
                case .openingBrace, .openingBracket:
                    guard depth < Self.maximumDepth else { return .invalid(.tooDeep) }
                    push(isObject: byte == .openingBrace)
                    phase = byte == .openingBrace ? .nameOrEnd : .valueOrEnd
                    next &+= 1
                    if tellsBegin(at: depth &- 1) {
                        return .valueBegan(byte == .openingBrace ? .object : .array)
                    }
                    continue
                case .closingBracket where phase == .valueOrEnd:
                    next &+= 1
                    pop()
                    phase = .afterValue
                    if tellsEnd() { return .valueEnded }
                    continue
                default:
                    guard let rest = Self.literal(byte) else { return .invalid(.syntax) }
                    literalRest = rest
                    phase = .literal
                }
                next &+= 1
                if tellsBegin(at: depth) { return .valueBegan(phase.kind) }

            case .string:
                Self.skipPlain(base, &next, end)
                guard next < end else { return .pieceEnded }
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                switch byte {
                case .quote:
                    next &+= 1
                    if isName {
                        phase = .colon
                        if depth <= watchedDepth { return .nameEnded }
                    } else {
                        phase = .afterValue
                        if tellsEnd() { return .valueEnded }
                    }
                case .backslash:
                    next &+= 1
                    phase = .escape
                default:
                    guard byte >= 0x80 else { return .invalid(.controlCharacter) }
                    if Self.skipCharacters(base, &next, end) { continue }
                    guard beginCharacter(byte) else { return .invalid(.encoding) }
                    phase = .character
                    next &+= 1
                }

            case .afterValue:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                guard depth > 0 else { return .invalid(.trailingBytes) }
                let isObject = containers & 1 == 1
                if byte == .comma {
                    next &+= 1
                    phase = isObject ? .name : .value
                } else if byte == (isObject ? .closingBrace : .closingBracket) {
                    next &+= 1
                    pop()
                    if tellsEnd() { return .valueEnded }
                } else {
                    return .invalid(.syntax)
                }

            case .name, .nameOrEnd:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                if byte == .quote {
                    next &+= 1
                    isName = true
                    phase = .string
                    if depth <= watchedDepth { return .nameBegan }
                } else if byte == .closingBrace, phase == .nameOrEnd {
                    next &+= 1
                    pop()
                    phase = .afterValue
                    if tellsEnd() { return .valueEnded }
                } else {
                    return .invalid(.syntax)
                }

            case .colon:
                let byte = Self.skipWhitespace(base, &next, end)
                guard let byte else { return .pieceEnded }
                guard byte == .colon else { return .invalid(.syntax) }
                next &+= 1
                phase = .value

            case .integer, .fraction, .exponentDigits:
                Self.skipDigits(base, &next, end)
                guard next < end else { return .pieceEnded }
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                if let after = phase.after(byte) {
                    next &+= 1
                    phase = after
                } else {
                    phase = .afterValue
                    if tellsEnd() { return .valueEnded }
                }

            case .minus, .zero, .point, .exponent, .exponentSign:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                if let after = phase.after(byte) {
                    next &+= 1
                    phase = after
                } else {
                    guard phase == .zero else { return .invalid(.syntax) }
                    phase = .afterValue
                    if tellsEnd() { return .valueEnded }
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
                next &+= 1

            case .hexadecimal:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard byte.hexadecimalDigit != nil else { return .invalid(.escape) }
                next &+= 1
                pending -= 1
                if pending == 0 { phase = .string }

            case .character:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard continuation.contains(byte) else { return .invalid(.encoding) }
                next &+= 1
                continuation = 0x80...0xBF
                pending -= 1
                if pending == 0 { phase = .string }

            case .literal:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard byte == UInt8(truncatingIfNeeded: literalRest) else {
                    return .invalid(.syntax)
                }
                next &+= 1
                literalRest >>= 8
                if literalRest == 0 {
                    phase = .afterValue
                    if tellsEnd() { return .valueEnded }
                }

            case .beginning:
                if base.load(fromByteOffset: next, as: UInt8.self) == 0xEF {
                    next &+= 1
                    pending = 2
                    phase = .byteOrderMark
                } else {
                    phase = .value
                }

            case .byteOrderMark:
                let byte = base.load(fromByteOffset: next, as: UInt8.self)
                guard byte == (pending == 2 ? 0xBB : 0xBF) else { return .invalid(.encoding) }
                next &+= 1
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

    // MARK: - What is told

    @inline(__always)
    private func tellsBegin(at depth: Int) -> Bool {
        depth <= watchedDepth && !(untoldValues > 0 && depth == watchedDepth)
    }

    @inline(__always)
    private mutating func tellsEnd() -> Bool {
        guard depth <= watchedDepth else { return false }
        guard untoldValues > 0, depth == watchedDepth else { return true }
        untoldValues &-= 1
        return false
    }

    // MARK: - Containers

    @inline(__always)
    private mutating func push(isObject: Bool) {
        if depth & 63 == 0, depth > 0 { outerContainers.append(containers) }
        containers = containers << 1 | (isObject ? 1 : 0)
        depth &+= 1
    }

    @inline(__always)
    private mutating func pop() {
        depth &-= 1
        containers >>= 1
        if depth & 63 == 0, depth > 0 { containers = outerContainers.removeLast() }
    }

    // MARK: - Values

    /// The bytes behind the first of a literal, the next in the lowest; nil where none begins with
    /// it.
    @inline(__always)
    private static func literal(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "t"): 0x65_7572
        case UInt8(ascii: "f"): 0x6573_6C61
        case UInt8(ascii: "n"): 0x6C_6C75
        default: nil
        }
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
        return true
    }
}

extension JSONScanner.Phase {
    /// The kind of a value that began with this phase.
    @inline(__always)
    fileprivate var kind: JSONScanner.Kind {
        switch self {
        case .string: .string
        case .literal: .literal
        default: .number
        }
    }

    /// Where in a number (RFC 8259 §6) its next byte leads; nil where it can't be part of it.
    @inline(__always)
    fileprivate func after(_ byte: UInt8) -> Self? {
        let isExponent = byte | 0x20 == UInt8(ascii: "e")
        switch self {
        case .integer, .zero:
            return byte == UInt8(ascii: ".") ? .point : isExponent ? .exponent : nil
        case .fraction:
            return isExponent ? .exponent : nil
        case .minus:
            guard byte.isASCIIDigit else { return nil }
            return byte == UInt8(ascii: "0") ? .zero : .integer
        case .point:
            return byte.isASCIIDigit ? .fraction : nil
        case .exponent:
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { return .exponentSign }
            return byte.isASCIIDigit ? .exponentDigits : nil
        case .exponentSign:
            return byte.isASCIIDigit ? .exponentDigits : nil
        default:
            return nil
        }
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
