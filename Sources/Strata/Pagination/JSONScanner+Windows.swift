internal import CByteClasses

// Windows of 64 bytes, passed over in one step.
//
// A window is looked at as a set of bits for each class of bytes: quotes, commas and so on. What
// the grammar says about neighbours is said about the whole sets: moved on by a bit, and over
// white space by the carry of an addition, the set of all commas becomes the set of what follows
// a comma, and that must lie within the set of what may. The bits between quotes come from the
// exclusive or of all quotes before (Langdale and Lemire, "Parsing gigabytes of JSON per second",
// 2019, §3.1); here the rest of the grammar is done in the same way, because nobody asks for the
// tokens, only whether they stand where they may.
//
// A window begins where the scanner stands, between two tokens or within a string, and is passed
// up to the end of its last whole token, or within a string up to the end of the last whole
// character. So nothing has to be carried over but what the scanner keeps anyway. Only what is
// certainly valid, and holds nothing to tell, is passed. All else is left to the loop that reads
// byte by byte, which alone knows faults and their places.

extension JSONScanner {
    /// Whether a window may begin with such a phase: all of its events must be untold.
    @inline(__always)
    func mayPassWindow(_ phase: Phase) -> Bool {
        phase.rawValue >= Phase.value.rawValue && phase.rawValue <= Phase.string.rawValue
            && depth >= lowestPassed
    }

    /// The fewest open containers between which nothing is told.
    @inline(__always)
    private var lowestPassed: Int { max(1, untoldValues > 0 ? watchedDepth : watchedDepth &+ 1) }

    /// Passes over what stands in the next 64 bytes; how many of them, or none.
    mutating func passWindow(_ window: UnsafeRawPointer, _ phase: inout Phase) -> Int {
        let classes = strata_classify_json(window)
        let startsInString = phase == .string

        // Strings. `inside` goes from the opening quote up to the closing one, without it.
        var quotes = classes.quote
        var stringEnd = 64
        if classes.backslash != 0 {
            guard let end = Self.passEscapes(window, classes.backslash, &quotes) else { return 0 }
            stringEnd = end
        }
        let inside = quotes.parity ^ (startsInString ? ~0 : 0)
        guard (classes.backslash | classes.high) & ~inside == 0, classes.control & inside == 0
        else { return 0 }
        if classes.high != 0 {
            guard let end = Self.passCharacters(window, classes.high) else { return 0 }
            stringEnd = min(stringEnd, end)
        }
        let openings = quotes & inside
        let closings = quotes & ~inside

        var white = classes.space & ~inside
        if classes.control != 0 {
            let breaks = strata_classify_breaks(window)
            guard breaks == classes.control else { return 0 }
            white |= breaks
        }
        let commas = classes.comma & ~inside
        let colons = classes.colon & ~inside
        let begins = classes.opening & ~inside
        let ends = classes.closing & ~inside

        guard let nesting = nesting(begins, ends, classes.curly) else { return 0 }
        let isInStringAtEnd = inside >> 63 == 1 && nesting.limit == 64
        // Where the string ends all the same, that escape is none.
        guard isInStringAtEnd || stringEnd == 64 else { return 0 }
        let length: Int
        if isInStringAtEnd {
            length = stringEnd
        } else {
            let tokens =
                (commas | colons | begins | ends | closings) & UInt64.lowest(nesting.limit)
            length = 64 &- tokens.leadingZeroBitCount
        }
        guard length > 0 else { return 0 }
        let passed = UInt64.lowest(length)

        let strings = inside | closings
        let scalars = passed & ~(strings | commas | colons | begins | ends | white)
        let firsts = scalars & ~(scalars << 1)
        let digits = classes.digit & scalars
        guard
            scalars == digits
                ? ((classes.zero & firsts) << 1) & digits == 0
                : Self.areScalars(window, scalars, digits, classes.zero & scalars, length)
        else { return 0 }

        // What follows a set, past white space; `carry` where the window begins behind such one.
        func follow(_ set: UInt64, _ carry: Phase) -> UInt64 {
            ((set << 1 | (phase == carry ? 1 : 0)) &+ white) & ~white
        }
        let objects = nesting.objects
        let curlyBegins = begins & classes.curly
        let afterBrace = follow(curlyBegins, .nameOrEnd)
        let afterBracket = follow(begins & ~curlyBegins, .valueOrEnd)
        let atName = follow(commas & objects, .name)
        let atValue = follow((commas & ~objects) | colons, .value)

        // The carry of an addition leads from the opening quotes of names to the closing ones.
        let names = openings & (atName | afterBrace) | (startsInString && isName ? 1 : 0)
        let (sum, isNameAtEnd) = names.addingReportingOverflow(inside)
        let nameEnds = sum & ~inside
        let valueEnds = (closings & ~nameEnds) | (scalars & ~(scalars >> 1)) | ends

        let values = openings | firsts | begins
        var misplaced = atValue & ~values
        misplaced |= afterBracket & ~(values | ends)
        misplaced |= atName & ~openings
        misplaced |= afterBrace & ~(openings | ends)
        misplaced |= follow(valueEnds, .afterValue) & ~(commas | ends)
        misplaced |= follow(nameEnds, .colon) ^ colons
        guard misplaced & passed == 0 else { return 0 }

        if untoldValues > 0 {
            let untold = (valueEnds & nesting.watched & passed).nonzeroBitCount
            guard untold < untoldValues else { return 0 }
            untoldValues &-= untold
        }
        depth = nesting.depth
        containers = nesting.containers
        if isInStringAtEnd {
            phase = .string
            isName = isNameAtEnd
            return length
        }
        let last: UInt64 = 1 << UInt64(length &- 1)
        if (commas | colons) & last != 0 {
            phase = commas & objects & last != 0 ? .name : .value
        } else if begins & last != 0 {
            phase = curlyBegins & last != 0 ? .nameOrEnd : .valueOrEnd
        } else {
            phase = nameEnds & last != 0 ? .colon : .afterValue
        }
        return length
    }

