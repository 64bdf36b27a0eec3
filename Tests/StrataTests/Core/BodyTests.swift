import Strata
import Synchronization
import Testing

@Suite struct BodyTests {
    static func stream(_ pieces: [[UInt8]], length: Int? = nil) -> Body {
        .stream(
            BodyStream(length: length) { writer in
                for piece in pieces { try await writer.write(piece) }
            })
    }

    static let bodies: [(Body, [UInt8])] = [
        (.empty, []), (.bytes([]), []), (.bytes([1, 2, 3]), [1, 2, 3]), (.text("é"), [0xC3, 0xA9]),
        (stream([]), []), (stream([[1], [], [2, 3]]), [1, 2, 3]),
        (stream([[1, 2], [3]], length: 3), [1, 2, 3]),
    ]

    @Test(arguments: bodies)
    func `a body is collected up to its limit and not beyond`(
        body: Body, bytes: [UInt8]
    ) async throws {
        #expect(try await body.collect(upTo: bytes.count) == bytes)
        #expect(try await body.collect(upTo: .max) == bytes)
        if !bytes.isEmpty {
            let error = await #expect(throws: BodyTooLarge.self) {
                try await body.collect(upTo: bytes.count - 1)
            }
            #expect(error?.limit == bytes.count - 1)
        }
    }

    @Test func `a known length over the limit is refused before anything is produced`() async {
        let body = Body.stream(
            BodyStream(length: 10) { _ in Issue.record("The producer ran.") })
        await #expect(throws: BodyTooLarge.self) { try await body.collect(upTo: 9) }
        #expect(body.length == 10)
    }

    @Test func `a producer is stopped where the limit is reached`() async {
        let written = Mutex(0)
        let body = Body.stream(
            BodyStream { writer in
                for _ in 0..<1000 {
                    try await writer.write([1, 2])
                    written.withLock { $0 += 1 }
                }
            })
        await #expect(throws: BodyTooLarge.self) { try await body.collect(upTo: 5) }
        #expect(written.withLock { $0 } == 2)
    }

    @Test func `slices and texts are written as their bytes`() async throws {
        let body = Body.stream(
            BodyStream { writer in
                try await writer.write([1, 2, 3, 4][1...2])
                try await writer.write("é")
            })
        #expect(try await body.collect(upTo: 10) == [2, 3, 0xC3, 0xA9])
    }
}

@Suite struct RequestBodyTests {
    /// A source of pieces.
    final class Pieces: RequestBodySource {
        private let pieces: Mutex<[[UInt8]]>

        init(_ pieces: [[UInt8]]) { self.pieces = Mutex(pieces) }

        func next() async throws -> [UInt8]? {
            pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        }
    }

    @Test func `a body is collected up to its limit and not beyond`() async throws {
        #expect(try await RequestBody.empty.collect(upTo: 0) == [])
        #expect(try await RequestBody([1, 2]).collect(upTo: 2) == [1, 2])
        #expect(try await RequestBody(Pieces([[1], [2, 3]])).collect(upTo: 3) == [1, 2, 3])
        await #expect(throws: BodyTooLarge.self) { try await RequestBody([1, 2]).collect(upTo: 1) }
        await #expect(throws: BodyTooLarge.self) {
            try await RequestBody(Pieces([[1], [2, 3]])).collect(upTo: 2)
        }
    }

    @Test func `a length over the limit is refused before anything is read`() async throws {
        let source = Pieces([[1, 2, 3]])
        await #expect(throws: BodyTooLarge.self) {
            try await RequestBody(length: 3, source).collect(upTo: 2)
        }
        #expect(try await source.next() == [1, 2, 3])
    }

    @Test func `pieces come in order, and a second reader goes on where the first stopped`()
        async throws
    {
        let body = RequestBody(Pieces([[1], [2], [3]]))
        for try await piece in body {
            #expect(piece == [1])
            break
        }
        #expect(try await body.collect(upTo: 10) == [2, 3])
        var pieces: [[UInt8]] = []
        for try await piece in RequestBody([1, 2]) { pieces.append(piece) }
        for try await piece in RequestBody.empty { pieces.append(piece) }
        for try await piece in RequestBody([]) { pieces.append(piece) }
        #expect(pieces == [[1, 2]])
    }

    @Test func `what is known to be empty says so`() {
        #expect(RequestBody.empty.isEmpty && RequestBody([]).isEmpty)
        #expect(!RequestBody([1]).isEmpty && !RequestBody(Pieces([])).isEmpty)
    }
}
