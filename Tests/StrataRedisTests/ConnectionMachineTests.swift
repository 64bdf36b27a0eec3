import Strata
import Testing

@testable import StrataRedis

@Suite struct `The state machine of a connection` {
    typealias Machine = ConnectionMachine<Int>

    static let settings = Machine.Settings(
        connectTimeout: .seconds(2), stallTimeout: .seconds(5),
        reconnectDelay: .milliseconds(100) ... .seconds(1), maximumQueuedBytes: 4096)

    static func ready(_ settings: Machine.Settings = settings) -> Machine {
        var machine = Machine(settings: settings)
        machine.beginOpening(now: .zero)
        machine.opened(now: .zero)
        _ = output(&machine)
        return machine
    }

    /// All that the machine wants written, as one text; its writer is done then.
    static func output(_ machine: inout Machine) -> String {
        var bytes: [UInt8] = []
        var chunk = Machine.Chunk()
        while machine.nextOutput(&chunk) { bytes += chunk.bytes[chunk.sent...] }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func submit(
        _ machine: inout Machine, _ text: String, waiter: Int, replies: Int? = nil,
        deadline: Duration = .seconds(1), now: Duration = .zero
    ) -> Machine.Submission {
        machine.submit(
            Array(text.utf8), replies: replies, token: UInt64(waiter), waiter: waiter,
            deadline: deadline, now: now)
    }

    static func answer(
        _ machine: inout Machine, _ value: RedisValue, now: Duration = .zero
    ) -> (Int, RedisValue)? {
        if case .answer(let waiter, let value) = machine.receive(value, now: now) {
            (waiter, value)
        } else {
            nil
        }
    }

    @Test func `the first to come writes for those who come meanwhile`() {
        var machine = Self.ready()
        guard case .write = Self.submit(&machine, "a", waiter: 1) else {
            Issue.record("nobody writes")
            return
        }
        var chunk = Machine.Chunk()
        var hasOutput = machine.nextOutput(&chunk)
        #expect(hasOutput)
        #expect(chunk.bytes == Array("a".utf8))
        for waiter in 2...3 {
            guard case .queued = Self.submit(&machine, "b", waiter: waiter) else {
                Issue.record("two write")
                return
            }
        }
        hasOutput = machine.nextOutput(&chunk)
        #expect(hasOutput)
        #expect(chunk.bytes == Array("bb".utf8))
        hasOutput = machine.nextOutput(&chunk)
        #expect(!hasOutput)
        guard case .write = Self.submit(&machine, "c", waiter: 4) else {
            Issue.record("nobody writes")
            return
        }
    }

    @Test func `what the socket would not take comes first when it is writable again`() {
        var machine = Self.ready()
        _ = Self.submit(&machine, "abc", waiter: 1)
        var chunk = Machine.Chunk()
        _ = machine.nextOutput(&chunk)
        chunk.sent = 1
        machine.putBack(chunk)
        guard case .queued = Self.submit(&machine, "def", waiter: 2) else {
            Issue.record("two write")
            return
        }
        let isBlocked = machine.takeUpWriting(now: .seconds(4))
        #expect(isBlocked)
        #expect(Self.output(&machine) == "bcdef")
        let isStillBlocked = machine.takeUpWriting(now: .seconds(4))
        #expect(!isStillBlocked)
        // A long command that goes on being taken is no sign that the server is dead.
        guard case .none = machine.due(now: .seconds(8)).step else {
            Issue.record("given up")
            return
        }
    }

    @Test func `replies go to the waiters in their order`() throws {
        var machine = Self.ready()
        _ = Self.submit(&machine, "a", waiter: 1)
        _ = Self.submit(&machine, "bb", waiter: 2, replies: 2)
        _ = Self.submit(&machine, "c", waiter: 3)
        _ = Self.output(&machine)
        let first = try #require(Self.answer(&machine, .integer(10)))
        #expect(first == (1, .integer(10)))
        #expect(Self.answer(&machine, .integer(20)) == nil)
        let second = try #require(Self.answer(&machine, .error(RedisError("ERR"))))
        #expect(second == (2, .array([.integer(20), .error(RedisError("ERR"))])))
        let third = try #require(Self.answer(&machine, .null))
        #expect(third == (3, .null))
    }

    @Test func `an abandoned slot swallows its reply and no other`() throws {
        var machine = Self.ready()
        for waiter in 1...3 { _ = Self.submit(&machine, "x", waiter: waiter) }
        _ = Self.output(&machine)
        let abandoned = machine.abandon(2)
        #expect(abandoned == 2)
        let again = machine.abandon(2)
        #expect(again == nil)
        let unknown = machine.abandon(9)
        #expect(unknown == nil)
        #expect(try #require(Self.answer(&machine, .integer(1))) == (1, .integer(1)))
        #expect(Self.answer(&machine, .integer(2)) == nil)
        #expect(try #require(Self.answer(&machine, .integer(3))) == (3, .integer(3)))
    }

    @Test func `thousands that are abandoned at once are each found without a search`() {
        var settings = Self.settings
        settings.maximumQueuedBytes = 1 << 30
        var machine = Self.ready(settings)
        let waiters = 1...20_000
        for waiter in waiters { _ = Self.submit(&machine, "a", waiter: waiter) }
        let time = ContinuousClock().measure {
            for waiter in waiters.reversed() where machine.abandon(UInt64(waiter)) != waiter {
                Issue.record("\(waiter) is not found")
            }
        }
        #expect(machine.abandon(20_001) == nil)
        #expect(machine.abandon(1) == nil)
        #expect(time < .seconds(5))
    }

    @Test func `a message that comes before the last channel is confirmed is no confirmation`() {
        var interest = RedisInterest(channels: ["a"], patterns: ["b*"])
        interest.heartbeat = .seconds(1)
        let settings = interest.settings(
            RedisConfiguration(endpoint: .tcp(host: "h", port: 1)))
        var machine = ConnectionMachine<RedisConnection.Waiter>(settings: settings)
        machine.beginOpening(now: .zero)
        machine.opened(now: .zero)
        var chunk = ConnectionMachine<RedisConnection.Waiter>.Chunk()
        while machine.nextOutput(&chunk) {}
        func text(_ text: String) -> RedisValue { .bytes(Array(text.utf8)) }
        let replies: [RedisValue] = [
            .status("OK"), .status("PONG"), .array([text("subscribe"), text("a"), .integer(1)]),
            .array([text("message"), text("a"), text("early")]),
        ]
        for reply in replies {
            guard case .none = machine.receive(reply, now: .zero) else {
                Issue.record("\(reply) is taken for the last confirmation")
                return
            }
        }
        let last = RedisValue.array([text("psubscribe"), text("b*"), .integer(2)])
        guard case .ready = machine.receive(last, now: .zero) else {
            Issue.record("not ready")
            return
        }
    }

    @Test func `a deadline ends its own command alone`() throws {
        var machine = Self.ready()
        _ = Self.submit(&machine, "x", waiter: 1, deadline: .seconds(3))
        _ = Self.submit(&machine, "x", waiter: 2, deadline: .seconds(1))
        _ = Self.output(&machine)
        let due = machine.due(now: .zero)
        #expect(due.next == .seconds(1))
        let early = machine.due(now: .milliseconds(999))
        #expect(early.expired.isEmpty)
        let late = machine.due(now: .seconds(1))
        #expect(late.expired == [2])
        #expect(late.next == .seconds(3))
        #expect(try #require(Self.answer(&machine, .integer(1))) == (1, .integer(1)))
        #expect(Self.answer(&machine, .integer(2)) == nil)
    }

    @Test func `a connection on which nothing arrives is given up`() {
        var machine = Self.ready()
        _ = Self.submit(&machine, "x", waiter: 1, deadline: .seconds(500), now: .seconds(100))
        _ = Self.submit(&machine, "x", waiter: 2, deadline: .seconds(500), now: .seconds(101))
        _ = Self.output(&machine)
        _ = machine.receive(.null, now: .seconds(102))
        guard case .none = machine.due(now: .milliseconds(106_999)).step else {
            Issue.record("given up too early")
            return
        }
        guard case .fail = machine.due(now: .seconds(107)).step else {
            Issue.record("not given up")
            return
        }
    }

    /// A machine whose breaker has just opened at one second, and what it said.
    static func broken() -> (Machine, Machine.Due) {
        var machine = ready()
        for waiter in 1...3 { _ = submit(&machine, "x", waiter: waiter) }
        _ = output(&machine)
        let due = machine.due(now: .seconds(1))
        return (machine, due)
    }

    @Test func `a time-out during which nothing came opens the breaker at once`() {
        var machine = Self.ready()
        _ = Self.submit(&machine, "x", waiter: 1)
        #expect(machine.due(now: .seconds(1)).breach?.code == .unavailable)
    }

    @Test func `of time-outs while others are answered three open the breaker`() {
        for count in 1...3 {
            var machine = Self.ready()
            _ = Self.submit(&machine, "x", waiter: 0, deadline: .seconds(9))
            for waiter in 1...count { _ = Self.submit(&machine, "x", waiter: waiter) }
            _ = Self.output(&machine)
            _ = machine.receive(.null, now: .milliseconds(500))
            #expect((machine.due(now: .seconds(1)).breach != nil) == (count == 3))
        }
    }

    @Test func `time-outs open the breaker, and a ping is sent`() {
        var (machine, due) = Self.broken()
        #expect(due.expired == [1, 2, 3])
        #expect(due.breach?.code == .unavailable)
        guard case .write = due.step else {
            Issue.record("no ping")
            return
        }
        #expect(Self.output(&machine).contains("PING"))
        guard case .refused = Self.submit(&machine, "x", waiter: 4, now: .seconds(1)) else {
            Issue.record("not refused")
            return
        }
    }

    @Test func `a ping answered in time closes the breaker`() {
        var (machine, _) = Self.broken()
        _ = Self.output(&machine)
        for _ in 1...3 {
            guard case .none = machine.receive(.null, now: .milliseconds(1100)) else {
                Issue.record("what was late closes nothing")
                return
            }
        }
        guard case .ready = machine.receive(.status("PONG"), now: .milliseconds(1100)) else {
            Issue.record("not closed")
            return
        }
        if case .refused = Self.submit(&machine, "x", waiter: 4, now: .milliseconds(1100)) {
            Issue.record("refused")
        }
    }

    @Test func `a ping answered too late is followed by another`() {
        var (machine, _) = Self.broken()
        _ = Self.output(&machine)
        for _ in 1...4 {
            guard case .none = machine.receive(.null, now: .seconds(4)) else {
                Issue.record("closed")
                return
            }
        }
        guard case .write = machine.due(now: .seconds(4)).step else {
            Issue.record("no other ping")
            return
        }
        _ = Self.output(&machine)
        #expect(machine.due(now: .milliseconds(4050)).next == .seconds(9))
        guard case .ready = machine.receive(.status("PONG"), now: .milliseconds(4100)) else {
            Issue.record("not closed")
            return
        }
    }

    @Test func `time-outs with an answer in between, or of the impatient, open nothing`() {
        var machine = Self.ready()
        _ = Self.submit(&machine, "x", waiter: 1, deadline: .seconds(9))
        for waiter in 2...3 { _ = Self.submit(&machine, "x", waiter: waiter) }
        _ = Self.output(&machine)
        _ = machine.receive(.null, now: .milliseconds(500))
        let first = machine.due(now: .seconds(1))
        #expect(first.expired == [2, 3])
        #expect(first.breach == nil)
        for _ in 2...3 { _ = machine.receive(.null, now: .seconds(1)) }
        func submit(_ waiter: Int, at now: Duration, until deadline: Duration) {
            _ = Self.submit(&machine, "x", waiter: waiter, deadline: deadline, now: now)
        }
        submit(4, at: .seconds(2), until: .seconds(9))
        submit(5, at: .seconds(2), until: .seconds(3))
        _ = Self.output(&machine)
        _ = machine.receive(.null, now: .milliseconds(2500))
        for waiter in 6...9 {
            submit(waiter, at: .milliseconds(2500), until: .milliseconds(2519))
        }
        let early = machine.due(now: .milliseconds(2519))
        #expect(early.expired == [6, 7, 8, 9])
        #expect(early.breach == nil)
        let due = machine.due(now: .seconds(3))
        #expect(due.expired == [5])
        #expect(due.breach == nil)
    }

    @Test func `half of slow replies open the breaker, until a ping is answered soon`() {
        var settings = Self.settings
        settings.breaker.slowReply = .milliseconds(50)
        settings.breaker.pingLimit = .milliseconds(50)
        settings.maximumQueuedBytes = 1 << 20
        var machine = Self.ready(settings)
        var now = Duration.seconds(1)
        for number in 0..<39 {
            now += .milliseconds(10)
            _ = Self.submit(
                &machine, "x", waiter: number, deadline: .seconds(99),
                now: now - .milliseconds(number % 2 == 0 ? 50 : 49))
            _ = Self.output(&machine)
            _ = machine.receive(.null, now: now)
            #expect(machine.hasNews == (number == 38))
        }
        guard case .refused = Self.submit(&machine, "x", waiter: 99, now: now) else {
            Issue.record("taken")
            return
        }
        let due = machine.due(now: now)
        #expect(due.breach != nil)
        #expect(!machine.hasNews)
        _ = Self.output(&machine)
        _ = machine.receive(.status("PONG"), now: now + .milliseconds(51))
        guard case .refused = Self.submit(&machine, "x", waiter: 99, now: now) else {
            Issue.record("a ping that was late closed it")
            return
        }
        _ = machine.due(now: now + .milliseconds(100))
        _ = Self.output(&machine)
        guard case .ready = machine.receive(.status("PONG"), now: now + .milliseconds(149)) else {
            Issue.record("not closed")
            return
        }
    }

    @Test(arguments: [0, 1, 2])
    func `few slow replies, or all of one pause, or of a pipeline, open nothing`(row: Int) {
        var settings = Self.settings
        settings.breaker.slowReply = .milliseconds(50)
        settings.maximumQueuedBytes = 1 << 20
        var machine = Self.ready(settings)
        for number in 0..<400 {
            // A third is slow; all are, at once; all are pipelines.
            let now = Duration.milliseconds(row == 1 ? 2000 : 2000 + number * 5)
            let isSlow = row != 0 || number % 3 == 0
            _ = Self.submit(
                &machine, "x", waiter: number, replies: row == 2 ? 1 : nil, deadline: .seconds(99),
                now: now - .milliseconds(isSlow ? 60 : 1))
            _ = Self.output(&machine)
            _ = machine.receive(.null, now: now)
        }
        #expect(!machine.hasNews)
    }

    @Test func `an idle connection is pinged, and given up when nothing comes`() {
        var machine = Self.ready()
        #expect(machine.due(now: .seconds(1)).next == .seconds(15))
        guard case .write = machine.due(now: .seconds(15)).step else {
            Issue.record("no ping")
            return
        }
        _ = Self.output(&machine)
        guard case .fail = machine.due(now: .seconds(20)).step else {
            Issue.record("not given up")
            return
        }
    }

    @Test func `the queue is bounded by bytes, answered ones not counted`() {
        var machine = Self.ready()
        let text = String(repeating: "x", count: 2048 - 128)
        for waiter in 1...2 {
            if case .refused = Self.submit(&machine, text, waiter: waiter) {
                Issue.record("refused too early")
            }
        }
        _ = Self.output(&machine)
        guard case .refused(let error) = Self.submit(&machine, "", waiter: 3) else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .unavailable)
        _ = machine.abandon(1)
        guard case .refused = Self.submit(&machine, "", waiter: 3) else {
            Issue.record("an abandoned command still stands in Redis' queue")
            return
        }
        _ = machine.receive(.null, now: .zero)
        if case .refused = Self.submit(&machine, text, waiter: 3) { Issue.record("refused") }
        guard
            case .refused(let error) = Self.submit(
                &machine, String(repeating: "x", count: 4096), waiter: 4)
        else {
            Issue.record("not refused")
            return
        }
        #expect(error.code == .misconfigured)
    }

