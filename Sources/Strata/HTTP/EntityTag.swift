/// A validator that names one representation (RFC 9110 §8.8.3).
package struct EntityTag: Sendable, Hashable {
    /// What stands between the quotes.
    package var opaqueTag: String {
        field.utf8.span.extracting(place).withUnsafeBufferPointer {
            String(decoding: $0, as: UTF8.self)
        }
    }
    /// Whether the tag only says that the meaning is the same, not the bytes (RFC 9110 §8.8.1).
    package let isWeak: Bool
    /// The field that the tag came in, because tags are mostly read to be compared; and which of
    /// its bytes stand between the quotes.
    private let field: String
    private let place: Range<Int>

    /// Makes a tag; nil where the text holds a quote, a space or a control character.
    package init?(opaqueTag: String, isWeak: Bool = false) {
        guard opaqueTag.utf8.allSatisfy(\.isEntityTagCharacter) else { return nil }
        self.init(in: opaqueTag, at: 0..<opaqueTag.utf8.count, isWeak: isWeak)
    }

    /// Reads the value of `ETag`, or the entity tag in `If-Range`; nil where it is none.
    package init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let tag = scanner.entityTag(), scanner.isAtEnd else { return nil }
        self = tag
    }

    /// Makes a tag of bytes of a field, which are known to stand between quotes.
    fileprivate init(in field: String, at place: Range<Int>, isWeak: Bool) {
        self.field = field
        self.place = place
        self.isWeak = isWeak
    }

    /// The tag as it stands in a field.
    package var fieldValue: String { (isWeak ? "W/\"" : "\"") + opaqueTag + "\"" }

    /// Whether both name the same bytes: neither is weak and they are equal (RFC 9110 §8.8.3.2).
    package func stronglyMatches(_ other: EntityTag) -> Bool { !isWeak && self == other }

    /// Whether both mean the same: they are equal, weak or not (RFC 9110 §8.8.3.2).
    package func weaklyMatches(_ other: EntityTag) -> Bool {
        guard place.count == other.place.count else { return false }
        let (bytes, others) = (field.utf8.span, other.field.utf8.span)
        for offset in 0..<place.count
        where bytes[place.lowerBound + offset] != others[other.place.lowerBound + offset] {
            return false
        }
        return true
    }

    /// Whether they are the same tag, byte for byte; equality of Swift strings is laxer than that.
    package static func == (left: EntityTag, right: EntityTag) -> Bool {
        left.isWeak == right.isWeak && left.weaklyMatches(right)
    }

    /// Hashes the tag's bytes.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(isWeak)
        let bytes = field.utf8.span
        for index in place { hasher.combine(bytes[index]) }
    }
}

/// The condition in `If-Match` or `If-None-Match`: any representation, or one of several
/// (RFC 9110 §13.1).
///
/// A member that is no entity tag matches nothing, and `*` beside others is such a member.
package struct EntityTagList: Sendable, Hashable, ListBasedField {
    /// The tags in the order they came.
    package private(set) var tags: [EntityTag] = []
    /// Whether it is a `*`, which any existing representation matches.
    package var isWildcard: Bool { members.isWildcard }

    private var members = Members()

    /// Makes a condition that nothing meets.
    package init() {}

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        members.read(line) { tags.append($0) }
    }

    /// Whether a representation with that tag meets the condition in `If-Match`: `*`, or strongly
    /// matched (RFC 9110 §13.1.1). A representation without a tag meets `*` alone.
    package func stronglyMatches(_ tag: EntityTag?) -> Bool {
        isWildcard || tag.map { tag in tags.contains { $0.stronglyMatches(tag) } } ?? false
    }

    /// Whether a representation with that tag is one that `If-None-Match` names: `*`, or weakly
    /// matched (RFC 9110 §13.1.2). A representation without a tag is named by `*` alone.
    package func weaklyMatches(_ tag: EntityTag?) -> Bool {
        isWildcard || tag.map { tag in tags.contains { $0.weaklyMatches(tag) } } ?? false
    }

    /// Whether ``weaklyMatches(_:)`` is true of the field of a request, told without keeping its
    /// tags.
    package static func weaklyMatches(
        _ tag: EntityTag?, in headers: borrowing Headers, _ name: HeaderName
    ) -> Bool {
        var members = Members()
        var isNamed = false
        headers.forEachLine(of: name) { line in
            members.read(line) { named in
                if let tag, named.weaklyMatches(tag) { isNamed = true }
            }
        }
        return isNamed || members.isWildcard
    }

    /// What of the members is counted.
    private struct Members: Hashable {
        var count = 0
        var wildcards = 0

        /// Whether a `*` is all there is.
        var isWildcard: Bool { wildcards == 1 && count == 1 }

        /// Reads one more line, and gives its tags to the closure.
        @inline(__always)
        mutating func read(_ line: String, tag take: (EntityTag) -> Void) {
            var scanner = FieldScanner(line)
            while scanner.nextMember() {
                count += 1
                if let tag = scanner.entityTag(), scanner.isAtMemberEnd() {
                    take(tag)
                } else if scanner.skip(UInt8(ascii: "*")), scanner.isAtMemberEnd() {
                    wildcards += 1
                } else {
                    scanner.skipMember()
                }
            }
        }
    }
}

extension FieldScanner {
    /// Takes an entity tag (RFC 9110 §8.8.3); nil, with nothing taken, where there is none. There
    /// are no escapes in it, and `W` is case-sensitive.
    package mutating func entityTag() -> EntityTag? {
        var ahead = self
        let isWeak = ahead.skip(UInt8(ascii: "W"))
        guard !isWeak || ahead.skip(UInt8(ascii: "/")), ahead.skip(UInt8(ascii: "\"")) else {
            return nil
        }
        let place = ahead.place(while: \.isEntityTagCharacter)
        guard ahead.skip(UInt8(ascii: "\"")) else { return nil }
        self = ahead
        return EntityTag(in: source, at: place, isWeak: isWeak)
    }
}

extension UInt8 {
    /// `etagc` (RFC 9110 §8.8.3).
    fileprivate var isEntityTagCharacter: Bool {
        self >= 0x21 && self != UInt8(ascii: "\"") && self != 0x7F
    }
}
