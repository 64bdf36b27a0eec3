import Strata
import Testing

@testable import StrataRedis

@Suite struct `The greeting of a connection` {
    static let steps: [Greeting.Step] = [
        .init(command: RedisCommand("CLIENT", "ID"), failure: "no identity"),
        .init(
            command: .following { RedisCommand("X", .integer($0.integer ?? 0)) }, failure: nil,
            replyCount: 2),
        .init(command: RedisCommand("PING"), failure: nil),
    ]

    static func output(_ greeting: inout Greeting) -> String {
        String(decoding: greeting.nextOutput(), as: UTF8.self)
    }

    @Test func `waits for the reply that a step is made of, and for no other`() {
        var greeting = Greeting(Self.steps)
        #expect(Self.output(&greeting) == "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n")
        #expect(!greeting.hasOutput)
        guard case .incomplete = greeting.receive(.integer(7)) else {
            Issue.record("too early")
            return
        }
        #expect(
            Self.output(&greeting) == "*2\r\n$1\r\nX\r\n$1\r\n7\r\n*1\r\n$4\r\nPING\r\n")
        for _ in 1...2 {
            guard case .incomplete = greeting.receive(.status("OK")) else {
                Issue.record("too early")
                return
            }
        }
        guard case .complete = greeting.receive(.status("PONG")) else {
            Issue.record("not complete")
            return
        }
        #expect(!greeting.hasOutput)
        guard case .failed(let error) = greeting.receive(.status("PONG")) else {
            Issue.record("more is taken")
            return
        }
        #expect(error.code == .protocolViolation)
    }

    @Test func `a reply before there was a question is a violation`() {
        var greeting = Greeting(Self.steps)
        guard case .failed(let error) = greeting.receive(.status("OK")) else {
            Issue.record("taken")
            return
        }
        #expect(error.code == .protocolViolation)
    }

    /// The refusal, of which step, and what it comes to; nil where it does not matter.
    @Test(
        arguments: [
            ("ERR unknown command", 0, .misconfigured), ("NOPERM no", 0, .misconfigured),
            ("ERR unknown command", 1, nil), ("NOPERM no", 1, nil),
            ("NOAUTH Authentication required.", 1, .misconfigured),
            ("LOADING Redis is loading", 1, .unavailable),
            ("LOADING Redis is loading", 0, .unavailable),
            ("BUSY Redis is busy running a script", 0, .unavailable),
            ("BUSY Redis is busy running a script", 1, .unavailable),
            ("DENIED Redis is running in protected mode", 0, .misconfigured),
            ("DENIED Redis is running in protected mode", 1, .misconfigured),
            ("ERR max number of clients reached", 0, .unavailable),
            ("ERR max number of clients reached", 1, .unavailable),
        ] as [(String, Int, StoreError.Code?)])
    func `a refusal is what the step says of it`(
        refusal: String, step: Int, code: StoreError.Code?
    ) {
        var greeting = Greeting(Self.steps)
        for _ in 0..<step {
            _ = greeting.nextOutput()
            _ = greeting.receive(.integer(7))
        }
        _ = greeting.nextOutput()
        var failure: StoreError?
        if case .failed(let error) = greeting.receive(.error(RedisError(refusal))) {
            failure = error
        }
        #expect(failure?.code == code)
        #expect(failure.map { $0.redisError?.message == refusal } ?? true)
        if refusal.hasPrefix("DENIED") {
            #expect(failure?.message.contains("no identity") == false)
        } else if step == 0, code == .misconfigured {
            #expect(failure?.message.contains("no identity") == true)
        }
    }
}
