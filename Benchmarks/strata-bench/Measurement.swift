import CAllocationCounter
import Strata

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
