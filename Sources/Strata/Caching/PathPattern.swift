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
        match(path) { _, _ in }
    }

    /// What the named segments are in a path; nil where it doesn't match.
    func names(in path: String) -> [String: String]? {
        var names: [String: String] = [:]
        return match(path, { names[$0] = $1 }) ? names : nil
    }

    private func match(_ path: String, _ remember: (String, String) -> Void) -> Bool {
        if path.utf8.contains(UInt8(ascii: "%")) {
            return match(segmentsOf: path.decodingUnreserved, remember)
        }
        return match(segmentsOf: path, remember)
    }

    private func match(segmentsOf path: String, _ remember: (String, String) -> Void) -> Bool {
        let utf8 = path.utf8
        guard utf8.first == UInt8(ascii: "/") else { return false }
        // `start` is nil once the path has no further segment.
        var start: String.Index? = utf8.index(after: utf8.startIndex)
        for segment in segments {
            guard let from = start else { return false }
            let end = utf8[from...].firstIndex(of: UInt8(ascii: "/"))
            let part = path[from..<(end ?? utf8.endIndex)]
            switch segment {
            case .literal(let text):
                guard part.utf8.elementsEqual(text.utf8) else { return false }
            case .any: guard !part.isEmpty else { return false }
            case .named(let name):
                guard !part.isEmpty else { return false }
                remember(name, String(part))
            }
            start = end.map { utf8.index(after: $0) }
        }
        return takesRest || start == nil
    }
}

extension String {
    /// With percent-encoded unreserved characters decoded (RFC 3986 §6.2.2.2), and nothing else.
    var decodingUnreserved: String {
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
