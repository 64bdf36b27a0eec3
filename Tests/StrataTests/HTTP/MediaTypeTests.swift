import Strata
import Testing

@Suite struct MediaTypeTests {
    @Test(arguments: [
        // RFC 9110 §8.3.1: these four are the same.
        ("text/html;charset=utf-8", "text/html; charset=utf-8"),
        ("Text/HTML;Charset=\"utf-8\"", "text/html; charset=utf-8"),
        ("text/html; charset=\"utf-8\"", "text/html; charset=utf-8"),
        ("text/html;charset=UTF-8", "text/html; charset=UTF-8"),
        ("text/html", "text/html"),
        (" text/html ", "text/html"),
        // RFC 9110 §5.6.6: white space and empty parameters.
        ("a/b ; ;; c=d ;", "a/b; c=d"),
        ("a/b;c=\"x;y, \\\"z\";d=e", "a/b; c=\"x;y, \\\"z\"; d=e"),
        // What can't be read is passed over.
        ("a/b;c;d=e", "a/b; d=e"),
        ("a/b;c =d;e=f", "a/b; e=f"),
        ("a/b;c= d;e=f", "a/b; e=f"),
        ("a/b;c=d x;e=f", "a/b; e=f"),
        ("a/b;c=\"d;e=f", "a/b; e=f"),
        ("a/b;;=;e=f", "a/b; e=f"),
        ("a/b;c=d, e/f;g=h", "a/b; c=d"),
    ])
    func `a media type is read as RFC 9110 §8.3.1 has it`(text: String, expected: String) {
        #expect(MediaType(text)?.fieldValue == expected)
    }

    @Test(arguments: [
        "", "text", "text/", "/html", "text /html", "text/ html", "a/b c", "a/b, c/d",
    ])
    func `what has no type and subtype is no media type`(text: String) {
        #expect(MediaType(text) == nil)
    }

    @Test func `the first parameter of a name counts`() {
        #expect(MediaType("a/b;Charset=x;charset=y")?["charset"] == "x")
        #expect(MediaType("a/b")?["charset"] == nil)
    }

    @Test(arguments: [
        ("application/json", true), ("text/json", true), ("application/problem+json", true),
        ("application/vnd.api+JSON;v=1", true), ("image/json", false), ("application/jsonl", false),
        ("application/json-seq", false), ("application/+xml", false),
    ])
    func `what is JSON is known by its subtype or its suffix`(text: String, isJSON: Bool) {
        #expect(MediaType(text)?.isJSON == isJSON)
    }
}
