import Foundation
import Strata
import StrataTesting
import Testing

@Suite struct HTTPDateTests {
    static let now = Timestamp(seconds: 1_750_000_000)  // 2025-06-15

    @Test(arguments: [
        // The three forms of RFC 9110 §5.6.7.
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Wed Nov 16 08:49:37 1994", 784_975_777),
        // RFC 9111 §4.2: whatever the case.
        ("sun, 06 NOV 1994 08:49:37 gmt", 784_111_777),
        ("SUNDAY, 06-nov-94 08:49:37 Gmt", 784_111_777),
        // The day's name may be wrong, and a leap second isn't later than meant.
        ("Mon, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799),
        // Edges of the calendar.
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ("Tue, 29 Feb 2000 00:00:00 GMT", 951_782_400),
        ("Fri, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
    ])
    func `the three forms of RFC 9110 §5.6.7 are read`(text: String, seconds: Int64) {
        #expect(Timestamp(httpDate: text, now: Self.now) == Timestamp(seconds: seconds))
    }

    @Test(arguments: [
        "", "0", "-1", "now", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37",
        // RFC 9111 §4.2: no other zone.
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 PST", "Sun Nov  6 08:49:37 1994 GMT",
        // Digits are neither more nor fewer.
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 006 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 01994 08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994", "Sun Nov 06 08:49:37 94",
        // Nor is the punctuation.
        "Sun 06 Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994  08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT", " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1994 08:49:37 GMT, x",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        // What doesn't exist.
        "Xyz, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 1900 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT", "Sun, 06 Nov 1994 08:00:61 GMT",
    ])
    func `what isn't one of the three forms is no date`(text: String) {
        #expect(Timestamp(httpDate: text, now: Self.now) == nil)
    }

    @Test(arguments: [
        // RFC 9110 §5.6.7: more than 50 years ahead is the last such year in the past.
        ("Saturday, 15-Jun-75 15:06:40 GMT", "Sat, 15 Jun 2075 15:06:40 GMT"),
        ("Saturday, 15-Jun-75 15:06:41 GMT", "Sun, 15 Jun 1975 15:06:41 GMT"),
        ("Saturday, 16-Jun-75 00:00:00 GMT", "Mon, 16 Jun 1975 00:00:00 GMT"),
        ("Saturday, 31-Dec-74 23:59:59 GMT", "Mon, 31 Dec 2074 23:59:59 GMT"),
        ("Thursday, 01-Jan-76 00:00:00 GMT", "Thu, 01 Jan 1976 00:00:00 GMT"),
        ("Friday, 01-Jan-99 00:00:00 GMT", "Fri, 01 Jan 1999 00:00:00 GMT"),
        ("Saturday, 01-Jan-00 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ("Sunday, 15-Jun-25 00:00:00 GMT", "Sun, 15 Jun 2025 00:00:00 GMT"),
    ])
    func `a year of two digits is the one that is meant`(text: String, expected: String) {
        #expect(Timestamp(httpDate: text, now: Self.now)?.httpDate == expected)
    }

    @Test func `a date beyond the ends of time is the end`() {
        #expect(
            Timestamp(httpDate: "Fri, 31 Dec 9999 23:59:59 GMT", now: Self.now)
                == Timestamp(nanoseconds: .max))
        #expect(
            Timestamp(httpDate: "Sat, 01 Jan 0000 00:00:00 GMT", now: Self.now)
                == Timestamp(nanoseconds: .min))
        #expect(Timestamp(nanoseconds: .max).httpDate == "Fri, 11 Apr 2262 23:47:16 GMT")
        #expect(Timestamp(nanoseconds: .min).httpDate == "Tue, 21 Sep 1677 00:12:43 GMT")
    }

    @Test func `dates are those of Foundation, printed and read back`() {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.calendar = Calendar(identifier: .gregorian)
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        var generator = SeededGenerator()
        for _ in 0..<2000 {
            let seconds = Int64.random(in: -9_000_000_000...9_000_000_000, using: &generator)
            let moment = Timestamp(seconds: seconds)
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(moment.httpDate == expected)
            #expect(Timestamp(httpDate: expected, now: Self.now) == moment)
        }
    }
}
