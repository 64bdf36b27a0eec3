import Strata
import StrataTesting
import Testing

@testable import StrataRedis

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// A connection, those who use it, the network and a server, all under one random hand.
///
/// The environment variable `STRATA_FUZZ_SECONDS` makes it run that long.
@Suite struct `The state machine of a connection, whatever happens` {
    @Test func `answers everyone exactly once, and with what is theirs`() {
        let seconds = getenv("STRATA_FUZZ_SECONDS").flatMap { Double(String(cString: $0)) }
        let end = ContinuousClock.now + .seconds(seconds ?? 0)
        var generator = SeededGenerator()
        var round = 0
        while round < 40 || ContinuousClock.now < end {
            round += 1
            let seed = generator.next()
            var history = History(seed: seed)
            for _ in 0..<400 where history.fault == nil { history.step() }
            history.finish()
            if let fault = history.fault {
                Issue.record("\(fault) (STRATA_SEED=\(generator.seed), history \(seed))")
                return
            }
        }
    }

    /// One life of a connection.
    struct History {
        private typealias Machine = ConnectionMachine<UInt64>

        /// Who has handed over a command and waits.
        private struct Question {
            let deadline: Duration
            /// How many replies, where they are answered together.
            let replies: Int?
        }

        /// What whoever writes is about.
        private enum Writer { case nobody, writing, blocked }

        private(set) var fault: String?
        private var machine: Machine
        private var generator: SeededGenerator
        private var now = Duration.seconds(100)
        private var questions: [UInt64: Question] = [:]
        private var count: UInt64 = 0
        private var writer = Writer.nobody
        private var chunk = Machine.Chunk()
        /// The server's reader of commands, and what it has not answered yet; nil without a
        /// connection.
        private var server: (reader: ReplyReader, unanswered: [RedisValue])?

        init(seed: UInt64) {
            generator = SeededGenerator(seed: seed)
            var settings = Machine.Settings(
                connectTimeout: .seconds(1), stallTimeout: .seconds(2),
                reconnectDelay: .milliseconds(50) ... .seconds(1), maximumQueuedBytes: 8192)
            if generator.next() % 2 == 0 {
                settings.greeting = [
                    .init(command: RedisCommand("AUTH", "x"), failure: "refused"),
                    .init(command: .following { _ in RedisCommand("PING") }, failure: nil),
                ]
            }
            settings.breaker.slowReply = .milliseconds(250)
            machine = Machine(settings: settings)
        }

        private mutating func fail(_ text: String) { fault = fault ?? text }

        /// Something happens.
        mutating func step() {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<30: submit()
            case 30..<50: write()
            case 50..<75: reply()
            case 75..<82: abandon()
            case 82..<96:
                let limit = Int.random(in: 0..<50, using: &generator) == 0 ? 2000 : 40
                now += .milliseconds(Int.random(in: 0...limit, using: &generator))
                look()
            case 96: _ = machine.adopt(StoreError(.unavailable, "a neighbour's"))
            case 97: replyUnasked()
            default:
                if Bool.random(using: &generator) { lose(StoreError(.unavailable, "cut")) }
            }
        }

        private mutating func submit() {
            count += 1
            let isPipeline = Int.random(in: 0..<4, using: &generator) == 0
            let replies = isPipeline ? Int.random(in: 1...3, using: &generator) : nil
            let deadline = now + .milliseconds(Int.random(in: 1...400, using: &generator))
            let commands = (0..<(replies ?? 1)).map { index in
                RedisCommand(
                    "ECHO", .integer(Int(count)), .integer(index),
                    .bytes([UInt8](repeating: 0, count: Int.random(in: 0...500, using: &generator)))
                )
            }
            let submission = machine.submit(
                RedisCommand.joined(commands), replies: replies, token: count, waiter: count,
                deadline: deadline, now: now)
            switch submission {
            case .refused: return
            case .queued: break
            case .write:
                if writer != .nobody { fail("two write") }
                writer = .writing
            }
            questions[count] = Question(deadline: deadline, replies: replies)
        }

        private mutating func write() {
            switch writer {
            case .nobody: return
            case .blocked:
                guard machine.takeUpWriting(now: now) else { return fail("nothing is blocked") }
                writer = .writing
            case .writing: break
            }
            guard machine.nextOutput(&chunk) else {
                writer = .nobody
                return
            }
            let rest = chunk.bytes[chunk.sent...]
            let isTaken = Int.random(in: 0..<3, using: &generator) > 0
            let taken = isTaken ? rest.count : Int.random(in: 0..<rest.count, using: &generator)
            deliver(Array(rest.prefix(taken)))
            chunk.sent += taken
            if !isTaken {
                machine.putBack(chunk)
                writer = .blocked
            }
        }

