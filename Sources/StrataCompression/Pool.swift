import Synchronization

/// The compressors of one kind that wait for their next content.
///
/// A compressor is a few hundred kilobytes that are costly to set up and cheap to use again.
final class Pool<Encoder: Sendable>: Sendable {
    private let make: @Sendable () throws(CompressionError) -> Encoder
    private let reset: @Sendable (Encoder) -> Bool
    private let maximumIdle: Int
    /// Those that nobody uses; guarded by the mutex.
    private let idle: Mutex<[Encoder]>

    /// Makes a pool that keeps at most so many idle compressors.
    init(
        maximumIdle: Int, make: @escaping @Sendable () throws(CompressionError) -> Encoder,
        reset: @escaping @Sendable (Encoder) -> Bool
    ) {
        self.make = make
        self.reset = reset
        self.maximumIdle = maximumIdle
        idle = Mutex([])
    }

    /// A compressor that nobody else uses until it is given back.
    func take() throws(CompressionError) -> Encoder {
        if let encoder = idle.withLock({ $0.popLast() }) { return encoder }
        return try make()
    }

    /// Takes a compressor back, or lets it go where there are enough.
    func giveBack(_ encoder: Encoder) {
        guard reset(encoder) else { return }
        idle.withLock {
            if $0.count < maximumIdle { $0.append(encoder) }
        }
    }
}
