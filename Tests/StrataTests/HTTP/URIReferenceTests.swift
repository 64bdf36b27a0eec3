import Strata
import Testing

@Suite struct URIReferenceTests {
    @Test(arguments: [
        "http://www.ics.uci.edu/pub/ietf/uri/#Related", "//a/b", "/a?b#c", "?q", "#f", "", "a:b",
        "mailto:x@y", "http:", "http://", "1a:b", "a/b:c", "http://[::1]:80/?a?b#c#d", "//?#",
        "://a", "/ /\u{e9}?%zz",
    ])
    func `every text has components that make it up again`(text: String) {
        #expect(URIReference(text).text == text)
    }

    @Test func `components are found as RFC 3986 appendix B has them`() {
        #expect(
            URIReference("http://a@b:1/c/d?e?#f#")
                == URIReference(
                    scheme: "http", authority: "a@b:1", path: "/c/d", query: "e?", fragment: "f#"))
        #expect(URIReference("1a:b") == URIReference(path: "1a:b"))
    }

    @Test(arguments: [
        // RFC 3986 §5.4.1
        ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"), ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q#s"),
        ("g#s", "http://a/b/c/g#s"), ("g?y#s", "http://a/b/c/g?y#s"), (";x", "http://a/b/c/;x"),
        ("g;x", "http://a/b/c/g;x"), ("g;x?y#s", "http://a/b/c/g;x?y#s"),
        ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"),
        ("..", "http://a/b/"), ("../", "http://a/b/"), ("../g", "http://a/b/g"),
        ("../..", "http://a/"), ("../../", "http://a/"), ("../../g", "http://a/g"),
        // §5.4.2
        ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"), ("/./g", "http://a/g"),
        ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"),
        ("g..", "http://a/b/c/g.."), ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"),
        ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
        ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/./x", "http://a/b/c/g?y/./x"), ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("g#s/./x", "http://a/b/c/g#s/./x"), ("g#s/../x", "http://a/b/c/g#s/../x"),
        ("http:g", "http:g"),
    ])
    func `references are resolved as in RFC 3986 §5.4`(reference: String, expected: String) {
        let base = URIReference("http://a/b/c/d;p?q")
        #expect(URIReference(reference).resolved(against: base).text == expected)
    }

    @Test func `a base without a path has its root`() {
        let base = URIReference("http://a")
        #expect(URIReference("b").resolved(against: base).text == "http://a/b")
    }

    @Test(arguments: [
        // RFC 3986 §5.2.4, and a front that dots lead nowhere from.
        ("x:/a/b/c/./../../g", "x:/a/g"), ("x:mid/content=5/../6", "x:mid/6"), ("x:../a", "x:a"),
        ("x:./../a/..", "x:/"), ("x:a/../b", "x:/b"), ("x:..", "x:"), ("x:/..", "x:/"),
        ("x://h/..//a", "x://h//a"), ("x:/..//a", "x:/.//a"),
    ])
    func `dots are carried out as RFC 3986 §5.2.4 has them`(reference: String, expected: String) {
        #expect(
            URIReference(reference).resolved(against: URIReference("http://a/b")).text == expected)
    }

    @Test(arguments: [
        // RFC 3986 §6.2.2, §6.2.3; RFC 9110 §4.2.3
        ("eXAMPLE://a/./b/../b/%63/%7bfoo%7d", "example://a/b/c/%7Bfoo%7D"),
        ("HTTP://Example.COM:80", "http://example.com/"), ("https://a:443/", "https://a/"),
        ("http://a:/", "http://a/"), ("http://a:443/", "http://a:443/"),
        ("http://u%40:P@A:080/?%7e%2f#%7E", "http://u%40:P@a/?~%2F#~"),
        ("http://[2001:DB8::A]:80/", "http://[2001:db8::a]/"),
        ("http://ex%41mple/", "http://example/"),
        ("http://a/%2e%2e/b", "http://a/b"), ("http://a/%zz%", "http://a/%zz%"),
        ("http://a:x/", "http://a:x/"), ("../%7e", "../~"), ("/../a", "/a"),
    ])
    func `equivalent URIs have one spelling`(text: String, expected: String) {
        let normalized = URIReference(text).normalized
        #expect(normalized.text == expected)
        #expect(normalized.normalized == normalized)
    }

    @Test(arguments: [
        // RFC 9110 §4.3.1
        ("http://a/b", "http://a/c?d", true), ("http://A:80/", "HTTP://a", true),
        ("https://a:443/", "https://a/", true), ("http://u@a/", "http://a/", true),
        ("http://u@b@a/", "http://a/", true), ("http://a@b@c/", "http://b@c", true),
        ("http://a/", "https://a/", false), ("http://a/", "http://b/", false),
        ("http://a/", "http://a:8080/", false), ("http://a/", "/b", false),
        ("http://a:x/", "http://a:x/", false), ("http:///", "http:///", false),
        ("http://a:99999/", "http://a:99999/", false), ("http://[::1/", "http://[::1/", false),
        ("http://b@a/", "http://a@b/", false), ("http://a:+80/", "http://a/", false),
    ])
    func `origins are compared by scheme, host and port`(
        left: String, right: String, isSame: Bool
    ) {
        #expect(URIReference(left).hasSameOrigin(as: URIReference(right)) == isSame)
        #expect(URIReference(right).hasSameOrigin(as: URIReference(left)) == isSame)
    }
}
