/// How far a ``Decoder`` got.
struct DecodingProgress {
    /// How many bytes of the input were taken.
    var consumed: Int
    /// How many bytes of the output were written.
    var produced: Int
    /// Whether the content may end here: nothing is missing of what was begun.
    var isAtEnd: Bool
}

/// The input of a ``Decoder`` is no content in its coding.
struct MalformedContent: Error {}

/// One library's decompressor in the midst of one content, used by one task at a time.
protocol Decoder: AnyObject, Sendable {
    /// Decompresses the input as far as the output has room.
    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(MalformedContent) -> DecodingProgress
}
