/// `Retry-After`: when it is worth asking again (RFC 9110 §10.2.3).
package enum RetryAfter: Sendable, Hashable {
    /// In so many seconds.
    case seconds(Int)
    /// At that time.
    case date(Timestamp)

    /// Reads the value of `Retry-After`; nil where it is neither.
    package init?(_ text: String, now: Timestamp) {
        if let seconds = text.deltaSeconds {
            self = .seconds(seconds)
        } else if let date = Timestamp(httpDate: text, now: now) {
            self = .date(date)
        } else {
            return nil
        }
    }

    /// The value of `Retry-After`.
    package var fieldValue: String {
        switch self {
        case .seconds(let seconds): String(seconds)
        case .date(let date): date.httpDate
        }
    }

    /// How long that is from now; never less than nothing.
    package func delay(from now: Timestamp) -> Duration {
        switch self {
        case .seconds(let seconds): .seconds(seconds)
        case .date(let date): max(.zero, date - now)
        }
    }
}
