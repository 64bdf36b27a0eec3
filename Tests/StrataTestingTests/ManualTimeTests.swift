import Dispatch
import Strata
import StrataTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ManualTimeTests {
    @Test func `time stands still until it is moved, and both clocks move`() {
        let time = ManualTime(now: Timestamp(seconds: 100), uptime: .seconds(5))
        #expect(time.now == Timestamp(seconds: 100))
        time.advance(by: .milliseconds(1_500))
        #expect(time.now == Timestamp(seconds: 100) + .milliseconds(1_500))
        #expect(time.uptime == .milliseconds(6_500))
    }

    @Test func `setting the wall clock back leaves the uptime alone`() {
        let time = ManualTime(now: Timestamp(seconds: 100), uptime: .seconds(5))
        time.setWallClock(to: Timestamp(seconds: 10))
        #expect(time.now == Timestamp(seconds: 10))
        #expect(time.uptime == .seconds(5))
    }

    @Test func `a sleeper wakes when its time has come, and not before`() async throws {
        let time = ManualTime()
        let short = Task { try await time.sleep(for: .seconds(1)) }
        let long = Task { try await time.sleep(for: .seconds(2)) }
        try await time.waitForSleepers(2)
        time.advance(by: .milliseconds(999))
        #expect(time.sleeperCount == 2)
        time.advance(by: .milliseconds(1))
        try await short.value
        #expect(time.sleeperCount == 1)
        time.advance(by: .seconds(1))
        try await long.value
    }

    @Test func `sleepers are woken in the order of their times, equal ones as they came`()
        async throws
    {
        let time = ManualTime()
        let order = Order()
        let executor = OneAfterTheOther()
        var tasks: [Task<Void, any Error>] = []
        for (name, seconds) in [("c", 3), ("a", 1), ("b1", 2), ("b2", 2)] {
            tasks.append(
                Task(executorPreference: executor) {
                    try await time.sleep(for: .seconds(seconds))
                    order.names.withLock { $0.append(name) }
                })
            try await time.waitForSleepers(tasks.count)
        }
        // Whoever is woken before it has given up its thread goes on there, ahead of the others.
        executor.waitUntilIdle()
        time.advance(by: .seconds(10))
        for task in tasks { try await task.value }
        #expect(order.names.withLock(\.self) == ["a", "b1", "b2", "c"])
    }

    @Test func `sleeping for no time does not wait`() async throws {
        let time = ManualTime()
        try await time.sleep(for: .zero)
        try await time.sleep(for: .seconds(-1))
    }

    @Test func `a cancelled sleeper wakes with an error and is forgotten`() async throws {
        let time = ManualTime()
        let task = Task { try await time.sleep(for: .seconds(1)) }
        try await time.waitForSleepers(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(time.sleeperCount == 0)
    }

    @Test func `a task that was cancelled before does not fall asleep`() async throws {
        let time = ManualTime()
        let gate = Gate()
        let task = Task {
            try? await gate.pass()
            try await time.sleep(for: .seconds(1))
        }
        try await gate.waitForWaiters(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `whoever waits for sleepers can be cancelled`() async throws {
        let time = ManualTime()
        let task = Task { try await time.waitForSleepers(1) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

@Suite(.timeLimit(.minutes(1))) struct GateTests {
    @Test func `an open gate lets everybody through`() async throws {
        try await Gate(isOpen: true).pass()
    }

    @Test func `opening lets those go who wait, and closing holds the next`() async throws {
        let gate = Gate()
        let first = Task { try await gate.pass() }
        try await gate.waitForWaiters(1)
        gate.open()
        try await first.value
        gate.close()
        let second = Task { try await gate.pass() }
        try await gate.waitForWaiters(1)
        gate.open()
        try await second.value
    }
}

@Suite struct SeededGeneratorTests {
    @Test func `the seed determines the numbers, as in the reference implementation`() {
        var generator = SeededGenerator(seed: 1_234_567)
        let numbers = (0..<3).map { _ in generator.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            ])
    }
}

private final class Order: Sendable {
    let names = Mutex<[String]>([])
}

/// Runs what is resumed in the order in which it was.
private final class OneAfterTheOther: TaskExecutor {
    private let queue = DispatchQueue(label: "one after the other")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    func waitUntilIdle() { queue.sync {} }
}
