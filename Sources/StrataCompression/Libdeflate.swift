#if Libdeflate
    import CLibdeflate

    // Every call into libdeflate stands in this file.

    /// A compressor of libdeflate. As with ``ZlibEncoder``, one task at a time has it in its hands.
    final class LibdeflateEncoder: BufferEncoder, @unchecked Sendable {
        private let compressor: OpaquePointer
        private let frame: ZlibEncoder.Frame

        /// Makes a compressor of a level between 1 and 12.
        init(_ frame: ZlibEncoder.Frame, level: Int) throws(CompressionError) {
            guard let compressor = libdeflate_alloc_compressor(Int32(level)) else {
                throw CompressionError(
                    .outOfMemory, "libdeflate has no memory for a compressor; send identity.")
            }
            self.compressor = compressor
            self.frame = frame
        }

        deinit { libdeflate_free_compressor(compressor) }

        /// Nothing is left of a content in a compressor.
        func reset() -> Bool { true }

        func encode(_ bytes: [UInt8], upTo limit: Int) -> [UInt8]? {
            guard limit > 0 else { return nil }
            let encoded = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
                let compress =
                    frame == .gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress
                count = bytes.withUnsafeBytes {
                    compress(compressor, $0.baseAddress, $0.count, output.baseAddress, limit)
                }
            }
            return encoded.isEmpty ? nil : encoded.trimmed
        }
    }
#endif
