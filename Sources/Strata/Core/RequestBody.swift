/// The content of a request, pulled piece by piece.
///
/// A body is read once: a second reader of a streamed body finds it at its end.
///
/// ```swift
/// let bytes = try await request.body.collect(upTo: 64 * 1024)
/// ```
public struct RequestBody: Sendable, AsyncSequence {
    fileprivate enum Content: Sendable {
        case empty
        case bytes([UInt8])
        case stream(any RequestBodySource)
    }

    private let content: Content

    /// How many bytes there are, where the client said so.
    public let length: Int?

    /// No content.
    public static let empty = RequestBody(content: .empty, length: 0)

    private init(content: Content, length: Int?) {
        self.content = content
        self.length = length
    }

    /// Content that is all there.
    public init(_ bytes: [UInt8]) { self.init(content: .bytes(bytes), length: bytes.count) }

    /// Content that arrives while it is read.
    public init(length: Int? = nil, _ source: some RequestBodySource) {
        self.init(content: .stream(source), length: length)
    }

    /// Whether there is known to be nothing to read.
    public var isEmpty: Bool { length == 0 }

    /// All bytes as one array.
    ///
    /// - Throws: ``BodyTooLarge`` as soon as there are more than `limit`, and what reading from
    ///   the client throws.
    public func collect(upTo limit: Int) async throws -> [UInt8] {
        if let length, length > limit { throw BodyTooLarge(limit: limit) }
        switch content {
        case .empty: return []
        case .bytes(let bytes): return bytes
        case .stream(let source):
            var bytes: [UInt8] = []
            while let piece = try await source.next() {
                guard piece.count <= limit - bytes.count else { throw BodyTooLarge(limit: limit) }
                bytes.makeRoom(for: piece.count, upTo: limit)
                bytes.append(contentsOf: piece)
            }
            return bytes
        }
    }

    /// Begins reading, where the last reader stopped.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(content) }

    /// Reads the body piece by piece.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var content: Content

        fileprivate init(_ content: Content) { self.content = content }

        /// The next piece, or nil at the end.
        public mutating func next() async throws -> [UInt8]? {
            switch content {
            case .empty: return nil
            case .bytes(let bytes):
                content = .empty
                return bytes.isEmpty ? nil : bytes
            case .stream(let source): return try await source.next()
            }
        }
    }
}

/// Where the pieces of a streamed request body come from; a host implements it.
public protocol RequestBodySource: Sendable {
    /// The next piece, or nil at the end; nothing is read from the client before it is asked for.
    ///
    /// - Throws: when the client is gone, sends too much, or sends what can't be understood.
    func next() async throws -> [UInt8]?
}
