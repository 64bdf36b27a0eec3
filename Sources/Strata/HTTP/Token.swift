// The characters that HTTP's grammar is made of (RFC 9110 §5.6).

extension UInt8 {
    /// `tchar`: what tokens consist of (RFC 9110 §5.6.2).
    package var isTokenCharacter: Bool {
        // One bit for each of 128 characters: !#$%&'*+-. 0-9 A-Z ^_` a-z |~
        let bits: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && bits >> UInt64(self & 63) & 1 != 0
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
        let isToken = utf8.withContiguousStorageIfAvailable {
            $0.allSatisfy(\.isTokenCharacter)
        }
        return !isEmpty && isToken ?? utf8.allSatisfy(\.isTokenCharacter)
    }

    /// Compares byte for byte, except that ASCII letters of either case are equal.
    package func equalsIgnoringASCIICase(_ other: some StringProtocol) -> Bool {
        equals(other) { $0.asciiLowercased == $1.asciiLowercased }
    }

    /// Compares byte for byte; equality of Swift strings is laxer than that.
    package func hasSameBytes(as other: some StringProtocol) -> Bool { equals(other, by: ==) }

    /// Strings are in one piece, and comparing them there is much faster; the sequences serve for
    /// those of foreign systems.
    @inline(__always)
    private func equals(
        _ other: some StringProtocol, by areEqual: (UInt8, UInt8) -> Bool
    ) -> Bool {
        let isEqual = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in
                guard left.count == right.count else { return false }
                for index in left.indices where !areEqual(left[index], right[index]) {
                    return false
                }
                return true
            }
        }
        if case .some(.some(let isEqual)) = isEqual { return isEqual }
        return utf8.elementsEqual(other.utf8, by: areEqual)
    }

    /// Without the optional white space at either end.
    package var trimmingOptionalWhitespace: SubSequence {
        var rest = self[...].utf8
        while let byte = rest.first, byte.isOptionalWhitespace { rest.removeFirst() }
        while let byte = rest.last, byte.isOptionalWhitespace { rest.removeLast() }
        return Substring(rest)
    }

    /// The text with `A` to `Z` turned into `a` to `z`, and nothing else changed.
    package var asciiLowercased: String {
        guard utf8.contains(where: { $0 != $0.asciiLowercased }) else { return String(self) }
        return String(decoding: utf8.lazy.map(\.asciiLowercased), as: UTF8.self)
    }
}
