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

    @Test func `ends for long when an answer does not come in time, company or not`() {
        var reading = PromptReading()
        _ = outcomes(PromptReading.leastCalm + 5, of: &reading)
        reading.noteLateness()
        let inCompany = reading.shallRead(isAlone: false)
        #expect(!inCompany)
        let pause = PromptReading.pause + PromptReading.leastCalm
        let later = outcomes(pause, of: &reading)
        #expect(!later.contains(true))
        let alone = reading.shallRead(isAlone: true)
        #expect(alone)
    }
}
