#if Zstd
    import CZstd

    // Every call into zstd stands in this file.

    /// A compressor of zstd (RFC 8878). As with ``ZlibEncoder``, one task at a time has it in its
    /// hands.
    final class ZstdEncoder: StreamEncoder, @unchecked Sendable {
        private let context: OpaquePointer

        init(level: Int) throws(CompressionError) {
            guard let context = ZSTD_createCCtx() else {
                throw CompressionError(
                    .outOfMemory, "zstd has no memory for a compressor; send identity.")
            }
            self.context = context
            ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
            // No client need take a larger window than 8 MiB (RFC 9659 §3).
            precondition(level <= 19, "Levels above 19 use larger windows")
        }

        deinit { ZSTD_freeCCtx(context) }

        func reset() -> Bool {
            ZSTD_isError(ZSTD_CCtx_reset(context, ZSTD_reset_session_only)) == 0
        }

        func encode(
            _ input: UnsafeRawBufferPointer, _ step: EncodingStep,
            into output: UnsafeMutableRawBufferPointer
        ) -> EncodingProgress {
            var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_compressStream2(context, &target, &source, step.directive)
            precondition(ZSTD_isError(left) == 0, "zstd's state is damaged")
            return EncodingProgress(
                consumed: source.pos, produced: target.pos,
                isComplete: step == .more
                    ? source.pos == source.size && target.pos < target.size : left == 0)
        }
    }

    extension EncodingStep {
        fileprivate var directive: ZSTD_EndDirective {
            switch self {
            case .more: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .finish: ZSTD_e_end
            }
        }
    }

    /// A decompressor of zstd. As with ``ZlibEncoder``, one task at a time has it in its hands.
    final class ZstdDecoder: Decoder, @unchecked Sendable {
        private let context: OpaquePointer
        private var isAtEnd = false

        init() throws(CompressionError) {
            guard let context = ZSTD_createDCtx() else {
                throw CompressionError(.outOfMemory, "zstd has no memory for a decompressor.")
            }
            self.context = context
            // A window is memory that the peer asks for: 8 MiB at most (RFC 9659 §3).
            ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23)
        }

        deinit { ZSTD_freeDCtx(context) }

        func decode(
            _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
        ) throws(MalformedContent) -> DecodingProgress {
            // Behind a frame there may be another (RFC 8878 §3).
            guard !isAtEnd || !input.isEmpty else {
                return DecodingProgress(consumed: 0, produced: 0, isAtEnd: true)
            }
            var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
            let left = ZSTD_decompressStream(context, &target, &source)
            guard ZSTD_isError(left) == 0 else { throw MalformedContent() }
            isAtEnd = left == 0
            return DecodingProgress(
                consumed: source.pos, produced: target.pos, isAtEnd: isAtEnd)
        }
    }
#endif
