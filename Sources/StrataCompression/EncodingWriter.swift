import Strata
import Synchronization

/// When a writer hands on what it has compressed so far.
enum Flushing: Sendable {
    /// When its buffer is full, and at the end.
    case atEnd
    /// After each write: for events that the client waits for.
    case afterEachWrite
    /// When the buffer is full, and when nothing was written for as long as the watch waits.
    case afterPause(PauseWatch)
}

/// Compresses what is written into it, and hands it on to another writer.
///
/// Compression is best when output is held back until much of it has gathered; a client waits
/// least when none is. What holds for both: output that keeps coming is gathered, and what the
/// producer pauses after is handed on at once, because a ``PauseWatch`` has it flushed.
///
/// The memory is that of the compressor and one buffer. The producer is slowed down by waiting for
/// the writer behind.
///
/// All that is mutable here is touched by the task that has the `turn`, and by no other: that, and
/// the writer behind being used nowhere else, makes it safe to share between the producer and a
/// task that flushes.
final class EncodingWriter: BodyWriter, @unchecked Sendable {
    private let inner: any BodyWriter
    private let encoder: any StreamEncoder
    private let flushing: Flushing

    private let turn = Turn()
    private var output = [UInt8](repeating: 0, count: 16 * 1024)
    private var filled = 0
    /// How many bytes were written into this writer.
    private var byteCount = 0
    /// Whether something may have been held back since the last flush.
    private var isHoldingBack = false
    /// Why nothing can be handed on any more.
    private var failure: (any Error)?

    /// In nanoseconds of the machine's uptime; written in a turn, read by the watch at any time.
    private let lastWriteNanoseconds = Atomic<Int64>(0)
    private let time: any TimeSource

    private init(
        _ inner: any BodyWriter, _ encoder: any StreamEncoder, _ flushing: Flushing,
        _ time: any TimeSource
    ) {
        self.inner = inner
        self.encoder = encoder
        self.flushing = flushing
        self.time = time
    }

    /// Sends a body, compressed, into a writer, the secrets in it kept apart.
    ///
    /// - Precondition: where there are secrets, the encoder is a ``ZlibEncoder``.
    /// - Throws: what the body's producer throws, in which case the content is left without its
    ///   end, so that no decoder takes it for whole; and ``CompressionError``.
    static func send(
        _ body: Body, to inner: any BodyWriter, with encoder: any StreamEncoder, flushing: Flushing,
        secrets: SecretFinder, time: any TimeSource
    ) async throws {
        let writer = EncodingWriter(inner, encoder, flushing, time)
        guard case .afterPause(let watch) = flushing else {
            return try await writer.send(body, secrets)
        }
        do {
            try await withTaskCancellationHandler {
                try await writer.send(body, secrets)
            } onCancel: {
                watch.end(writer)
            }
            watch.end(writer)
        } catch {
            watch.end(writer)
            // The encoder is used by nobody once this returns.
            await writer.abandon()
            throw error
        }
    }

    private func abandon() async {
        await turn.take()
        isHoldingBack = false
        turn.giveBack()
    }

    private func send(_ body: Body, _ secrets: SecretFinder) async throws {
        if secrets.isEmpty {
            try await body.write(to: self)
        } else {
            let keeper = SecretKeepingWriter(self, secrets)
            try await body.write(to: keeper)
            try await keeper.finish()
        }
        await turn.take()
        defer { turn.giveBack() }
        if let failure { throw failure }
        if let length = body.length, length != byteCount {
            throw CompressionError(
                .wrongLength,
                "A body of \(length) bytes was promised and \(byteCount) were written.")
        }
        // Whoever waits for the turn to flush comes too late.
        isHoldingBack = false
        try await encode(RawSpan(), .finish)
    }

    func write(_ chunk: borrowing RawSpan) async throws {
        guard !chunk.isEmpty else { return }
        await turn.take()
        defer { turn.giveBack() }
        if let failure { throw failure }
        byteCount += chunk.byteCount
        var isFlushed = false
        if case .afterEachWrite = flushing { isFlushed = true }
        try await encode(chunk, isFlushed ? .flush : .more)
        noteWrite()
    }

    /// Writes bytes so that neither does anything refer to them, nor they to anything: how many
    /// bytes come of them says nothing but how many they are.
    func write(secret: [UInt8]) async throws {
        guard let zlib = encoder as? ZlibEncoder else {
            preconditionFailure("Secrets are only kept by zlib")
        }
        await turn.take()
        defer { turn.giveBack() }
        if let failure { throw failure }
        byteCount += secret.count
        zlib.mode = .separating
        try await encode(RawSpan(), .flush)
        zlib.mode = .storing
        try await encode(secret.span.bytes, .flush)
        zlib.mode = .compressing
        noteWrite()
    }

    private func noteWrite() {
        guard case .afterPause(let watch) = flushing else { return }
        if isHoldingBack {
            note(time.uptime)
        } else {
            isHoldingBack = true
            note(watch.begin(self))
        }
    }

    private func note(_ moment: Duration) {
        lastWriteNanoseconds.store(Int64(moment / .nanoseconds(1)), ordering: .relaxed)
    }

    /// When something was last written, as the machine's uptime.
    var lastWrite: Duration { .nanoseconds(lastWriteNanoseconds.load(ordering: .relaxed)) }

    /// Flushes, unless something was written meanwhile: then gives the time that is left.
    func flush(ifPausedFor pause: Duration) async -> Duration {
        await turn.take()
        defer { turn.giveBack() }
        guard isHoldingBack, failure == nil else { return .zero }
        let remaining = lastWrite + pause - time.uptime
        guard remaining <= .zero else { return remaining }
        isHoldingBack = false
        // The producer learns of a failure at its next write.
        try? await encode(RawSpan(), .flush)
        return .zero
    }

    /// Takes a step with the encoder, and hands on what it gives: full buffers, and at a flush and
    /// the end all there is.
    private func encode(_ chunk: borrowing RawSpan, _ step: EncodingStep) async throws {
        var offset = 0
        var isComplete = false
        while !isComplete {
            let progress = chunk.extracting(offset...).withUnsafeBytes { input in
                output.withUnsafeMutableBytes {
                    encoder.encode(
                        input, step, into: UnsafeMutableRawBufferPointer(rebasing: $0[filled...]))
                }
            }
            offset += progress.consumed
            filled += progress.produced
            isComplete = progress.isComplete
            precondition(
                isComplete || filled == output.count, "An encoder goes on while there is room")
            if filled > 0, filled == output.count || !isComplete || step != .more {
                try await handOn()
            }
        }
    }

    private func handOn() async throws {
        let bytes = output[..<filled]
        filled = 0
        do {
            try await inner.write(bytes)
        } catch {
            failure = error
            throw error
        }
    }
}
