/// A cookie as a server sets it (RFC 6265bis §4.1).
package struct SetCookie: Sendable, Hashable {
    /// With which requests from other sites the cookie comes along (RFC 6265bis §4.1.2.7).
    package enum SameSite: String, Sendable, Hashable {
        /// With none.
        case strict = "Strict"
        /// With those that navigate to this site by a safe method.
        case lax = "Lax"
        /// With all; needs ``Attributes/isSecure``.
        case none = "None"
    }

    /// What a cookie is set with, apart from its name and value; everything absent by default.
    package struct Attributes: Sendable, Hashable {
        /// The path under which it is sent.
        package var path: String?
        /// The domain that it is sent to, with all those below it; nil is this host alone.
        package var domain: String?
        /// How long it is kept, in seconds; 0 removes it. Goes before ``expires``. Clients keep no
        /// cookie longer than 400 days.
        package var maxAge: Int?
        /// Until when it is kept; with neither, it is kept as long as the client runs.
        package var expires: Timestamp?
        /// Whether it is only sent over a secure connection.
        package var isSecure = false
        /// Whether it is kept from scripts.
        package var isHTTPOnly = false
        /// With which requests from other sites it is sent; nil leaves that to the client.
        package var sameSite: SameSite?
        /// Whether it is kept apart for each top-level site; needs ``isSecure``.
        package var isPartitioned = false

        /// Makes attributes that are all absent.
        package init() {}
    }

    /// Why a cookie can't be set.
    package enum Invalid: Error, Hashable {
        /// The name isn't a token (RFC 6265bis §4.1.1).
        case name
        /// The value holds something else than cookie octets (RFC 6265bis §4.1.1).
        case value
        /// The path holds a control character or a semicolon, or doesn't begin with a slash.
        case path
        /// The domain isn't made of labels.
        case domain
        /// Name and value have more than 4096 bytes together, or an attribute more than 1024:
        /// clients drop such a cookie (RFC 6265bis §5.6, §5.7).
        case tooLong
        /// The name's prefix, `SameSite=None` or `Partitioned` needs `Secure`.
        case insecure
        /// The prefix `__Host-` needs `Path=/` and no `Domain` (RFC 6265bis §4.1.3.2).
        case hostPrefix
    }

    /// The name.
    package let name: String
    /// The value.
    package let value: String
    /// What it is set with.
    package let attributes: Attributes

    /// Makes a cookie that clients accept.
    ///
    /// - Throws: ``Invalid``, which tells the rule that is broken.
    package init(
        name: String, value: String, attributes: Attributes
    ) throws(Invalid) {
        guard name.isToken else { throw .name }
        guard value.isCookieValue else { throw .value }
        guard name.utf8.count + value.utf8.count <= 4096 else { throw .tooLong }
        try attributes.check()
        let isHost = name.hasCookiePrefix("__Host-")
        if isHost || name.hasCookiePrefix("__Secure-"), !attributes.isSecure { throw .insecure }
        if isHost, attributes.path != "/" || attributes.domain != nil { throw .hostPrefix }
        self.name = name
        self.value = value
        self.attributes = attributes
    }

    /// The cookie as the value of `Set-Cookie`.
    package var fieldValue: String {
        var text = name + "=" + value
        if let path = attributes.path { text += "; Path=" + path }
        if let domain = attributes.domain { text += "; Domain=" + domain }
        if let maxAge = attributes.maxAge { text += "; Max-Age=\(maxAge)" }
        if let expires = attributes.expires { text += "; Expires=" + expires.httpDate }
        if attributes.isSecure { text += "; Secure" }
        if attributes.isHTTPOnly { text += "; HttpOnly" }
        if let sameSite = attributes.sameSite { text += "; SameSite=" + sameSite.rawValue }
        if attributes.isPartitioned { text += "; Partitioned" }
        return text
    }
}

extension SetCookie.Attributes {
    fileprivate func check() throws(SetCookie.Invalid) {
        if let path {
            guard path.utf8.first == UInt8(ascii: "/"),
                path.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ";") })
            else { throw .path }
            guard path.utf8.count <= 1024 else { throw .tooLong }
        }
        if let domain {
            guard !domain.isEmpty, domain.utf8.allSatisfy(\.isDomainCharacter) else {
                throw .domain
            }
            guard domain.utf8.count <= 1024 else { throw .tooLong }
        }
        if !isSecure, sameSite == SetCookie.SameSite.none || isPartitioned { throw .insecure }
    }
}

extension UInt8 {
    /// `cookie-octet` (RFC 6265bis §4.1.1).
    fileprivate var isCookieOctet: Bool {
        switch self {
        case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\\"): false
        default: self > 0x20 && self < 0x7F
        }
    }

    fileprivate var isDomainCharacter: Bool {
        isASCIIDigit || asciiLowercased &- UInt8(ascii: "a") < 26
            || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
    }
}

extension String {
    fileprivate var isCookieValue: Bool {
        var octets = self[...].utf8
        if octets.count >= 2, octets.first == UInt8(ascii: "\""), octets.last == UInt8(ascii: "\"")
        {
            octets = octets.dropFirst().dropLast()
        }
        return octets.allSatisfy(\.isCookieOctet)
    }

    /// Clients find the prefix whatever the case of its letters (RFC 6265bis §5.4).
    fileprivate func hasCookiePrefix(_ prefix: String) -> Bool {
        utf8.count >= prefix.utf8.count
            && zip(utf8, prefix.utf8).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
    }
}
