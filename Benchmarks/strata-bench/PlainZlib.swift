import CZlib

/// zlib as a program would call it that does nothing else: one `z_stream`, used again and again.
final class PlainZlib {
    private let stream: UnsafeMutablePointer<z_stream>

    /// Makes a compressor of gzip.
    init(level: Int32) throws {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw Unavailable(message: "zlib says \(result)") }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The content in gzip.
    func compressed(_ content: [UInt8]) -> [UInt8] {
        deflateReset(stream)
        return [UInt8](unsafeUninitializedCapacity: content.count) { output, count in
            content.withUnsafeBufferPointer { input in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                deflate(stream, Z_FINISH)
            }
            count = output.count - Int(stream.pointee.avail_out)
        }
    }
}
