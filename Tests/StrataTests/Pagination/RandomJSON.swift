import Foundation

/// Makes texts of JSON at random, and asks Foundation about them.
enum RandomJSON {
    /// The bytes that JSON is made of, and some that it isn't.
    static let alphabet = Array(#"[]{},:"\ 0123456789-+.eEtrufalsn/bx'"#.utf8) + [0x0A, 0x09, 0]

    /// A valid text, with white space strewn in.
    static func text(_ random: inout some RandomNumberGenerator, depth: Int) -> [UInt8] {
        var text: [UInt8] = []
        value(&random, depth: depth, &text)
        return text
    }

    /// The text of a list of that many items.
    static func list(_ random: inout some RandomNumberGenerator, count: Int) -> [UInt8] {
        var text = Array("[".utf8)
        for index in 0..<count {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            space(&random, &text)
            value(&random, depth: 3, &text)
            space(&random, &text)
        }
        return text + Array("]".utf8)
    }

    /// Whether Foundation takes the text; nil where it is known to differ from RFC 8259: it
    /// guesses at other encodings, refuses lone surrogates and numbers that no `Double` holds, and
    /// takes a comma before a bracket.
    static func isValidForFoundation(_ text: [UInt8]) -> Bool? {
        guard !text.contains(0) else { return nil }
        let isValid =
            (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
        let known = isValid ? #/,\s*[\]}]/# : #/\\u[dD][89a-fA-F]|[eE][+\-]?\d{3,}/#
        guard let string = String(validating: text, as: UTF8.self),
            string.firstMatch(of: known) == nil
        else { return nil }
        return isValid
    }

    private static func value(
        _ random: inout some RandomNumberGenerator, depth: Int, _ text: inout [UInt8]
    ) {
        space(&random, &text)
        switch Int.random(in: depth > 0 ? 0...7 : 3...7, using: &random) {
        case 0, 1:
            text.append(UInt8(ascii: "{"))
            for index in 0..<Int.random(in: 0...4, using: &random) {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                space(&random, &text)
                string(&random, &text)
                space(&random, &text)
                text.append(UInt8(ascii: ":"))
                value(&random, depth: depth - 1, &text)
            }
            space(&random, &text)
            text.append(UInt8(ascii: "}"))
        case 2:
            text.append(UInt8(ascii: "["))
            for index in 0..<Int.random(in: 0...4, using: &random) {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                value(&random, depth: depth - 1, &text)
            }
            space(&random, &text)
            text.append(UInt8(ascii: "]"))
        case 3, 4: string(&random, &text)
        case 5, 6:
            let numbers = [
                "0", "-0", "7", "-13", "3.25", "1e3", "-2.5E-2", "4e+1", "0.0", "120",
                "9007199254740993", "1.0",
            ]
            text += Array((numbers.randomElement(using: &random) ?? "0").utf8)
        default:
            text += Array((["true", "false", "null"].randomElement(using: &random) ?? "null").utf8)
        }
        space(&random, &text)
    }

    private static func string(
        _ random: inout some RandomNumberGenerator, _ text: inout [UInt8]
    ) {
        let parts = [
            "a", "name", "é", "€", "😀", #"\n"#, #"\""#, #"\\"#, #"\/"#, #"\u0041"#,
            #"\ud83d\ude00"#, "[", "]", "{", "}", ",", ":", " ", "a longer run of plain letters",
        ]
        text.append(UInt8(ascii: "\""))
        for _ in 0..<Int.random(in: 0...5, using: &random) {
            text += Array((parts.randomElement(using: &random) ?? "").utf8)
        }
        text.append(UInt8(ascii: "\""))
    }

    private static func space(
        _ random: inout some RandomNumberGenerator, _ text: inout [UInt8]
    ) {
        guard Int.random(in: 0..<4, using: &random) == 0 else { return }
        text += Array(([" ", "\n", "\t", "\r\n  "].randomElement(using: &random) ?? " ").utf8)
    }
}