        /// Bytes arrive at the server.
        private mutating func deliver(_ bytes: [UInt8]) {
            guard let server else { return fail("written to nobody") }
            var commands: [RedisValue] = []
            let isRead = bytes.withUnsafeBytes { bytes in
                (try? server.reader.read(bytes, into: &commands)) != nil
            }
            if !isRead { fail("what was written is garbled") }
            self.server?.unanswered += commands
        }

        private mutating func reply() {
            guard let command = server?.unanswered.first?.array else { return }
            server?.unanswered.removeFirst()
            take(command.first?.text == "ECHO" ? .array(Array(command[1...2])) : .status("PONG"))
        }

        /// The server says what it was not asked for.
        private mutating func replyUnasked() {
            // Half a command is none yet, but its end is on its way.
            guard server?.unanswered.isEmpty == true, chunk.sent == chunk.bytes.count else {
                return
            }
            guard Int.random(in: 0..<4, using: &generator) == 0 else { return }
            guard case .failed(let error) = machine.receive(.null, now: now) else {
                return fail("what nobody asked for was taken")
            }
            lose(error)
        }

        private mutating func take(_ value: RedisValue) {
            switch machine.receive(value, now: now) {
            case .none, .ready: break
            case .pushed: fail("nobody has subscribed")
            case .failed(let error): fail("an answer was refused: \(error)")
            case .answer(let waiter, let value):
                guard let question = end(waiter) else { return }
                let own = (0..<(question.replies ?? 1)).map { index in
                    RedisValue.array(
                        [Int(waiter), index].map { .bytes(Array(String($0).utf8)) })
                }
                if value != (question.replies == nil ? own[0] : .array(own)) {
                    fail("\(waiter) was answered \(value)")
                }
            }
            if machine.beginWriting(), writer == .nobody { writer = .writing }
        }

        /// The waiter is told something, for the first time and the last.
        private mutating func end(_ waiter: UInt64) -> Question? {
            let question = questions.removeValue(forKey: waiter)
            if question == nil { fail("\(waiter) was told twice") }
            return question
        }

        private mutating func abandon() {
            let token = UInt64.random(in: 0...count, using: &generator)
            let waiter = machine.abandon(token)
            if (waiter != nil) != (questions[token] != nil) { fail("\(token) waits, or not") }
            if let waiter { _ = end(waiter) }
        }

        /// The loop looks at the time.
        private mutating func look() {
            while fault == nil {
                let due = machine.due(now: now)
                for waiter in due.expired {
                    if let question = end(waiter), question.deadline > now {
                        fail("\(waiter) was out of time too early")
                    }
                }
                if let late = questions.first(where: { $0.value.deadline <= now }) {
                    fail("\(late.key) waits for longer than it may")
                }
                switch due.step {
                case .none:
                    if let next = due.next, next <= now { fail("it is due for ever") }
                    return
                case .write:
                    if writer != .nobody { fail("two write") }
                    writer = .writing
                    return
                case .fail(let error): lose(error)
                case .open: open()
                }
            }
        }

        private mutating func open() {
            machine.beginOpening(now: now)
            guard Int.random(in: 0..<4, using: &generator) > 0,
                let reader = try? ReplyReader(maximumReplyBytes: 1 << 20)
            else { return lose(StoreError(.unavailable, "nobody listens")) }
            server = (reader, [])
            machine.opened(now: now)
            writer = .writing
        }

        private mutating func lose(_ error: StoreError) {
            if case .waiting = machine.phase { return }
            writer = .nobody
            chunk = Machine.Chunk()
            server = nil
            for waiter in machine.lose(error, now: now, jitter: 0.5) { _ = end(waiter) }
            if !questions.isEmpty { fail("\(questions.count) were not told of the loss") }
        }

        /// The client is closed.
        mutating func finish() {
            for waiter in machine.close(StoreError(.unavailable, "closed")) { _ = end(waiter) }
            if !questions.isEmpty { fail("\(questions.count) were never told anything") }
            for _ in 0..<3 { submit() }
            if !questions.isEmpty { fail("a closed connection takes commands") }
        }
    }
}
