/// The header fields of a message: a flat list in the order they came, repeated lines kept apart.
///
/// Names compare without regard to ASCII case. Values are relayed byte for byte: one that is not
/// UTF-8 (`obs-text`, RFC 9110 §5.5) reads as ISO 8859-1 and is written as the bytes it came as.
///
/// CR, LF and NUL can't get in (RFC 9110 §5.5), so no value can split a message:
/// ``append(_:_:)`` and ``init(_:)`` refuse such a value with an error, and the subscript, which
/// can't throw, puts a space in the place of each.
///
/// ```swift
/// var headers: Headers = [.contentType: "application/json"]
/// headers[.cacheControl] = "max-age=60"
/// try headers.append("X-Request-ID", textFromElsewhere)
/// ```
public struct Headers: Sendable, Hashable {
    /// One field line.
    public struct Field: Sendable, Hashable {
        /// The field's name.
        public let name: HeaderName
        /// The field's value, without white space around it.
        public let value: String
        /// Whether each scalar of ``value`` stands for one byte on the wire.
        let isLatin1: Bool
    }

    private var fields: [Field] = []

    /// Has the bits of the well-known names in ``fields``, so that most questions about fields that
    /// aren't there are answered without a look at those that are.
    private var present: UInt64 = 0

    /// Makes an empty list.
    public init() {}

    /// Makes a list of the given lines.
    ///
    /// - Throws: ``InvalidFieldValue`` where a value holds CR, LF or NUL.
    public init(_ lines: some Sequence<(HeaderName, String)>) throws(InvalidFieldValue) {
        for (name, value) in lines { try append(name, value) }
    }

    /// Reserves room for that many lines.
    public mutating func reserveCapacity(_ count: Int) { fields.reserveCapacity(count) }

    /// Adds a line behind the others.
    ///
    /// - Throws: ``InvalidFieldValue`` where the value holds CR, LF or NUL.
    public mutating func append(_ name: HeaderName, _ value: String) throws(InvalidFieldValue) {
        guard !value.holdsForbiddenBytes else { throw InvalidFieldValue(name: name) }
        append(Field(name: name, value: value, isLatin1: false))
    }

    /// Adds a line whose value came off the wire as bytes, which need not be UTF-8.
    ///
    /// - Throws: ``InvalidFieldValue`` where the value holds CR, LF or NUL.
    public mutating func append(
        _ name: HeaderName, bytes: some Collection<UInt8>
    ) throws(InvalidFieldValue) {
        // The bytes are looked at in one piece: one by one through the collection is far slower.
        let field =
            bytes.withContiguousStorageIfAvailable { Field(name: name, bytes: $0) }
            ?? Array(bytes).withUnsafeBufferPointer { Field(name: name, bytes: $0) }
        guard let field else { throw InvalidFieldValue(name: name) }
        append(field)
    }

    /// Adds a line taken from another message, unchanged.
    public mutating func append(_ field: Field) {
        fields.append(field)
        present |= field.name.bit
    }

    /// The field's value: its lines joined by `, ` (RFC 9110 §5.3), or nil where there is none.
    ///
    /// Setting replaces all lines of the name by one, in the place of the first; setting nil
    /// removes them. `Set-Cookie` is no list: read it with ``lines(of:)``. CR, LF and NUL become
    /// spaces.
    public subscript(name: HeaderName) -> String? {
        get {
            guard mayContain(name), let first = fields.firstIndex(where: { $0.name == name }) else {
                return nil
            }
            var joined: String?
            for field in fields[(first + 1)...] where field.name == name {
                joined = (joined ?? fields[first].value) + ", " + field.value
            }
            return joined ?? fields[first].value
        }
        set {
            guard let newValue else { return remove(name) }
            let field = Field(name: name, value: newValue.withoutLineBreaks, isLatin1: false)
            guard mayContain(name), let first = fields.firstIndex(where: { $0.name == name }) else {
                return append(field)
            }
            fields[first] = field
            if let second = fields[(first + 1)...].firstIndex(where: { $0.name == name }) {
                var index = 0
                fields.removeAll {
                    defer { index += 1 }
                    return index >= second && $0.name == name
                }
            }
        }
    }

    /// The value of the first line of that name.
    public func first(_ name: HeaderName) -> String? {
        guard mayContain(name) else { return nil }
        // By the place, because taking a line out of the list counts references to it.
        for place in fields.indices where fields[place].name == name { return fields[place].value }
        return nil
    }

    /// The values of all lines of that name, in order.
    public func lines(of name: HeaderName) -> [String] {
        mayContain(name) ? fields.compactMap { $0.name == name ? $0.value : nil } : []
    }

