import CZlib

/// What zlib itself makes of compressed bytes, in the frame of gzip or of zlib.
struct Inflated: Equatable {
    /// What could be decoded.
    var bytes: [UInt8]
    /// Whether the content came to its end, with nothing behind it and a right checksum.
    var isWhole: Bool

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension Inflated {
    /// Decodes as far as possible.
    init(_ encoded: [UInt8]) {
        self.init(bytes: [], isWhole: false)
        var stream = z_stream()
        guard
            inflateInit2_(&stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return }
        defer { inflateEnd(&stream) }
        var input = encoded
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        let count = piece.count
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            var result = Z_OK
            var produced = 0
            repeat {
                piece.withUnsafeMutableBufferPointer { piece in
                    stream.next_out = piece.baseAddress
                    stream.avail_out = UInt32(count)
                    result = inflate(&stream, Z_NO_FLUSH)
                }
                produced = count - Int(stream.avail_out)
                bytes += piece[..<produced]
            } while result == Z_OK && produced == count
            isWhole = result == Z_STREAM_END && stream.avail_in == 0
        }
    }
}
