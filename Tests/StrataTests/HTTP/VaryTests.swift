import Strata
import Testing

@Suite struct VaryTests {
    @Test(arguments: [
        // RFC 9110 §12.5.5
        (["accept-encoding, accept-language"], "accept-encoding, accept-language"),
        (["Accept", "Cookie"], "Accept, Cookie"),
        (["Accept,accept , ACCEPT"], "Accept"),
        ([",, Accept,"], "Accept"),
        (["A"], "A"),
        (["*A"], "*A"),
        (["*"], "*"),
        (["Accept, *"], "*"),
        (["Accept", "*", "Cookie"], "*"),
        ([""], ""),
        // What may have been meant for anything is taken for everything.
        (["Accept; Cookie"], "*"),
        (["Accept Cookie"], "*"),
        (["\"Accept\""], "*"),
        (["(Accept), Cookie"], "*"),
    ])
    func `the names of RFC 9110 §12.5.5 are read`(lines: [String], expected: String) throws {
        let vary = VaryField(lines: lines)
        #expect(vary.fieldValue == expected)
        #expect(vary.isEmpty == expected.isEmpty)
        let headers = try Headers(lines.map { (.vary, $0) })
        #expect(VaryField.isWildcard(headers) == (expected == "*"))
    }

    @Test func `a name is contained whatever its case, any name in a wildcard`() {
        #expect(VaryField("accept-ENCODING").contains(.acceptEncoding))
        #expect(!VaryField("accept-ENCODING").contains(.cookie))
        #expect(VaryField("*").contains(.cookie))
    }

    @Test func `a name is put in once`() {
        var vary = VaryField("Cookie")
        vary.insert(.acceptEncoding)
        vary.insert("cookie")
        #expect(vary.fieldValue == "Cookie, Accept-Encoding")
    }
}
