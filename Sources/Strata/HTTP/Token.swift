// The characters that HTTP's grammar is made of (RFC 9110 §5.6).

extension UInt8 {
    /// `tchar`: what tokens consist of (RFC 9110 §5.6.2).
    package var isTokenCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
            UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"),
            UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default:
            false
        }
    }

    /// `DIGIT`.
    package var isASCIIDigit: Bool { self &- UInt8(ascii: "0") < 10 }

    /// Optional white space: a space or a tab (RFC 9110 §5.6.3).
    package var isOptionalWhitespace: Bool {
        self == UInt8(ascii: " ") || self == UInt8(ascii: "\t")
    }

    /// The byte with `A` to `Z` turned into `a` to `z`, and nothing else changed.
    package var asciiLowercased: UInt8 {
        self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self
    }
}

extension StringProtocol where SubSequence == Substring {
    /// Whether this is a token: one `tchar` or more (RFC 9110 §5.6.2).
    package var isToken: Bool {
        !isEmpty && utf8.allSatisfy(\.isTokenCharacter)
    }

    /// Compares byte for byte, except that ASCII letters of either case are equal.
    package func equalsIgnoringASCIICase(_ other: some StringProtocol) -> Bool {
        utf8.elementsEqual(other.utf8) { $0.asciiLowercased == $1.asciiLowercased }
    }

    /// Without the optional white space at either end.
    package var trimmingOptionalWhitespace: SubSequence {
        var rest = self[...]
        while let byte = rest.utf8.first, byte.isOptionalWhitespace { rest.removeFirst() }
        while let byte = rest.utf8.last, byte.isOptionalWhitespace { rest.removeLast() }
        return rest
    }
}
