@testable import StrataCompression

/// What a coding's own library makes of encoded bytes.
func decoded(_ encoded: [UInt8], _ coding: ContentCoding) throws -> Inflated {
    if coding == .gzip || coding == .deflate { return Inflated(encoded) }
    let decoder = try coding.makeDecoder()
    var result = Inflated(bytes: [], isWhole: false)
    var input = encoded[...]
    var isGoingOn = true
    while isGoingOn {
        var progress = DecodingProgress(consumed: 0, produced: 0, isAtEnd: false)
        result.bytes += try [UInt8](unsafeUninitializedCapacity: 1 << 16) { output, count in
            progress = try input.withUnsafeBytes {
                try decoder.decode($0, into: UnsafeMutableRawBufferPointer(output))
            }
            count = progress.produced
        }
        input = input.dropFirst(progress.consumed)
        isGoingOn = progress.consumed > 0 || progress.produced > 0
        result.isWhole = progress.isAtEnd && input.isEmpty
    }
    return result
}
