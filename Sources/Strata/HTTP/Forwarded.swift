#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `Forwarded`: what the proxies on the way wrote about the request (RFC 7239).
///
/// Each proxy adds an element behind the others, so whoever trusts the last few of them counts from
/// the end. An element that isn't of the form stays in its place as one that says nothing: that it
/// is there counts, and nothing it may have meant does.
package struct Forwarded: Sendable, Hashable, ListBasedField {
    /// What one proxy wrote.
    package struct Element: Sendable, Hashable {
        /// The pairs in order, with names in lower case; each name once. None where the element is
        /// malformed.
        package let parameters: [FieldParameter]

        /// Makes an element.
        package init(_ parameters: [FieldParameter]) { self.parameters = parameters }

        /// The value of the parameter of that name, given in lower case.
        package subscript(parameter: String) -> String? {
            parameters.first { $0.name == parameter }?.value
        }

        /// Who made the request to the proxy (§5.2).
        package var `for`: Node? { self["for"].flatMap(Node.init) }
        /// Where the proxy received it (§5.1).
        package var by: Node? { self["by"].flatMap(Node.init) }
        /// The `Host` that the proxy received (§5.3).
        package var host: String? { self["host"] }
        /// The scheme that the request came by, in lower case (§5.4).
        package var proto: String? { self["proto"]?.asciiLowercased }
    }

    /// The elements in the order of the proxies, the one nearest to the client first.
    package var elements: [Element] = []

    /// Makes a field without elements.
    package init() {}

    /// Makes a field of the elements.
    package init(_ elements: [Element]) { self.elements = elements }

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            if let parameters = scanner.forwardedPairs() {
                elements.append(Element(parameters))
            } else {
                scanner.skipMember()
                elements.append(Element([]))
            }
        }
    }

    /// The elements as one line; a malformed one stays in its place as `for=unknown`.
    package var fieldValue: String {
        elements.map { element in
            element.parameters.isEmpty
                ? "for=unknown"
                : element.parameters.map { $0.name + "=" + $0.value.httpParameterValue }
                    .joined(separator: ";")
        }.joined(separator: ", ")
    }
}

extension Forwarded {
    /// Who took part: an address, or a name that hides it (RFC 7239 §6).
    package struct Node: Sendable, Hashable {
        /// What the node is known by.
        package enum Name: Sendable, Hashable {
            /// An IPv4 or IPv6 address, without brackets.
            case address(String)
            /// An identifier that begins with `_`.
            case obfuscated(String)
            /// `unknown`.
            case unknown
        }

        /// What it is known by.
        package let name: Name
        /// A port, or an identifier that begins with `_`.
        package let port: String?

        /// Makes a node.
        package init(_ name: Name, port: String? = nil) {
            self.name = name
            self.port = port
        }

        /// Reads the value of `for` or `by`; nil where it isn't of the form.
        package init?(_ text: String) {
            var scanner = FieldScanner(text)
            if scanner.skip(UInt8(ascii: "[")) {
                let address = String(scanner.run { $0 != UInt8(ascii: "]") })
                guard scanner.skip(UInt8(ascii: "]")), address.isIPv6Address else { return nil }
                name = .address(address)
            } else {
                let word = scanner.run { $0 != UInt8(ascii: ":") }
                if word.equalsIgnoringASCIICase("unknown") {
                    name = .unknown
                } else if word.isObfuscatedIdentifier {
                    name = .obfuscated(String(word))
                } else if String(word).isIPv4Address {
                    name = .address(String(word))
                } else {
                    return nil
                }
            }
            guard scanner.skip(UInt8(ascii: ":")) else {
                guard scanner.isAtEnd else { return nil }
                port = nil
                return
            }
            let port = scanner.rest
            let isNumber = (1...5).contains(port.utf8.count) && port.utf8.allSatisfy(\.isASCIIDigit)
            guard isNumber || port.isObfuscatedIdentifier else { return nil }
            self.port = String(port)
        }

        /// The node as the value of `for` or `by`, before it is quoted.
        package var text: String {
            let text =
                switch name {
                case .address(let address): address.contains(":") ? "[\(address)]" : address
                case .obfuscated(let identifier): identifier
                case .unknown: "unknown"
                }
            return port.map { text + ":" + $0 } ?? text
        }
    }
}

extension FieldScanner {
    /// Takes the pairs of an element; nil where it isn't of the form or a name stands twice (§4).
    /// White space around the semicolons, which many send, changes nothing.
    fileprivate mutating func forwardedPairs() -> [FieldParameter]? {
        var pairs: [FieldParameter] = []
        while true {
            if let name = token()?.asciiLowercased {
                guard skip(UInt8(ascii: "=")), let value = tokenOrQuotedString(),
                    !pairs.contains(where: { $0.name == name })
                else { return nil }
                pairs.append(FieldParameter(name: name, value: String(value)))
            }
            if isAtMemberEnd() { return pairs }
            guard skip(UInt8(ascii: ";")) else { return nil }
            skipWhitespace()
        }
    }
}

extension Substring {
    /// `obfnode` or `obfport` (§6.3).
    fileprivate var isObfuscatedIdentifier: Bool {
        utf8.count > 1 && utf8.first == UInt8(ascii: "_")
            && utf8.allSatisfy {
                $0.isASCIIDigit || $0.asciiLowercased.isLowercaseLetter || $0 == UInt8(ascii: ".")
                    || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            }
    }
}

extension String {
    /// Whether this is an IPv4 address in its usual form of four decimal numbers.
    package var isIPv4Address: Bool {
        var address = in_addr()
        return utf8.allSatisfy { $0.isASCIIDigit || $0 == UInt8(ascii: ".") }
            && inet_pton(AF_INET, self, &address) == 1
    }

    /// Whether this is an IPv6 address, without brackets and zone (RFC 4291 §2.2).
    package var isIPv6Address: Bool {
        var address = in6_addr()
        return utf8.allSatisfy {
            $0.hexadecimalDigit != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
        } && inet_pton(AF_INET6, self, &address) == 1
    }
}
