import Strata

/// Decodes a request's content while it is read.
///
/// A few bytes can stand for gigabytes, so what comes out is counted: against a limit, and against
/// what came in. Nothing is decoded before it is asked for, and never more than one piece.
///
/// The mutable state is touched by the task that has the `turn`, and by no other.
final class DecodingSource: RequestBodySource, @unchecked Sendable {
    private let limits: Compression.RequestDecoding
    private let decoder: any Decoder
    private let turn = Turn()

    private var encoded: RequestBody.AsyncIterator
    private var input: ArraySlice<UInt8> = []
    private var consumed = 0
    private var produced = 0
    /// Whether the decoder filled a whole piece, and may have more of what it took already.
    private var mayHoldMore = false
    /// Whether the content may end here.
    private var isAtEnd = false

    init(
        _ body: RequestBody, _ decoder: any Decoder, limits: Compression.RequestDecoding
    ) {
        encoded = body.makeAsyncIterator()
        self.decoder = decoder
        self.limits = limits
    }

    /// The next piece.
    ///
    /// - Throws: ``Problem`` with 413 where the content is too long or grew too much, and with 400
    ///   where it is not in the coding, or ends before its end.
    func next() async throws -> [UInt8]? {
        await turn.take()
        defer { turn.giveBack() }
        while true {
            if input.isEmpty, !mayHoldMore {
                guard let piece = try await encoded.next() else {
                    guard isAtEnd else { throw Problem.undecodable }
                    return nil
                }
                input = piece[...]
            }
            do {
                let piece = try decodePiece()
                if !piece.isEmpty { return piece }
            } catch is MalformedContent {
                throw Problem.undecodable
            }
        }
    }

    private func decodePiece() throws -> [UInt8] {
        let size = 32 * 1024
        var progress = DecodingProgress(consumed: 0, produced: 0, isAtEnd: isAtEnd)
        let piece = try [UInt8](unsafeUninitializedCapacity: size) { output, count in
            progress = try input.withUnsafeBytes {
                try decoder.decode($0, into: UnsafeMutableRawBufferPointer(output))
            }
            count = progress.produced
        }
        input = input.dropFirst(progress.consumed)
        isAtEnd = progress.isAtEnd
        mayHoldMore = progress.produced == size
        guard progress.consumed > 0 || progress.produced > 0 || input.isEmpty else {
            // Nothing comes of it, though there is input and room.
            throw MalformedContent()
        }
        consumed += progress.consumed
        produced += progress.produced
        guard produced <= limits.maximumBytes else {
            throw Problem(
                .contentTooLarge,
                detail: "The decoded content is longer than \(limits.maximumBytes) bytes.")
        }
        guard produced <= limits.freeBytes || produced / max(consumed, 1) < limits.maximumRatio
        else {
            throw Problem(
                .contentTooLarge,
                detail: "The decoded content is more than \(limits.maximumRatio) times as long "
                    + "as the encoded.")
        }
        return piece
    }
}

extension Problem {
    fileprivate static let undecodable = Problem(
        .badRequest, detail: "The content is not what its Content-Encoding says, or is cut off.")
}
