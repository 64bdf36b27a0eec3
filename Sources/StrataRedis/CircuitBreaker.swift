import Strata

/// Whether commands are refused although there is a connection, because the server does not answer
/// them in time: a decision without I/O.
///
/// It opens after a time-out during which nothing at all came, after a few in a row while other
/// things came, and when too many answers are slow (``SlowShare``). It closes when a ping is
/// answered in time, which somebody else sends now and then while it is open. A pattern by the
/// name of circuit breaker (Nygard, Release It!).
struct CircuitBreaker: Sendable {
    /// When it opens, and when it closes.
    struct Limits: Sendable, Hashable {
        /// How soon a ping must be answered to show that all is well.
        var pingLimit: Duration = .milliseconds(500)
        /// How long a reply to a single command may take before it counts as slow; nil where none
        /// does.
        var slowReply: Duration?
        /// How many time-outs in a row open it, where something came during each of them.
        var threshold = 3
        /// A command that was given less time than this says nothing about the server.
        var patience: Duration = .milliseconds(20)
        /// The pause between pings while it is open.
        var probeInterval: Duration = .milliseconds(100)
    }

    private let limits: Limits
    /// Why commands are refused; nil while they are not.
    private(set) var breach: StoreError?
    /// Why it opened, until ``takeNews()``.
    private var untold: StoreError?
    /// Commands that timed out since one was last answered in time.
    private var timeouts = 0
    private var slowShare = SlowShare()

    init(_ limits: Limits) { self.limits = limits }

    /// Whether it has opened by itself, and nobody was told.
    var hasNews: Bool { untold != nil }

    /// Why it has opened by itself, once.
    mutating func takeNews() -> StoreError? { untold.take() }

    /// Takes note of an answer.
    ///
    /// - Parameter duration: how long it took; nil where that says nothing about the server, as
    ///   with a pipeline.
    mutating func noteAnswer(after duration: Duration?, now: Duration) {
        timeouts = 0
        if let duration { noteDuration(duration, now: now) }
    }

    /// Takes note of a command that was not answered in time.
    ///
    /// - Parameters:
    ///   - waited: how long it was waited for.
    ///   - silence: how long nothing at all has come.
    mutating func noteTimeout(after waited: Duration, silence: Duration, now: Duration) {
        if let limit = limits.slowReply, waited >= limit { noteDuration(waited, now: now) }
        guard waited >= limits.patience else { return }
        timeouts += 1
        // A server that answers others meanwhile is slow, not gone.
        if silence >= waited {
            let count = Int(waited / .milliseconds(1))
            open("Redis has sent nothing for \(count) ms while commands waited.")
        } else if timeouts >= limits.threshold {
            open("Redis did not answer \(timeouts) commands in a row in time.")
        }
    }

    private mutating func noteDuration(_ duration: Duration, now: Duration) {
        guard let limit = limits.slowReply, breach == nil,
            slowShare.note(isSlow: duration >= limit, now: now)
        else { return }
        open("Redis takes \(limit) or more for half of the commands.")
    }

    private mutating func open(_ reason: String) {
        guard breach == nil else { return }
        breach = StoreError(
            .unavailable,
            "\(reason) None are sent until it answers a ping in time, every "
                + "\(limits.probeInterval).")
        untold = breach
    }

    /// Opens because another connection to the same server has opened its own, which nobody needs
    /// to be told; whether it was not open before.
    mutating func adopt(_ breach: StoreError) -> Bool {
        guard self.breach == nil else { return false }
        self.breach = breach
        return true
    }

    /// Takes note of a ping's answer; whether that has closed it.
    mutating func notePong(after duration: Duration) -> Bool {
        // What comes too late was perhaps on its way for long; the next one will tell.
        guard duration <= limits.pingLimit else { return false }
        timeouts = 0
        guard breach != nil else { return false }
        self = CircuitBreaker(limits)
        return true
    }
}
