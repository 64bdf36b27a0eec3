import CAllocationCounter
import Glibc

/// The peak of a process's resident memory.
enum PeakMemory {
    /// By how many KiB this process's peak grows while the operation runs.
    static func growth(_ operation: () async throws -> Void) async throws -> Double {
        // What is free goes back to the system, or what is reused would not count.
        allocation_trim()
        return try await growth(of: getpid(), operation)
    }

    /// By how many KiB a process's peak grows while the operation runs.
    static func growth(
        of process: Int32, _ operation: () async throws -> Void
    ) async throws -> Double {
        let before = try reset(process)
        try await operation()
        return try current(process) - before
    }

    /// Begins a new peak; gives what is resident, in KiB.
    private static func reset(_ process: Int32) throws -> Double {
        guard let file = fopen("/proc/\(process)/clear_refs", "w") else {
            throw Unavailable(message: "the peak of resident memory can't be reset here")
        }
        fputs("5", file)
        fclose(file)
        return try current(process)
    }

    private static func current(_ process: Int32) throws -> Double {
        guard let file = fopen("/proc/\(process)/status", "r") else {
            throw Unavailable(message: "/proc/\(process)/status can't be read here")
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
