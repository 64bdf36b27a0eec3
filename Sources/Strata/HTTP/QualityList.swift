/// What a client accepts and how much it likes each: `Accept-Encoding`, `Accept-Language`
/// (RFC 9110 §12.5).
///
/// A member that isn't of the form `token [OWS ";" OWS "q=" qvalue]` is left out as a whole: a
/// coding or language that can't be understood to be wanted isn't sent.
package struct QualityList: Sendable, Hashable, ListBasedField {
    /// One member.
    package struct Member: Sendable, Hashable {
        /// The coding, the language range or `*`, as it was spelled.
        package let token: String
        /// The weight in thousandths: 1000 unless given, 0 for "not acceptable"
        /// (RFC 9110 §12.4.2).
        package let quality: Int

        /// Makes a member.
        package init(token: String, quality: Int = 1000) {
            self.token = token
            self.quality = quality
        }
    }

    /// The members in the order they came.
    package private(set) var members: [Member] = []

    /// Whether there was a line at all: an empty `Accept-Encoding` says that only identity is
    /// wanted, a missing one says nothing (RFC 9110 §12.5.3).
    package private(set) var isPresent = false

    /// Makes the list of a client that said nothing.
    package init() {}

    /// Makes a list to be sent.
    package init(members: [Member]) {
        self.members = members
        isPresent = true
    }

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        isPresent = true
        // As many as browsers send.
        members.reserveCapacity(members.count + 4)
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            if let token = scanner.tokenText(), let quality = scanner.weight() {
                members.append(Member(token: token, quality: quality))
            } else {
                scanner.skipMember()
            }
        }
    }

    /// The weight given to exactly this token, whatever the case of its letters; that of the first
    /// where it was named several times, nil where it wasn't.
    package func quality(of token: String) -> Int? {
        for member in members where member.token.equalsIgnoringASCIICase(token) {
            return member.quality
        }
        return nil
    }

    /// The weight given to everything that isn't named: that of `*`, or nil.
    package var wildcardQuality: Int? { quality(of: "*") }

    /// The members that are acceptable, best liked first, those of equal weight as they came.
    package var byPreference: [Member] {
        members.enumerated()
            .filter { $0.element.quality > 0 }
            .sorted {
                ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset)
            }
            .map(\.element)
    }

    /// The members as one line.
    package var fieldValue: String {
        members.map { member in
            guard member.quality < 1000 else { return member.token }
            var digits = String(1000 + member.quality).dropFirst()
            while digits.last == "0" { digits.removeLast() }
            return member.token + (digits.isEmpty ? ";q=0" : ";q=0." + digits)
        }.joined(separator: ", ")
    }
}

extension FieldScanner {
    /// Takes the rest of a member: a weight (RFC 9110 §12.4.2) or nothing. Gives thousandths; nil
    /// where anything else stands there.
    fileprivate mutating func weight() -> Int? {
        if isAtMemberEnd() { return 1000 }
        guard skip(UInt8(ascii: ";")) else { return nil }
        skipWhitespace()
        guard skip(UInt8(ascii: "q")) || skip(UInt8(ascii: "Q")), skip(UInt8(ascii: "=")),
            let whole = digits(1), whole <= 1
        else { return nil }
        var quality = whole * 1000
        if skip(UInt8(ascii: ".")) {
            for place in [100, 10, 1] {
                guard let digit = digits(1) else { break }
                quality += digit * place
            }
        }
        return quality <= 1000 && isAtMemberEnd() ? quality : nil
    }
}
