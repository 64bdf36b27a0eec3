import StrataTesting
import Testing

@testable import Strata
@testable import StrataRedis

/// Servers whose answers are well-formed, and not what the store has asked for.
@Suite(.serialized, .timeLimit(.minutes(2))) struct `A store whose server answers anything` {
    private static let session = SessionDigest(of: Array("mine".utf8), kind: "session")
    private static let other = SessionDigest(of: Array("theirs".utf8), kind: "session")
    private static let principal = SessionDigest(of: Array("ann".utf8), kind: "principal")

    private static func store(_ server: ScriptedServer) throws -> RedisStore {
        var configuration = try RedisConfiguration(url: server.url)
        configuration.commandTimeout = .seconds(10)
        configuration.reconnectDelay = .milliseconds(10) ... .milliseconds(20)
        return RedisStore(client: try RedisClient(configuration))
    }

    /// A reply at random, at most so deep.
    private static func reply(_ depth: Int, _ generator: inout SeededGenerator) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 7), using: &generator) {
        case 0: return "$-1\r\n"
        case 1:
            let numbers = [Int64.min, -2, -1, 0, 1, 2, 3, 65_536, .max]
            return ":\(numbers.randomElement(using: &generator) ?? 0)\r\n"
        case 2: return "+OK\r\n"
        case 3:
            let kinds = ["ERR", "NOSCRIPT", "WRONGTYPE", "READONLY", "OOM", "MOVED", "LOADING"]
            return "-\(kinds.randomElement(using: &generator) ?? "") x\r\n"
        case 4:
            let numbers = ["9223372036854775807", "-9223372036854775808", "1e400", "nan"]
            return (numbers.randomElement(using: &generator) ?? "").asBulk
        case 5:
            let texts = [
                "", "x", "v", ":a", session.description, other.description,
                "00000000000000000001@9223372036854775807", "18446744073709551616",
                String(repeating: "STR1", count: 16_384),
            ]
            return (texts.randomElement(using: &generator) ?? "").asBulk
        case 6:
            // Beginnings of entries that promise much.
            let length = ["\0\0\0\0", "\u{7f}\u{7f}\u{7f}\u{7f}"].randomElement(using: &generator)
            let start = "STR1checksum\u{1}\0\0\0" + (length ?? "")
            return (start + String(repeating: "y", count: RedisLane.threshold - 20)).asBulk
        default:
            let count = [0, 1, 2, 3, 4, 5, 7].randomElement(using: &generator) ?? 0
            let parts = (0..<count).map { _ in reply(depth - 1, &generator) }
            return "*\(count)\r\n" + parts.joined()
        }
    }

    /// Whatever a store can be asked.
    private static let questions: [@Sendable (RedisStore) async throws -> Void] = [
        { store in
            let value = try await store.value(for: "key", as: [UInt8].self)
            #expect(value == nil)
        },
        { store in
            let copy = try await store.copy(of: "key", as: [UInt8].self, with: ["a", "b"])
            #expect(copy.value == nil)
        },
        { store in
            let trail = try await store.trail(
                from: "key", as: CacheRecord.self, with: ["a"], selecting: [])
            #expect(trail.copy.value == nil)
        },
        { try await $0.set([1], for: "key", timeToLive: .seconds(1)) },
        { try await $0.remove(["key", "other"]) },
        { store in
            let generations = try await store.generations(of: ["a", "b"])
            #expect(generations.count == 2)
        },
        { try await $0.advanceGenerations(of: ["a", "uri b"], .hard, timeToLive: .seconds(1)) },
        { store in
            try await store.advanceGenerations(
                of: ["a"], .soft(at: Timestamp(seconds: 1)), timeToLive: .seconds(1))
        },
        { _ = try await $0.takeLease(of: "l", token: LeaseToken(), for: .seconds(1)) },
        { _ = try await $0.extendLease(of: "l", token: LeaseToken(), for: .seconds(1)) },
        { try await $0.releaseLease(of: "l", token: LeaseToken()) },
        { _ = try await $0.load(session) },
        { try await $0.create(NewSession(lifetime: .aal2), as: session) },
        { _ = try await $0.apply(SessionUpdate(conditions: ["a": nil]), to: session) },
        { _ = try await $0.end(.session(session)) },
        { _ = try await $0.end(.principal(principal)) },
        { _ = try await $0.sessions(of: principal) },
        { _ = await $0.sessionEvictionRisk() },
    ]

    @Test func `fails with an error of its own, and nothing comes of it`() async throws {
        let seed = SeededGenerator(for: "replies").seed
        let server = try ScriptedServer { command, connection in
            guard command[0] != "PING", command[0] != "CLIENT" else { return nil }
            var generator = SeededGenerator(seed: seed &+ UInt64(connection.noteNumber()))
            return Self.reply(3, &generator)
        }
        let store = try Self.store(server)
        for _ in 0..<300 {
            for question in Self.questions {
                do {
                    try await question(store)
                } catch {
                    #expect(error is StoreError, "STRATA_SEED=\(seed): \(error)")
                }
            }
        }
    }

    /// What a script answers about the other's session.
    private static let answers = [
        "*4\r\n" + [other, other].map(\.description.asBulk).joined() + "$0\r\n\r\n*8\r\n"
            + ["c", "1", "s", "1", "x", "9", "p", principal.description].map(\.asBulk).joined(),
        "*3\r\n" + [other.description, "a", "secret"].map(\.asBulk).joined(),
        "*3\r\n" + ["strata:p:\(other)", other.description].map(\.asBulk).joined() + "*6\r\n"
            + ["c", "1", "s", "1", "x", "9"].map(\.asBulk).joined(),
    ]

    @Test(arguments: answers)
    func `takes nobody for somebody else, though answers are mixed up`(answer: String) async throws
    {
        let server = try ScriptedServer { command, _ in command[0] == "EVALSHA" ? answer : nil }
        let store = try Self.store(server)
        for error in [
            await storeError { _ = try await store.load(Self.session) },
            await storeError {
                _ = try await store.apply(SessionUpdate(conditions: ["a": nil]), to: Self.session)
            },
            await storeError { _ = try await store.sessions(of: Self.principal) },
        ] { #expect(error?.code == .protocolViolation) }
    }
}
