import Strata
import Synchronization

/// Wakes the one who finds out which servers there are, and those who wait for the outcome.
final class Refreshes: Sendable {
    private typealias Waiter = UnsafeContinuation<Void, Never>

    private let requests: AsyncStream<Void>
    private let requester: AsyncStream<Void>.Continuation
    /// Guarded by the mutex: who waits, by numbers given in turn.
    private let waiters = Mutex<(list: [UInt64: Waiter], count: UInt64)>(([:], 0))

    init() {
        (requests, requester) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Has it found out soon.
    func request() { requester.yield() }

    /// Waits until that is wanted, but no longer than that.
    func nextRequest(within limit: Duration) async {
        let timer = Task { [requester] in
            if (try? await Task.sleep(for: limit)) != nil { requester.yield() }
        }
        defer { timer.cancel() }
        for await _ in requests { return }
    }

    /// It was found out, or could not be.
    func finish() {
        let list = waiters.withLock { waiters in
            defer { waiters.list = [:] }
            return waiters.list
        }
        for waiter in list.values { waiter.resume() }
    }

    /// Has it found out soon, and waits for the outcome, or for the task's cancellation.
    func outcome() async {
        let number = waiters.withLock { waiters in
            waiters.count += 1
            return waiters.count
        }
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (waiter: Waiter) in
                waiters.withLock { $0.list[number] = waiter }
                // Not before: an outcome that nobody waited for yet would be missed, and the next
                // one is a long time off.
                request()
                // A cancellation from before found nobody.
                if Task.isCancelled { cancel(number) }
            }
        } onCancel: {
            cancel(number)
        }
    }

    private func cancel(_ number: UInt64) {
        waiters.withLock { $0.list.removeValue(forKey: number) }?.resume()
    }
}

extension RedisTopology {
    /// Waits until it was found out anew which servers there are.
    func refreshed(by deadline: Duration) async throws(StoreError) {
        let refreshes = refreshes
        do {
            try await time.withLimit(max(.zero, deadline - time.uptime)) {
                await refreshes.outcome()
            }
        } catch is TimeLimitExceeded {
            throw StoreError(.timedOut, "Redis' servers were not found out in time.")
        } catch {
            throw StoreError(.cancelled, "The task was cancelled before Redis answered.")
        }
    }
}
