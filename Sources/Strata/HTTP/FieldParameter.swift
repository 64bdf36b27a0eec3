/// A name and a value that stand behind something in a field (RFC 9110 §5.6.6).
package struct FieldParameter: Sendable, Hashable {
    /// The name, in lower case.
    package let name: String
    /// The value, without its quotes.
    package let value: String

    /// Makes a parameter.
    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

extension FieldScanner {
    /// Takes all of `*( OWS ";" OWS [ parameter ] )` (RFC 9110 §5.6.6), to the end of the text or
    /// of the list's member. What is no parameter is passed over.
    package mutating func parameters() -> [FieldParameter] {
        var parameters: [FieldParameter] = []
        while !isAtMemberEnd() {
            guard skip(UInt8(ascii: ";")) else {
                skipUnquoted { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") }
                continue
            }
            skipWhitespace()
            guard let name = token(), skip(UInt8(ascii: "=")), let value = tokenOrQuotedString()
            else { continue }
            if isAtMemberEnd() || next == UInt8(ascii: ";") {
                parameters.append(FieldParameter(name: name.asciiLowercased, value: String(value)))
            }
        }
        return parameters
    }
}

extension StringProtocol where SubSequence == Substring {
    /// The text as a quoted string (RFC 9110 §5.6.4); control characters, which it can't hold,
    /// become spaces.
    package var httpQuoted: String {
        var quoted: [UInt8] = [UInt8(ascii: "\"")]
        for byte in utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                quoted.append(UInt8(ascii: "\\"))
            }
            quoted.append(byte.isQuotable ? byte : UInt8(ascii: " "))
        }
        quoted.append(UInt8(ascii: "\""))
        return String(decoding: quoted, as: UTF8.self)
    }

    /// The text as a parameter's value: as it is where it is a token, else quoted
    /// (RFC 9110 §5.6.6).
    package var httpParameterValue: String { isToken ? String(self) : httpQuoted }
}
