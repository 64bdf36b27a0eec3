/// Reads a field value from its front, piece by piece.
///
/// Each method takes what it names and moves behind it, or takes nothing and says so. None of
/// them traps, whatever the text holds, and none allocates, except for a quoted string with
/// escapes in it.
package struct FieldScanner {
    private let text: String.UTF8View
    /// Where the next byte stands, counted from the front of ``text``.
    private(set) var position: Int
    private let end: Int

    /// Where the last attempt at a quoted string failed. A quote on the way there had a backslash
    /// before it, so reading from it fails at the same place: no text is read twice for that.
    private var unquotableEnd: Int

    /// Begins at the front of the text.
    package init(_ text: Substring) {
        self.text = text.base.utf8
        position = self.text.distance(from: self.text.startIndex, to: text.startIndex)
        end = position + text.utf8.count
        unquotableEnd = position
    }

    /// Begins at the front of the text.
    package init(_ text: String) {
        self.text = text.utf8
        position = 0
        end = self.text.count
        unquotableEnd = 0
    }

    /// Whether nothing is left.
    package var isAtEnd: Bool { position == end }

    /// The byte that comes next; nil at the end.
    package var next: UInt8? { position == end ? nil : text.span[position] }

    /// Goes on at a place further back, counted from the front of the text.
    mutating func move(to position: Int) {
        precondition(position >= self.position && position <= end, "A scanner only moves on")
        self.position = position
    }

    /// What has not been read.
    package var rest: Substring { slice(from: position, to: end) }

    @inline(__always)
    private func index(_ position: Int) -> String.Index {
        text.index(text.startIndex, offsetBy: position)
    }

    private func slice(from start: Int, to end: Int) -> Substring {
        Substring(text[index(start)..<index(end)])
    }

    /// Takes the byte where it comes next.
    package mutating func skip(_ byte: UInt8) -> Bool {
        guard position != end, text.span[position] == byte else { return false }
        position += 1
        return true
    }

    /// Takes one byte, whatever it is; nil at the end.
    package mutating func take() -> UInt8? {
        guard position != end else { return nil }
        defer { position += 1 }
        return text.span[position]
    }

    /// Moves behind the bytes up to the first that the predicate is false for.
    @inline(__always)
    private mutating func pass(while isWanted: (UInt8) -> Bool) {
        let bytes = text.span
        var position = position
        while position < end, isWanted(bytes[position]) { position += 1 }
        self.position = position
    }

    /// Takes the bytes up to the first that the predicate is false for.
    @inline(__always)
    package mutating func run(while isWanted: (UInt8) -> Bool) -> Substring {
        let start = position
        pass(while: isWanted)
        return slice(from: start, to: position)
    }

    /// Takes the bytes up to the first that the predicate is false for, and gives where they
    /// stand, counted from the front of the text: cheaper than to make a text of them.
    @inline(__always)
    mutating func place(while isWanted: (UInt8) -> Bool) -> Range<Int> {
        let start = position
        pass(while: isWanted)
        return start..<position
    }

    /// The text that places are counted from the front of.
    var source: String { String(text) }

    /// Takes optional white space (RFC 9110 §5.6.3).
    package mutating func skipWhitespace() {
        pass(while: \.isOptionalWhitespace)
    }

    /// Takes a token (RFC 9110 §5.6.2).
    package mutating func token() -> Substring? {
        let start = position
        pass(while: \.isTokenCharacter)
        return start == position ? nil : slice(from: start, to: position)
    }

    /// Takes a token as a text of its own, which is cheaper than to make one of a part.
    package mutating func tokenText() -> String? {
        let start = position
        pass(while: \.isTokenCharacter)
        guard start != position else { return nil }
        return text.span.extracting(start..<position).withUnsafeBufferPointer {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Takes a token68 (RFC 9110 §11.2).
    package mutating func token68() -> Substring? {
        let start = position
        pass(while: \.isToken68Character)
        guard start != position else { return nil }
        pass { $0 == UInt8(ascii: "=") }
        return slice(from: start, to: position)
    }

    /// Takes exactly so many digits, at most 18, and gives their value.
    package mutating func digits(_ count: Int) -> Int? {
        let start = position
        var value = 0
        for _ in 0..<count {
            guard let byte = next, byte.isASCIIDigit else {
                position = start
                return nil
            }
            value = value &* 10 &+ Int(byte &- UInt8(ascii: "0"))
            position += 1
        }
        return value
    }

    /// Takes a quoted string and gives what it stands for (RFC 9110 §5.6.4).
    ///
    /// Nil, with nothing taken, where none begins here, where it doesn't end, and where it holds
    /// a control character.
    package mutating func quotedString() -> Substring? {
        let start = position
        guard start >= unquotableEnd, skip(UInt8(ascii: "\"")) else { return nil }
        let content = run(while: \.isQuotedText)
        if skip(UInt8(ascii: "\"")) { return content }

        var unescaped = Array(content.utf8)
        while skip(UInt8(ascii: "\\")), let escaped = take(), escaped.isQuotable {
            unescaped.append(escaped)
            // Byte by byte: behind the first byte of a character there is no place to slice at.
            while let byte = next, byte.isQuotedText {
                unescaped.append(byte)
                position += 1
            }
            if skip(UInt8(ascii: "\"")) { return String(decoding: unescaped, as: UTF8.self)[...] }
        }
        unquotableEnd = position
        position = start
        return nil
    }

    /// Takes a token or a quoted string: the value of a parameter (RFC 9110 §5.6.6).
    package mutating func tokenOrQuotedString() -> Substring? { token() ?? quotedString() }
}

// MARK: - Lists

extension FieldScanner {
    /// Goes to the next member of a list, past empty ones; false where there is none.
    ///
    /// A recipient takes empty members for nothing (RFC 9110 §5.6.1.2).
    package mutating func nextMember() -> Bool {
        pass { $0 == UInt8(ascii: ",") || $0.isOptionalWhitespace }
        return !isAtEnd
    }

    /// Takes optional white space; true where the member ends there.
    package mutating func isAtMemberEnd() -> Bool {
        skipWhitespace()
        return isAtEnd || next == UInt8(ascii: ",")
    }

    /// Takes everything up to the comma that ends the member: a comma in a quoted string doesn't,
    /// and a quote that begins no such string is a byte like any other.
    package mutating func skipMember() {
        skipUnquoted { $0 != UInt8(ascii: ",") }
    }

    /// Takes what stands outside quoted strings up to the first byte that the predicate is false
    /// for, and every quoted string on the way.
    @inline(__always)
    package mutating func skipUnquoted(while isWanted: (UInt8) -> Bool) {
        while let byte = next, isWanted(byte) {
            if byte == UInt8(ascii: "\""), quotedString() != nil { continue }
            position += 1
        }
    }
}

extension UInt8 {
    /// `qdtext`: what stands for itself in a quoted string (RFC 9110 §5.6.4).
    fileprivate var isQuotedText: Bool {
        isQuotable && self != UInt8(ascii: "\"") && self != UInt8(ascii: "\\")
    }

    /// What may follow the backslash of a `quoted-pair` (RFC 9110 §5.6.4).
    var isQuotable: Bool { self >= 0x20 && self != 0x7F || self == 0x09 }

    fileprivate var isToken68Character: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default:
            false
        }
    }
}
