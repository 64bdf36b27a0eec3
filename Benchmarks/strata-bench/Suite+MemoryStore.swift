import CAllocationCounter
import Glibc
import Strata
import StrataTesting

extension Suite {
    /// How fast entries in memory are found.
    static let memoryStore = Suite(
        name: "memory-store", summary: "gets and sets under a Zipf load, on one and two threads"
    ) {
        let keys = (0..<100_000).map { "http://shop.example/products/\($0)?currency=EUR" }
        let store = MemoryStore(maximumBytes: 256 << 20)
        let value = [UInt8](repeating: 120, count: 1_000)
        for key in keys { try await store.set(value, for: key, timeToLive: .seconds(3_600)) }
        let load = CacheLoad.zipf(1 << 20, keyCount: keys.count, exponent: 0.99).keys
        var measurements: [Measurement] = []
        for threads in [1, 2] {
            measurements.append(
                try await measure("gets, \(threads) at a time", threads) { indices in
                    for index in indices {
                        let value = store.valueNow(for: keys[Int(load[index])], as: [UInt8].self)
                        if value == nil { throw Unavailable(message: "an entry is lost") }
                    }
                })
        }
        for threads in [1, 2] {
            measurements.append(
                try await measure("sets, \(threads) at a time", threads) { indices in
                    for index in indices {
                        try await store.set(
                            value, for: keys[Int(load[index])], timeToLive: .seconds(3_600))
                    }
                })
        }
        return measurements
    }

    /// What keeping entries takes.
    static let memorySize = Suite(
        name: "memory-size",
        summary: "resident bytes for each entry, and when 10 million keys were set"
    ) {
        var measurements: [Measurement] = []
        for (name, limit, keyCount, sizes) in [
            ("1 million of 100 bytes, all kept", 1 << 30, 1_000_000, 100...100),
            ("10 million of 100 bytes", 256 << 20, 10_000_000, 100...100),
            ("10 million of 10 to 5,000 bytes", 256 << 20, 10_000_000, 10...5_000),
        ] {
            allocation_trim()
            let before = residentBytes()
            let store = MemoryStore(maximumBytes: limit)
            var generator = SeededGenerator(seed: 1)
            for key in 0..<keyCount {
                let value = [UInt8](repeating: 120, count: .random(in: sizes, using: &generator))
                try await store.set(value, for: "key \(key)", timeToLive: .seconds(3_600))
            }
            let resident = Double(residentBytes() - before)
            let (counted, entries) = (Double(store.byteCount), Double(store.entryCount))
            measurements.append(
                Measurement(
                    name: name,
                    values: [
                        ("entries", entries), ("bytes an entry", resident / entries),
                        (
                            "overhead",
                            (resident - counted) / entries + Double(MemoryStore.entryOverhead)
                        ),
                        ("resident / counted", resident / counted),
                    ]))
        }
        return measurements
    }

    /// Times operations that so many tasks do at the same time, each on its part of the load.
    private static func measure(
        _ name: String, _ tasks: Int,
        _ operate: @escaping @Sendable (Range<Int>) async throws -> Void
    ) async throws -> Measurement {
        let time = SystemTime()
        let operations = 1 << 20
        var rates: [Double] = []
        for run in 0...5 {
            let start = time.uptime
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<tasks {
                    group.addTask {
                        try await operate(
                            (task * operations / tasks)..<((task + 1) * operations / tasks))
                    }
                }
                try await group.waitForAll()
            }
            // The first run warms up.
            let elapsed = (time.uptime - start) / .seconds(1)
            if run > 0 { rates.append(Double(operations) / elapsed) }
        }
        let rate = median(rates)
        return Measurement(
            name: name,
            values: [("million per second", rate / 1e6), ("ns", 1e9 * Double(tasks) / rate)])
    }

    /// How many bytes of the process are in memory now.
    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return 0 }
        let fields = String(decoding: buffer.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
