import Strata
import Testing

@Suite struct ForwardedTests {
    @Test(arguments: [
        // RFC 7239 §4, its examples first.
        (["for=\"_gazonk\""], "for=_gazonk"),
        (["For=\"[2001:db8:cafe::17]:4711\""], "for=\"[2001:db8:cafe::17]:4711\""),
        (
            ["for=192.0.2.60;proto=http;by=203.0.113.43"],
            "for=192.0.2.60;proto=http;by=203.0.113.43"
        ),
        (["for=192.0.2.43, for=198.51.100.17"], "for=192.0.2.43, for=198.51.100.17"),
        (["for=192.0.2.43", "for=198.51.100.17"], "for=192.0.2.43, for=198.51.100.17"),
        (["for=_hidden, for=_SEVKISEK"], "for=_hidden, for=_SEVKISEK"),
        ([";for=a;;proto=b;"], "for=a;proto=b"),
        (["for=a ; proto=b"], "for=a;proto=b"),
        (["for=a;secret=\"x, y\""], "for=a;secret=\"x, y\""),
        (["", ",,"], ""),
        // What isn't of the form stays in its place and says nothing.
        (["for=a, b, for=c"], "for=a, for=unknown, for=c"),
        (["for=a;for=b, for=c"], "for=unknown, for=c"),
        (["for=[::1], for=c"], "for=unknown, for=c"),
        (["for = a, for=c"], "for=unknown, for=c"),
        (["for=\"a, for=c"], "for=unknown, for=c"),
        // A quote that a client left open can't swallow a proxy's element whole.
        (["for=\"", "for=c"], "for=unknown, for=c"),
        (["for=\", for=\"[::1]\""], "for=unknown"),
    ])
    func `elements are read as RFC 7239 §4 has them`(lines: [String], expected: String) {
        #expect(Forwarded(lines: lines).fieldValue == expected)
    }

    @Test(arguments: [
        ("192.0.2.43", Forwarded.Node(.address("192.0.2.43"))),
        ("192.0.2.43:47011", .init(.address("192.0.2.43"), port: "47011")),
        ("[2001:db8:cafe::17]:4711", .init(.address("2001:db8:cafe::17"), port: "4711")),
        ("[::ffff:192.0.2.1]", .init(.address("::ffff:192.0.2.1"))),
        ("unknown", .init(.unknown)), ("unknown:_p", .init(.unknown, port: "_p")),
        ("_hidden.x-1", .init(.obfuscated("_hidden.x-1"))),
    ])
    func `nodes are read and printed as RFC 7239 §6 has them`(
        text: String, expected: Forwarded.Node
    ) {
        #expect(Forwarded.Node(text) == expected)
        #expect(expected.text == text)
    }

    @Test(arguments: [
        "", "example.com", "192.0.2", "192.0.2.256", "0300.0.2.1", "192.0.2.1:", "192.0.2.1:123456",
        "192.0.2.1:x", "192.0.2.1:-1", "2001:db8::1", "[2001:db8::1", "[2001:db8::1]x",
        "[::1%eth0]",
        "[192.0.2.1]", "[]", "_", "_a b", "_\u{e9}", ":80", "[1::2::3]", "1.2.3.4\u{0}",
    ])
    func `what isn't a node is none`(text: String) {
        #expect(Forwarded.Node(text) == nil)
    }

    @Test func `an element's parts are found whatever the case of their names`() {
        let element = Forwarded("FOR=\"[::1]:80\";Proto=HTTPS;HOST=\"a:81\";by=_x").elements.first
        #expect(element?.for == .init(.address("::1"), port: "80"))
        #expect(element?.by == .init(.obfuscated("_x")))
        #expect(element?.proto == "https")
        #expect(element?.host == "a:81")
    }
}
