import Strata
import Testing

@Suite struct ByteRangeTests {
    @Test(arguments: [
        // RFC 9110 §14.1.2, its examples first.
        ("bytes=0-499", "bytes=0-499"), ("bytes=500-999", "bytes=500-999"),
        ("bytes=-500", "bytes=-500"), ("bytes=9500-", "bytes=9500-"),
        ("bytes= 0-999, 4500-5499, -1000", "bytes=0-999, 4500-5499, -1000"),
        ("bytes=500-600,601-999", "bytes=500-600, 601-999"),
        ("BYTES=0-0,,", "bytes=0-0"),
        ("bytes=00-01", "bytes=0-1"),
        ("bytes=0-99999999999999999999999", "bytes=0-9223372036854775807"),
        ("bytes=-0", "bytes=-0"),
        // What is to be ignored (§14.2).
        ("bytes=", nil), ("bytes", nil), ("", nil), ("items=0-1", nil), ("bytes=1-0", nil),
        ("bytes=0-1, 5-3", nil), ("bytes=a-b", nil), ("bytes=0", nil), ("bytes=-", nil),
        ("bytes=0 - 1", nil), ("bytes=--1", nil), ("bytes=0-1-2", nil), ("bytes=0-1;x", nil),
        ("bytes =0-1", nil), ("bytes=+0-1", nil), ("bytes=0-1,x", nil),
    ])
    func `ranges are read as RFC 9110 §14.1.2 has them`(text: String, expected: String?) {
        #expect(ByteRangeSet(text)?.fieldValue == expected)
    }

    @Test func `more ranges than the limit are ignored`() {
        let ranges = "bytes=" + (0..<64).map { "\($0)-\($0)" }.joined(separator: ",")
        #expect(ByteRangeSet(ranges)?.specs.count == 64)
        #expect(ByteRangeSet(ranges + ",64-64") == nil)
        #expect(ByteRangeSet(ranges, limit: 63) == nil)
    }

    typealias Resolution = ByteRangeSet.Resolution

    @Test(arguments: [
        ("bytes=0-499", 10_000, Resolution.ranges([0..<500])),
        ("bytes=-500", 10_000, .ranges([9500..<10_000])),
        ("bytes=9500-", 10_000, .ranges([9500..<10_000])),
        ("bytes=0-0,-1", 10_000, .ranges([0..<1, 9999..<10_000])),
        // §14.1.2: a last position or a suffix beyond the content means its end or its all.
        ("bytes=0-99", 10, .ranges([0..<10])),
        ("bytes=0-9223372036854775807", 10, .ranges([0..<10])),
        ("bytes=-99", 10, .ranges([0..<10])),
        ("bytes=9-9", 10, .ranges([9..<10])),
        // §14.1.2, §15.5.17: nothing of it is there.
        ("bytes=10-", 10, .unsatisfiable), ("bytes=10-20", 10, .unsatisfiable),
        ("bytes=-0", 10, .unsatisfiable), ("bytes=0-", 0, .unsatisfiable),
        ("bytes=-5", 0, .whole), ("bytes=0-,-5", 0, .whole), ("bytes=-0", 0, .unsatisfiable),
        // §14.2: what can't be satisfied is left out where anything can.
        ("bytes=20-30, 0-1", 10, .ranges([0..<2])),
        // §15.3.7.2: what overlaps or nearly does becomes one, in the place of the first.
        ("bytes=0-9,5-19", 1000, .ranges([0..<20])),
        ("bytes=500-600,601-999", 1000, .ranges([500..<1000])),
        ("bytes=0-9,90-99", 1000, .ranges([0..<100])),
        ("bytes=90-99,0-9", 1000, .ranges([0..<100])),
        ("bytes=0-9,91-99", 1000, .ranges([0..<10, 91..<100])),
        ("bytes=900-999,0-9,895-899", 1000, .ranges([895..<1000, 0..<10])),
        ("bytes=0-9,300-309,600-609,0-700", 1000, .ranges([0..<701])),
        ("bytes=500-509,0-9,200-209,5-205", 1000, .ranges([500..<510, 0..<210])),
    ])
    func `ranges are found in content of a length`(
        text: String, length: Int, expected: Resolution
    ) {
        #expect(ByteRangeSet(text)?.resolve(length: length) == expected)
    }
}

@Suite struct ContentRangeTests {
    @Test(arguments: [
        // RFC 9110 §14.4, its examples first.
        ("bytes 42-1233/1234", ContentRange.range(42..<1234, completeLength: 1234)),
        ("bytes 42-1233/*", .range(42..<1234, completeLength: nil)),
        ("bytes */1234", .unsatisfied(completeLength: 1234)),
        ("bytes 0-0/1", .range(0..<1, completeLength: 1)),
    ])
    func `a content range is read and printed`(text: String, expected: ContentRange) {
        #expect(ContentRange(text) == expected)
        #expect(expected.fieldValue == text)
    }

    @Test(arguments: [
        "", "bytes", "bytes ", "bytes 0-1", "bytes 0-1/", "bytes 1-0/2", "bytes 0-2/2", "bytes */*",
        "bytes 0-/2", "bytes -1/2", "items 0-1/2", "bytes=0-1/2", "bytes 0-1/2 ", "bytes 0-1/2,",
        "bytes 0-1/2*", "bytes  0-1/2", "bytes 0-1/x*", "bytes 0-9223372036854775807/*",
    ])
    func `what contradicts itself or isn't of the form is no content range`(text: String) {
        #expect(ContentRange(text) == nil)
    }
}
