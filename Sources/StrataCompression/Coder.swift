import Strata

/// Makes content smaller in one coding, with whatever library does it best.
final class Coder: Sendable {
    /// The coding that comes of it.
    let coding: ContentCoding
    private let pool: EncoderPool
    private let flushDelay: Duration
    private let time: any TimeSource

    init(
        _ coding: ContentCoding, _ configuration: Compression.Configuration, _ time: any TimeSource
    ) {
        self.coding = coding
        self.time = time
        flushDelay = configuration.flushDelay
        let level = configuration.level
        pool = EncoderPool(maximumIdle: configuration.maximumIdleCompressors) {
            () throws(CompressionError) in
            switch coding {
            case .gzip: try ZlibEncoder(.gzip, level: level)
            case .deflate: try ZlibEncoder(.zlib, level: level)
            }
        }
    }

    /// The bytes in the coding; nil where they would be more than the limit.
    func encoded(_ bytes: [UInt8], upTo limit: Int) throws(CompressionError) -> [UInt8]? {
        let encoder = try pool.take()
        defer { pool.giveBack(encoder) }
        return encoder.encode(bytes, upTo: limit)
    }

    /// The body in the coding, made while it is sent.
    func encoded(_ body: Body, isEventStream: Bool) -> BodyStream {
        let flushing: Flushing =
            switch body {
            case .stream: isEventStream ? .afterEachWrite : .afterPause(flushDelay)
            case .bytes, .empty: .atEnd
            }
        return BodyStream { try await self.send(body, to: $0, flushing: flushing) }
    }

    private func send(
        _ body: Body, to inner: any BodyWriter, flushing: Flushing
    ) async throws {
        let encoder = try pool.take()
        defer { pool.giveBack(encoder) }
        try await EncodingWriter.send(
            body, to: inner, with: encoder, flushing: flushing, time: time)
    }
}
