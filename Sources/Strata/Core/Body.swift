/// The content of a response.
public enum Body: Sendable {
    /// No content.
    case empty
    /// Content that is all there.
    case bytes([UInt8])
    /// Content that is made while it is sent.
    case stream(BodyStream)

    /// Content made of a text's UTF-8.
    public static func text(_ text: some StringProtocol) -> Body { .bytes(Array(text.utf8)) }

    /// How many bytes there will be, where that is known beforehand.
    public var length: Int? {
        switch self {
        case .empty: 0
        case .bytes(let bytes): bytes.count
        case .stream(let stream): stream.length
        }
    }

    /// Hands all bytes to the writer, in order.
    public func write(to writer: any BodyWriter) async throws {
        switch self {
        case .empty: break
        case .bytes(let bytes): try await writer.write(bytes)
        case .stream(let stream): try await stream.produce(writer)
        }
    }

    /// All bytes as one array.
    ///
    /// - Throws: ``BodyTooLarge`` as soon as there are more than `limit`, and what the stream's
    ///   producer throws.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        if let length, length > limit { throw BodyTooLarge(limit: limit) }
        switch self {
        case .empty: return []
        case .bytes(let bytes): return bytes
        case .stream(let stream):
            let writer = CollectingWriter(limit: limit)
            // A length is a claim: room for much of it is made only as the bytes come.
            writer.bytes.reserveCapacity(min(stream.length ?? 0, 1 << 20))
            try await stream.produce(writer)
            return writer.bytes
        }
    }
}

/// Content that is pushed into a writer while it is sent.
///
/// The producer runs once for each time the body is sent. It is slowed down to the pace of the
/// peer, because ``BodyWriter/write(_:)`` returns only when the next piece is wanted; it is
/// ended by an error from `write` (usually `CancellationError`) when the peer is gone, and should
/// let that error pass.
///
/// ```swift
/// Response(body: .stream(BodyStream { writer in
///     for row in rows { try await writer.write(row.csv) }
/// }))
/// ```
public struct BodyStream: Sendable {
    /// How many bytes the producer will write, where that is known. Whoever sends the body treats
    /// any other number as an error and closes the connection.
    public let length: Int?

    /// Writes the content into the writer, from its beginning to its end.
    public let produce: @Sendable (any BodyWriter) async throws -> Void

    /// Makes a stream from its producer.
    public init(
        length: Int? = nil, _ produce: @escaping @Sendable (any BodyWriter) async throws -> Void
    ) {
        self.length = length
        self.produce = produce
    }
}

/// Where a body's bytes go.
///
/// A writer is an object, used by one task at a time, so that a layer can put its own around the
/// one it was given: compression, teeing into the cache and slicing are writers around writers.
/// It must not be used after the producer that was given it has returned.
public protocol BodyWriter: AnyObject {
    /// Takes the bytes, and returns when the next ones are wanted.
    ///
    /// - Throws: when the bytes can't be delivered any more; the producer then ends.
    func write(_ chunk: borrowing RawSpan) async throws
}

extension BodyWriter {
    /// Writes the bytes of an array.
    public func write(_ bytes: [UInt8]) async throws { try await write(bytes.span.bytes) }

    /// Writes the bytes of a slice.
    public func write(_ bytes: ArraySlice<UInt8>) async throws {
        try await write(bytes.span.bytes)
    }

    /// Writes the UTF-8 of a text.
    public func write(_ text: String) async throws { try await write(text.utf8.span.bytes) }
}

/// Gathers what is written, up to a limit.
final class CollectingWriter: BodyWriter {
    let limit: Int
    var bytes: [UInt8] = []

    init(limit: Int) { self.limit = limit }

    func write(_ chunk: borrowing RawSpan) async throws {
        guard chunk.byteCount <= limit - bytes.count else { throw BodyTooLarge(limit: limit) }
        bytes.makeRoom(for: chunk.byteCount, upTo: limit)
        chunk.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
}

extension [UInt8] {
    /// Makes room for so many more bytes, by doubling as arrays do, but for no more than the limit.
    mutating func makeRoom(for more: Int, upTo limit: Int) {
        let needed = count + more
        if needed > capacity { reserveCapacity(Swift.max(needed, Swift.min(capacity * 2, limit))) }
    }
}

/// Thrown where content is longer than whoever reads it allows.
public struct BodyTooLarge: Error, Hashable, CustomStringConvertible {
    /// The most bytes that were allowed.
    public let limit: Int

    /// Makes the error.
    public init(limit: Int) { self.limit = limit }

    /// What went wrong, and the limit.
    public var description: String { "The content is longer than the limit of \(limit) bytes." }
}
