/// `Link`: what a representation is related to (RFC 8288 §3).
///
/// Read as leniently as RFC 8288 appendix B does: a comma in a target or a quoted string doesn't
/// end a link, white space around `=` is passed over, and what is no link is left out.
package struct LinkField: Sendable, Hashable, ListBasedField {
    /// One link.
    package struct Link: Sendable, Hashable {
        /// The target as it stands between `<` and `>`; usually relative to the response's URI.
        package let target: String
        /// The parameters in order, with names in lower case. The value of one whose name ends in
        /// `*` has been decoded (RFC 8187); one that can't be decoded is left out.
        package let parameters: [FieldParameter]

        /// Makes a link.
        package init(target: String, parameters: [FieldParameter]) {
            self.target = target
            self.parameters = parameters
        }

        /// Makes a link of one relation.
        package init(_ target: String, relation: String) {
            self.init(
                target: target, parameters: [FieldParameter(name: "rel", value: relation)])
        }

        /// The types of the relation in lower case; those of the first `rel` count
        /// (RFC 8288 §3.3).
        package var relations: [String] {
            parameters.first { $0.name == "rel" }
                .map { $0.value.asciiLowercased.split(separator: " ").map(String.init) } ?? []
        }

        /// The value of the parameter of that name, given in lower case: that of `name*` goes
        /// before that of `name` (RFC 8288 §3.4.1), the first of several before the others.
        package subscript(parameter: String) -> String? {
            (parameters.first { $0.name == parameter + "*" }
                ?? parameters.first { $0.name == parameter })?.value
        }

        /// The link as it stands in the field. What a target can't hold is percent-encoded; a
        /// value that isn't ASCII is written as `name*`.
        package var fieldValue: String {
            var text = "<" + PercentEncoding.encode(target, except: \.isLinkTargetCharacter) + ">"
            for parameter in parameters {
                let isExtended = parameter.name.hasSuffix("*")
                if isExtended || !parameter.value.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) {
                    text += "; " + parameter.name + (isExtended ? "" : "*") + "=UTF-8''"
                    text += PercentEncoding.encode(
                        parameter.value, except: \.isExtendedValueCharacter)
                } else {
                    text += "; " + parameter.name + "=" + parameter.value.httpQuoted
                }
            }
            return text
        }
    }

    /// The links in order.
    package var links: [Link] = []

    /// Makes a field without links.
    package init() {}

    /// Makes a field of the links.
    package init(_ links: [Link]) { self.links = links }

    /// Reads one more line of the field.
    package mutating func add(line: String) {
        var scanner = FieldScanner(line)
        while scanner.nextMember() {
            guard scanner.skip(UInt8(ascii: "<")) else {
                scanner.skipMember()
                continue
            }
            let target = scanner.run { $0 != UInt8(ascii: ">") }
            guard scanner.skip(UInt8(ascii: ">")) else { return }
            links.append(Link(target: String(target), parameters: scanner.linkParameters()))
        }
    }

    /// The first link that has the relation, given in lower case.
    package func first(relation: String) -> Link? {
        links.first { $0.relations.contains(relation) }
    }

    /// The links as one line.
    package var fieldValue: String { links.map(\.fieldValue).joined(separator: ", ") }
}

extension FieldScanner {
    /// Takes the parameters of a link (RFC 8288 appendix B.3).
    fileprivate mutating func linkParameters() -> [FieldParameter] {
        var parameters: [FieldParameter] = []
        while !isAtMemberEnd() {
            guard skip(UInt8(ascii: ";")) else {
                skipUnquoted { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
                continue
            }
            skipWhitespace()
            guard let name = token()?.asciiLowercased else { continue }
            skipWhitespace()
            var value = ""[...]
            if skip(UInt8(ascii: "=")) {
                skipWhitespace()
                value =
                    quotedString()
                    ?? run { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
                    .trimmingOptionalWhitespace
            }
            if !name.hasSuffix("*") {
                parameters.append(FieldParameter(name: name, value: String(value)))
            } else if let decoded = value.extendedValue {
                parameters.append(FieldParameter(name: name, value: decoded))
            }
        }
        return parameters
    }
}

extension Substring {
    /// What an `ext-value` in UTF-8 stands for: `UTF-8'en'%e2%82%ac` (RFC 8187 §3.2.1); nil where
    /// it is none, or in another character set.
    fileprivate var extendedValue: String? {
        let parts = split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].equalsIgnoringASCIICase("UTF-8") else { return nil }
        return String(validating: PercentEncoding.decode(parts[2]), as: UTF8.self)
    }
}

extension UInt8 {
    /// Whether the byte may stand in a URI, `%` included.
    fileprivate var isLinkTargetCharacter: Bool {
        switch self {
        case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "\\"),
            UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"),
            UInt8(ascii: "}"):
            false
        default: self > 0x20 && self < 0x7F
        }
    }

    /// `attr-char` (RFC 8187 §3.2.1).
    fileprivate var isExtendedValueCharacter: Bool {
        isTokenCharacter && self != UInt8(ascii: "*") && self != UInt8(ascii: "'")
            && self != UInt8(ascii: "%")
    }
}
