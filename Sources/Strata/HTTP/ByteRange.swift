/// The bytes that a request asks for: `Range: bytes=…` (RFC 9110 §14.1.2, §14.2).
package struct ByteRangeSet: Sendable, Hashable {
    /// One of the ranges.
    package enum Spec: Sendable, Hashable {
        /// From the first position to the last, which belongs to it.
        case closed(first: Int, last: Int)
        /// From the position to the end.
        case from(Int)
        /// So many bytes at the end.
        case suffix(Int)
    }

    /// What the ranges are in some content.
    package enum Resolution: Sendable, Hashable {
        /// The content has none of them: 416 (RFC 9110 §15.5.17).
        case unsatisfiable
        /// The bytes to send, in the order they were asked for. Ranges that overlap or lie closer
        /// together than a part's head is long have become one (RFC 9110 §15.3.7.2).
        case ranges([Range<Int>])
        /// The content has no bytes and its end was asked for, which `Content-Range` can't say:
        /// answer as if there were no `Range`.
        case whole
    }

    /// The ranges in the order they came; at least one.
    package let specs: [Spec]

    /// Makes a set.
    ///
    /// - Precondition: there is at least one range, and each is of positions from 0 that don't end
    ///   before they begin.
    package init(_ specs: [Spec]) {
        precondition(!specs.isEmpty, "A set of ranges has at least one")
        self.specs = specs
    }

    /// Reads the value of `Range`; nil where it is to be ignored (RFC 9110 §14.2): it is of another
    /// unit, isn't of the form, or has more ranges than the limit.
    ///
    /// Positions beyond what an `Int` holds count as the last.
    package init?(_ text: String, limit: Int = 64) {
        var scanner = FieldScanner(text)
        guard let unit = scanner.token(), unit.equalsIgnoringASCIICase("bytes"),
            scanner.skip(UInt8(ascii: "="))
        else { return nil }
        var specs: [Spec] = []
        while scanner.nextMember() {
            guard specs.count < limit, let spec = scanner.rangeSpec(), scanner.isAtMemberEnd()
            else { return nil }
            specs.append(spec)
        }
        guard !specs.isEmpty else { return nil }
        self.specs = specs
    }

    /// Finds the ranges in content of that length.
    package func resolve(length: Int) -> Resolution {
        var ranges: [Range<Int>] = []
        var asksForEnd = false
        for spec in specs {
            switch spec {
            case .closed(let first, let last):
                if first < length { ranges.append(first..<min(last, length - 1) + 1) }
            case .from(let first):
                if first < length { ranges.append(first..<length) }
            case .suffix(let count):
                if count > 0, length > 0 { ranges.append(max(0, length - count)..<length) }
                if count > 0 { asksForEnd = true }
            }
        }
        guard !ranges.isEmpty else { return asksForEnd ? .whole : .unsatisfiable }
        return .ranges(Self.coalesced(ranges))
    }

    /// About how long the head of a part of `multipart/byteranges` is.
    private static let gap = 80

    /// Joins what lies close together, in the place of the first of it.
    private static func coalesced(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for var range in ranges {
            var place = result.count
            while let index = result.firstIndex(where: {
                range.lowerBound <= $0.upperBound + gap && $0.lowerBound <= range.upperBound + gap
            }) {
                let other = result.remove(at: index)
                range =
                    min(
                        range.lowerBound, other.lowerBound)..<max(
                        range.upperBound, other.upperBound)
                place = min(place, index)
            }
            result.insert(range, at: min(place, result.count))
        }
        return result
    }

    /// The set as the value of `Range`.
    package var fieldValue: String {
        "bytes="
            + specs.map { spec in
                switch spec {
                case .closed(let first, let last): "\(first)-\(last)"
                case .from(let first): "\(first)-"
                case .suffix(let count): "-\(count)"
                }
            }.joined(separator: ", ")
    }
}

/// Which bytes of its content a response carries: `Content-Range` (RFC 9110 §14.4).
package enum ContentRange: Sendable, Hashable {
    /// These bytes, of so many where that is known.
    case range(Range<Int>, completeLength: Int?)
    /// None, because the content has only so many: the answer of a 416.
    case unsatisfied(completeLength: Int)

    /// Reads the value of `Content-Range`; nil where it is of another unit, isn't of the form, or
    /// contradicts itself.
    package init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let unit = scanner.token(), unit.equalsIgnoringASCIICase("bytes"),
            scanner.skip(UInt8(ascii: " "))
        else { return nil }
        if scanner.skip(UInt8(ascii: "*")) {
            guard scanner.skip(UInt8(ascii: "/")), let length = scanner.bytePosition(),
                scanner.isAtEnd
            else { return nil }
            self = .unsatisfied(completeLength: length)
            return
        }
        guard let first = scanner.bytePosition(), scanner.skip(UInt8(ascii: "-")),
            let last = scanner.bytePosition(), scanner.skip(UInt8(ascii: "/")), first <= last,
            last < .max
        else { return nil }
        if scanner.skip(UInt8(ascii: "*")) {
            self = .range(first..<last + 1, completeLength: nil)
        } else {
            guard let length = scanner.bytePosition(), last < length else { return nil }
            self = .range(first..<last + 1, completeLength: length)
        }
        guard scanner.isAtEnd else { return nil }
    }

    /// The value of `Content-Range`.
    package var fieldValue: String {
        switch self {
        case .range(let range, let length):
            "bytes \(range.lowerBound)-\(range.upperBound - 1)/"
                + (length.map { String($0) } ?? "*")
        case .unsatisfied(let length): "bytes */\(length)"
        }
    }
}

extension FieldScanner {
    fileprivate mutating func rangeSpec() -> ByteRangeSet.Spec? {
        if skip(UInt8(ascii: "-")) { return bytePosition().map { .suffix($0) } }
        guard let first = bytePosition(), skip(UInt8(ascii: "-")) else { return nil }
        guard next?.isASCIIDigit == true else { return .from(first) }
        guard let last = bytePosition(), first <= last else { return nil }
        return .closed(first: first, last: last)
    }

    /// Takes a number of one digit or more; one that is too large is the largest.
    fileprivate mutating func bytePosition() -> Int? {
        guard next?.isASCIIDigit == true else { return nil }
        var position = 0
        while let byte = next, byte.isASCIIDigit {
            let (tenfold, isTooLarge) = position.multipliedReportingOverflow(by: 10)
            let (sum, isOneTooMany) = tenfold.addingReportingOverflow(
                Int(byte &- UInt8(ascii: "0")))
            position = isTooLarge || isOneTooMany ? .max : sum
            _ = take()
        }
        return position
    }
}
