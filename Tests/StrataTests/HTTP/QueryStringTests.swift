import Strata
import Testing

@Suite struct QueryStringTests {
    @Test(arguments: [
        ("a=1&b=2", "a|1,b|2"),
        ("a=1&a=2", "a|1,a|2"),
        ("a", "a|"),
        ("a=", "a|"),
        ("=b", "|b"),
        ("a=b=c", "a|b=c"),
        ("a%3Db=%26", "a=b|&"),
        ("a+b=c+d%2B", "a b|c d+"),
        ("%C3%A9=%c3%a9", "\u{e9}|\u{e9}"),
        // What isn't encoded properly stands for itself.
        ("a=%", "a|%"), ("a=%2", "a|%2"), ("a=%zz", "a|%zz"), ("a=%%41", "a|%A"),
        ("a=%FF", "a|\u{FFFD}"),
        ("", "|"),
        ("a&&b", "a|,|,b|"),
    ])
    func `pairs are decoded as forms encode them`(text: String, expected: String) {
        let query = QueryString(text)
        #expect(query.items.map { "\($0.name)|\($0.value)" }.joined(separator: ",") == expected)
        #expect(query.text == text)
    }

    @Test func `no query and an empty one are told apart`() {
        #expect(QueryString(nil).text == nil)
        #expect(QueryString("").text == "")
    }

    @Test func `values are found by their decoded name, byte for byte`() {
        let query = QueryString("a=1&%61=2&A=3&+=4&\u{e9}=5")
        #expect(query.first("a") == "1")
        #expect(query.all("a") == ["1", "2"])
        #expect(query.first("A") == "3")
        #expect(query.first(" ") == "4")
        #expect(query.first("e\u{301}") == nil)
        #expect(query.first("b") == nil)
        #expect(QueryString("&").first("") == nil)
    }

    @Test(arguments: [
        ("a=1&b=%7e&a=2&&c=+", "b=%7e&&c=+"),
        ("%61&b", "b"),
        ("a", nil),
        ("b=%zz", "b=%zz"),
        ("", ""),
    ])
    func `removing a name leaves the others byte for byte`(text: String, expected: String?) {
        var query = QueryString(text)
        query.remove("a")
        #expect(query.text == expected)
    }

    @Test(arguments: [
        ("b=%7e&a=1&c&a=2&d", "b=%7e&a=x%20%26&c&d"),
        ("b=%7e", "b=%7e&a=x%20%26"),
        ("a", "a=x%20%26"),
        (nil, "a=x%20%26"),
    ])
    func `replacing a name keeps its place and leaves the others`(
        text: String?, expected: String
    ) {
        var query = QueryString(text)
        query.replace("a", with: "x &")
        #expect(query.text == expected)
        #expect(query.first("a") == "x &")
    }

    @Test func `what is appended is encoded`() {
        var query = QueryString(nil)
        query.append("n\u{e9}", "a+b=c&d%")
        #expect(query.text == "n%C3%A9=a%2Bb%3Dc%26d%25")
        #expect(query.first("n\u{e9}") == "a+b=c&d%")
    }

    @Test(arguments: [
        ("b=1&a=2", "a=2&b=1"),
        ("b=2&a=9&b=1", "a=9&b=2&b=1"),
        ("b=1&%61=2&a=1", "%61=2&a=1&b=1"),
        ("&b&&a&", "a&b"),
        ("Z&a&_", "Z&_&a"),
    ])
    func `sorting goes by name and keeps the order of each name's values`(
        text: String, expected: String
    ) {
        #expect(QueryString(text).sorted.text == expected)
    }
}
