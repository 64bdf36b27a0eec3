public import Strata

/// A time that stands still until a test moves it.
///
/// ```swift
/// let time = ManualTime()
/// let task = Task { try await time.sleep(for: .seconds(60)) }
/// try await time.waitForSleepers(1)
/// time.advance(by: .seconds(60))
/// try await task.value
/// ```
public final class ManualTime: TimeSource {
    private struct Clocks: Sendable {
        var now: Timestamp
        var uptime: Duration
    }

    private let room: WaitingRoom<Clocks, Duration>

    /// Makes a time that stands at the given moment; by default at 2023-11-14T22:13:20Z.
    public init(
        now: Timestamp = Timestamp(seconds: 1_700_000_000), uptime: Duration = .seconds(1_000)
    ) {
        room = WaitingRoom(Clocks(now: now, uptime: uptime))
    }

    /// The time on the wall clock.
    public var now: Timestamp { room.state.now }

    /// The time since the start.
    public var uptime: Duration { room.state.uptime }

    /// How many tasks sleep.
    public var sleeperCount: Int { room.occupantCount }

    /// Waits until time was moved so far.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    public func sleep(for duration: Duration) async throws {
        try await room.wait { duration > .zero ? $0.uptime + duration : nil }
    }

    /// Moves both clocks forward, and wakes those whose time has come, in the order of their
    /// times. It does not wait for what they do then.
    ///
    /// - Precondition: the duration is not negative.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "Time since the start never goes back")
        room.change {
            $0.now = $0.now + duration
            $0.uptime += duration
        } admitting: {
            $1 <= $0.uptime
        }
    }

    /// Sets the wall clock, forward or back, as an administrator does. Nobody wakes from it.
    public func setWallClock(to now: Timestamp) {
        room.change {
            $0.now = now
        } admitting: { _, _ in
            false
        }
    }

    /// Waits until at least so many tasks sleep at the same time.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    public func waitForSleepers(_ count: Int) async throws(CancellationError) {
        try await room.waitForOccupants(count)
    }
}
