/// The library that a content is compressed by, and the level in that library's own sense.
///
/// The level that is configured is zlib's, 1 to 9, and is a promise about density: whatever library
/// does the work, the content gets about as small as zlib would make it at that level, or smaller,
/// and among the libraries that keep the promise the fastest is taken:
///
/// - `gzip` and `deflate` at level 1: ISA-L; it is several times as fast as zlib, and knows no
///   denser level worth having.
/// - `gzip` and `deflate` above it, of content that is all there: libdeflate, which can't work on
///   streams.
/// - Else zlib.
/// - `zstd` and `br`: their own libraries, at the level that comes next in density.
///
/// Content that is asked for again and again is made once more at the densest level that takes
/// well below a second for a megabyte.
enum EncoderChoice: Sendable, Hashable {
    case zlib(ZlibEncoder.Frame, level: Int)
    #if ISAL
        case isal(ZlibEncoder.Frame)
    #endif
    #if Libdeflate
        case libdeflate(ZlibEncoder.Frame, level: Int)
    #endif
    #if Zstd
        case zstd(level: Int)
    #endif
    #if Brotli
        case brotli(quality: Int)
    #endif

    /// The choice for content that is made while it is sent.
    static func forStream(_ coding: ContentCoding, level: Int) -> EncoderChoice {
        switch coding {
        case .gzip: forStream(.gzip, level)
        case .deflate: forStream(.zlib, level)
        #if Zstd
            case .zstd: .zstd(level: max(1, level / 2))
        #endif
        #if Brotli
            case .brotli: .brotli(quality: max(1, level - 1))
        #endif
        }
    }

    /// The choice for content that is all there.
    static func forBuffer(_ coding: ContentCoding, level: Int) -> EncoderChoice {
        #if Libdeflate
            switch forStream(coding, level: level) {
            case .zlib(let frame, let level): return .libdeflate(frame, level: level)
            case let choice: return choice
            }
        #else
            return forStream(coding, level: level)
        #endif
    }

    private static func forStream(_ frame: ZlibEncoder.Frame, _ level: Int) -> EncoderChoice {
        #if ISAL
            if level == 1 { return .isal(frame) }
        #endif
        return .zlib(frame, level: level)
    }

    /// Whether it can work piece by piece.
    func makeStreamEncoder() throws(CompressionError) -> any StreamEncoder {
        switch self {
        case .zlib(let frame, let level): try ZlibEncoder(frame, level: level)
        #if ISAL
            case .isal(let frame): try ISALEncoder(frame)
        #endif
        #if Libdeflate
            case .libdeflate: preconditionFailure("libdeflate can't work on streams")
        #endif
        #if Zstd
            case .zstd(let level): try ZstdEncoder(level: level)
        #endif
        #if Brotli
            case .brotli(let quality): try BrotliEncoder(quality: quality)
        #endif
        }
    }

    func makeBufferEncoder() throws(CompressionError) -> any BufferEncoder {
        #if Libdeflate
            if case .libdeflate(let frame, let level) = self {
                return try LibdeflateEncoder(frame, level: level)
            }
        #endif
        return try makeStreamEncoder()
    }
}