    // MARK: - Containers

    /// The containers of a window.
    private struct Nesting {
        /// Behind the last of them: how many are open, and which (see ``containers``).
        var depth: Int
        var containers: UInt64
        /// The bytes that stand within an object, and those within `watchedDepth` containers. A
        /// container's first byte stands within it, its last does not.
        var objects: UInt64 = 0
        var watched: UInt64 = 0
        /// Where stands an end that is to be told; else 64.
        var limit = 64
    }

    /// What the brackets and braces of a window open and close; nil where they don't match.
    @inline(__always)
    private func nesting(_ begins: UInt64, _ ends: UInt64, _ curly: UInt64) -> Nesting? {
        let brackets = begins | ends
        var nesting = Nesting(depth: depth, containers: containers)
        guard brackets != 0 else {
            nesting.objects = containers & 1 == 1 ? ~0 : 0
            nesting.watched = depth == watchedDepth ? ~0 : 0
            return nesting
        }
        // Within a word of containers, as nearly all are.
        guard (2...60).contains(depth & 63) || depth == 1 else { return nil }

        // Mostly, one container at a time is open in another. Then sets do here, too.
        let startsInner = ends & (brackets & (0 &- brackets)) != 0
        let inner = brackets.parity ^ (startsInner ? ~0 : 0)
        let outerDepth = startsInner ? depth &- 1 : depth
        guard begins & ~inner == 0, ends & inner == 0, outerDepth >= lowestPassed else {
            return deepNesting(brackets, ends, curly)
        }
        let outer = startsInner ? containers >> 1 : containers
        let braces = (brackets & curly).parity ^ (startsInner && containers & 1 == 1 ? ~0 : 0)
        guard ends & curly & braces == 0, begins & curly & ~braces == 0,
            brackets & ~curly & braces == 0
        else { return nil }
        nesting.objects = inner & braces | (outer & 1 == 1 ? ~inner : 0)
        if outerDepth == watchedDepth { nesting.watched = ~inner }
        if outerDepth &+ 1 == watchedDepth { nesting.watched = inner }
        let endsInner = inner >> 63 == 1
        nesting.depth = outerDepth &+ (endsInner ? 1 : 0)
        nesting.containers = endsInner ? outer << 1 | braces >> 63 : outer
        return nesting
    }

    /// The same, one bracket after the other.
    private func deepNesting(_ brackets: UInt64, _ ends: UInt64, _ curly: UInt64) -> Nesting? {
        var nesting = Nesting(depth: depth, containers: containers)
        var start: UInt64 = 0
        var rest = brackets
        while true {
            let end = rest == 0 ? ~0 : UInt64.lowest(rest.trailingZeroBitCount)
            if nesting.containers & 1 == 1 { nesting.objects |= end & ~start }
            if nesting.depth == watchedDepth { nesting.watched |= end & ~start }
            guard rest != 0 else { return nesting }
            start = end
            let bracket = rest & (0 &- rest)
            let isCurly: UInt64 = curly & bracket != 0 ? 1 : 0
            if ends & bracket != 0 {
                guard nesting.containers & 1 == isCurly else { return nil }
                guard nesting.depth > lowestPassed else {
                    nesting.limit = bracket.trailingZeroBitCount
                    return nesting
                }
                nesting.depth &-= 1
                nesting.containers >>= 1
                guard nesting.depth & 63 != 0 else { return nil }
            } else {
                guard nesting.depth & 63 < 63 else { return nil }
                nesting.depth &+= 1
                nesting.containers = nesting.containers << 1 | isCurly
            }
            rest ^= bracket
        }
    }

    // MARK: - Strings

