/// The library that a content is compressed by, and the level in that library's own sense.
///
/// The level that is configured, 1 to 9, is zlib's, and says how much of the processor's time a
/// request that waits for the content may cost: no library is chosen that takes longer than zlib
/// would at that level. Of the time that a faster one saves, most goes to the client and only some
/// into density.
///
/// | `gzip`, `deflate` | level 1 to 3 | level 4 to 6 | level 7 to 9 |
/// |---|---|---|---|
/// | streamed | ISA-L | zlib at the level | zlib at the level |
/// | all there, up to 2 KiB | ISA-L | ISA-L | libdeflate at the level less 2 |
/// | all there | ISA-L | libdeflate at half the level | libdeflate at the level less 2 |
///
/// - A stream's compressor must remember what went before, which libdeflate can't.
/// - Up to 2 KiB there is hardly a difference in density, and setting up costs most, which ISA-L
///   does least of.
/// - Where a trait that the table asks for is off, libdeflate stands in for ISA-L, at level 1, and
///   zlib at the level for both; but between levels 4 and 6 ISA-L, which is less dense, does not
///   stand in for libdeflate.
/// - `zstd` is used at half the level and `br` at the level less 1, which is where they cost about
///   what zlib does, or less; but `br` not below 2, where it gathers no small pieces of a stream.
///
/// Content that is served from the cache again and again is made once more in the background, by
/// the densest there is: libdeflate at 12 or else zlib at 9, zstd at 19, brotli at 11.
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
            case .brotli: .brotli(quality: max(2, level - 1))
        #endif
        }
    }

    private static func forStream(_ frame: ZlibEncoder.Frame, _ level: Int) -> EncoderChoice {
        #if ISAL
            if level <= 3 { return .isal(frame) }
        #endif
        return .zlib(frame, level: level)
    }

    /// Up to how many bytes content counts as short.
    static let shortBytes = 2048

    /// The choice for content that is all there, and short or not.
    static func forBuffer(_ coding: ContentCoding, level: Int, isShort: Bool) -> EncoderChoice {
        let choice = forStream(coding, level: level)
        #if ISAL || Libdeflate
            guard case .zlib(let frame, _) = choice else { return choice }
            #if ISAL
                if isShort, level <= 6 { return .isal(frame) }
            #endif
            #if Libdeflate
                let denser = level <= 3 ? 1 : level <= 6 ? level / 2 : level - 2
                return .libdeflate(frame, level: denser)
            #else
                return choice
            #endif
        #else
            return choice
        #endif
    }

    /// The choice for content that is worth any time, because it is served again and again.
    static func densest(_ coding: ContentCoding) -> EncoderChoice {
        switch coding {
        case .gzip: densest(ZlibEncoder.Frame.gzip)
        case .deflate: densest(ZlibEncoder.Frame.zlib)
        #if Zstd
            case .zstd: .zstd(level: 19)
        #endif
        #if Brotli
            case .brotli: .brotli(quality: 11)
        #endif
        }
    }

    private static func densest(_ frame: ZlibEncoder.Frame) -> EncoderChoice {
        #if Libdeflate
            .libdeflate(frame, level: 12)
        #else
            .zlib(frame, level: 9)
        #endif
    }

    /// A compressor that works piece by piece.
    ///
    /// - Precondition: the library can, as those of ``forStream(_:level:)``.
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

    /// A compressor of content that is all there.
    func makeBufferEncoder() throws(CompressionError) -> any BufferEncoder {
        #if Libdeflate
            if case .libdeflate(let frame, let level) = self {
                return try LibdeflateEncoder(frame, level: level)
            }
        #endif
        return try makeStreamEncoder()
    }
}
