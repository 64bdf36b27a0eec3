#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A moment on the wall clock, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// Reaches from 1677 to 2262; arithmetic stops at either end and never traps.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Nanoseconds since the beginning of 1970, UTC.
    public let nanoseconds: Int64

    /// Makes a moment from nanoseconds since the beginning of 1970, UTC.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Makes a moment from whole seconds since the beginning of 1970, UTC, as far as they reach.
    public init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        nanoseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    /// Whole seconds since the beginning of 1970, UTC, rounded down.
    public var seconds: Int64 {
        nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds + 1) / 1_000_000_000 - 1
    }

    /// Whether the one moment comes before the other.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The moment so much later.
    public static func + (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(
            nanoseconds: Int64(clamping: Int128(moment.nanoseconds) + duration.wideNanoseconds))
    }

    /// The moment so much earlier.
    public static func - (moment: Timestamp, duration: Duration) -> Timestamp {
        Timestamp(
            nanoseconds: Int64(clamping: Int128(moment.nanoseconds) - duration.wideNanoseconds))
    }

    /// The time from one moment to another.
    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (span, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        guard overflow else { return .nanoseconds(span) }
        return .nanoseconds(later.nanoseconds) - .nanoseconds(earlier.nanoseconds)
    }
}

extension Duration {
    /// The whole nanoseconds in it, rounded towards zero; at most what 64 bits hold.
    package var saturatedNanoseconds: Int64 { Int64(clamping: wideNanoseconds) }

    fileprivate var wideNanoseconds: Int128 { attoseconds / 1_000_000_000 }

    /// The whole seconds in it, rounded towards zero; at most what 64 bits hold.
    package var wholeSeconds: Int64 {
        Int64(clamping: attoseconds / 1_000_000_000_000_000_000)
    }
}

/// Where all time comes from: nothing in Strata asks a clock by itself, so a test can hold the
/// time in its hands.
public protocol TimeSource: Sendable {
    /// The time on the wall clock; it can be set back.
    var now: Timestamp { get }

    /// The time since some fixed moment, which never goes back.
    var uptime: Duration { get }

    /// Waits so long.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clocks.
public struct SystemTime: TimeSource {
    /// Makes a source of the machine's time.
    public init() {}

    /// The time of the machine's wall clock.
    public var now: Timestamp { Timestamp(nanoseconds: Self.read(CLOCK_REALTIME)) }

    /// The time since the machine started.
    public var uptime: Duration { .nanoseconds(Self.read(CLOCK_MONOTONIC)) }

    /// The time since the machine started, in nanoseconds.
    package static var uptimeNanoseconds: Int64 { read(CLOCK_MONOTONIC) }

    /// Waits so long.
    public func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
