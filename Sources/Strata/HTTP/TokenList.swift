/// A list of tokens, such as `Connection`, `Allow` or `Trailer` (RFC 9110 §5.6.1).
///
/// A member that is no token is left out.
package struct TokenList: Sendable, Hashable, ListBasedField {
    /// The tokens in order.
    package private(set) var tokens: [String] = []

    /// Makes an empty list.
    package init() {}

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            if let token = scanner.token(), scanner.isAtMemberEnd() {
                tokens.append(String(token))
            } else {
                scanner.skipMember()
            }
        }
    }

    /// Whether the token is there, whatever the case of its letters.
    package func contains(_ token: String) -> Bool {
        tokens.contains { $0.equalsIgnoringASCIICase(token) }
    }
}

extension Headers {
    /// Removes what concerns one connection only and is neither forwarded nor stored: the fields
    /// that RFC 9110 §7.6.1 names, and those that `Connection` names.
    ///
    /// `Connection` can't name away what the message means by itself to whoever is next: an
    /// attempt to remove `Host`, `Content-Length` or `Content-Type` has no effect.
    package mutating func removeConnectionFields() {
        var named: [HeaderName] = []
        if contains(.connection) {
            named = TokenList(self, .connection).tokens.compactMap { HeaderName($0) }
        }
        removeAll { field in
            switch field.name {
            case .connection, .proxyConnection, .keepAlive, .te, .transferEncoding, .upgrade: true
            case .host, .contentLength, .contentType: false
            default: named.contains(field.name)
            }
        }
    }
}
