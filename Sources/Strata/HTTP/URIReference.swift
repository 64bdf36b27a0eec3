/// A URI, or a reference to one, in its five components (RFC 3986 §4.1).
///
/// Every text has such components (RFC 3986 appendix B); none is refused, and each is kept as it
/// is written.
package struct URIReference: Sendable, Hashable {
    /// What stands before the first `:`, where that is a scheme.
    package var scheme: String?
    /// What stands behind `//`.
    package var authority: String?
    /// The path; possibly empty.
    package var path: String
    /// What stands behind the `?`.
    package var query: String?
    /// What stands behind the `#`.
    package var fragment: String?

    /// Makes a reference of its components.
    package init(
        scheme: String? = nil, authority: String? = nil, path: String = "", query: String? = nil,
        fragment: String? = nil
    ) {
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.query = query
        self.fragment = fragment
    }

    /// Reads a reference.
    package init(_ text: String) {
        var scanner = FieldScanner(text)
        var ahead = scanner
        let scheme = ahead.run(while: \.isSchemeCharacter)
        if scheme.utf8.first?.asciiLowercased.isLowercaseLetter == true,
            ahead.skip(UInt8(ascii: ":"))
        {
            self.scheme = String(scheme)
            scanner = ahead
        }
        ahead = scanner
        if ahead.skip(UInt8(ascii: "/")), ahead.skip(UInt8(ascii: "/")) {
            authority = String(
                ahead.run {
                    $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
                })
            scanner = ahead
        }
        path = String(scanner.run { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        if scanner.skip(UInt8(ascii: "?")) {
            query = String(scanner.run { $0 != UInt8(ascii: "#") })
        }
        if scanner.skip(UInt8(ascii: "#")) { fragment = String(scanner.rest) }
    }

    /// The reference as it is written (RFC 3986 §5.3). A path that would read as an authority has
    /// `/.` put before it.
    package var text: String {
        let isAmbiguous = authority == nil && path.hasPrefix("//")
        return (scheme.map { $0 + ":" } ?? "") + (authority.map { "//" + $0 } ?? "")
            + (isAmbiguous ? "/." : "") + path
            + (query.map { "?" + $0 } ?? "") + (fragment.map { "#" + $0 } ?? "")
    }

    /// The URI that the reference means where it stands in something with the base's URI
    /// (RFC 3986 §5.2.2).
    package func resolved(against base: URIReference) -> URIReference {
        var target = self
        if scheme != nil {
            target.path = Self.withoutDotSegments(path)
            return target
        }
        target.scheme = base.scheme
        if authority != nil {
            target.path = Self.withoutDotSegments(path)
            return target
        }
        target.authority = base.authority
        if path.isEmpty {
            target.path = base.path
            target.query = query ?? base.query
        } else if path.utf8.first == UInt8(ascii: "/") {
            target.path = Self.withoutDotSegments(path)
        } else if base.authority != nil, base.path.isEmpty {
            target.path = Self.withoutDotSegments("/" + path)
        } else {
            let end = base.path.utf8.lastIndex(of: UInt8(ascii: "/"))
            let directory = end.map { base.path[...$0] } ?? ""
            target.path = Self.withoutDotSegments(directory + path)
        }
        return target
    }

    /// The path with `.` and `..` carried out (RFC 3986 §5.2.4).
    private static func withoutDotSegments(_ path: String) -> String {
        guard path.utf8.contains(UInt8(ascii: ".")) else { return path }
        var kept: [Substring] = []
        var segments = path.utf8.split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)[...]
        let isAbsolute = path.utf8.first == UInt8(ascii: "/")
        if isAbsolute {
            segments.removeFirst()
        } else {
            // Dots at the very front lead nowhere, and what follows them has no slash before it.
            while let first = segments.first, Substring(first) == "." || Substring(first) == ".." {
                segments.removeFirst()
            }
            kept.append(Substring(segments.popFirst() ?? ""[...].utf8))
        }
        for (place, segment) in zip(segments.indices, segments) {
            let isLast = place == segments.endIndex - 1
            switch Substring(segment) {
            case "..":
                if !kept.isEmpty { kept.removeLast() }
                if isLast { kept.append("/") }
            case ".":
                if isLast { kept.append("/") }
            default:
                kept.append("/" + Substring(segment))
            }
        }
        return kept.joined()
    }
}

// MARK: - Comparing

extension URIReference {
    /// The same URI in the spelling that compares byte for byte: scheme and host in lower case, no
    /// default port, percent-encoding only where it is needed and in capitals, no `.` and `..`
    /// (RFC 3986 §6.2.2, §6.2.3; RFC 9110 §4.2.3).
    package var normalized: URIReference {
        var uri = self
        uri.scheme = scheme?.asciiLowercased
        if authority != nil {
            if let origin { uri.authority = origin.authority(userInformation: userInformation) }
            if path.isEmpty { uri.path = "/" }
        }
        uri.path = PercentEncoding.normalize(uri.path)
        if scheme != nil || uri.path.utf8.first == UInt8(ascii: "/") {
            uri.path = Self.withoutDotSegments(uri.path)
        }
        uri.query = query.map(PercentEncoding.normalize)
        uri.fragment = fragment.map(PercentEncoding.normalize)
        return uri
    }

    /// Where a URI's resources come from (RFC 9110 §4.3.1).
    package struct Origin: Sendable, Hashable {
        /// The scheme, in lower case.
        package let scheme: String
        /// The host, in lower case; an IPv6 address in brackets.
        package let host: String
        /// The port; nil where it isn't given and the scheme has none.
        package let port: Int?

        fileprivate static func defaultPort(of scheme: String) -> Int? {
            switch scheme {
            case "http", "ws": 80
            case "https", "wss": 443
            default: nil
            }
        }

        fileprivate func authority(userInformation: Substring?) -> String {
            (userInformation.map { $0 + "@" } ?? "") + host
                + (port == Self.defaultPort(of: scheme) ? "" : port.map { ":\($0)" } ?? "")
        }
    }

    /// The origin; nil for a reference without scheme or host, or with a port that is none.
    package var origin: Origin? {
        guard let scheme = scheme?.asciiLowercased, let authority else { return nil }
        var scanner = FieldScanner(authority[...].behind(userInformation))
        var host = ""
        if scanner.skip(UInt8(ascii: "[")) {
            host = "[" + scanner.run { $0 != UInt8(ascii: "]") } + "]"
            guard scanner.skip(UInt8(ascii: "]")) else { return nil }
        } else {
            host = PercentEncoding.normalize(String(scanner.run { $0 != UInt8(ascii: ":") }))
            guard !host.isEmpty else { return nil }
        }
        var port = Origin.defaultPort(of: scheme)
        if scanner.skip(UInt8(ascii: ":")), !scanner.isAtEnd {
            guard scanner.rest.utf8.allSatisfy(\.isASCIIDigit), let number = UInt16(scanner.rest)
            else { return nil }
            port = Int(number)
        } else if !scanner.isAtEnd {
            return nil
        }
        return Origin(scheme: scheme, host: host.asciiLowercased, port: port)
    }

    /// Whether both have an origin and it is the same.
    package func hasSameOrigin(as other: URIReference) -> Bool {
        origin.map { $0 == other.origin } ?? false
    }

    /// What stands before the `@`, which no host has to do with.
    private var userInformation: Substring? {
        authority.flatMap { text in
            text.utf8.lastIndex(of: UInt8(ascii: "@")).map { text[..<$0] }
        }
    }
}

extension Substring {
    /// What stands behind the user information and its `@`.
    fileprivate func behind(_ userInformation: Substring?) -> Substring {
        userInformation.map { self[utf8.index(after: $0.endIndex)...] } ?? self
    }
}

extension UInt8 {
    /// What a scheme goes on with (RFC 3986 §3.1).
    fileprivate var isSchemeCharacter: Bool {
        isASCIIDigit || asciiLowercased.isLowercaseLetter || self == UInt8(ascii: "+")
            || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
    }
}
