import Strata

/// Makes content smaller in one coding, with the library that ``EncoderChoice`` names.
final class Coder: Sendable {
    /// The coding that comes of it.
    let coding: ContentCoding
    private let pauses: PauseWatch
    private let time: any TimeSource
    private let streams: Pool<any StreamEncoder>
    /// For content that is all there; nil where streams' compressors serve for it too.
    private let buffers: Pool<any BufferEncoder>?
    /// For such content that is short; nil where streams' compressors serve for it too.
    private let shortBuffers: Pool<any BufferEncoder>?
    /// For content with secrets in it; nil where the coding has no way to keep them.
    private let secretKeepers: Pool<any StreamEncoder>?

    init(
        _ coding: ContentCoding, _ configuration: Compression.Configuration,
        _ time: any TimeSource
    ) {
        self.coding = coding
        self.time = time
        pauses = PauseWatch(pause: configuration.flushDelay, time: time)
        let maximumIdle = configuration.maximumIdleCompressors
        let forStream = EncoderChoice.forStream(coding, level: configuration.level)
        secretKeepers = coding.secretKeeper(level: configuration.level).map { choice in
            Pool(maximumIdle: maximumIdle) { () throws(CompressionError) in
                try choice.makeStreamEncoder()
            } reset: {
                $0.reset()
            }
        }
        streams = Pool(maximumIdle: maximumIdle) { () throws(CompressionError) in
            try forStream.makeStreamEncoder()
        } reset: {
            $0.reset()
        }
        func buffers(isShort: Bool) -> Pool<any BufferEncoder>? {
            let choice = EncoderChoice.forBuffer(
                coding, level: configuration.level, isShort: isShort)
            if choice == forStream { return nil }
            return Pool(maximumIdle: maximumIdle) { () throws(CompressionError) in
                try choice.makeBufferEncoder()
            } reset: {
                $0.reset()
            }
        }
        self.buffers = buffers(isShort: false)
        shortBuffers = buffers(isShort: true)
    }

    /// The bytes in the coding; nil where they would be more than the limit.
    func encoded(_ bytes: [UInt8], upTo limit: Int) throws(CompressionError) -> [UInt8]? {
        if let buffers = bytes.count <= EncoderChoice.shortBytes ? shortBuffers : buffers {
            let encoder = try buffers.take()
            defer { buffers.giveBack(encoder) }
            return encoder.encode(bytes, upTo: limit)
        }
        let encoder = try streams.take()
        defer { streams.giveBack(encoder) }
        return encoder.encode(bytes, upTo: limit)
    }

    /// The bytes in the coding, as small as they get, however long that takes; nil where they
    /// would be more than the limit.
    func densest(_ bytes: [UInt8], upTo limit: Int) throws(CompressionError) -> [UInt8]? {
        try EncoderChoice.densest(coding).makeBufferEncoder().encode(bytes, upTo: limit)
    }

    /// The body in the coding, made while it is sent, the secrets in it kept apart.
    ///
    /// - Precondition: where there are secrets, the coding can keep them.
    func encoded(
        _ body: Body, isEventStream: Bool = false, secrets: [String] = []
    ) -> BodyStream {
        let flushing: Flushing =
            switch body {
            case .stream: isEventStream ? .afterEachWrite : .afterPause(pauses)
            case .bytes, .empty: .atEnd
            }
        let finder = SecretFinder(secrets)
        return BodyStream {
            try await self.send(body, to: $0, flushing: flushing, secrets: finder)
        }
    }

    private func send(
        _ body: Body, to inner: any BodyWriter, flushing: Flushing, secrets: SecretFinder
    ) async throws {
        guard let pool = secrets.isEmpty ? streams : secretKeepers else {
            preconditionFailure("Secrets need a coding that can keep them")
        }
        let encoder = try pool.take()
        defer { pool.giveBack(encoder) }
        try await EncodingWriter.send(
            body, to: inner, with: encoder, flushing: flushing, secrets: secrets, time: time)
    }
}

extension ContentCoding {
    /// Whether secrets in the content can be kept apart from all else (``Response/secrets``). The
    /// blocks of zstd and brotli can't be told not to refer to each other.
    var keepsSecrets: Bool { secretKeeper(level: 1) != nil }

    fileprivate func secretKeeper(level: Int) -> EncoderChoice? {
        switch self {
        case .gzip: .zlib(.gzip, level: level)
        case .deflate: .zlib(.zlib, level: level)
        #if Zstd
            case .zstd: nil
        #endif
        #if Brotli
            case .brotli: nil
        #endif
        }
    }
}
