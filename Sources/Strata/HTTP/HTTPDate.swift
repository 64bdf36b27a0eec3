// Dates in fields (RFC 9110 §5.6.7): the three forms, in GMT, and no other.

extension Timestamp {
    /// Reads a date in any of the three forms; nil for everything else.
    ///
    /// - Letters of either case are equal, as RFC 9111 §4.2 asks of caches.
    /// - The name of the day must be one, but need not be the right one.
    /// - A leap second is the second before it, never later than what was meant.
    /// - A date beyond the ends of ``Timestamp`` is that end.
    ///
    /// - Parameter now: the time at which the date is read: a year of two digits that would lie
    ///   more than 50 years ahead of it is the last such year in the past.
    package init?(httpDate text: String, now: Timestamp) {
        var date = DateFields(fixdate: text.utf8.span)
        if date == nil {
            var scanner = FieldScanner(text)
            date = scanner.httpDate(now: now)
            guard scanner.isAtEnd else { return nil }
        }
        guard let date,
            let days = CivilDate.days(year: date.year, month: date.month, day: date.day)
        else { return nil }
        let time = date.time
        self.init(
            seconds: Int64(days) * 86_400
                + Int64(time.hour * 3600 + time.minute * 60 + min(time.second, 59)))
    }

    /// The moment as an `IMF-fixdate`, the form that is sent: `Sun, 06 Nov 1994 08:49:37 GMT`.
    /// Fractions of a second are cut off.
    package var httpDate: String {
        let (days, second) = seconds.quotientAndRemainder(flooringBy: 86_400)
        let date = CivilDate(days: Int(days))
        let time = Int(second)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(29)
        func add(_ text: String) { bytes.append(contentsOf: text.utf8) }
        func add(_ number: Int, digits: Int) {
            var divisor = digits == 4 ? 1000 : 10
            while divisor > 0 {
                bytes.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: number / divisor % 10))
                divisor /= 10
            }
        }
        add(CivilDate.shortDayNames[date.weekday])
        add(", ")
        add(date.day, digits: 2)
        add(" ")
        add(CivilDate.monthNames[date.month - 1])
        add(" ")
        add(date.year, digits: 4)
        add(" ")
        add(time / 3600, digits: 2)
        add(":")
        add(time / 60 % 60, digits: 2)
        add(":")
        add(time % 60, digits: 2)
        add(" GMT")
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A date of the Gregorian calendar, reckoned as in Howard Hinnant's "chrono-Compatible Low-Level
/// Date Algorithms": years begin in March, so that the leap day is a year's last.
private struct CivilDate {
    let year: Int
    /// 1 to 12.
    let month: Int
    /// 1 to 31.
    let day: Int
    /// Days since Sunday.
    let weekday: Int

    static let shortDayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let longDayNames = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The date so many days after 1970-01-01.
    init(days: Int) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(flooringBy: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        weekday = (days + 4).quotientAndRemainder(flooringBy: 7).remainder
    }

    /// The days from 1970-01-01 to the date; nil where there is no such date.
    static func days(year: Int, month: Int, day: Int) -> Int? {
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...12).contains(month), day >= 1, day <= lengths[month - 1] else { return nil }
        let yearFromMarch = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = yearFromMarch.quotientAndRemainder(flooringBy: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }
}

private struct DateFields {
    var year = 0
    var month = 0
    var day = 0
    var time = (hour: 0, minute: 0, second: 0)
}

extension DateFields {
    /// Reads an `IMF-fixdate` by the places of its parts; nil for everything else. It is the form of
    /// nearly every date, and is read by each decision about a response.
    init?(fixdate bytes: Span<UInt8>) {
        // Sun, 06 Nov 1994 08:49:37 GMT
        guard bytes.count == 29, bytes[3] == UInt8(ascii: ","), bytes[19] == UInt8(ascii: ":"),
            bytes[22] == UInt8(ascii: ":")
        else { return nil }
        guard bytes[4] == UInt8(ascii: " "), bytes[7] == UInt8(ascii: " "),
            bytes[11] == UInt8(ascii: " "), bytes[16] == UInt8(ascii: " "),
            bytes[25] == UInt8(ascii: " ")
        else { return nil }
        guard Self.dayNames.contains(Self.letters(bytes, 0)),
            let month = Self.monthNames.firstIndex(of: Self.letters(bytes, 8)),
            Self.letters(bytes, 26) == Self.gmt,
            let day = Self.number(bytes, 5..<7), let year = Self.number(bytes, 12..<16),
            let hour = Self.number(bytes, 17..<19), hour < 24,
            let minute = Self.number(bytes, 20..<22), minute < 60,
            let second = Self.number(bytes, 23..<25), second <= 60
        else { return nil }
        self.init(year: year, month: month + 1, day: day, time: (hour, minute, second))
    }

