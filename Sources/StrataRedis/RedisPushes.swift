import Strata
import Synchronization

/// What comes to a subscriber, one after the other; ends when the task is cancelled, or the client
/// closed.
///
/// It is for one task at a time. The subscription ends when nobody holds the sequence any more.
///
/// ```swift
/// for await push in try client.pushes(of: RedisInterest(channels: ["orders"])) {
///     if case .message(_, _, let payload) = push { … }
/// }
/// ```
public struct RedisPushes: AsyncSequence, Sendable {
    /// Takes one push after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let pushes: RedisPushes

        /// The next push; nil when the task is cancelled, or the client closed and all was taken.
        public mutating func next() async -> RedisPush? { await pushes.buffer.next() }

        /// The next push; nil when the task is cancelled, or the client closed and all was taken.
        public mutating func next(isolation actor: isolated (any Actor)?) async -> RedisPush? {
            await pushes.buffer.next()
        }
    }

    fileprivate let buffer: RedisPushBuffer
    private let subscription: RedisSubscription

    init(buffer: RedisPushBuffer, subscription: RedisSubscription) {
        self.buffer = buffer
        self.subscription = subscription
    }

    /// Takes one push after the other.
    public func makeAsyncIterator() -> Iterator { Iterator(pushes: self) }
}

/// Pushes on their way from the client's thread to a task, bounded in bytes.
final class RedisPushBuffer: Sendable {
    private struct State: Sendable {
        var pushes = Fifo<RedisPush>()
        var bytes = 0
        var waiter: UnsafeContinuation<RedisPush?, Never>?
        var isFinished = false

        mutating func append(_ push: RedisPush) {
            pushes.append(push)
            bytes += push.cost
        }
    }

    /// Guarded by the mutex: what was not taken yet, or who waits for more.
    private let state = Mutex(State())
    private let maximumBytes: Int
    private static let overflow = StoreError(
        .unavailable, "More messages came than are taken; some were lost.")

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Takes a push; false where there is no room, and what was there is dropped.
    func append(_ push: RedisPush) -> Bool {
        let (isTaken, waiter) = state.withLock { state in
            if let waiter = state.waiter.take() { return (true, waiter as UnsafeContinuation?) }
            if case .current = push, case .current = state.pushes.last {
                // The later one says all that the earlier one does.
                state.pushes.last = push
                return (true, nil)
            }
            if state.bytes + push.cost > maximumBytes {
                state.pushes = Fifo()
                state.bytes = 0
                switch push {
                case .lost: break
                case .established: state.append(.lost(Self.overflow))
                default: return (false, nil)
                }
            }
            state.append(push)
            return (true, nil)
        }
        waiter?.resume(returning: push)
        return isTaken
    }

    /// The next push; nil when the task is cancelled, or nothing more comes.
    func next() async -> RedisPush? {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { waiter in
                let (former, push) = state.withLock { state in
                    if let push = state.pushes.popFirst() {
                        state.bytes -= push.cost
                        return (nil as UnsafeContinuation<RedisPush?, Never>?, push as RedisPush?)
                    }
                    defer { state.waiter = waiter }
                    return (state.waiter, nil)
                }
                former?.resume(returning: nil)
                if let push { waiter.resume(returning: push) }
                // An end from before found nobody waiting.
                if push == nil, Task.isCancelled || state.withLock({ $0.isFinished }) { dismiss() }
            }
        } onCancel: {
            dismiss()
        }
    }

    /// Nothing more comes.
    func finish() {
        state.withLock { $0.isFinished = true }
        dismiss()
    }

    private func dismiss() {
        state.withLock { $0.waiter.take() }?.resume(returning: nil)
    }
}

extension RedisPush {
    /// How much room it takes, roughly.
    fileprivate var cost: Int {
        switch self {
        case .message(let channel, let pattern, let payload):
            128 + channel.utf8.count + (pattern?.utf8.count ?? 0) + payload.count
        case .invalidated(let keys): keys.reduce(128) { $0 + $1.count + 32 }
        case .established, .invalidatedAll, .current, .lost: 128
        }
    }
}
