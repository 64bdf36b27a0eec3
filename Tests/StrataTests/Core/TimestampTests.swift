import Strata
import StrataTesting
import Testing

@Suite struct TimestampTests {
    static let earliest = Timestamp(nanoseconds: .min)
    static let latest = Timestamp(nanoseconds: .max)
    static let epoch = Timestamp(nanoseconds: 0)

    /// Longer than 64 bits of seconds; a `Duration` holds it all the same.
    static let endless = Duration.seconds(Int64.max) * 4

    @Test(arguments: [
        (0, 0), (1, 0), (999_999_999, 0), (1_000_000_000, 1), (-1, -1), (-999_999_999, -1),
        (-1_000_000_000, -1), (-1_000_000_001, -2), (.max, 9_223_372_036),
        (.min, -9_223_372_037),
    ])
    func `seconds are rounded down`(nanoseconds: Int64, seconds: Int64) {
        #expect(Timestamp(nanoseconds: nanoseconds).seconds == seconds)
    }

    @Test func `seconds beyond the ends are the ends`() {
        #expect(Timestamp(seconds: .max) == Self.latest)
        #expect(Timestamp(seconds: .min) == Self.earliest)
        #expect(Timestamp(seconds: 9_223_372_037) == Self.latest)
        #expect(Timestamp(seconds: -7).nanoseconds == -7_000_000_000)
    }

    @Test func `arithmetic stops at either end`() {
        #expect(Self.latest + .nanoseconds(1) == Self.latest)
        #expect(Self.latest - .nanoseconds(-1) == Self.latest)
        #expect(Self.earliest - .nanoseconds(1) == Self.earliest)
        #expect(Self.earliest + .nanoseconds(-1) == Self.earliest)
        #expect(Self.epoch + Self.endless == Self.latest)
        #expect(Self.epoch - Self.endless == Self.earliest)
        #expect(Self.epoch + (.zero - Self.endless) == Self.earliest)
        #expect(Self.epoch - (.zero - Self.endless) == Self.latest)
        #expect(Self.earliest - .nanoseconds(Int64.min) == Self.epoch)
    }

    @Test func `a span between the ends is whole`() {
        let span = Self.latest - Self.earliest
        #expect(span == .nanoseconds(Int64.max) - .nanoseconds(Int64.min))
        #expect(Self.earliest - Self.latest == .zero - span)
        #expect(Self.earliest < Self.latest && Self.epoch < Self.latest)
    }

    @Test func `adding and taking away lead back`() {
        var generator = SeededGenerator()
        for _ in 0..<2000 {
            let moment = Timestamp(
                nanoseconds: .random(in: -(1 << 61)...(1 << 61), using: &generator))
            let step = Duration.nanoseconds(
                Int64.random(in: -(1 << 61)...(1 << 61), using: &generator))
            #expect((moment + step) - step == moment)
            #expect((moment + step) - moment == step)
        }
    }

    @Test func `a duration's whole parts are rounded towards zero and stop at 64 bits`() {
        #expect(Duration.milliseconds(-1500).wholeSeconds == -1)
        #expect(Duration.milliseconds(1999).wholeSeconds == 1)
        #expect(Self.endless.wholeSeconds == .max)
        #expect((.zero - Self.endless).wholeSeconds == .min)
        #expect(
            Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999)
                .saturatedNanoseconds == 1)
        #expect(Self.endless.saturatedNanoseconds == .max)
        #expect((.zero - Self.endless).saturatedNanoseconds == .min)
    }

    @Test func `the machine's time goes on`() {
        let source = SystemTime()
        let (now, uptime) = (source.now, source.uptime)
        #expect(now.seconds > 1_700_000_000)
        #expect(source.uptime >= uptime)
    }
}
