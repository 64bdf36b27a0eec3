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
                append(byte, to: &bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text with its encoded bytes in the one spelling that compares byte for byte: unreserved
    /// characters plain, all others with capital digits (RFC 3986 §6.2.2). What isn't encoded
    /// stays as it is.
    package static func normalize(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var bytes: [UInt8] = []
        var rest = text[...].utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), let high = rest.first?.hexadecimalDigit,
                let low = rest.dropFirst().first?.hexadecimalDigit
            else {
                bytes.append(byte)
                continue
            }
            rest = rest.dropFirst(2)
            let decoded = high << 4 | low
            if decoded.isUnreservedInURI {
                bytes.append(decoded)
            } else {
                append(decoded, to: &bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "%"))
        for digit in [byte >> 4, byte & 15] {
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
        }
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
