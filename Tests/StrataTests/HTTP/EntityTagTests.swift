import Strata
import Testing

@Suite struct EntityTagTests {
    @Test(arguments: [
        // RFC 9110 §8.8.3, its examples first.
        ("\"xyzzy\"", "xyzzy", false),
        ("W/\"xyzzy\"", "xyzzy", true),
        ("\"\"", "", false),
        ("W/\"\"", "", true),
        ("\"a,b;c\"", "a,b;c", false),
        ("\"back\\slash\"", "back\\slash", false),
        ("\"\u{e9}\"", "\u{e9}", false),
    ])
    func `an entity tag is read and printed`(text: String, opaqueTag: String, isWeak: Bool) {
        let tag = EntityTag(text)
        #expect(tag?.opaqueTag == opaqueTag)
        #expect(tag?.isWeak == isWeak)
        #expect(tag?.fieldValue == text)
    }

    @Test(arguments: [
        "", "xyzzy", "\"xyzzy", "xyzzy\"", "w/\"xyzzy\"", "W\"xyzzy\"", "W/ \"xyzzy\"", "W/",
        "\"a b\"", "\"a\tb\"", "\"a\" ", " \"a\"", "\"a\"\"b\"", "\"a\u{7f}\"", "*", "\"a\\\"b\"",
    ])
    func `what RFC 9110 §8.8.3 doesn't describe is no entity tag`(text: String) {
        #expect(EntityTag(text) == nil)
    }

    @Test(arguments: [
        // The table of RFC 9110 §8.8.3.2.
        ("W/\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
        // Two spellings of one letter are different bytes.
        ("\"\u{e9}\"", "\"e\u{301}\"", false, false),
    ])
    func `tags are compared as in the table of RFC 9110 §8.8.3.2`(
        left: String, right: String, strongly: Bool, weakly: Bool
    ) throws {
        let (left, right) = (try #require(EntityTag(left)), try #require(EntityTag(right)))
        #expect(left.stronglyMatches(right) == strongly)
        #expect(right.stronglyMatches(left) == strongly)
        #expect(left.weaklyMatches(right) == weakly)
        #expect(right.weaklyMatches(left) == weakly)
        #expect((left == right) == (strongly || left.isWeak && right.isWeak && weakly))
    }

    @Test func `a tag is not made of what it can't hold`() {
        #expect(EntityTag(opaqueTag: "a\"b") == nil)
        #expect(EntityTag(opaqueTag: "a b") == nil)
        #expect(EntityTag(opaqueTag: "!~") != nil)
        #expect(EntityTag(opaqueTag: "ab-gzip", isWeak: true)?.fieldValue == "W/\"ab-gzip\"")
    }
}

@Suite struct EntityTagListTests {
    @Test(arguments: [
        // RFC 9110 §13.1.2, its examples first.
        (["\"xyzzy\""], ["\"xyzzy\""], false),
        (["W/\"xyzzy\""], ["W/\"xyzzy\""], false),
        (
            ["\"xyzzy\", \"r2d2xxxx\", \"c3piozzzz\""],
            ["\"xyzzy\"", "\"r2d2xxxx\"", "\"c3piozzzz\""], false
        ),
        (["*"], [], true),
        ([" * "], [], true),
        ([", * ,"], [], true),
        (["\"a,b\",W/\"c\""], ["\"a,b\"", "W/\"c\""], false),
        // RFC 9110 §5.3: several lines are one list.
        (["\"a\"", "", "\"b\""], ["\"a\"", "\"b\""], false),
        // A member that is no tag matches nothing and spoils no other.
        (["a, \"b\" c, \"d\", W/e, \"f\""], ["\"d\"", "\"f\""], false),
        (["*, \"a\""], ["\"a\""], false),
        (["*, *"], [], false),
        (["*", "\"a\""], ["\"a\""], false),
        ([], [], false),
    ])
    func `a list of tags is read as RFC 9110 §13.1 has it`(
        lines: [String], tags: [String], isWildcard: Bool
    ) throws {
        let list = EntityTagList(lines: lines)
        #expect(list.tags.map(\.fieldValue) == tags)
        #expect(list.isWildcard == isWildcard)
        let headers = try Headers(lines.map { (.ifNoneMatch, $0) })
        for tag in ["\"a\"", "W/\"b\"", "W/\"d\"", "\"xyzzy\"", "\"none\"", "none"] {
            let tag = EntityTag(tag)
            #expect(
                EntityTagList.weaklyMatches(tag, in: headers, .ifNoneMatch)
                    == list.weaklyMatches(tag))
        }
    }

    @Test func `If-Match compares strongly and If-None-Match weakly`() {
        let list = EntityTagList("W/\"a\", \"b\"")
        #expect(!list.stronglyMatches(EntityTag("\"a\"")))
        #expect(list.stronglyMatches(EntityTag("\"b\"")))
        #expect(list.weaklyMatches(EntityTag("\"a\"")))
        #expect(list.weaklyMatches(EntityTag("W/\"b\"")))
        #expect(!list.weaklyMatches(EntityTag("\"c\"")))
        #expect(!list.weaklyMatches(nil))
        #expect(!list.stronglyMatches(nil))
        #expect(EntityTagList("*").weaklyMatches(nil))
        #expect(EntityTagList("*").stronglyMatches(EntityTag("W/\"a\"")))
    }
}
