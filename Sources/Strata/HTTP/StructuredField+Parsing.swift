// Reading structured fields: the algorithms of RFC 9651 §4.2, in their order.

extension StructuredField {
    /// The text is no structured field of the kind that was asked for.
    fileprivate struct Malformed: Error {}
}

extension StructuredField.Item {
    /// Reads a field that is an item; nil where it is none.
    package init?(_ text: String) {
        guard
            let item = FieldScanner.whole(
                text,
                { scanner throws(StructuredField.Malformed) in
                    try scanner.item()
                })
        else { return nil }
        self = item
    }
}

extension StructuredField.List {
    /// Reads a field that is a list; nil where it is none.
    package init?(_ text: String) {
        guard
            let members = FieldScanner.whole(
                text,
                { scanner throws(StructuredField.Malformed) in
                    var members: [StructuredField.Member] = []
                    while !scanner.isAtEnd {
                        members.append(try scanner.member())
                        try scanner.memberSeparator()
                    }
                    return members
                })
        else { return nil }
        self.init(members)
    }
}

extension StructuredField.Dictionary {
    /// Reads a field that is a dictionary; nil where it is none.
    package init?(_ text: String) {
        guard
            let members = FieldScanner.whole(
                text,
                { scanner throws(StructuredField.Malformed) in
                    var members = OrderedMap<StructuredField.Member>()
                    while !scanner.isAtEnd {
                        let key = try scanner.key()
                        let value: StructuredField.Member =
                            if scanner.skip(UInt8(ascii: "=")) {
                                try scanner.member()
                            } else {
                                .item(.init(.boolean(true), try scanner.structuredParameters()))
                            }
                        members.set(value, for: key)
                        try scanner.memberSeparator()
                    }
                    return members
                })
        else { return nil }
        self.init(members)
    }
}

extension FieldScanner {
    fileprivate typealias Malformed = StructuredField.Malformed

    /// Reads the text between spaces at either end; nil unless all of it is read (§4.2).
    fileprivate static func whole<Value>(
        _ text: String, _ read: (inout FieldScanner) throws(Malformed) -> Value
    ) -> Value? {
        var scanner = FieldScanner(text)
        scanner.skipSpaces()
        guard let value = try? read(&scanner) else { return nil }
        scanner.skipSpaces()
        return scanner.isAtEnd ? value : nil
    }

    private mutating func skipSpaces() {
        while skip(UInt8(ascii: " ")) {}
    }

    /// Goes to the next member, which must be there behind a comma (§4.2.1, §4.2.2).
    fileprivate mutating func memberSeparator() throws(Malformed) {
        skipWhitespace()
        guard !isAtEnd else { return }
        guard skip(UInt8(ascii: ",")) else { throw Malformed() }
        skipWhitespace()
        guard !isAtEnd else { throw Malformed() }
    }

    /// An item or an inner list (§4.2.1.1).
    fileprivate mutating func member() throws(Malformed) -> StructuredField.Member {
        guard skip(UInt8(ascii: "(")) else { return .item(try item()) }
        var items: [StructuredField.Item] = []
        while true {
            skipSpaces()
            if skip(UInt8(ascii: ")")) {
                return .innerList(.init(items, try structuredParameters()))
            }
            items.append(try item())
            guard next == UInt8(ascii: " ") || next == UInt8(ascii: ")") else { throw Malformed() }
        }
    }

    /// §4.2.3
    fileprivate mutating func item() throws(Malformed) -> StructuredField.Item {
        let value = try bareItem()
        return .init(value, try structuredParameters())
    }

    /// §4.2.3.2
    fileprivate mutating func structuredParameters() throws(Malformed)
        -> StructuredField.Parameters
    {
        var parameters = StructuredField.Parameters()
        while skip(UInt8(ascii: ";")) {
            skipSpaces()
            let key = try key()
            let value = skip(UInt8(ascii: "=")) ? try bareItem() : .boolean(true)
            parameters.set(value, for: key)
        }
        return parameters
    }

    /// §4.2.3.3
    fileprivate mutating func key() throws(Malformed) -> String {
        guard let first = next, first.isLowercaseLetter || first == UInt8(ascii: "*") else {
            throw Malformed()
        }
        return String(run(while: \.isKeyCharacter))
    }

    /// §4.2.3.1
    private mutating func bareItem() throws(Malformed) -> StructuredField.BareItem {
        switch next {
        case UInt8(ascii: "\""): return .string(try structuredString())
        case UInt8(ascii: ":"): return .bytes(try byteSequence())
        case UInt8(ascii: "?"): return .boolean(try boolean())
        case UInt8(ascii: "@"): return .date(try date())
        case UInt8(ascii: "%"): return .displayString(try displayString())
        case let byte? where byte == UInt8(ascii: "-") || byte.isASCIIDigit: return try number()
        case let byte? where byte.isStructuredTokenStart:
            return .token(String(run(while: \.isStructuredTokenCharacter)))
        default: throw Malformed()
        }
    }

