import CHiredis
import Strata
import StrataTesting
import Testing

@testable import StrataRedis

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite struct `The Redis protocol` {
    static func read(
        _ bytes: [UInt8], inPiecesOf size: Int = .max, maximumReplyBytes: Int = 1 << 20
    ) throws(StoreError) -> [RedisValue] {
        let reader = try ReplyReader(maximumReplyBytes: maximumReplyBytes)
        var values: [RedisValue] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(piece.count)
            let failure = piece.withUnsafeBytes { bytes -> StoreError? in
                do throws(StoreError) {
                    try reader.read(bytes, into: &values)
                    return nil
                } catch {
                    return error
                }
            }
            if let failure { throw failure }
        }
        return values
    }

    static let replies: [(String, [RedisValue])] = [
        ("+OK\r\n", [.status("OK")]),
        ("-ERR no\r\n", [.error(RedisError("ERR no"))]),
        (":-42\r\n", [.integer(-42)]),
        ("$-1\r\n", [.null]),
        ("*-1\r\n", [.null]),
        ("$0\r\n\r\n", [.bytes([])]),
        ("$4\r\na\r\nb\r\n", [.bytes(Array("a\r\nb".utf8))]),
        ("*0\r\n", [.array([])]),
        (
            "*3\r\n:1\r\n*2\r\n$1\r\na\r\n*0\r\n-E\r\n+x\r\n",
            [
                .array([
                    .integer(1), .array([.bytes([97]), .array([])]), .error(RedisError("E")),
                ]),
                .status("x"),
            ]
        ),
    ]

    @Test(arguments: replies, [1, 2, 3, .max])
    func `replies are read, however they are cut`(
        reply: (text: String, values: [RedisValue]), size: Int
    ) throws {
        #expect(try Self.read(Array(reply.text.utf8), inPiecesOf: size) == reply.values)
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "*x\r\n", "$-2\r\n", "$2\r\nabc\r\n",
        "*2\r\n$2\r\na\r\n:1\r\n", "$0\r\n\n\r",
        String(repeating: "*1\r\n", count: 12),
    ])
    func `what is no reply is a violation`(text: String) {
        do {
            _ = try Self.read(Array(text.utf8))
            Issue.record("accepted")
        } catch {
            #expect(error.code == .protocolViolation)
        }
    }

    @Test(arguments: ["$2000000000\r\n", "*2000000000\r\n"])
    func `a promised size takes no memory, and what arrives is bounded`(header: String) throws {
        #expect(try Self.read(Array(header.utf8)) == [])
        let flood = Array((header + String(repeating: ":1\r\n", count: 50_000)).utf8)
        do {
            _ = try Self.read(flood, maximumReplyBytes: 100_000)
            Issue.record("accepted")
        } catch {
            #expect(error.message.contains("maximumReplyBytes"))
        }
    }

    @Test func `a bound on one reply is none on many`() throws {
        let many = Array(String(repeating: "$3\r\nabc\r\n", count: 50_000).utf8)
        #expect(try Self.read(many, maximumReplyBytes: 100_000).count == 50_000)
    }

    /// What becomes of bytes that come in pieces: the replies, and whether what followed is none.
    static func outcome(
        of pieces: [[UInt8]]
    ) throws -> (values: [RedisValue], isViolated: Bool) {
        let reader = try ReplyReader(maximumReplyBytes: 1 << 20)
        var values: [RedisValue] = []
        for piece in pieces {
            let failure = piece.withUnsafeBytes { bytes -> StoreError? in
                do throws(StoreError) {
                    try reader.read(bytes, into: &values)
                    return nil
                } catch {
                    return error
                }
            }
            if let failure {
                #expect(failure.code == .protocolViolation)
                return (values, true)
            }
        }
        return (values, false)
    }

    static func randomReply(
        _ generator: inout SeededGenerator, depth: Int = 0
    ) -> (value: RedisValue, bytes: [UInt8]) {
        let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
            Array("ab 12*$:+-é\0".utf8).randomElement(using: &generator) ?? 0
        }
        let line = String(decoding: text, as: UTF8.self)
        switch Int.random(in: 0..<(depth < 6 ? 8 : 6), using: &generator) {
        case 0: return (.status(line), Array("+\(line)\r\n".utf8))
        case 1: return (.error(RedisError(line)), Array("-\(line)\r\n".utf8))
        case 2:
            let number = Int64.random(in: .min ... .max, using: &generator)
            return (.integer(number), Array(":\(number)\r\n".utf8))
        case 3: return (.null, Array("$-1\r\n".utf8))
        case 4: return (.null, Array("*-1\r\n".utf8))
        case 5:
            let bytes = text + Array("\r\n".utf8) + text
            return (.bytes(bytes), Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8))
        default:
            let elements = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                randomReply(&generator, depth: depth + 1)
            }
            return (
                .array(elements.map(\.value)),
                Array("*\(elements.count)\r\n".utf8) + elements.flatMap(\.bytes)
            )
        }
    }

    static func cut(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...20, using: &generator))
            pieces.append(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }

    /// The environment variable `STRATA_FUZZ_SECONDS` makes it run that long.
    @Test func `random replies are read as they are, and altered ones the same however cut`() throws
    {
        let seconds = getenv("STRATA_FUZZ_SECONDS").flatMap { Double(String(cString: $0)) }
        let end = ContinuousClock.now + .seconds(seconds ?? 0)
        var generator = SeededGenerator()
        let alphabet = Array("+-:$*0123456789\r\n\r\nab".utf8)
        var round = 0
        while round < 300 || ContinuousClock.now < end {
            round += 1
            let replies = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                Self.randomReply(&generator)
            }
            var bytes = replies.flatMap(\.bytes)
            let whole = try Self.outcome(of: Self.cut(bytes, &generator))
            try #require(
                !whole.isViolated && whole.values == replies.map(\.value),
                "STRATA_SEED=\(generator.seed)")
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                let byte = alphabet.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] = byte
                case 1: bytes.remove(at: place)
                case 2: bytes[place] = .random(in: 0...255, using: &generator)
                case 3: bytes.removeLast(bytes.count - place)
                default: bytes.insert(byte, at: place)
                }
            }
            let atOnce = try Self.outcome(of: [bytes])
            let inPieces = try Self.outcome(of: Self.cut(bytes, &generator))
            try #require(atOnce == inPieces, "STRATA_SEED=\(generator.seed): \(bytes)")
        }
    }

    @Test func `a line has an end, and to look for it costs as much as there is`() throws {
        // Without a bound the line would be searched from its beginning each time more comes.
        for text in ["+", ":", "$", "*1\r\n-"] {
            for filler in ["a", "\r", "\n"] {
                let flood = Array((text + String(repeating: filler, count: 70_000)).utf8)
                let pieces = Self.pieces(of: flood, count: 10_000)
                let outcome = try Self.outcome(of: pieces)
                #expect(outcome.isViolated && outcome.values.isEmpty, "\(text)\(filler)")
            }
        }
        let long = Array("+\(String(repeating: "a", count: 60_000))\r\n".utf8)
        #expect(try Self.outcome(of: Self.pieces(of: long, count: 10_000)).values.count == 1)
    }

    static func pieces(of bytes: [UInt8], count: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: count).map {
            Array(bytes[$0..<min(bytes.count, $0 + count)])
        }
    }

    @Test(
        arguments: [
            ["GET", "key"], ["SET", "ü", .bytes([0, 13, 10, 255]), "PX", 60_000], [""],
            ["X", .integer(Int64.min), .bytes([UInt8](repeating: 7, count: 1000))],
            [RedisArgument](repeating: "a", count: 1234),
        ] as [[RedisArgument]])
    func `commands are written as hiredis would`(words: [RedisArgument]) throws {
        let command = RedisCommand(words)
        // Read back by hiredis' reader, the words are what they were, and its formatter makes
        // the same bytes of them.
        let values = try #require(try Self.read(command.bytes).first?.array)
        let contents = values.map { ($0.bytes ?? []).map(CChar.init(bitPattern:)) }
        var lengths = contents.map(\.count)
        var pointers: [UnsafePointer<CChar>?] = contents.map { content in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: content.count + 1)
            copy.update(from: content, count: content.count)
            return UnsafePointer(copy)
        }
        defer { pointers.forEach { $0?.deallocate() } }
        var target: UnsafeMutablePointer<CChar>?
        let count = Int(
            redisFormatCommandArgv(&target, Int32(words.count), &pointers, &lengths))
        defer { free(target) }
        let expected = UnsafeRawBufferPointer(start: target, count: max(0, count))
        #expect(command.bytes == Array(expected))
    }
}