    /// Checks the escapes of a window (RFC 8259 §7), and takes away the quotes that they are of.
    /// Where one begins that goes beyond the window, else 64; nil where there is no such escape.
    private static func passEscapes(
        _ window: UnsafeRawPointer, _ backslashes: UInt64, _ quotes: inout UInt64
    ) -> Int? {
        var rest = backslashes
        while rest != 0 {
            let place = rest.trailingZeroBitCount
            guard place < 63 else { return place }
            switch window.load(fromByteOffset: place &+ 1, as: UInt8.self) {
            case UInt8(ascii: "u"):
                guard place <= 58 else { return place }
                for digit in place &+ 2..<place &+ 6 {
                    let byte = window.load(fromByteOffset: digit, as: UInt8.self)
                    guard byte.hexadecimalDigit != nil else { return nil }
                }
            case UInt8(ascii: "\""):
                quotes &= ~(2 << UInt64(place))
            case UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                break
            default:
                return nil
            }
            rest &= ~(3 << UInt64(place))
        }
        return 64
    }

    /// Checks the characters of several bytes of a window (RFC 3629 §4). Where one begins that
    /// goes beyond the window, else 64; nil where there is anything else.
    private static func passCharacters(_ window: UnsafeRawPointer, _ high: UInt64) -> Int? {
        let classes = strata_classify_utf8(window)
        let two = classes.from_c2 & ~classes.from_e0
        let three = classes.from_e0 & ~classes.from_f0
        let four = classes.from_f0 & ~classes.from_f5
        let leads = two | three | four
        let continuations = leads << 1 | (three | four) << 2 | four << 3
        let forbidden =
            classes.e0 << 1 & classes.below_a0 | classes.ed << 1 & ~classes.below_a0
            | classes.f0 << 1 & classes.below_90 | classes.f4 << 1 & ~classes.below_90
        guard continuations == classes.continuation, leads | continuations == high,
            leads & continuations == 0, forbidden == 0
        else { return nil }
        let cut = leads & (1 << 63) | (three | four) & (1 << 62) | four & (1 << 61)
        return cut.trailingZeroBitCount
    }

    // MARK: - Numbers and literals

    /// Whether all that stands outside of strings, beside structure, are literals (RFC 8259 §3)
    /// and numbers (§6).
    private static func areScalars(
        _ window: UnsafeRawPointer, _ scalars: UInt64, _ digits: UInt64, _ zeros: UInt64,
        _ length: Int
    ) -> Bool {
        let classes = strata_classify_numbers(window)
        var scalars = scalars
        let firsts = scalars & ~(scalars << 1)
        var literals = firsts & ~(digits | classes.minus)
        while literals != 0 {
            let place = literals.trailingZeroBitCount
            // Behind each scalar stands a token, so that five bytes are there if it is longest.
            guard place &+ 5 <= length else { return false }
            let word = UInt32(
                littleEndian: window.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            var bits: UInt64 = 0xF
            switch word {
            case 0x6575_7274, 0x6C6C_756E: break
            case 0x736C_6166:
                let last = window.load(fromByteOffset: place &+ 4, as: UInt8.self)
                guard last == UInt8(ascii: "e") else { return false }
                bits = 0x1F
            default: return false
            }
            bits <<= UInt64(place)
            guard scalars & (bits << 1 & ~bits) == 0 else { return false }
            scalars &= ~bits
            literals &= literals &- 1
        }

        let minus = classes.minus & scalars
        let plus = classes.plus & scalars
        let points = classes.point & scalars
        let exponents = classes.exponent & scalars
        guard scalars == digits | minus | plus | points | exponents else { return false }
        let starts = firsts & scalars
        let signed = starts & minus
        let afterExponent = exponents << 1
        let signs = afterExponent & (minus | plus)
        var misplaced = (minus | plus) & ~(signed | signs)
        misplaced |= (minus | plus) << 1 & ~digits
        misplaced |= (points | exponents) & ~(digits << 1)
        misplaced |= points << 1 & ~digits
        misplaced |= afterExponent & ~(digits | minus | plus)
        misplaced |= (zeros & (starts | signed << 1)) << 1 & digits
        guard misplaced == 0 else { return false }
        // What ends the digits of a fraction, and of an exponent.
        let afterFraction = (points << 1 &+ digits) & ~digits
        let afterPower = ((afterExponent & digits | signs << 1) &+ digits) & ~digits
        return afterFraction & points == 0 && afterPower & (points | exponents) == 0
    }
}

extension UInt64 {
    /// Bits that are set where an odd number of bits is set at that place and below.
    @inline(__always)
    fileprivate var parity: UInt64 {
        var bits = self
        bits ^= bits << 1
        bits ^= bits << 2
        bits ^= bits << 4
        bits ^= bits << 8
        bits ^= bits << 16
        bits ^= bits << 32
        return bits
    }

    /// As many bits set, from the lowest on; up to 64.
    @inline(__always)
    fileprivate static func lowest(_ count: Int) -> UInt64 { count >= 64 ? ~0 : (1 << count) &- 1 }
}