    @Test func `commands wait for the first attempt, and are refused during all others`() {
        var machine = Machine(settings: Self.settings)
        guard case .queued = Self.submit(&machine, "a", waiter: 1) else {
            Issue.record("not queued")
            return
        }
        guard case .open = machine.due(now: .zero).step else {
            Issue.record("not opened")
            return
        }
        machine.beginOpening(now: .zero)
        let error = StoreError(.unavailable, "no route")
        let waiters = machine.lose(error, now: .seconds(1), jitter: 1)
        #expect(waiters == [1])
        guard case .refused(let refusal) = Self.submit(&machine, "b", waiter: 2) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.message == "no route")
        machine.beginOpening(now: .seconds(1))
        machine.opened(now: .seconds(1))
        #expect(Self.output(&machine) == "")
        guard case .write = Self.submit(&machine, "c", waiter: 3, now: .seconds(1)) else {
            Issue.record("not written")
            return
        }
        #expect(Self.output(&machine) == "c")
    }

    @Test func `pauses double with each failure, and there is none after a good connection`() {
        var machine = Machine(settings: Self.settings)
        let error = StoreError(.unavailable, "refused")
        var pauses: [Duration] = []
        for _ in 0..<6 {
            machine.beginOpening(now: .seconds(10))
            _ = machine.lose(error, now: .seconds(10), jitter: 1)
            if case .waiting(let moment) = machine.phase { pauses.append(moment - .seconds(10)) }
        }
        #expect(pauses == [100, 200, 400, 800, 1000, 1000].map { .milliseconds($0) })
        _ = machine.lose(error, now: .seconds(10), jitter: 0)
        #expect(machine.phase == .waiting(until: .milliseconds(10_500)))

        machine.opened(now: .seconds(20))
        _ = machine.lose(error, now: .milliseconds(20_100), jitter: 1)
        #expect(machine.phase == .waiting(until: .milliseconds(21_100)))
        machine.opened(now: .seconds(30))
        _ = machine.lose(error, now: .seconds(40), jitter: 1)
        #expect(machine.phase == .waiting(until: .seconds(40)))
    }

    @Test func `an attempt that takes too long is given up`() {
        var machine = Machine(settings: Self.settings)
        machine.beginOpening(now: .seconds(1))
        let due = machine.due(now: .seconds(1))
        #expect(due.next == .seconds(3))
        guard case .fail(let error) = machine.due(now: .seconds(3)).step else {
            Issue.record("not given up")
            return
        }
        #expect(error.code == .unavailable)
    }

    static var greeted: Machine.Settings {
        var settings = settings
        settings.greeting = [
            .init(command: RedisCommand("AUTH", "pw"), failure: "wrong password"),
            .init(command: RedisCommand("CLIENT", "SETNAME", "x"), failure: nil),
        ]
        return settings
    }

    @Test(arguments: [
        "ERR unknown subcommand",
        "NOPERM this user has no permissions to run the 'client|setname' command",
    ])
    func `no command is written before the greeting is answered`(refusal: String) throws {
        var machine = Machine(settings: Self.greeted)
        _ = Self.submit(&machine, "a", waiter: 1)
        machine.beginOpening(now: .zero)
        machine.opened(now: .zero)
        let greeting = Self.output(&machine)
        #expect(greeting.hasPrefix("*2\r\n$4\r\nAUTH"))
        #expect(greeting.hasSuffix("$1\r\nx\r\n"))
        guard case .queued = Self.submit(&machine, "b", waiter: 2) else {
            Issue.record("written")
            return
        }
        guard case .none = machine.receive(.status("OK"), now: .zero) else {
            Issue.record("ready too early")
            return
        }
        // The name is a nicety, and does without the right to set it.
        let refusal = RedisError(refusal)
        guard case .ready = machine.receive(.error(refusal), now: .zero) else {
            Issue.record("not ready")
            return
        }
        let begins = machine.beginWriting()
        #expect(begins)
        #expect(Self.output(&machine) == "ab")
        let beginsAgain = machine.beginWriting()
        #expect(!beginsAgain)
    }

    @Test(arguments: [
        ["WRONGPASS invalid username-password pair"], ["+OK", "NOAUTH Authentication required."],
    ])
    func `a refused greeting says what to do`(replies: [String]) {
        var machine = Self.ready(Self.greeted)
        for reply in replies {
            let value: RedisValue =
                reply == "+OK" ? .status("OK") : .error(RedisError(reply))
            if case .failed(let error) = machine.receive(value, now: .zero) {
                #expect(error.code == .misconfigured)
                #expect(error.message.contains("password"))
                return
            }
        }
        Issue.record("not refused")
    }

    @Test func `a reply that nobody asked for is a violation`() {
        var machine = Self.ready()
        guard case .failed(let error) = machine.receive(.null, now: .zero) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .protocolViolation)
    }

    @Test func `a reply to what was not written yet is a violation, and nobody's`() throws {
        var machine = Self.ready()
        _ = Self.submit(&machine, "a", waiter: 1)
        #expect(Self.output(&machine) == "a")
        _ = Self.submit(&machine, "b", waiter: 2)
        #expect(try #require(Self.answer(&machine, .integer(1))) == (1, .integer(1)))
        guard case .failed(let error) = machine.receive(.integer(2), now: .zero) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .protocolViolation)
        #expect(machine.lose(error, now: .zero, jitter: 0) == [2])
    }

    @Test func `a closed connection stays closed`() {
        var machine = Self.ready()
        _ = Self.submit(&machine, "a", waiter: 1)
        let waiters = machine.close(StoreError(.unavailable, "closed"))
        #expect(waiters == [1])
        _ = machine.lose(StoreError(.unavailable, "lost"), now: .zero, jitter: 0)
        guard case .refused(let error) = Self.submit(&machine, "a", waiter: 2) else {
            Issue.record("accepted")
            return
        }
        #expect(error.message == "closed")
        let due = machine.due(now: .seconds(99))
        #expect(due.next == nil)
    }

    @Test func `a queue keeps its order however it is used`() {
        var generator = SystemRandomNumberGenerator()
        var queue = Fifo<Int>()
        var next = 0
        var expected = 0
        for _ in 0..<20_000 {
            if Int.random(in: 0..<100, using: &generator) < 55 {
                queue.append(next)
                next += 1
            } else if let first = queue.popFirst() {
                #expect(first == expected)
                expected += 1
            }
            #expect(queue.count == next - expected)
        }
        #expect(queue.popAll() == Array(expected..<next))
        #expect(queue.isEmpty)
    }
}
