import Strata
import Testing

@testable import StrataRedis

@Suite struct `The circuit breaker of a connection` {
    /// What the breaker is told, in milliseconds.
    enum Note: Sendable {
        case answer(after: Int)
        case pipelineAnswer
        /// A command that was waited for, and for how long nothing had come then.
        case timeout(after: Int, silence: Int)
        case pong(after: Int)
        case adopt
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Each at its moment, in milliseconds.
        let notes: [(Int, Note)]
        let isOpen: Bool

        init(_ description: String, _ notes: [(Int, Note)], isOpen: Bool) {
            testDescription = description
            self.notes = notes
            self.isOpen = isOpen
        }
    }

    static let limits = {
        var limits = CircuitBreaker.Limits()
        limits.slowReply = .milliseconds(50)
        limits.pingLimit = .milliseconds(50)
        return limits
    }()

    /// So many times the same, one each ten milliseconds.
    static func series(_ count: Int, every step: Int = 10, _ note: Note) -> [(Int, Note)] {
        (0..<count).map { (2000 + $0 * step, note) }
    }

    static let rows = [
        Row("nothing", [], isOpen: false),
        Row("silence for a whole time-out", [(0, .timeout(after: 20, silence: 20))], isOpen: true),
        Row("something came meanwhile", [(0, .timeout(after: 20, silence: 19))], isOpen: false),
        Row("two in a row", series(2, .timeout(after: 20, silence: 1)), isOpen: false),
        Row("three in a row", series(3, .timeout(after: 20, silence: 1)), isOpen: true),
        Row(
            "an answer in between",
            series(2, .timeout(after: 20, silence: 1)) + [(2020, .answer(after: 1))]
                + series(2, .timeout(after: 20, silence: 1)), isOpen: false),
        Row(
            "a pipeline's answer in between",
            series(2, .timeout(after: 20, silence: 1)) + [(2020, .pipelineAnswer)]
                + series(2, .timeout(after: 20, silence: 1)), isOpen: false),
        Row(
            "a ping's answer in between",
            series(2, .timeout(after: 20, silence: 1)) + [(2020, .pong(after: 50))]
                + series(2, .timeout(after: 20, silence: 1)), isOpen: false),
        Row(
            "a late ping's answer in between",
            series(2, .timeout(after: 20, silence: 1)) + [(2020, .pong(after: 51))]
                + series(1, .timeout(after: 20, silence: 1)), isOpen: true),
        Row("the impatient", series(9, .timeout(after: 19, silence: 19)), isOpen: false),
        Row("19 slow answers", series(19, .answer(after: 50)), isOpen: false),
        Row("20 slow answers", series(20, .answer(after: 50)), isOpen: true),
        Row("answers that are not quite slow", series(99, .answer(after: 49)), isOpen: false),
        Row("slow answers of one pause", series(99, every: 1, .answer(after: 50)), isOpen: false),
        Row("pipelines", series(99, .pipelineAnswer), isOpen: false),
        Row(
            "a third slow",
            (0..<99).map { (2000 + $0 * 10, .answer(after: $0 % 3 == 0 ? 50 : 1)) }, isOpen: false),
        Row(
            "time-outs among the slow",
            (0..<20).map {
                (2000 + $0 * 10, $0 % 2 == 0 ? .answer(after: 50) : .timeout(after: 50, silence: 1))
            }, isOpen: true),
        Row("a neighbour's word", [(0, .adopt)], isOpen: true),
        Row("a ping in time", [(0, .adopt), (1, .pong(after: 50))], isOpen: false),
        Row("a ping too late", [(0, .adopt), (1, .pong(after: 51))], isOpen: true),
        Row("an answer", [(0, .adopt), (1, .answer(after: 1))], isOpen: true),
        Row(
            "slow answers before the ping count no more",
            series(20, .answer(after: 50)) + [(2200, .pong(after: 1)), (2210, .answer(after: 50))],
            isOpen: false),
    ]

    static func tell(_ breaker: inout CircuitBreaker, _ note: Note, at moment: Int) {
        let now = Duration.milliseconds(moment)
        switch note {
        case .answer(let duration): breaker.noteAnswer(after: .milliseconds(duration), now: now)
        case .pipelineAnswer: breaker.noteAnswer(after: nil, now: now)
        case .timeout(let waited, let silence):
            breaker.noteTimeout(
                after: .milliseconds(waited), silence: .milliseconds(silence), now: now)
        case .pong(let duration): _ = breaker.notePong(after: .milliseconds(duration))
        case .adopt: _ = breaker.adopt(StoreError(.unavailable, "a neighbour's"))
        }
    }

    @Test(arguments: rows) func `opens and closes`(row: Row) {
        var breaker = CircuitBreaker(Self.limits)
        for (moment, note) in row.notes { Self.tell(&breaker, note, at: moment) }
        #expect((breaker.breach != nil) == row.isOpen)
        #expect(breaker.breach.map { $0.code == .unavailable } ?? true)
    }

    @Test func `counts no answer as slow where there is no limit`() {
        var breaker = CircuitBreaker(CircuitBreaker.Limits())
        for (moment, note) in Self.series(99, .answer(after: 9000)) {
            Self.tell(&breaker, note, at: moment)
        }
        #expect(breaker.breach == nil)
    }

    @Test func `tells once why it opened, and not what it was told`() {
        var breaker = CircuitBreaker(Self.limits)
        #expect(!breaker.hasNews)
        breaker.noteTimeout(after: .seconds(1), silence: .seconds(1), now: .seconds(1))
        #expect(breaker.hasNews)
        let isNews = breaker.adopt(StoreError(.unavailable, "a neighbour's"))
        #expect(!isNews)
        let told = breaker.takeNews()
        #expect(told?.message == breaker.breach?.message)
        #expect(told?.message.contains("1000 ms") == true)
        let again = breaker.takeNews()
        #expect(again == nil)
        let hasClosed = breaker.notePong(after: .zero)
        #expect(hasClosed)
        let hasClosedAgain = breaker.notePong(after: .zero)
        #expect(!hasClosedAgain)
        let isNewsNow = breaker.adopt(StoreError(.unavailable, "a neighbour's"))
        #expect(isNewsNow)
        #expect(!breaker.hasNews)
    }

    @Test func `has nothing to tell once a ping has closed it`() {
        var breaker = CircuitBreaker(Self.limits)
        breaker.noteTimeout(after: .seconds(1), silence: .seconds(1), now: .seconds(1))
        _ = breaker.notePong(after: .zero)
        #expect(breaker.takeNews() == nil)
    }
}