    /// Gives the values of all lines of that name to the closure, in order.
    @inline(__always)
    package func forEachLine(of name: HeaderName, _ body: (String) throws -> Void) rethrows {
        guard mayContain(name) else { return }
        for place in fields.indices where fields[place].name == name {
            try body(fields[place].value)
        }
    }

    /// How many lines have that name.
    public func count(of name: HeaderName) -> Int {
        var count = 0
        forEachLine(of: name) { _ in count += 1 }
        return count
    }

    /// Whether any line has that name.
    public func contains(_ name: HeaderName) -> Bool {
        name.isWellKnown ? mayContain(name) : fields.contains { $0.name == name }
    }

    /// Whether a line of that name isn't known to be missing.
    @inline(__always)
    private func mayContain(_ name: HeaderName) -> Bool {
        !name.isWellKnown || present & name.bit != 0
    }

    /// Removes all lines of that name.
    public mutating func remove(_ name: HeaderName) {
        guard contains(name) else { return }
        fields.removeAll { $0.name == name }
        present &= ~name.bit
    }

    /// Removes every line that the predicate is true for.
    public mutating func removeAll(where isUnwanted: (Field) throws -> Bool) rethrows {
        defer { present = fields.reduce(0) { $0 | $1.name.bit } }
        try fields.removeAll(where: isUnwanted)
    }
}

extension Headers: RandomAccessCollection {
    /// The place of the first line.
    public var startIndex: Int { fields.startIndex }
    /// The place behind the last line.
    public var endIndex: Int { fields.endIndex }
    /// The line at a place.
    public subscript(position: Int) -> Field { fields[position] }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Makes a list of the given lines, in order; CR, LF and NUL in a value become spaces.
    public init(dictionaryLiteral elements: (HeaderName, String)...) {
        fields.reserveCapacity(elements.count)
        for (name, value) in elements {
            append(Field(name: name, value: value.withoutLineBreaks, isLatin1: false))
        }
    }
}

extension Headers: CustomStringConvertible {
    /// The lines, with the values that hold credentials left out.
    public var description: String {
        fields.map { "\($0.name): \($0.isSecret ? "<redacted>" : $0.value)" }
            .joined(separator: "\n")
    }
}

extension Headers {
    /// Whether both are one list in memory, of which neither was changed.
    func isSameList(as other: Headers) -> Bool { fields.isSameArray(as: other.fields) }

    /// Whether the lines are the same as they go over the wire, the spelling of names and all.
    package func hasSameBytes(as other: Headers) -> Bool {
        guard fields.count == other.fields.count else { return false }
        return fields.isSameArray(as: other.fields)
            || zip(fields, other.fields).allSatisfy { $0.hasSameBytes(as: $1) }
    }
}

extension Headers.Field {
    fileprivate func hasSameBytes(as other: Headers.Field) -> Bool {
        isLatin1 == other.isLatin1 && name.spelling.hasSameBytes(as: other.name.spelling)
            && value.hasSameBytes(as: other.value)
    }

    /// The bytes of the value as they go over the wire.
    public var valueBytes: [UInt8] {
        isLatin1
            ? value.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            : Array(value.utf8)
    }

    /// Whether the value lets its holder act for somebody.
    fileprivate var isSecret: Bool {
        switch name {
        case .authorization, .proxyAuthorization, .cookie, .setCookie: true
        default: false
        }
    }
}

/// Thrown for a field value that holds CR, LF or NUL (RFC 9110 §5.5).
public struct InvalidFieldValue: Error, Hashable, CustomStringConvertible {
    /// The field that was to get the value.
    public let name: HeaderName

    /// What went wrong, and what to do.
    public var description: String {
        "The value for the header field \(name) holds CR, LF or NUL; remove them or encode them."
    }
}

extension Headers.Field {
    /// Makes a line of what came off the wire; nil where that holds CR, LF or NUL.
    fileprivate init?(name: HeaderName, bytes: UnsafeBufferPointer<UInt8>) {
        guard !bytes.contains(where: \.isForbiddenInFieldValue) else { return nil }
        self.name = name
        if let value = String(validating: bytes, as: UTF8.self) {
            self.value = value
            isLatin1 = false
        } else {
            value = String(String.UnicodeScalarView(bytes.lazy.map { Unicode.Scalar($0) }))
            isLatin1 = true
        }
    }
}

extension UInt8 {
    fileprivate var isForbiddenInFieldValue: Bool { self == 13 || self == 10 || self == 0 }
}

extension String {
    fileprivate var holdsForbiddenBytes: Bool {
        let bytes = utf8.span
        for index in bytes.indices where bytes[index].isForbiddenInFieldValue { return true }
        return false
    }

    fileprivate var withoutLineBreaks: String {
        guard holdsForbiddenBytes else { return self }
        return String(
            decoding: utf8.map { $0.isForbiddenInFieldValue ? UInt8(ascii: " ") : $0 },
            as: UTF8.self)
    }
}
