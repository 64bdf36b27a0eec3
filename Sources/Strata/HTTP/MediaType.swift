/// The type of some content: `Content-Type` (RFC 9110 §8.3.1).
package struct MediaType: Sendable, Hashable {
    /// The type, in lower case: `text`.
    package let type: String
    /// The subtype, in lower case: `html`.
    package let subtype: String
    /// The parameters in order; the first of a name counts.
    package let parameters: [FieldParameter]

    /// Reads the value of `Content-Type`; nil where it doesn't begin with a type and a subtype.
    ///
    /// A parameter that can't be read is passed over, and so is an empty one (RFC 9110 §5.6.6).
    package init?(_ text: String) {
        var scanner = FieldScanner(text)
        scanner.skipWhitespace()
        guard let type = scanner.token(), scanner.skip(UInt8(ascii: "/")),
            let subtype = scanner.token()
        else { return nil }
        scanner.skipWhitespace()
        guard scanner.isAtEnd || scanner.next == UInt8(ascii: ";") else { return nil }
        self.type = type.asciiLowercased
        self.subtype = subtype.asciiLowercased
        self.parameters = scanner.parameters()
    }

    /// The value of the first parameter of that name, which is given in lower case.
    package subscript(parameter: String) -> String? {
        parameters.first { $0.name == parameter }?.value
    }

    /// The suffix that tells the structure behind the subtype, such as `json` in
    /// `application/problem+json` (RFC 6838 §4.2.8); nil where there is none.
    package var structuredSuffix: Substring? {
        guard let plus = subtype.utf8.lastIndex(of: UInt8(ascii: "+")) else { return nil }
        return subtype[subtype.utf8.index(after: plus)...]
    }

    /// Whether the content is JSON: `application/json`, `text/json` or anything that ends in
    /// `+json`.
    package var isJSON: Bool {
        subtype == "json" && (type == "application" || type == "text")
            || structuredSuffix == "json"
    }

    /// The type as one line.
    package var fieldValue: String {
        parameters.reduce(into: type + "/" + subtype) {
            $0 += "; " + $1.name + "=" + $1.value.httpParameterValue
        }
    }
}
