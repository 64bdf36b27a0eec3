import CAllocationCounter
import Glibc

/// The peak of this process's resident memory.
enum PeakMemory {
    /// By how many KiB the peak grows while the operation runs.
    static func growth(_ operation: () async throws -> Void) async throws -> Double {
        let before = try reset()
        try await operation()
        return try current() - before
    }

    /// Begins a new peak; gives what is resident, in KiB.
    private static func reset() throws -> Double {
        // What is free goes back to the system, or what is reused would not count.
        allocation_trim()
        guard let file = fopen("/proc/self/clear_refs", "w") else {
            throw Unavailable(message: "the peak of resident memory can't be reset here")
        }
        fputs("5", file)
        fclose(file)
        return try current()
    }

    private static func current() throws -> Double {
        guard let file = fopen("/proc/self/status", "r") else {
            throw Unavailable(message: "/proc/self/status can't be read here")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
            guard text.hasPrefix("VmHWM:") else { continue }
            return Double(text.filter(\.isNumber)) ?? 0
        }
        throw Unavailable(message: "/proc/self/status knows no peak")
    }
}
