import CHiredis
import Strata
import StrataTesting
import Testing

@testable import StrataRedis

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
        "HTTP/1.1 400 Bad Request\r\n", "$x\r\n", "*x\r\n", "$-2\r\n",
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

    @Test func `arbitrary bytes are read or refused`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("+-:$*0123456789\r\n\r\nab".utf8)
        for _ in 0..<3000 {
            let count = Int.random(in: 0..<80, using: &generator)
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            do {
                _ = try Self.read(bytes, inPiecesOf: Int.random(in: 1...20, using: &generator))
            } catch {
                #expect(error.code == .protocolViolation, "seed \(seed)")
            }
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
