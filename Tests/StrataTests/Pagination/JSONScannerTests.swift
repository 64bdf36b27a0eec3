import Foundation
import StrataTesting
import Testing

@testable import Strata

@Suite struct JSONScannerTests {
    /// Reads a text in pieces of at most that many bytes.
    static func fault(in text: [UInt8], pieces: Int = .max) -> JSONFault? {
        var scanner = JSONScanner()
        scanner.watchedDepth = -1
        var start = 0
        while start < text.count {
            let end = pieces < text.count - start ? start + pieces : text.count
            let fault = text[start..<end].withUnsafeBytes { bytes -> JSONFault? in
                var next = 0
                switch scanner.scan(bytes, from: &next) {
                case .invalid(let fault): return fault
                case .pieceEnded:
                    #expect(next == bytes.count)
                    return nil
                case let event:
                    Issue.record("told about \(event)")
                    return nil
                }
            }
            if let fault { return fault }
            start = end
        }
        return scanner.faultAtEnd()
    }

    static let valid: [String] = [
        // RFC 8259 §2: white space and structure.
        "[]", "{}", " [ ] ", "\t{\n}\r ", "[[]]", "[ [ ] , { } ]", "[{}]", #"{"":0}"#,
        #"{"a":{"b":[{}]}}"#, #"{"a":1,"a":1}"#, #"{"a" : 1 , "b" : 2}"#, "[1,null,1]",
        // §3: values.
        "null", "true", "false", "0", #""""#, "[true,false,null]",
        // §6: numbers.
        "-0", "1", "-1", "10", "1.0", "0.1", "-0.0", "1e1", "1E1", "1e+1", "1e-1", "1.5E+10",
        "0e1", "0E+0", "123456789012345678901234567890", "1e99999", "-1e-99999",
        "0.000000000000000000000000000000000000000000000000000000000000000001", "[1,-2.5e3,0]",
        // §7: strings.
        #""\"\\\/\b\f\n\r\t""#, #""\u0000\u001F\uFFFF""#, #""\ud83d\ude00""#, #""\uD83D""#,
        #""\uDE00\uD83D""#, "\"\u{7F}\"", "\"é€😀\"", "\"\u{2028}\u{FFFE}\u{10FFFF}\"",
        #""plain text that is longer than eight bytes, with 'quotes' and {}[],:""#,
        // §8.1: a byte order mark may be ignored.
        "\u{FEFF}[]",
        String(repeating: "[", count: 512) + String(repeating: "]", count: 512),
        String(repeating: #"{"a":["#, count: 256) + String(repeating: "]}", count: 256),
    ]

    @Test(arguments: valid)
    func `what RFC 8259 allows is valid, however it is cut`(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(Self.fault(in: bytes) == nil)
        for size in 1...9 { #expect(Self.fault(in: bytes, pieces: size) == nil) }
    }

    static let invalid: [(String, JSONFault)] = [
        ("", .incomplete), (" ", .incomplete), ("[", .incomplete), ("{", .incomplete),
        ("[1", .incomplete), ("[1,", .incomplete), (#"{"a""#, .incomplete),
        (#"{"a":"#, .incomplete), (#"{"a":1"#, .incomplete), (#"""#, .incomplete),
        (#""\"#, .incomplete), (#""\u00"#, .incomplete), ("-", .incomplete), ("1.", .incomplete),
        ("1e", .incomplete), ("1e+", .incomplete), ("tru", .incomplete), ("[[]", .incomplete),
        ("]", .syntax), ("}", .syntax), ("[}", .syntax), ("{]", .syntax), ("[1}", .syntax),
        (#"{"a":1]"#, .syntax), ("[,]", .syntax), ("[1,]", .syntax), ("[,1]", .syntax),
        ("[1,,2]", .syntax), ("[1 2]", .syntax), ("[1:2]", .syntax), ("{,}", .syntax),
        (#"{"a"}"#, .syntax), (#"{"a":}"#, .syntax), (#"{"a":1,}"#, .syntax),
        (#"{"a",1}"#, .syntax), (#"{"a"::1}"#, .syntax), ("{1:1}", .syntax), ("{a:1}", .syntax),
        ("{'a':1}", .syntax), (#"{"a":1 "b":2}"#, .syntax), ("['a']", .syntax),
        ("True", .syntax), ("nul]", .syntax), ("truf", .syntax), ("[nulll]", .syntax),
        ("[truefalse]", .syntax), ("undefined", .syntax), ("NaN", .syntax),
        ("Infinity", .syntax), ("-Infinity", .syntax), ("+1", .syntax), ("01", .trailingBytes),
        ("[01]", .syntax), ("[-01]", .syntax), ("[.5]", .syntax), ("[1.]", .syntax),
        ("[-]", .syntax), ("[1.e1]", .syntax), ("[1e]", .syntax), ("[1e+]", .syntax),
        ("[1e1.5]", .syntax), ("[0x1]", .syntax), ("[1_000]", .syntax), ("[--1]", .syntax),
        ("[1-]", .syntax), ("[1e1e1]", .syntax), ("[1.2.3]", .syntax), ("[１]", .syntax),
        ("[\"a\u{0}\"]", .controlCharacter), ("[\"\n\"]", .controlCharacter),
        ("[\"\t\"]", .controlCharacter), ("[\"long enough for a word\u{1F}\"]", .controlCharacter),
        (#"["\a"]"#, .escape), (#"["\'"]"#, .escape), (#"["\x41"]"#, .escape),
        (#"["\u12G4"]"#, .escape), (#"["\u123"]"#, .escape), (#"["\u12"]"#, .escape),
        (#"["\u1"]"#, .escape), (#"["\u"]"#, .escape), (#"["\U0041"]"#, .escape),
        (#"["\ "]"#, .escape), ("[\u{A0}1]", .syntax), ("[\u{B}]", .syntax),
        ("[\u{C}]", .syntax), ("[1]\u{0}", .trailingBytes), ("\u{2060}[]", .syntax),
        ("[]x", .trailingBytes), ("[][]", .trailingBytes), ("{}}", .trailingBytes),
        ("[]]", .trailingBytes), ("1 2", .trailingBytes), ("[],", .trailingBytes),
        ("[1]//", .trailingBytes), ("/**/[]", .syntax), ("[1,/**/2]", .syntax), ("#[]", .syntax),
        ("[]\u{FEFF}", .trailingBytes), ("\u{FEFF}\u{FEFF}[]", .syntax), ("\u{FEFF}", .incomplete),
        (String(repeating: "[", count: 513), .tooDeep),
        (String(repeating: #"{"a":"#, count: 513), .tooDeep),
    ]

    @Test(arguments: invalid)
    func `what RFC 8259 forbids is invalid, however it is cut`(
        _ text: String, _ fault: JSONFault
    ) {
        let bytes = Array(text.utf8)
        #expect(Self.fault(in: bytes) == fault)
        for size in 1...9 { #expect(Self.fault(in: bytes, pieces: size) == fault) }
    }

    static let encodings: [([UInt8], Bool)] = [
        // RFC 3629 §4, the ends of each range and the bytes beside them.
        ([0xC2, 0x80], true), ([0xDF, 0xBF], true), ([0xC1, 0xBF], false), ([0xC0, 0x80], false),
        ([0xE0, 0xA0, 0x80], true), ([0xE0, 0x9F, 0xBF], false), ([0xED, 0x9F, 0xBF], true),
        ([0xED, 0xA0, 0x80], false), ([0xEE, 0x80, 0x80], true), ([0xEF, 0xBF, 0xBF], true),
        ([0xF0, 0x90, 0x80, 0x80], true), ([0xF0, 0x8F, 0xBF, 0xBF], false),
        ([0xF4, 0x8F, 0xBF, 0xBF], true), ([0xF4, 0x90, 0x80, 0x80], false),
        ([0xF5, 0x80, 0x80, 0x80], false), ([0xFF], false), ([0xFE], false), ([0x80], false),
        ([0xC3], false), ([0xE2, 0x82], false), ([0xF0, 0x9F, 0x98], false),
        ([0xC3, 0xC3], false), ([0xE2, 0x28, 0xA1], false),
    ]

    @Test(arguments: encodings)
    func `a string holds UTF-8 and nothing else`(_ bytes: [UInt8], _ isValid: Bool) {
        for padding in 0...9 {
            let text =
                [0x5B, 0x22] + [UInt8](repeating: 0x61, count: padding) + bytes + [0x22, 0x5D]
            for size in [1, 2, 3, .max] {
                #expect(Self.fault(in: text, pieces: size) == (isValid ? nil : .encoding))
            }
        }
    }

    @Test func `one byte changed in a valid text is judged as Foundation judges it`() {
        var random = SeededGenerator()
        for _ in 0..<5_000 {
            var text = RandomJSON.text(&random, depth: 3)
            let place = Int.random(in: 0..<text.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: text[place] = RandomJSON.alphabet.randomElement(using: &random) ?? 0
            case 1: text.remove(at: place)
            default: text.insert(RandomJSON.alphabet.randomElement(using: &random) ?? 0, at: place)
            }
            guard let verdict = RandomJSON.isValidForFoundation(text) else { continue }
            let fault = Self.fault(in: text)
            #expect((fault == nil) == verdict, "\(String(decoding: text, as: UTF8.self))")
            let size = Int.random(in: 1...7, using: &random)
            #expect(Self.fault(in: text, pieces: size) == fault)
        }
    }
}
