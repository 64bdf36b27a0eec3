/// How far an ``Encoder`` is to go.
enum EncodingStep {
    /// Take the input; what comes of it may come later.
    case more
    /// Take the input and give everything that belongs to it, so that a decoder can read it all.
    case flush
    /// Take the input and end the content.
    case finish
}

/// How far an ``Encoder`` got.
struct EncodingProgress {
    /// How many bytes of the input were taken.
    var consumed: Int
    /// How many bytes of the output were written.
    var produced: Int
    /// Whether the step is done; else there was too little room, and it goes on with the rest of
    /// the input in a new call.
    var isComplete: Bool
}

/// One library's compressor in the midst of one content.
///
/// It is used by one task at a time: by the one that took it from an ``EncoderPool``.
protocol Encoder: AnyObject, Sendable {
    /// Compresses the input as far as the output has room.
    func encode(
        _ input: UnsafeRawBufferPointer, _ step: EncodingStep,
        into output: UnsafeMutableRawBufferPointer
    ) -> EncodingProgress

    /// Makes it ready for the next content, whatever became of the last one.
    func reset()
}

extension Encoder {
    /// The content in one piece; nil where it would be longer than the limit.
    func encode(_ bytes: [UInt8], upTo limit: Int) -> [UInt8]? {
        guard limit > 0 else { return nil }
        var isComplete = false
        let encoded = [UInt8](unsafeUninitializedCapacity: limit) { output, count in
            let output = UnsafeMutableRawBufferPointer(output)
            var consumed = 0
            repeat {
                let progress = bytes.withUnsafeBytes {
                    encode(
                        UnsafeRawBufferPointer(rebasing: $0[consumed...]), .finish,
                        into: UnsafeMutableRawBufferPointer(rebasing: output[count...]))
                }
                consumed += progress.consumed
                count += progress.produced
                isComplete = progress.isComplete
            } while !isComplete && count < limit
        }
        return isComplete ? encoded : nil
    }
}
