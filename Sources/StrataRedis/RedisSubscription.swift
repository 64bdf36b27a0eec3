public import Strata

/// A subscription, which lasts until it is cancelled or nobody holds it any more.
public final class RedisSubscription: Sendable {
    private let end: @Sendable () -> Void

    init(end: @escaping @Sendable () -> Void) { self.end = end }

    deinit { end() }

    /// Ends the subscription; what comes last is ``RedisPush/lost(_:)``. The handler itself may
    /// call it.
    public func cancel() { end() }
}

extension RedisClient {
    /// Has the handler told what was asked for, over a connection of its own that is opened anew
    /// whenever it is lost.
    ///
    /// The handler is called on the client's own thread, one call at a time: it must be quick,
    /// and must not wait. It may cancel the subscription.
    ///
    /// ```swift
    /// let subscription = try client.subscribe(to: RedisInterest(channels: ["orders"])) { push in
    ///     if case .message(_, _, let payload) = push { inbox.append(payload) }
    /// }
    /// ```
    ///
    /// - Throws: ``StoreError`` with `misconfigured` where the interest can't work, and
    ///   `unavailable` where the client was closed.
    public func subscribe(
        to interest: RedisInterest, handler: @escaping @Sendable (RedisPush) -> Void
    ) throws(StoreError) -> RedisSubscription {
        try subscribe(to: interest) { push in
            handler(push)
            return true
        }
    }

    /// What was asked for, as a sequence, which ends when the client is closed.
    ///
    /// - Parameter maximumBufferedBytes: how many bytes may wait to be taken, counting 128 extra
    ///   for each push. When there are more, they are dropped, and the channel is
    ///   ``RedisPush/lost(_:)`` and opened anew: messages are never left out silently.
    /// - Throws: ``StoreError`` with `misconfigured` where the interest can't work, and
    ///   `unavailable` where the client was closed.
    public func pushes(
        of interest: RedisInterest, maximumBufferedBytes: Int = 16 << 20
    ) throws(StoreError) -> RedisPushes {
        let buffer = RedisPushBuffer(maximumBytes: maximumBufferedBytes)
        let subscription = try subscribe(to: interest) { [weak self] push in
            defer { if case .lost = push, self?.isClosed ?? true { buffer.finish() } }
            return buffer.append(push)
        }
        return RedisPushes(buffer: buffer, subscription: subscription)
    }

    /// Publishes a message.
    ///
    /// - Returns: how many subscribers at that server it went to.
    @discardableResult
    public func publish(
        _ message: RedisArgument, to channel: String, within limit: Duration? = nil
    ) async throws(StoreError) -> Int {
        let reply = try await send(
            RedisCommand("PUBLISH", .text(channel), message), within: limit)
        return Int(reply.integer ?? 0)
    }
}
