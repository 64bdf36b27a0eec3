import Strata
import Testing

@Suite struct RetryAfterTests {
    static let now = Timestamp(seconds: 784_111_700)

    @Test(arguments: [
        ("120", 120), ("0", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 77),
        ("Sun, 06 Nov 1994 08:40:00 GMT", 0), ("-1", nil), ("soon", nil), ("", nil),
    ])
    func `both forms of RFC 9110 §10.2.3 are read`(text: String, seconds: Int?) {
        let value = RetryAfter(text, now: Self.now)
        #expect(value?.delay(from: Self.now) == seconds.map { .seconds($0) })
        if let value { #expect(value.fieldValue == text) }
    }
}
