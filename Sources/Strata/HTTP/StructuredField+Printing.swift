// Printing structured fields: the algorithms of RFC 9651 §4.1, in their order.

extension StructuredField.List {
    /// The canonical text; nil where a value can't be said in a field, empty where the field is
    /// not to be sent (§4.1).
    package var fieldValue: String? {
        joined(members.map(\.fieldValue), by: ", ")
    }
}

extension StructuredField.Dictionary {
    /// The canonical text; nil where a value can't be said in a field, empty where the field is
    /// not to be sent (§4.1.2).
    package var fieldValue: String? {
        joined(
            members.entries.map { key, member in
                guard key.isStructuredKey else { return nil }
                if case .item(let item) = member, item.value == .boolean(true) {
                    return item.parameters.fieldValue.map { key + $0 }
                }
                return member.fieldValue.map { key + "=" + $0 }
            }, by: ", ")
    }
}

extension StructuredField.Item {
    /// The canonical text; nil where a value can't be said in a field (§4.1.3).
    package var fieldValue: String? { joined([value.fieldValue, parameters.fieldValue], by: "") }
}

extension StructuredField.Member {
    fileprivate var fieldValue: String? {
        switch self {
        case .item(let item): item.fieldValue
        case .innerList(let list):
            joined(list.items.map(\.fieldValue), by: " ").flatMap { items in
                list.parameters.fieldValue.map { "(" + items + ")" + $0 }
            }
        }
    }
}

extension StructuredField.Parameters {
    /// §4.1.1.2
    fileprivate var fieldValue: String? {
        joined(
            entries.map { key, value in
                guard key.isStructuredKey else { return nil }
                return value == .boolean(true)
                    ? ";" + key : value.fieldValue.map { ";" + key + "=" + $0 }
            }, by: "")
    }
}

extension StructuredField.BareItem {
    /// §4.1.3.1
    fileprivate var fieldValue: String? {
        switch self {
        case .integer(let number): return number.fieldValue
        case .decimal(let number): return number.fieldValue
        case .string(let text):
            guard text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return nil }
            return text.httpQuoted
        case .token(let text):
            guard text.utf8.first?.isStructuredTokenStart == true,
                text.utf8.allSatisfy(\.isStructuredTokenCharacter)
            else { return nil }
            return text
        case .bytes(let bytes):
            let text = String(base64URL: bytes)[...].replacingBytes([0x2D: 0x2B, 0x5F: 0x2F])
            return ":" + text + String(repeating: "=", count: (3 - bytes.count % 3) % 3) + ":"
        case .boolean(let flag): return flag ? "?1" : "?0"
        case .date(let seconds): return seconds.fieldValue.map { "@" + $0 }
        case .displayString(let text): return text.displayString
        }
    }
}

extension StructuredField.Decimal {
    /// §4.1.5
    fileprivate var fieldValue: String {
        let (whole, fraction) = thousandths.magnitude.quotientAndRemainder(dividingBy: 1000)
        var digits = String(1000 + fraction).dropFirst()
        while digits.utf8.count > 1, digits.hasSuffix("0") { digits.removeLast() }
        return (thousandths < 0 ? "-" : "") + String(whole) + "." + digits
    }
}

extension Int {
    /// §4.1.4
    fileprivate var fieldValue: String? {
        magnitude <= 999_999_999_999_999 ? String(self) : nil
    }
}

extension String {
    /// §4.1.1.3
    fileprivate var isStructuredKey: Bool {
        guard let first = utf8.first else { return false }
        return (first.isLowercaseLetter || first == UInt8(ascii: "*"))
            && utf8.allSatisfy(\.isKeyCharacter)
    }

    /// §4.1.11
    fileprivate var displayString: String {
        var bytes = Array("%\"".utf8)
        for byte in utf8 {
            if (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "%"), byte != UInt8(ascii: "\"") {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(contentsOf: (byte < 16 ? "0" : "").utf8)
                bytes.append(contentsOf: String(byte, radix: 16).utf8)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    /// The text with some bytes put in the place of others.
    package func replacingBytes(_ replacements: [UInt8: UInt8]) -> String {
        String(decoding: utf8.map { replacements[$0] ?? $0 }, as: UTF8.self)
    }
}

/// The parts in a row; nil where one of them is nil.
private func joined(_ parts: [String?], by separator: String) -> String? {
    let known = parts.compactMap { $0 }
    return known.count == parts.count ? known.joined(separator: separator) : nil
}
