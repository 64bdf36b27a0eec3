/// Which request fields a response was chosen by (RFC 9110 §12.5.5).
package struct VaryField: Sendable, Hashable, ListBasedField {
    /// The fields, each once, in the order they were first named; none beside a wildcard.
    package private(set) var names: [HeaderName] = []

    /// Whether the response was chosen by more than the request's fields, so that no other request
    /// can be known to choose it: `*` stood anywhere, or a member that is no field name and may
    /// have been meant for anything.
    package private(set) var isWildcard = false

    /// Makes the field of a response that was not chosen.
    package init() {}

    /// Whether the response was not chosen at all.
    package var isEmpty: Bool { names.isEmpty && !isWildcard }

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            let token = scanner.tokenText()
            guard let token, token != "*", scanner.isAtMemberEnd(), let name = HeaderName(token)
            else {
                isWildcard = true
                names = []
                return
            }
            insert(name)
        }
    }

    /// Whether ``isWildcard`` is true of the field of a response, told without keeping its names.
    package static func isWildcard(_ headers: Headers) -> Bool {
        var isWildcard = false
        headers.forEachLine(of: .vary) { line in
            var scanner = FieldScanner(line)
            while !isWildcard, scanner.nextMember() {
                let isAsterisk = scanner.next == UInt8(ascii: "*")
                let token = scanner.place(while: \.isTokenCharacter)
                isWildcard =
                    token.isEmpty || isAsterisk && token.count == 1 || !scanner.isAtMemberEnd()
            }
        }
        return isWildcard
    }

    /// Adds a name, unless it is there.
    package mutating func insert(_ name: HeaderName) {
        if !contains(name) { names.append(name) }
    }

    /// Whether the field is named, or everything is.
    package func contains(_ name: HeaderName) -> Bool { isWildcard || names.contains(name) }

    /// The field as one line.
    package var fieldValue: String {
        isWildcard ? "*" : names.map(\.spelling).joined(separator: ", ")
    }
}