    /// An integer or a decimal (§4.2.4).
    private mutating func number() throws(Malformed) -> StructuredField.BareItem {
        let sign = skip(UInt8(ascii: "-")) ? -1 : 1
        let whole = run(while: \.isASCIIDigit)
        guard !whole.isEmpty, whole.utf8.count <= 15 else { throw Malformed() }
        guard skip(UInt8(ascii: ".")) else { return .integer(sign * whole.digitsValue) }
        let fraction = run(while: \.isASCIIDigit)
        guard whole.utf8.count <= 12, (1...3).contains(fraction.utf8.count) else {
            throw Malformed()
        }
        let scale = [1000, 100, 10, 1][fraction.utf8.count]
        let thousandths = sign * (whole.digitsValue * 1000 + fraction.digitsValue * scale)
        guard let decimal = StructuredField.Decimal(thousandths: thousandths) else {
            throw Malformed()
        }
        return .decimal(decimal)
    }

    /// §4.2.5
    private mutating func structuredString() throws(Malformed) -> String {
        _ = skip(UInt8(ascii: "\""))
        var text: [UInt8] = []
        while let byte = take() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = take(),
                    escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\")
                else { throw Malformed() }
                text.append(escaped)
            case 0x20..<0x7F: text.append(byte)
            default: throw Malformed()
            }
        }
        throw Malformed()
    }

    /// §4.2.7. Missing padding is made up for; padding bits that aren't zero are refused.
    private mutating func byteSequence() throws(Malformed) -> [UInt8] {
        _ = skip(UInt8(ascii: ":"))
        let content = run { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "=") }
        var padding = 0
        while skip(UInt8(ascii: "=")) { padding += 1 }
        let length = content.utf8.count
        guard skip(UInt8(ascii: ":")), padding == 0 || (length + padding) % 4 == 0, padding < 3,
            !content.utf8.contains(UInt8(ascii: "-")), !content.utf8.contains(UInt8(ascii: "_")),
            let bytes = [UInt8](base64URL: content.replacingBytes([0x2B: 0x2D, 0x2F: 0x5F]))
        else { throw Malformed() }
        return bytes
    }

    /// §4.2.8
    private mutating func boolean() throws(Malformed) -> Bool {
        _ = skip(UInt8(ascii: "?"))
        if skip(UInt8(ascii: "1")) { return true }
        if skip(UInt8(ascii: "0")) { return false }
        throw Malformed()
    }

    /// §4.2.9
    private mutating func date() throws(Malformed) -> Int {
        _ = skip(UInt8(ascii: "@"))
        guard case .integer(let seconds) = try number() else { throw Malformed() }
        return seconds
    }

    /// §4.2.10
    private mutating func displayString() throws(Malformed) -> String {
        _ = skip(UInt8(ascii: "%"))
        guard skip(UInt8(ascii: "\"")) else { throw Malformed() }
        var text: [UInt8] = []
        while let byte = take() {
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: text, as: UTF8.self) else {
                    throw Malformed()
                }
                return text
            case UInt8(ascii: "%"):
                guard let high = take()?.lowercaseHexadecimalDigit,
                    let low = take()?.lowercaseHexadecimalDigit
                else { throw Malformed() }
                text.append(high << 4 | low)
            case 0x20..<0x7F: text.append(byte)
            default: throw Malformed()
            }
        }
        throw Malformed()
    }
}

extension UInt8 {
    package var isLowercaseLetter: Bool { self &- UInt8(ascii: "a") < 26 }

    /// What a key goes on with (§3.1.2).
    package var isKeyCharacter: Bool {
        isLowercaseLetter || isASCIIDigit || self == UInt8(ascii: "_") || self == UInt8(ascii: "-")
            || self == UInt8(ascii: ".") || self == UInt8(ascii: "*")
    }

    /// What a token begins with (§3.3.4).
    package var isStructuredTokenStart: Bool {
        asciiLowercased.isLowercaseLetter || self == UInt8(ascii: "*")
    }

    /// What a token goes on with (§3.3.4).
    package var isStructuredTokenCharacter: Bool {
        isTokenCharacter || self == UInt8(ascii: ":") || self == UInt8(ascii: "/")
    }

    fileprivate var lowercaseHexadecimalDigit: UInt8? {
        self == asciiLowercased ? hexadecimalDigit : nil
    }
}

extension Substring {
    /// The value of at most 18 digits.
    fileprivate var digitsValue: Int {
        utf8.reduce(0) { $0 * 10 + Int($1 &- UInt8(ascii: "0")) }
    }
}
