import CAllocationCounter
import Strata
import StrataTesting

/// One row of a suite's table.
struct Measurement: Sendable {
    /// What was measured.
    let name: String
    /// What came out, in the order of the columns.
    let values: [(column: String, value: Double)]

    /// The value in a column.
    subscript(column: String) -> Double {
        values.first { $0.column == column }?.value ?? .nan
    }

    /// The value as text, with as many digits as mean something.
    static func format(_ value: Double) -> String {
        if value.isNaN { return "-" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
        let scale: Double = abs(value) < 10 ? 100 : abs(value) < 1000 ? 10 : 1
        let scaled = (value * scale).rounded() / scale
        return scale == 1 ? String(Int(scaled)) : String(scaled)
    }
}

/// Times an operation: so many runs of so many operations each, after one that doesn't count; the
/// median run counts.
func measure(
    _ name: String, operations: Int = 100_000, runs: Int = 7,
    _ operation: () async throws -> Void
) async rethrows -> Measurement {
    let time = SystemTime()
    var nanoseconds: [Double] = []
    var allocations: [Double] = []
    for _ in 0...runs {
        let (start, before) = (time.uptime, allocation_count())
        for _ in 0..<operations { try await operation() }
        let (elapsed, allocated) = (time.uptime - start, allocation_count() - before)
        nanoseconds.append(elapsed / .nanoseconds(1) / Double(operations))
        allocations.append(Double(allocated) / Double(operations))
    }
    return Measurement(
        name: name,
        values: [
            ("ns", median(nanoseconds.dropFirst())),
            ("allocations", median(allocations.dropFirst())),
        ])
}

/// An operation that is held against others.
struct Contender {
    /// What it is.
    let name: String
    /// What is timed.
    let operation: () async throws -> Void

    init(_ name: String, _ operation: @escaping () async throws -> Void) {
        self.name = name
        self.operation = operation
    }
}

/// Times operations against the first of them.
///
/// They take turns of a few milliseconds, so that what the machine does at the moment happens to
/// all of them alike, and each round has an order of its own: whoever follows itself, or one that
/// works alike, finds caches and branch predictors prepared, and none may have that more often.
/// The column `speed` has how many times as fast as the first each was: the median over the rounds,
/// where rows that are timed one after the other would tell how the machine's speed changed.
func compare(
    _ contenders: [Contender], rounds: Int = 100, turn: Duration = .milliseconds(4)
) async throws -> [Measurement] {
    let time = SystemTime()
    var operations: [Int] = []
    for contender in contenders {
        // The first call may make what the others use.
        try await contender.operation()
        let start = time.uptime
        var count = 0
        repeat {
            try await contender.operation()
            count += 1
        } while time.uptime - start < turn
        operations.append(count)
    }
    var nanoseconds = [[Double]](repeating: [], count: contenders.count)
    var allocations = nanoseconds
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<rounds {
        for index in contenders.indices.shuffled(using: &generator) {
            let (operation, count) = (contenders[index].operation, operations[index])
            let (start, before) = (time.uptime, allocation_count())
            for _ in 0..<count { try await operation() }
            let (elapsed, allocated) = (time.uptime - start, allocation_count() - before)
            nanoseconds[index].append(elapsed / .nanoseconds(1) / Double(count))
            allocations[index].append(Double(allocated) / Double(count))
        }
    }
    return contenders.indices.map { index in
        let speeds = zip(nanoseconds[0], nanoseconds[index]).map { $0 / $1 }
        return Measurement(
            name: contenders[index].name,
            values: [
                ("ns", median(nanoseconds[index])), ("allocations", median(allocations[index])),
                ("speed", median(speeds)),
            ])
    }
}

/// The value in the middle.
func median(_ values: some Sequence<Double>) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
}

/// What the machine does at the moment, to hold the other rows of a table against: steps of a
/// generator (xorshift), each of six operations that wait for one another and take a cycle each.
func calibration() async -> Measurement {
    var state = UInt64(allocation_count()) | 1
    let measurement = await measure("6,000 cycles: 1,000 steps of xorshift") {
        for _ in 0..<1000 {
            state ^= state &<< 13
            state ^= state &>> 7
            state ^= state &<< 17
        }
    }
    // A result that nobody looks at would not be computed.
    precondition(state != 0, "The generator never comes to zero")
    return measurement
}
