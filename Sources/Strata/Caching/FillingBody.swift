import Synchronization

/// Content that is still being made, for any number of readers.
///
/// One task writes, at the pace of whoever makes the content; each reader is given everything
/// from the beginning. What was written is kept for later readers and for the store, up to a
/// limit. Content that turns out longer is not kept: nobody can join any more, what all readers
/// have had is dropped, and the writer waits for the slowest of them.
final class FillingBody: Sendable {
    fileprivate struct State {
        var pieces: [[UInt8]] = []
        /// How many pieces were dropped from the front.
        var dropped = 0
        /// The bytes in ``pieces``.
        var heldBytes = 0
        var end: Result<Void, any Error>?
        var isTooLong = false
        /// The next piece of each reader.
        var positions: [Int: Int] = [:]
        var nextReader = 0
        var waitingReaders: [Int: CheckedContinuation<Void, Never>] = [:]
        var waitingWriter: CheckedContinuation<Void, Never>?
    }

    /// Guarded: by the writer and all readers.
    private let state = Mutex(State())
    private let limit: Int
    /// How long the content is going to be, where that is known.
    let length: Int?

    /// Makes content of which at most `limit` bytes are kept.
    init(length: Int?, limit: Int) {
        self.length = length
        self.limit = limit
    }

    /// Thrown to the writer when nobody wants the content.
    struct Unwanted: Error {}

    // MARK: Writing

    /// Runs the producer to its end.
    ///
    /// - Returns: the whole content; nil where it was too long to keep.
    /// - Throws: what the producer throws; readers are thrown the same.
    func fill(from stream: BodyStream) async throws -> [UInt8]? {
        do {
            let writer = Writer(self)
            try await stream.produce(writer)
            if let length = stream.length, length != writer.count {
                throw LengthMismatch(promised: length, written: writer.count)
            }
            finish(.success(()))
        } catch {
            finish(.failure(error))
            throw error
        }
        return state.withLock { state in
            state.isTooLong ? nil : Array(state.pieces.joined())
        }
    }

    private final class Writer: BodyWriter {
        let body: FillingBody
        var count = 0

        init(_ body: FillingBody) { self.body = body }

        func write(_ chunk: borrowing RawSpan) async throws {
            guard chunk.byteCount > 0 else { return }
            count += chunk.byteCount
            try await body.append(chunk.withUnsafeBytes { Array($0) })
        }
    }

    private func append(_ piece: [UInt8]) async throws {
        let isFull = try state.withLock { state in
            if state.isTooLong, state.positions.isEmpty { throw Unwanted() }
            state.pieces.append(piece)
            state.heldBytes += piece.count
            if state.heldBytes > limit { state.isTooLong = true }
            state.wakeReaders()
            return state.isTooLong && state.heldBytes > limit
        }
        guard isFull else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    state.dropRead()
                    if state.heldBytes <= limit || state.positions.isEmpty || Task.isCancelled {
                        return true
                    }
                    state.waitingWriter = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in state.resumeWriter() }
        }
        try Task.checkCancellation()
    }

    private func finish(_ end: Result<Void, any Error>) {
        state.withLock { state in
            state.end = end
            state.wakeReaders()
        }
    }

    /// Whether the content has broken off.
    var isBroken: Bool {
        state.withLock { if case .failure = $0.end { true } else { false } }
    }

    // MARK: Reading

    /// The content from its beginning, for one reader; nil where it is too late to join.
    func body() -> Body? {
        guard let reader = join() else { return nil }
        return .stream(
            BodyStream(length: length) { writer in
                while let piece = try await reader.next() { try await writer.write(piece) }
            })
    }

    private func join() -> Reader? {
        let number = state.withLock { state -> Int? in
            guard !state.isTooLong else { return nil }
            defer { state.nextReader += 1 }
            state.positions[state.nextReader] = 0
            return state.nextReader
        }
        return number.map { Reader(self, $0) }
    }

    /// A reader's place; giving it up lets the writer go on without it.
    private final class Reader: Sendable {
        let body: FillingBody
        let number: Int

        init(_ body: FillingBody, _ number: Int) {
            self.body = body
            self.number = number
        }

        deinit {
            body.state.withLock { state in
                state.positions[number] = nil
                state.wakeWriter(limit: body.limit)
            }
        }

        /// The next piece, or nil at the end.
        func next() async throws -> [UInt8]? {
            while true {
                try Task.checkCancellation()
                if let piece = try take() { return piece.isEmpty ? nil : piece }
                await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in
                        let goesOn = body.state.withLock { state in
                            let position = state.positions[number] ?? 0
                            let isThere = position < state.dropped + state.pieces.count
                            if isThere || state.end != nil || Task.isCancelled { return true }
                            state.waitingReaders[number] = continuation
                            return false
                        }
                        if goesOn { continuation.resume() }
                    }
                } onCancel: {
                    body.state.withLock { state in
                        state.waitingReaders.removeValue(forKey: number)?.resume()
                    }
                }
            }
        }

        /// A piece, an empty one at the end, or nil where it isn't there yet.
        private func take() throws -> [UInt8]? {
            try body.state.withLock { state in
                let index = (state.positions[number] ?? 0) - state.dropped
                if index < state.pieces.count {
                    let piece = state.pieces[index]
                    state.positions[number] = state.dropped + index + 1
                    state.wakeWriter(limit: body.limit)
                    return piece
                }
                if let end = state.end {
                    try end.get()
                    return []
                }
                return nil
            }
        }
    }
}

extension FillingBody.State {
    fileprivate mutating func wakeReaders() {
        for reader in waitingReaders.values { reader.resume() }
        waitingReaders = [:]
    }

    /// Drops what all readers have had.
    fileprivate mutating func dropRead() {
        let slowest = positions.values.min() ?? dropped + pieces.count
        let count = max(0, min(slowest - dropped, pieces.count))
        for piece in pieces[..<count] { heldBytes -= piece.count }
        pieces.removeFirst(count)
        dropped += count
    }

    /// Lets the writer go on once there is room, or nobody to wait for.
    fileprivate mutating func wakeWriter(limit: Int) {
        guard isTooLong else { return }
        dropRead()
        if heldBytes <= limit || positions.isEmpty { resumeWriter() }
    }

    fileprivate mutating func resumeWriter() {
        waitingWriter?.resume()
        waitingWriter = nil
    }
}

/// A producer wrote another number of bytes than its stream's length promised.
public struct LengthMismatch: Error, Hashable, CustomStringConvertible {
    /// The stream's length.
    public let promised: Int
    /// How many bytes there were.
    public let written: Int

    /// What went wrong.
    public var description: String {
        "The content was to be \(promised) bytes long, and \(written) were written."
    }
}
