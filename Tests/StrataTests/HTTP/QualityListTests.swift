import Strata
import Testing

@Suite struct QualityListTests {
    typealias Row = (lines: [String], members: [String: Int])

    @Test(arguments: [
        // RFC 9110 §12.4.2: absent is 1, three digits at most.
        (["gzip"], "gzip 1000"),
        (["gzip;q=1"], "gzip 1000"),
        (["gzip;q=1.000"], "gzip 1000"),
        (["gzip;q=1."], "gzip 1000"),
        (["gzip;q=0"], "gzip 0"),
        (["gzip;q=0."], "gzip 0"),
        (["gzip;q=0.5"], "gzip 500"),
        (["gzip;q=0.05"], "gzip 50"),
        (["gzip;q=0.001"], "gzip 1"),
        (["gzip ; q=0.2 , *;Q=0.1"], "gzip 200,* 100"),
        // RFC 9110 §5.6.1.2: empty members count for nothing.
        ([",, gzip , ,br,"], "gzip 1000,br 1000"),
        // RFC 9110 §5.3: several lines are one list.
        (["gzip;q=0.3", "br, identity;q=0"], "gzip 300,br 1000,identity 0"),
        (["en-GB-oed;q=0.7, *;q=0"], "en-GB-oed 700,* 0"),
        ([""], ""),
        // What isn't of the form is left out, and nothing else.
        (["gzip;q=1.001, br"], "br 1000"),
        (["gzip;q=2, br"], "br 1000"),
        (["gzip;q=0.1234, br"], "br 1000"),
        (["gzip;q=-1, br"], "br 1000"),
        (["gzip;q=, br"], "br 1000"),
        (["gzip;q, br"], "br 1000"),
        (["gzip;, br"], "br 1000"),
        (["gzip;q =1, br"], "br 1000"),
        (["gzip;q= 1, br"], "br 1000"),
        (["gzip;level=9, br"], "br 1000"),
        (["gzip;q=0.5;level=9, br"], "br 1000"),
        (["gzip br, deflate"], "deflate 1000"),
        (["(gzip), \"br,x\", deflate"], "deflate 1000"),
        (["\"gzip, br"], "br 1000"),
    ])
    func `members and their weights are read as RFC 9110 §12.4.2 has them`(
        lines: [String], expected: String
    ) {
        let list = QualityList(lines: lines)
        #expect(
            list.members.map { "\($0.token) \($0.quality)" }.joined(separator: ",") == expected)
        #expect(list.isPresent)
    }

    @Test func `an empty field is present, a missing one is not`() {
        #expect(QualityList([.acceptEncoding: ""], .acceptEncoding).isPresent)
        #expect(!QualityList([.accept: ""], .acceptEncoding).isPresent)
    }

    @Test func `tokens are found whatever their case, and the first of several counts`() {
        let list = QualityList("GZIP;q=0.4, gzip;q=0.8, *;q=0.1")
        #expect(list.quality(of: "gzip") == 400)
        #expect(list.quality(of: "br") == nil)
        #expect(list.wildcardQuality == 100)
    }

    @Test func `preference goes by weight, then by order, without what isn't acceptable`() {
        let list = QualityList("de;q=0.5, en, fr;q=0, it;q=0.5, es")
        #expect(list.byPreference.map(\.token) == ["en", "es", "de", "it"])
    }

    @Test func `weights are printed short`() {
        let list = QualityList("a;q=1.0,b;q=0.500,c;q=0.050,d;q=0.001,e;q=0.000")
        #expect(list.fieldValue == "a, b;q=0.5, c;q=0.05, d;q=0.001, e;q=0")
    }
}
