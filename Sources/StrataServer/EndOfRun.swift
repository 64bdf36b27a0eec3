#if Server
    import CMicroHTTPD
    import Glibc
    import Synchronization

    /// What a server's run waits for: the cancellation of its task and, where it listens to them,
    /// SIGTERM and SIGINT.
    ///
    /// Each of the two signals is heard once. The next one ends the process as if nobody had
    /// listened, so that a server which doesn't come to its end can be ended.
    struct EndOfRun {
        private let wakeup = Wakeup()

        /// What a signal's handler writes to, which may do nothing that could wait for a lock;
        /// -1 while nobody listens.
        private static let signalled = Atomic<Int32>(-1)

        init(_ end: Server.End) {
            guard end == .terminated else { return }
            Self.signalled.store(wakeup.descriptor, ordering: .sequentiallyConsistent)
            var action = sigaction()
            action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
            action.__sigaction_handler.sa_handler = { _ in
                let kept = errno
                let descriptor = EndOfRun.signalled.load(ordering: .sequentiallyConsistent)
                if descriptor >= 0 { _ = eventfd_write(descriptor, 1) }
                errno = kept
            }
            sigaction(SIGTERM, &action, nil)
            sigaction(SIGINT, &action, nil)
        }

        /// Returns when it is time to stop.
        func wait() async {
            let wakeup = wakeup
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    startThread {
                        wakeup.wait()
                        continuation.resume()
                    }
                }
            } onCancel: {
                wakeup.signal()
            }
            _ = Self.signalled.compareExchange(
                expected: wakeup.descriptor, desired: -1, ordering: .sequentiallyConsistent)
            wakeup.close()
        }
    }
#endif
