/// What time does to a session.
enum SessionExpiry: Sendable, Hashable {
    /// It lives, and its idle end stands.
    case current
    /// It lives, and its idle end is to be put off to this moment.
    case slides(to: Duration)
    /// It ended for not being used.
    case expiredIdle
    /// It ended because its longest lifetime was over.
    case expiredAbsolute
}

extension SessionLifetime {
    /// What time does to a session that ends at `end` unless it is used, and at `absoluteEnd`
    /// however much it is; moments are times since some start.
    ///
    /// Using it puts off its end only when that gains a sixteenth of the idle time: so seldom that
    /// reading hardly ever costs writing, so often that the idle time is kept well enough.
    static func expiry(
        idle: Duration, end: Duration, absoluteEnd: Duration, now: Duration
    ) -> SessionExpiry {
        guard now < absoluteEnd else { return .expiredAbsolute }
        guard now < end else { return .expiredIdle }
        let later = min(now + idle, absoluteEnd)
        return later > end && later - end >= idle / 16 ? .slides(to: later) : .current
    }
}
