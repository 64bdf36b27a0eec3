#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Runs long work in a thread of its own, at the lowest priority, so that it takes neither a thread
/// nor much of a processor from those who answer requests.
enum BackgroundThread {
    private final class Work: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs the work, and gives the processor's time it took once it is done.
    static func run(_ work: @escaping @Sendable () -> Void) async -> Duration {
        await withCheckedContinuation { continuation in
            let box = Work {
                // Linux keeps the priority for each thread.
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
                let start = processorTime()
                work()
                continuation.resume(returning: processorTime() - start)
            }
            let context = Unmanaged.passRetained(box)
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
                    return nil
                }, context.toOpaque())
            if result == 0 {
                pthread_detach(thread)
            } else {
                // There is no thread to be had: the work is left undone.
                context.release()
                continuation.resume(returning: .zero)
            }
        }
    }

    private static func processorTime() -> Duration {
        var now = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
    }
}
