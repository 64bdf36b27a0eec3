import Strata
import Synchronization

/// Keeps the pieces it is given; a test may wait for each, and may hold or refuse them.
final class RecordingWriter: BodyWriter, Sendable {
    private let recorded = Mutex<[[UInt8]]>([])
    private let beforeEach: @Sendable () async throws -> Void
    private let arrivals: AsyncStream<[UInt8]>.Continuation
    /// The pieces as they come.
    let arriving: AsyncStream<[UInt8]>

    init(beforeEach: @escaping @Sendable () async throws -> Void = {}) {
        self.beforeEach = beforeEach
        (arriving, arrivals) = AsyncStream.makeStream()
    }

    var pieces: [[UInt8]] { recorded.withLock { $0 } }
    var bytes: [UInt8] { recorded.withLock { Array($0.joined()) } }

    func write(_ chunk: borrowing RawSpan) async throws {
        let piece = chunk.withUnsafeBytes { Array($0) }
        try await beforeEach()
        recorded.withLock { $0.append(piece) }
        arrivals.yield(piece)
    }
}
