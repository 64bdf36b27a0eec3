/// A validator that names one representation (RFC 9110 §8.8.3).
package struct EntityTag: Sendable, Hashable {
    /// What stands between the quotes.
    package var opaqueTag: String { String(text) }
    /// Whether the tag only says that the meaning is the same, not the bytes (RFC 9110 §8.8.1).
    package let isWeak: Bool
    /// A part of the field that the tag came in, because tags are mostly read to be compared.
    private let text: Substring

    /// Makes a tag; nil where the text holds a quote, a space or a control character.
    package init?(opaqueTag: String, isWeak: Bool = false) {
        guard opaqueTag.utf8.allSatisfy(\.isEntityTagCharacter) else { return nil }
        text = opaqueTag[...]
        self.isWeak = isWeak
    }

    /// Reads the value of `ETag`, or the entity tag in `If-Range`; nil where it is none.
    package init?(_ text: String) {
        var scanner = FieldScanner(text)
        guard let tag = scanner.entityTag(), scanner.isAtEnd else { return nil }
        self = tag
    }

    fileprivate init(checked opaqueTag: Substring, isWeak: Bool) {
        text = opaqueTag
        self.isWeak = isWeak
    }

    /// The tag as it stands in a field.
    package var fieldValue: String { (isWeak ? "W/\"" : "\"") + text + "\"" }

    /// Whether both name the same bytes: neither is weak and they are equal (RFC 9110 §8.8.3.2).
    package func stronglyMatches(_ other: EntityTag) -> Bool { !isWeak && self == other }

    /// Whether both mean the same: they are equal, weak or not (RFC 9110 §8.8.3.2).
    package func weaklyMatches(_ other: EntityTag) -> Bool {
        text.hasSameBytes(as: other.text)
    }

    /// Whether they are the same tag, byte for byte; equality of Swift strings is laxer than that.
    package static func == (left: EntityTag, right: EntityTag) -> Bool {
        left.isWeak == right.isWeak && left.weaklyMatches(right)
    }

    /// Hashes the tag's bytes.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(isWeak)
        for byte in text.utf8 { hasher.combine(byte) }
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
    package var isWildcard: Bool { wildcardCount == 1 && memberCount == 1 }

    private var wildcardCount = 0
    private var memberCount = 0

    /// Makes a condition that nothing meets.
    package init() {}

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            memberCount += 1
            if let tag = scanner.entityTag(), scanner.isAtMemberEnd() {
                tags.append(tag)
            } else if scanner.skip(UInt8(ascii: "*")), scanner.isAtMemberEnd() {
                wildcardCount += 1
            } else {
                scanner.skipMember()
            }
        }
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
        let text = ahead.run(while: \.isEntityTagCharacter)
        guard ahead.skip(UInt8(ascii: "\"")) else { return nil }
        self = ahead
        return EntityTag(checked: text, isWeak: isWeak)
    }
}

extension UInt8 {
    /// `etagc` (RFC 9110 §8.8.3).
    fileprivate var isEntityTagCharacter: Bool {
        self >= 0x21 && self != UInt8(ascii: "\"") && self != 0x7F
    }
}
