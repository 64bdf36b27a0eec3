import Strata
import StrataTesting
import Testing

@Suite struct EventLinesTests {
    private let time = ManualTime()

    private struct Numbered: Event {
        let topic: String
        var description: String { "number \(topic)" }
    }

    private func fault(_ code: StoreError.Code, _ message: String = "Gone.") -> StoreFault {
        StoreFault(StoreError(code, message))
    }

    @Test func `of a thousand events a second that are alike one is a line, and tells the others`()
    {
        let lines = EventLines(time: time)
        var written: [String] = []
        for millisecond in 0..<2500 {
            if let line = lines.line(for: fault(.unavailable, "At \(millisecond).")) {
                written.append(line)
            }
            time.advance(by: .milliseconds(1))
        }
        #expect(
            written == [
                "store unavailable: At 0.",
                "store unavailable: At 1000. (999 alike left out before)",
                "store unavailable: At 2000. (999 alike left out before)",
            ])
        time.advance(by: .seconds(3600))
        #expect(
            lines.line(for: fault(.unavailable))
                == "store unavailable: Gone. (499 alike left out before)")
        time.advance(by: .seconds(1))
        #expect(lines.line(for: fault(.unavailable)) == "store unavailable: Gone.")
    }

    @Test func `what means something else is never left out for others' sake`() {
        let lines = EventLines(every: .seconds(10), time: time)
        for event in [
            fault(.unavailable), fault(.timedOut), Numbered(topic: "timed out"),
            Numbered(topic: ""),
        ] as [any Event] {
            #expect(lines.line(for: event) == "\(event)")
            #expect(lines.line(for: event) == nil)
        }
        time.advance(by: .milliseconds(9_999))
        #expect(lines.line(for: fault(.timedOut)) == nil)
        time.advance(by: .milliseconds(1))
        #expect(
            lines.line(for: fault(.timedOut))?.hasSuffix("(2 alike left out before)") == true)
    }

    @Test func `topics without end are few lines as well`() {
        let lines = EventLines(time: time)
        let count = (0..<10_000).count { lines.line(for: Numbered(topic: "\($0)")) != nil }
        #expect(count == 257)
        time.advance(by: .seconds(1))
        #expect(
            lines.line(for: Numbered(topic: "more"))
                == "number more (9743 alike left out before)")
        #expect(lines.line(for: Numbered(topic: "0")) == "number 0")
    }
}
