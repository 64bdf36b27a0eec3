import CZlib

// Every call into zlib stands in this file.

/// A compressor of zlib: `deflate` in the frame of gzip (RFC 1952) or of zlib (RFC 1950).
///
/// The `z_stream` is only touched by whoever took the encoder from its pool, one task at a time;
/// that makes it safe to hand from task to task.
final class ZlibEncoder: StreamEncoder, @unchecked Sendable {
    /// What the compressed bytes are framed in.
    enum Frame: Int32 {
        case zlib = 15
        /// As `deflateInit2` wants it: 16 added to the size of the window.
        case gzip = 31
    }

    /// How content is treated, and what a flush separates.
    enum Mode {
        /// It is compressed.
        case compressing
        /// It is compressed, and behind the next flush nothing refers to what came before it.
        case separating
        /// It goes as it is, in blocks of its own that nothing refers to.
        case storing
    }

    /// To be changed right after a flush.
    var mode = Mode.compressing

    /// On the heap because zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let level: Int32
    /// The level that zlib works at now.
    private var currentLevel: Int32

    /// Makes a compressor of a level between 1 and 9.
    init(_ frame: Frame, level: Int) throws(CompressionError) {
        self.level = Int32(level)
        currentLevel = self.level
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, self.level, Z_DEFLATED, frame.rawValue, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            throw CompressionError(
                .outOfMemory, "zlib has no memory for a compressor (\(result)); send identity.")
        }
        tune()
    }

    deinit {
        // Does nothing to a stream that was never set up.
        deflateEnd(stream)
        stream.deallocate()
    }

    func reset() -> Bool {
        mode = .compressing
        guard deflateReset(stream) == Z_OK else { return false }
        tune()
        return true
    }

    /// Ends the search for a match sooner than zlib's level 6 does, which is the default: after 96
    /// candidates in place of 128, or one of 96 bytes. The last quarter of the search takes up to a
    /// fifth of the time, and makes JSON shorter by less than one part in a hundred and other text
    /// by less than one in a thousand. Whatever sets zlib's level undoes it.
    private func tune() {
        guard currentLevel == 6 else { return }
        deflateTune(stream, 8, 16, 96, 96)
    }

    func encode(
        _ input: UnsafeRawBufferPointer, _ step: EncodingStep,
        into output: UnsafeMutableRawBufferPointer
    ) -> EncodingProgress {
        // zlib counts in 32 bits; what is beyond them waits for the next call.
        let piece = UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30))
        let room = UnsafeMutableRawBufferPointer(rebasing: output.prefix(1 << 30))
        let isWhole = piece.count == input.count

        stream.pointee.avail_in = 0
        stream.pointee.next_out = room.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(room.count)
        let wantedLevel = mode == .storing ? 0 : level
        if wantedLevel != currentLevel {
            deflateParams(stream, wantedLevel, Z_DEFAULT_STRATEGY)
            currentLevel = wantedLevel
            tune()
        }
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: piece.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(piece.count)
        let result = deflate(stream, isWhole ? flushValue(for: step) : Z_NO_FLUSH)
        // Z_BUF_ERROR only says that there was nothing to do.
        precondition(result != Z_STREAM_ERROR, "zlib's state is damaged")

        let taken = piece.count - Int(stream.pointee.avail_in)
        let isRoomLeft = stream.pointee.avail_out > 0
        return EncodingProgress(
            consumed: taken,
            produced: room.count - Int(stream.pointee.avail_out),
            isComplete: step == .finish
                ? result == Z_STREAM_END : isWhole && taken == piece.count && isRoomLeft)
    }

    private func flushValue(for step: EncodingStep) -> Int32 {
        switch step {
        case .more: Z_NO_FLUSH
        case .flush: mode == .compressing ? Z_SYNC_FLUSH : Z_FULL_FLUSH
        case .finish: Z_FINISH
        }
    }
}

/// A decompressor of zlib. As with ``ZlibEncoder``, one task at a time has it in its hands.
final class ZlibDecoder: Decoder, @unchecked Sendable {
    /// On the heap because zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let frame: ZlibEncoder.Frame
    private var isAtEnd = false

    init(_ frame: ZlibEncoder.Frame) throws(CompressionError) {
        self.frame = frame
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = inflateInit2_(
            stream, frame.rawValue, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            throw CompressionError(
                .outOfMemory, "zlib has no memory for a decompressor (\(result)).")
        }
    }

    deinit {
        // Does nothing to a stream that was never set up.
        inflateEnd(stream)
        stream.deallocate()
    }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(MalformedContent) -> DecodingProgress {
        let input = UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30))
        let output = UnsafeMutableRawBufferPointer(rebasing: output.prefix(1 << 30))
        if isAtEnd, !input.isEmpty {
            // Of gzip there may be several, one behind the other (RFC 1952 §2.2).
            guard frame == .gzip else { throw MalformedContent() }
            inflateReset(stream)
            isAtEnd = false
        }
        guard !isAtEnd else { return DecodingProgress(consumed: 0, produced: 0, isAtEnd: true) }

        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(output.count)
        let result = inflate(stream, Z_NO_FLUSH)
        switch result {
        // Z_BUF_ERROR only says that there was nothing to do.
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isAtEnd = true
        default: throw MalformedContent()
        }
        return DecodingProgress(
            consumed: input.count - Int(stream.pointee.avail_in),
            produced: output.count - Int(stream.pointee.avail_out), isAtEnd: isAtEnd)
    }
}
