// Runs of bytes that mean nothing by themselves, passed over eight at a step.
//
// In each of the words that are computed, the lowest bit set is that of the first byte looked for,
// though a borrow or a carry may set bits above it; so the lowest of all is exact.

extension JSONScanner {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    private static func word(_ base: UnsafeRawPointer, _ next: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: next, as: UInt64.self))
    }

    /// Goes to the first byte that is no printable ASCII, a quote or a backslash.
    @inline(__always)
    static func skipPlain(_ base: UnsafeRawPointer, _ next: inout Int, _ end: Int) {
        while end &- next >= 8 {
            let word = word(base, next)
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
            guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5C else { return }
            next &+= 1
        }
    }

    /// Goes to the first byte that is no digit.
    @inline(__always)
    static func skipDigits(_ base: UnsafeRawPointer, _ next: inout Int, _ end: Int) {
        while end &- next >= 8 {
            // The digits' low halves, of which six more reach the high half for none.
            let digits = word(base, next) ^ (ones &* 0x30)
            let found = ((digits &+ ones &* 6) | digits) & (ones &* 0xF0)
            guard found == 0 else {
                next &+= found.trailingZeroBitCount &>> 3
                return
            }
            next &+= 8
        }
        while next < end, base.load(fromByteOffset: next, as: UInt8.self).isASCIIDigit {
            next &+= 1
        }
    }

    /// Goes to the first byte that is no white space (RFC 8259 §2), and gives it; nil at the end.
    @inline(__always)
    static func skipWhitespace(
        _ base: UnsafeRawPointer, _ next: inout Int, _ end: Int
    ) -> UInt8? {
        while next < end {
            let byte = base.load(fromByteOffset: next, as: UInt8.self)
            guard byte <= 0x20 else { return byte }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            next &+= 1
            while end &- next >= 8, word(base, next) == ones &* 0x20 { next &+= 8 }
        }
        return nil
    }

    /// Passes over the characters of several bytes (RFC 3629 §4) that stand here, as long as eight
    /// bytes are left to look at. False where none was passed over: it is cut off, or no UTF-8.
    @inline(__always)
    static func skipCharacters(_ base: UnsafeRawPointer, _ next: inout Int, _ end: Int) -> Bool {
        let start = next
        while end &- next >= 8 {
            let word = word(base, next)
            if word & 0xC0E0 == 0x80C0 {
                guard word & 0x1E != 0 else { break }
                let four: UInt64 = 0xC0E0_C0E0_C0E0_C0E0
                let leads = word & 0x001E_001E_001E_001E
                let isOfFour =
                    word & four == 0x80C0_80C0_80C0_80C0
                    && (leads &+ 0x007E_007E_007E_007E) & 0x0080_0080_0080_0080
                        == 0x0080_0080_0080_0080
                next &+= isOfFour ? 8 : 2
            } else if word & 0xC0_C0F0 == 0x80_80E0 {
                guard isCharacterOfThree(word) else { break }
                let second = word &>> 24
                let areTwo = second & 0xC0_C0F0 == 0x80_80E0 && isCharacterOfThree(second)
                next &+= areTwo ? 6 : 3
            } else if word & 0xC0C0_C0F8 == 0x8080_80F0 {
                // The highest five bits of the code point: above U+FFFF, at most U+10FFFF.
                let plane = (word & 7) &<< 2 | (word &>> 12) & 3
                guard plane > 0, plane <= 16 else { break }
                next &+= 4
            } else {
                break
            }
        }
        return next > start
    }

    /// Whether three bytes of the right form are neither overlong nor a surrogate.
    @inline(__always)
    private static func isCharacterOfThree(_ word: UInt64) -> Bool {
        word & 0x200F != 0 && word & 0x200F != 0x200D
    }
}
