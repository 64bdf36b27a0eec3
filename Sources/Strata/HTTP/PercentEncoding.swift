/// Percent-encoding (RFC 3986 §2.1).
package enum PercentEncoding {
    /// The bytes that the text stands for. A `%` that no two hexadecimal digits follow stands for
    /// itself.
    ///
    /// - Parameter plusIsSpace: whether `+` stands for a space, as it does in a form's query.
    package static func decode(_ text: Substring, plusIsSpace: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first?.hexadecimalDigit,
                let low = rest.dropFirst().first?.hexadecimalDigit
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: "+"), plusIsSpace {
                bytes.append(UInt8(ascii: " "))
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    /// The text with all bytes encoded but those that the predicate is true for.
    package static func encode(
        _ text: String, except isPlain: (UInt8) -> Bool = \.isUnreservedInURI
    ) -> String {
        guard !text.utf8.allSatisfy(isPlain) else { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(byte >> 4 < 10 ? byte >> 4 + 0x30 : byte >> 4 + 0x37)
                bytes.append(byte & 15 < 10 ? byte & 15 + 0x30 : byte & 15 + 0x37)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit, or nil.
    package var hexadecimalDigit: UInt8? {
        if isASCIIDigit { return self &- UInt8(ascii: "0") }
        let letter = asciiLowercased &- UInt8(ascii: "a")
        return letter < 6 ? letter &+ 10 : nil
    }

    /// `unreserved`: what means the same encoded and not (RFC 3986 §2.3).
    package var isUnreservedInURI: Bool {
        isASCIIDigit || asciiLowercased &- UInt8(ascii: "a") < 26
            || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
            || self == UInt8(ascii: "_") || self == UInt8(ascii: "~")
    }
}