    private static let dayNames = CivilDate.shortDayNames.map { letters($0.utf8.span, 0) }
    private static let monthNames = CivilDate.monthNames.map { letters($0.utf8.span, 0) }
    private static let gmt = letters("GMT".utf8.span, 0)

    /// Three letters as a number, whatever their case; of anything but letters, a number that no
    /// letters have.
    private static func letters(_ bytes: Span<UInt8>, _ start: Int) -> UInt32 {
        var number: UInt32 = 0
        for index in start..<(start + 3) { number = number << 8 | UInt32(bytes[index] | 0x20) }
        return number
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var number = 0
        for index in range {
            guard bytes[index].isASCIIDigit else { return nil }
            number = number * 10 + Int(bytes[index] &- UInt8(ascii: "0"))
        }
        return number
    }
}

extension FieldScanner {
    fileprivate mutating func httpDate(now: Timestamp) -> DateFields? {
        let dayName = letters()
        let isShort = CivilDate.shortDayNames.contains { $0.equalsIgnoringASCIICase(dayName) }
        var date = DateFields()
        if skip(UInt8(ascii: ",")) {
            guard skip(UInt8(ascii: " ")), let day = digits(2) else { return nil }
            date.day = day
            if isShort {
                // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
                guard skip(UInt8(ascii: " ")), let month = month(), skip(UInt8(ascii: " ")),
                    let year = digits(4)
                else { return nil }
                (date.month, date.year) = (month, year)
            } else {
                // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
                guard
                    CivilDate.longDayNames.contains(where: { $0.equalsIgnoringASCIICase(dayName) }),
                    skip(UInt8(ascii: "-")), let month = month(), skip(UInt8(ascii: "-")),
                    let year = digits(2)
                else { return nil }
                date.month = month
                date.year = year
            }
            guard skip(UInt8(ascii: " ")), let time = timeOfDay(), skip(UInt8(ascii: " ")),
                letters().equalsIgnoringASCIICase("GMT")
            else { return nil }
            date.time = time
            if !isShort { date.chooseCentury(now: now) }
        } else {
            // asctime: Sun Nov  6 08:49:37 1994
            guard isShort, skip(UInt8(ascii: " ")), let month = month(), skip(UInt8(ascii: " ")),
                let day = skip(UInt8(ascii: " ")) ? digits(1) : digits(2),
                skip(UInt8(ascii: " ")), let time = timeOfDay(), skip(UInt8(ascii: " ")),
                let year = digits(4)
            else { return nil }
            date = DateFields(year: year, month: month, day: day, time: time)
        }
        return date
    }

    private mutating func letters() -> Substring {
        run { $0.asciiLowercased &- UInt8(ascii: "a") < 26 }
    }

    private mutating func month() -> Int? {
        let name = letters()
        return CivilDate.monthNames.firstIndex { $0.equalsIgnoringASCIICase(name) }
            .map { $0 + 1 }
    }

    private mutating func timeOfDay() -> (hour: Int, minute: Int, second: Int)? {
        guard let hour = digits(2), hour < 24, skip(UInt8(ascii: ":")),
            let minute = digits(2), minute < 60, skip(UInt8(ascii: ":")),
            let second = digits(2), second <= 60
        else { return nil }
        return (hour, minute, second)
    }
}

extension DateFields {
    /// Puts a year of two digits into the century that it is meant for (RFC 9110 §5.6.7): the
    /// latest that lies no more than 50 years ahead.
    fileprivate mutating func chooseCentury(now: Timestamp) {
        let (days, second) = now.seconds.quotientAndRemainder(flooringBy: 86_400)
        let today = CivilDate(days: Int(days))
        let limit = today.year + 50
        year += limit - limit % 100
        if year > limit { year -= 100 }
        // In the year that is 50 ahead, it is the day and time that decide.
        let moment = (month, day, time.hour * 3600 + time.minute * 60 + time.second)
        if year == limit, moment > (today.month, today.day, Int(second)) { year -= 100 }
    }
}

extension BinaryInteger {
    /// Division that rounds down, with a remainder that is never negative.
    fileprivate func quotientAndRemainder(
        flooringBy divisor: Self
    ) -> (quotient: Self, remainder: Self) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
