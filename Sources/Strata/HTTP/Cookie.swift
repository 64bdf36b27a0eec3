/// A cookie as a client sends it back (RFC 6265bis §4.2).
package struct Cookie: Sendable, Hashable {
    /// The name.
    package let name: String
    /// The value, with the quotes around it if it came with some: they are part of it
    /// (RFC 6265bis §4.1.1).
    package let value: String

    /// Makes a cookie.
    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// The cookies of a request, in the order they were sent, those of one name kept apart.
    ///
    /// A server can rely on little here (RFC 6265bis §5.8.3): anything between two semicolons that
    /// has an `=` with a name before it is a cookie, and anything else is passed over. Several
    /// lines, as HTTP/2 may bring them, are one list (RFC 9113 §8.2.3).
    package static func all(in headers: Headers) -> [Cookie] {
        var cookies: [Cookie] = []
        for field in headers where field.name == .cookie {
            eachPair(in: field.value) { name, value in
                cookies.append(Cookie(name: String(name), value: String(value)))
            }
        }
        return cookies
    }

    /// The values of the cookies of one name, in the order they were sent. Names are
    /// case-sensitive. Nothing is allocated for the others.
    package static func values(of name: String, in headers: Headers) -> [String] {
        var values: [String] = []
        for field in headers where field.name == .cookie {
            eachPair(in: field.value) { candidate, value in
                if candidate.hasSameBytes(as: name) { values.append(String(value)) }
            }
        }
        return values
    }

    private static func eachPair(in line: String, _ body: (Substring, Substring) -> Void) {
        var scanner = FieldScanner(line)
        while !scanner.isAtEnd {
            let name = scanner.run { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }
                .trimmingOptionalWhitespace
            if scanner.skip(UInt8(ascii: "=")) {
                let value = scanner.run { $0 != UInt8(ascii: ";") }.trimmingOptionalWhitespace
                if !name.isEmpty { body(name, value) }
            }
            _ = scanner.skip(UInt8(ascii: ";"))
        }
    }
}
