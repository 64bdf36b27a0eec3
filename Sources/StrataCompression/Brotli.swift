#if Brotli
    import CBrotli

    // Every call into brotli stands in this file.

    /// A compressor of brotli (RFC 7932), good for one content. As with ``ZlibEncoder``, one task
    /// at a time has it in its hands.
    final class BrotliEncoder: StreamEncoder, @unchecked Sendable {
        private let state: OpaquePointer

        /// Makes a compressor of a quality between 0 and 11.
        init(quality: Int) throws(CompressionError) {
            guard let state = BrotliEncoderCreateInstance(nil, nil, nil) else {
                throw CompressionError(
                    .outOfMemory, "brotli has no memory for a compressor; send identity.")
            }
            self.state = state
            BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, UInt32(quality))
            // A window of 256 KiB: a larger one only serves content that is longer.
            BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, 18)
        }

        deinit { BrotliEncoderDestroyInstance(state) }

        /// brotli has no way to begin anew.
        func reset() -> Bool { false }

        func encode(
            _ input: UnsafeRawBufferPointer, _ step: EncodingStep,
            into output: UnsafeMutableRawBufferPointer
        ) -> EncodingProgress {
            var inputLeft = input.count
            var next = input.bindMemory(to: UInt8.self).baseAddress
            var outputLeft = output.count
            var target = output.bindMemory(to: UInt8.self).baseAddress
            let isDone = BrotliEncoderCompressStream(
                state, step.operation, &inputLeft, &next, &outputLeft, &target, nil)
            precondition(isDone != 0, "brotli's state is damaged")
            let isEmptied = inputLeft == 0 && BrotliEncoderHasMoreOutput(state) == 0
            return EncodingProgress(
                consumed: input.count - inputLeft, produced: output.count - outputLeft,
                isComplete: step == .finish ? BrotliEncoderIsFinished(state) != 0 : isEmptied)
        }
    }

    extension EncodingStep {
        fileprivate var operation: BrotliEncoderOperation {
            switch self {
            case .more: BROTLI_OPERATION_PROCESS
            case .flush: BROTLI_OPERATION_FLUSH
            case .finish: BROTLI_OPERATION_FINISH
            }
        }
    }

    /// A decompressor of brotli. As with ``ZlibEncoder``, one task at a time has it in its hands.
    final class BrotliDecoder: Decoder, @unchecked Sendable {
        private let state: OpaquePointer
        private var isAtEnd = false

        init() throws(CompressionError) {
            guard let state = BrotliDecoderCreateInstance(nil, nil, nil) else {
                throw CompressionError(.outOfMemory, "brotli has no memory for a decompressor.")
            }
            self.state = state
        }

        deinit { BrotliDecoderDestroyInstance(state) }

        func decode(
            _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
        ) throws(MalformedContent) -> DecodingProgress {
            if isAtEnd {
                guard input.isEmpty else { throw MalformedContent() }
                return DecodingProgress(consumed: 0, produced: 0, isAtEnd: true)
            }
            var inputLeft = input.count
            var next = input.bindMemory(to: UInt8.self).baseAddress
            var outputLeft = output.count
            var target = output.bindMemory(to: UInt8.self).baseAddress
            let result = BrotliDecoderDecompressStream(
                state, &inputLeft, &next, &outputLeft, &target, nil)
            guard result != BROTLI_DECODER_RESULT_ERROR else { throw MalformedContent() }
            isAtEnd = result == BROTLI_DECODER_RESULT_SUCCESS
            return DecodingProgress(
                consumed: input.count - inputLeft, produced: output.count - outputLeft,
                isAtEnd: isAtEnd)
        }
    }
#endif
