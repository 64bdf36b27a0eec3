import Testing

@testable import StrataRedis

struct `Reading where one waits` {
    private func outcomes(_ count: Int, of reading: inout PromptReading) -> [Bool] {
        var outcomes: [Bool] = []
        for _ in 0..<count { outcomes.append(reading.shallRead(isAlone: true)) }
        return outcomes
    }

    @Test func `begins after many commands that were alone, and is interrupted again and again`() {
        var reading = PromptReading()
        let first = outcomes(PromptReading.leastCalm, of: &reading)
        #expect(!first.contains(true))
        for _ in 0..<3 {
            let following = outcomes(PromptReading.interval, of: &reading)
            #expect(following.dropLast().allSatisfy { $0 })
            #expect(following.last == false)
        }
    }

    @Test func `ends with the first command that has company`() {
        var reading = PromptReading()
        _ = outcomes(PromptReading.leastCalm + 5, of: &reading)
        let inCompany = reading.shallRead(isAlone: false)
        #expect(!inCompany)
        let later = outcomes(PromptReading.leastCalm, of: &reading)
        #expect(!later.contains(true))
        let alone = reading.shallRead(isAlone: true)
        #expect(alone)
    }

    /// How many commands until a sender reads again, after one whose answer did not come in time.
    private func pause(of reading: inout PromptReading) -> Int {
        reading.noteLateness()
        // Company ends nothing earlier.
        _ = reading.shallRead(isAlone: false)
        var count = 0
        while !reading.shallRead(isAlone: true) { count += 1 }
        return count - PromptReading.leastCalm
    }

    @Test func `ends for longer and longer while answers do not come in time`() {
        var reading = PromptReading()
        _ = outcomes(PromptReading.leastCalm + 5, of: &reading)
        let pauses = (0..<7).map { _ in pause(of: &reading) }
        #expect(pauses == [32, 64, 128, 256, 512, 1024, 1024])
    }

    @Test func `ends for a moment when one answer among many does not come in time`() {
        var reading = PromptReading()
        for _ in 0..<3 {
            _ = outcomes(PromptReading.leastCalm + 2 * PromptReading.memory, of: &reading)
            #expect(pause(of: &reading) == 32)
        }
    }
}
