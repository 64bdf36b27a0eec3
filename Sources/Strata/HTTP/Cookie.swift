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
                cookies.append(
                    Cookie(
                        name: String(decoding: name, as: UTF8.self),
                        value: String(decoding: value, as: UTF8.self)))
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
                if candidate.elementsEqual(name.utf8) {
                    values.append(String(decoding: value, as: UTF8.self))
                }
            }
        }
        return values
    }

    private typealias Bytes = Slice<UnsafeBufferPointer<UInt8>>

    private static func eachPair(in line: String, _ body: (Bytes, Bytes) -> Void) {
        var line = line
        line.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let pair = rest.prefix { $0 != UInt8(ascii: ";") }
                rest = rest[pair.endIndex...].dropFirst()
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let name = pair[..<equals].trimmingOptionalWhitespace
                if !name.isEmpty { body(name, pair[(equals + 1)...].trimmingOptionalWhitespace) }
            }
        }
    }
}

extension Slice<UnsafeBufferPointer<UInt8>> {
    /// The bytes without spaces and tabs at both ends.
    fileprivate var trimmingOptionalWhitespace: Self {
        var rest = self
        while let byte = rest.first, byte.isOptionalWhitespace { rest.removeFirst() }
        while let byte = rest.last, byte.isOptionalWhitespace { rest.removeLast() }
        return rest
    }
}
