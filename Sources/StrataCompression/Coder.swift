import Strata

/// Makes content smaller in one coding, with the library that ``EncoderChoice`` names.
final class Coder: Sendable {
    /// The coding that comes of it.
    let coding: ContentCoding
    private let flushDelay: Duration
    private let time: any TimeSource
    private let streams: Pool<any StreamEncoder>
    /// Nil where streams' compressors serve for content that is all there too.
    private let buffers: Pool<any BufferEncoder>?

    init(
        _ coding: ContentCoding, _ configuration: Compression.Configuration,
        _ time: any TimeSource
    ) {
        self.coding = coding
        self.time = time
        flushDelay = configuration.flushDelay
        let maximumIdle = configuration.maximumIdleCompressors
        let forStream = EncoderChoice.forStream(coding, level: configuration.level)
        let forBuffer = EncoderChoice.forBuffer(coding, level: configuration.level)
        streams = Pool(maximumIdle: maximumIdle) { () throws(CompressionError) in
            try forStream.makeStreamEncoder()
        } reset: {
            $0.reset()
        }
        buffers =
            forBuffer == forStream
            ? nil
            : Pool(maximumIdle: maximumIdle) { () throws(CompressionError) in
                try forBuffer.makeBufferEncoder()
            } reset: {
                $0.reset()
            }
    }

    /// The bytes in the coding; nil where they would be more than the limit.
    func encoded(_ bytes: [UInt8], upTo limit: Int) throws(CompressionError) -> [UInt8]? {
        if let buffers {
            let encoder = try buffers.take()
            defer { buffers.giveBack(encoder) }
            return encoder.encode(bytes, upTo: limit)
        }
        let encoder = try streams.take()
        defer { streams.giveBack(encoder) }
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
        let encoder = try streams.take()
        defer { streams.giveBack(encoder) }
        try await EncodingWriter.send(
            body, to: inner, with: encoder, flushing: flushing, time: time)
    }
}
