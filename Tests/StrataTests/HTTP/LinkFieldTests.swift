import Strata
import Testing

@Suite struct LinkFieldTests {
    @Test(arguments: [
        // RFC 8288 §3.5, its examples first.
        (
            "<http://example.com/TheBook/chapter2>; rel=\"previous\"; title=\"previous chapter\"",
            "<http://example.com/TheBook/chapter2>; rel=\"previous\"; title=\"previous chapter\""
        ),
        ("</>; rel=\"http://example.net/foo\"", "</>; rel=\"http://example.net/foo\""),
        (
            "</terms>; rel=\"copyright\"; anchor=\"#foo\"",
            "</terms>; rel=\"copyright\"; anchor=\"#foo\""
        ),
        (
            "</TheBook/chapter2>; rel=\"previous\"; title*=UTF-8'de'letztes%20Kapitel, "
                + "</TheBook/chapter4>; rel=\"next\"; title*=UTF-8'de'n%c3%a4chstes%20Kapitel",
            "</TheBook/chapter2>; rel=\"previous\"; title*=UTF-8''letztes%20Kapitel, "
                + "</TheBook/chapter4>; rel=\"next\"; title*=UTF-8''n%C3%A4chstes%20Kapitel"
        ),
        (
            "<http://example.org/>; rel=\"start http://example.net/relation/other\"",
            "<http://example.org/>; rel=\"start http://example.net/relation/other\""
        ),
        // A comma in a target or a quoted string is no end (§3.5).
        ("<a,b;c>;rel=next,<d>", "<a,b;c>; rel=\"next\", <d>"),
        ("<a>; title=\"b, <c>; rel=x\"", "<a>; title=\"b, <c>; rel=x\""),
        // Appendix B.3: white space, no value, values that are no tokens.
        ("<a> ; REL = \"Next\" ;; x", "<a>; rel=\"Next\"; x=\"\""),
        ("<a>;rel=http://b/c;y=1 ", "<a>; rel=\"http://b/c\"; y=\"1\""),
        ("<>;rel=self", "<>; rel=\"self\""),
        (" , <a> , ,<b>", "<a>, <b>"),
        // What can't be read is left out.
        ("a;rel=x, <b>", "<b>"), ("<a>x;rel=next", "<a>; rel=\"next\""), ("<a", ""),
        ("<a>; title*=UTF-8''%ff; rel=x", "<a>; rel=\"x\""),
        ("<a>; title*=x; rel=x", "<a>; rel=\"x\""),
        ("<a>; title*=ISO-8859-1''a; rel=x", "<a>; rel=\"x\""),
        // What a field can't hold is encoded.
        ("<a b>; title=\"\u{e9}\"", "<a%20b>; title*=UTF-8''%C3%A9"),
    ])
    func `links are read and printed as RFC 8288 §3 has them`(text: String, expected: String) {
        #expect(LinkField(text).fieldValue == expected)
    }

    @Test func `several lines are one field`() {
        #expect(LinkField(lines: ["<a>", "<b>, <c>"]).links.map(\.target) == ["a", "b", "c"])
    }

    @Test func `relations are those of the first rel, in lower case`() {
        let field = LinkField("<a>; rel=\"Prev  FIRST\"; rel=next, <b>; rel=next, <c>")
        #expect(field.links.map(\.relations) == [["prev", "first"], ["next"], []])
        #expect(field.first(relation: "next")?.target == "b")
        #expect(field.first(relation: "last") == nil)
    }

    @Test func `a value of any characters goes before its stand-in`() {
        let field = LinkField("<a>; title=\"Kapitel\"; title*=utf-8'de'%c3%9c; title=x")
        #expect(field.links.first?["title"] == "\u{dc}")
        #expect(field.links.first?["type"] == nil)
    }

    @Test func `a link of one relation is printed`() {
        let field = LinkField([
            .init("/products?limit=20&cursor=a,b", relation: "next"),
            .init("/products\">\r\n", relation: "first"),
        ])
        #expect(
            field.fieldValue
                == "</products?limit=20&cursor=a,b>; rel=\"next\", "
                + "</products%22%3E%0D%0A>; rel=\"first\"")
    }
}
