/// A pattern of URL paths: segments that are literal, `*` for any one segment, `{name}` for any
/// one segment that is remembered, and at the end `**` for any number of segments, none included.
///
/// Paths are compared as servers understand them: percent-encoded characters that need no encoding
/// count as themselves (RFC 3986 §6.2.2.2), so that `/%61ccount` can't slip past `/account`.
struct PathPattern: Sendable, Hashable {
    private enum Segment: Sendable, Hashable {
        case literal(String)
        case any
        case named(String)
    }

    /// The pattern as it was written.
    let text: String
    private let segments: [Segment]
    private let takesRest: Bool
    /// Whether any segment is remembered.
    let hasNames: Bool

    /// Makes a pattern.
    ///
    /// - Precondition: it begins with `/`, and `**` stands at the end or not at all.
    init(_ text: String) {
        precondition(text.hasPrefix("/"), "A path pattern begins with /: \(text)")
        self.text = text
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        takesRest = parts.last == "**"
        if takesRest { parts.removeLast() }
        precondition(!parts.contains("**"), "** stands at the end of a path pattern: \(text)")
        segments = parts.map { part in
            if part == "*" { return .any }
            if part.hasPrefix("{"), part.hasSuffix("}") {
                return .named(String(part.dropFirst().dropLast()))
            }
            return .literal(String(part))
        }
        hasNames = segments.contains { if case .named = $0 { true } else { false } }
    }

    /// Whether the path, as it came in the request, is one of those meant.
    func matches(_ path: String) -> Bool {
        let path = path.decodingUnreserved
        return match(path.utf8.span) { _, _ in }
    }

    /// What the named segments are in a path; nil where it doesn't match.
    func names(in path: String) -> [String: String]? {
        let path = path.decodingUnreserved
        var names: [String: String] = [:]
        let isMatch = match(path.utf8.span) { name, range in
            names[name] = String(path.utf8.dropFirst(range.lowerBound).prefix(range.count))
        }
        return isMatch ? names : nil
    }

    private func match(_ path: Span<UInt8>, _ remember: (String, Range<Int>) -> Void) -> Bool {
        guard !path.isEmpty, path[0] == UInt8(ascii: "/") else { return false }
        var start = 1
        for segment in segments {
            // Behind the end of the last segment there is none.
            guard start <= path.count else { return false }
            var end = start
            while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            switch segment {
            case .literal(let text):
                guard path.extracting(start..<end).hasSameBytes(as: text.utf8.span) else {
                    return false
                }
            case .any: guard end > start else { return false }
            case .named(let name):
                guard end > start else { return false }
                remember(name, start..<end)
            }
            start = end + 1
        }
        return takesRest || start > path.count
    }
}

extension Span<UInt8> {
    fileprivate func hasSameBytes(as other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}

extension String {
    /// With percent-encoded unreserved characters decoded (RFC 3986 §6.2.2.2), and nothing else.
    var decodingUnreserved: String {
        guard utf8.contains(UInt8(ascii: "%")) else { return self }
        let bytes = Array(utf8)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = bytes[index + 1].hexadecimalDigit,
                let low = bytes[index + 2].hexadecimalDigit,
                (high << 4 | low).isUnreservedInURI
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}
