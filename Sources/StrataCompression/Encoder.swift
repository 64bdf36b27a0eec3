/// One library's compressor, which makes the content in one piece out of content that is all there.
///
/// It is used by one task at a time: by the one that took it from a ``Pool``.
protocol BufferEncoder: AnyObject, Sendable {
    /// The content in one piece; nil where it would be longer than the limit.
    func encode(_ bytes: [UInt8], upTo limit: Int) -> [UInt8]?

    /// Makes it ready for the next content, whatever became of the last one; false where that
    /// can't be done.
    func reset() -> Bool
}

/// How far a ``StreamEncoder`` is to go.
enum EncodingStep {
    /// Take the input; what comes of it may come later.
    case more
    /// Take the input and give everything that belongs to it, so that a decoder can read it all.
    case flush
    /// Take the input and end the content.
    case finish
}

/// How far a ``StreamEncoder`` got.
struct EncodingProgress {
    /// How many bytes of the input were taken.
    var consumed: Int
    /// How many bytes of the output were written.
    var produced: Int
    /// Whether the step is done; else the output is full, and it goes on with the rest of the
    /// input in a new call.
    var isComplete: Bool
}

/// A compressor that makes the content piece by piece.
protocol StreamEncoder: BufferEncoder {
    /// Compresses the input as far as the output has room.
    func encode(
        _ input: UnsafeRawBufferPointer, _ step: EncodingStep,
        into output: UnsafeMutableRawBufferPointer
    ) -> EncodingProgress
}

extension StreamEncoder {
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
                precondition(
                    isComplete || progress.consumed > 0 || progress.produced > 0 || count == limit,
                    "An encoder goes on while there is room")
            } while !isComplete && count < limit
        }
        return isComplete ? encoded.trimmed : nil
    }
}

extension [UInt8] {
    /// The same bytes without the room that was reserved for more, where that is much: they may be
    /// kept for long.
    var trimmed: [UInt8] { count < capacity / 8 * 7 ? [UInt8](self[...]) : self }
}
