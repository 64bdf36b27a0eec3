#if ISAL
    import CISAL

    // Every call into ISA-L stands in this file.

    /// A compressor of ISA-L at its level 1. As with ``ZlibEncoder``, one task at a time has it in
    /// its hands.
    final class ISALEncoder: StreamEncoder, @unchecked Sendable {
        private let stream: UnsafeMutablePointer<isal_zstream>
        private let levelBuffer: UnsafeMutablePointer<UInt8>
        private let frame: ZlibEncoder.Frame

        init(_ frame: ZlibEncoder.Frame) throws(CompressionError) {
            self.frame = frame
            // ISA-L asks for its state to be aligned to a cache line.
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: MemoryLayout<isal_zstream>.size, alignment: 64)
            stream = memory.bindMemory(to: isal_zstream.self, capacity: 1)
            levelBuffer = .allocate(capacity: Int(isal_level_1_buffer_size))
            isal_deflate_init(stream)
            prepare()
        }

        deinit {
            UnsafeMutableRawPointer(stream).deallocate()
            levelBuffer.deallocate()
        }

        private func prepare() {
            stream.pointee.level = 1
            stream.pointee.level_buf = levelBuffer
            stream.pointee.level_buf_size = isal_level_1_buffer_size
            stream.pointee.gzip_flag = UInt16(frame == .gzip ? IGZIP_GZIP : IGZIP_ZLIB)
            stream.pointee.end_of_stream = 0
        }

        func reset() -> Bool {
            isal_deflate_reset(stream)
            prepare()
            return true
        }

        func encode(
            _ input: UnsafeRawBufferPointer, _ step: EncodingStep,
            into output: UnsafeMutableRawBufferPointer
        ) -> EncodingProgress {
            // ISA-L counts in 32 bits; what is beyond them waits for the next call.
            let piece = UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30))
            let room = UnsafeMutableRawBufferPointer(rebasing: output.prefix(1 << 30))
            let isWhole = piece.count == input.count

            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: piece.bindMemory(to: UInt8.self).baseAddress)
            stream.pointee.avail_in = UInt32(piece.count)
            stream.pointee.next_out = room.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(room.count)
            stream.pointee.flush = UInt16(isWhole && step == .flush ? SYNC_FLUSH : NO_FLUSH)
            stream.pointee.end_of_stream = isWhole && step == .finish ? 1 : 0
            let result = isal_deflate(stream)
            precondition(result == COMP_OK, "ISA-L's state is damaged")

            let taken = piece.count - Int(stream.pointee.avail_in)
            let isRoomLeft = stream.pointee.avail_out > 0
            return EncodingProgress(
                consumed: taken,
                produced: room.count - Int(stream.pointee.avail_out),
                isComplete: step == .finish
                    ? stream.pointee.internal_state.state == ZSTATE_END
                    : isWhole && taken == piece.count && isRoomLeft)
        }
    }
#endif
