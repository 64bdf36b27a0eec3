import Synchronization

/// A stream whose beginning is read before it is known what becomes of it.
///
/// The producer runs in a task of its own, because a header depends on what it writes: it is read
/// until the reader has decided, and then either stopped, or held within its `write` until the
/// body is wanted, when it goes on where it stood. Nothing is produced twice, and nothing is kept
/// but what the reader kept.
final class HeldStream: Sendable {
    /// What becomes of the stream.
    enum Decision: Sendable {
        /// Nothing more is wanted.
        case stop
        /// It is passed on: these bytes, and then all that follow.
        case pass([UInt8])
    }

    /// Thrown to a producer of which nothing more is wanted.
    struct Stopped: Error {}

    private struct State {
        /// The one who waits for the decision.
        var reader: CheckedContinuation<Void, any Error>?
        /// How the reading ended: with a decision or the producer's end.
        var reading: Result<Void, any Error>?
        /// Where the rest goes, once it is wanted.
        var outlet: Outlet?
        /// The producer, while it waits for the outlet.
        var held: CheckedContinuation<Void, Never>?
        var isPassing = false
    }

    /// The writer of whoever sends the body. `@unchecked`: it is handed to the producer's task by
    /// a task that then waits for the producer's end, so one task uses it at a time.
    private struct Outlet: @unchecked Sendable {
        let writer: any BodyWriter
    }

    /// Guarded: by the producer's task, the task that reads, and the one that sends the body.
    private let state = Mutex(State())
    private let stream: BodyStream

    private init(_ stream: BodyStream) { self.stream = stream }

    /// Reads the beginning of a stream.
    ///
    /// - Parameters:
    ///   - read: is given each piece, and returns a decision or nil. It is called by one task at a
    ///     time, and never after it has decided.
    ///   - end: is called where the stream ends without a decision.
    /// - Returns: the body that goes on where the reading stopped, if it is to be passed; nil
    ///   otherwise.
    /// - Throws: what the producer throws before there is a decision.
    static func read(
        _ stream: BodyStream,
        _ read: @escaping @Sendable (borrowing RawSpan) -> Decision?,
        atEnd end: @escaping @Sendable () -> Decision
    ) async throws -> Body? {
        let held = HeldStream(stream)
        let task = Task {
            let writer = Writer(held, read)
            do {
                try await stream.produce(writer)
            } catch {
                held.finishReading(.failure(error))
                throw error
            }
            if !writer.isDecided, case .pass(let bytes) = end() {
                try await held.pass(bytes)
            }
            held.finishReading(.success(()))
        }
        do {
            try await withTaskCancellationHandler {
                try await held.decision()
            } onCancel: {
                task.cancel()
            }
        } catch {
            task.cancel()
            throw error
        }
        guard held.state.withLock({ $0.isPassing }) else {
            task.cancel()
            return nil
        }
        let rest = Rest(held, task)
        return .stream(BodyStream(length: stream.length) { try await rest.send(to: $0) })
    }

    private func decision() async throws {
        try await withCheckedThrowingContinuation { continuation in
            let result = state.withLock { state in
                if state.reading == nil { state.reader = continuation }
                return state.reading
            }
            if let result { continuation.resume(with: result) }
        }
    }

    private func finishReading(_ result: Result<Void, any Error>) {
        let reader = state.withLock { state in
            guard state.reading == nil else { return nil as CheckedContinuation<Void, any Error>? }
            state.reading = result
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(with: result)
    }

    /// Waits until the body is wanted, and sends the bytes that were read meanwhile.
    private func pass(_ bytes: [UInt8]) async throws {
        state.withLock { $0.isPassing = true }
        finishReading(.success(()))
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.outlet != nil || Task.isCancelled { return true }
                    state.held = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            release()
        }
        try await outlet().writer.write(bytes)
    }

    private func outlet() throws -> Outlet {
        guard let outlet = state.withLock({ $0.outlet }) else { throw CancellationError() }
        return outlet
    }

    private func release() {
        let held = state.withLock { state in
            defer { state.held = nil }
            return state.held
        }
        held?.resume()
    }

    private final class Writer: BodyWriter {
        private let held: HeldStream
        private let read: (borrowing RawSpan) -> Decision?
        private var isPassing = false
        private(set) var isDecided = false

        init(_ held: HeldStream, _ read: @escaping (borrowing RawSpan) -> Decision?) {
            self.held = held
            self.read = read
        }

        func write(_ chunk: borrowing RawSpan) async throws {
            if isPassing { return try await held.outlet().writer.write(chunk) }
            guard !isDecided else { throw Stopped() }
            switch read(chunk) {
            case nil: break
            case .stop?:
                isDecided = true
                held.finishReading(.success(()))
                throw Stopped()
            case .pass(let bytes)?:
                isDecided = true
                try await held.pass(bytes)
                isPassing = true
            }
        }
    }

    /// What remains of the stream, for whoever sends it; dropped unsent, it stops the producer.
    private final class Rest: Sendable {
        private let held: HeldStream
        private let task: Task<Void, any Error>

        init(_ held: HeldStream, _ task: Task<Void, any Error>) {
            self.held = held
            self.task = task
        }

        deinit { task.cancel() }

        func send(to writer: any BodyWriter) async throws {
            let isFirst = held.state.withLock { state in
                guard state.outlet == nil else { return false }
                state.outlet = Outlet(writer: writer)
                return true
            }
            guard isFirst else { return try await held.stream.produce(writer) }
            held.release()
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
    }
}
