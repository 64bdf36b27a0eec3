import Strata
import Testing

@Suite struct FieldScannerTests {
    @Test(arguments: [
        ("\"\"", "", ""), ("\"a\"b", "a", "b"), ("\"a\\\"b\"", "a\"b", ""),
        ("\"a\\\\\"", "a\\", ""), ("\"a\\b\\\u{e9}c\"", "ab\u{e9}c", ""), ("\"\t \"x", "\t ", "x"),
        ("\"a,b\",", "a,b", ","),
    ])
    func `a quoted string is read as RFC 9110 §5.6.4 has it`(
        text: String, content: String, rest: String
    ) {
        var scanner = FieldScanner(text)
        #expect(scanner.quotedString().map(String.init) == content)
        #expect(scanner.rest == rest)
    }

    @Test(arguments: ["", "a", "\"", "\"a", "\"a\\\"", "\"a\u{1}\"", "\"a\\\u{7f}\"", "\"\\"])
    func `where no quoted string stands, nothing is taken`(text: String) {
        var scanner = FieldScanner(text)
        #expect(scanner.quotedString() == nil)
        #expect(scanner.rest == text)
    }

    @Test func `a quote behind a failed one is read on its own`() {
        var scanner = FieldScanner("\"a\u{1}\"b\"")
        #expect(scanner.quotedString() == nil)
        scanner.skipMember()
        #expect(scanner.isAtEnd)
        scanner = FieldScanner("\"\u{1}\"b, c\"d, e")
        scanner.skipMember()
        #expect(scanner.rest == ", e")
    }

    @Test(arguments: [
        ("abc=", "abc=", ""), ("A-z0._~+/== x", "A-z0._~+/==", " x"), ("=", nil, "="),
        (" a", nil, " a"),
    ])
    func `a token68 is read as RFC 9110 §11.2 has it`(
        text: String, expected: String?, rest: String
    ) {
        var scanner = FieldScanner(text)
        #expect(scanner.token68().map(String.init) == expected)
        #expect(scanner.rest == rest)
    }

    @Test func `digits are taken all or not at all`() {
        var scanner = FieldScanner("0123x")
        #expect(scanner.digits(5) == nil)
        #expect(scanner.digits(4) == 123)
        #expect(scanner.rest == "x")
    }

    @Test(arguments: [
        ("0", 0), ("60", 60), ("0060", 60), ("2147483648", 2_147_483_648),
        ("9999999999999999999999999999", 2_147_483_648), ("", nil), ("-1", nil), ("+1", nil),
        ("1.5", nil), (" 1", nil), ("1 ", nil), ("\u{0661}", nil),
    ])
    func `delta-seconds are read as RFC 9111 §1.2.2 has them`(text: String, expected: Int?) {
        #expect(text.deltaSeconds == expected)
    }
}
