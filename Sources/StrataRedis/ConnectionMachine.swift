import Strata

/// What one connection to Redis does next: a state machine without any I/O.
///
/// Commands are written in the order they are handed over, and Redis answers in that order, so
/// the commands that wait for an answer stand in a queue of slots. Whoever hands over a command
/// while nobody is writing becomes the writer, and goes on for as long as others add to the
/// output; so commands of many tasks share one system call. A command that is cancelled or out
/// of time leaves its slot behind, and what is answered to it later is dropped; its neighbours do
/// not notice.
///
/// A connection that is lost fails whatever waited, once, and is opened anew after a pause that
/// doubles with each failure. Until then commands are refused at once; only before the outcome of
/// the very first attempt do they wait for it.
///
/// A server that is there and does not answer, or answers late, is worse than none, since each
/// command waits in vain. So commands are refused at once then as well (``CircuitBreaker``), and
/// only a ping is sent now and then. A connection that nobody uses is pinged too, so that its end
/// is known before it is needed.
struct ConnectionMachine<Waiter: Sendable>: Sendable {
    private struct Slot: Sendable {
        let token: UInt64
        /// Nil once it is abandoned.
        var waiter: Waiter?
        var missing: Int
        /// The replies so far, where there is more than one.
        var replies: [RedisValue] = []
        let isSingle: Bool
        let submitted: Duration
        let deadline: Duration
        let cost: Int
        var isPing = false
    }

    private let settings: Settings
    private(set) var phase = Phase.waiting(until: .zero)
    /// Whether no command waits for an answer, and none to be written.
    var isIdle: Bool { slots.isEmpty && !isWriting }
    /// Why commands are refused while there is no connection; nil before the first attempt ended.
    private(set) var failure: StoreError?
    private var slots = Fifo<Slot>()
    private var queuedBytes = 0
    /// No slot's deadline is earlier.
    private var earliestDeadline: Duration?
    /// When a reply last came, or the first command was put into an empty queue.
    private var lastProgress = Duration.zero

    private var output: [UInt8] = []
    /// How many of the last slots have their commands in the output.
    private var unwrittenSlots = 0
    /// What the socket would not take.
    private var blocked: Chunk?
    private var isWriting = false
    private var greeting: Greeting
    private var breaker: CircuitBreaker
    /// Whether a ping is under way; there is one at a time.
    private var isPinging = false
    /// When the last ping was sent or answered.
    private var lastPing = Duration.zero

    /// Whether the server has refused to write, being a replica, and nobody was told since.
    private var isRefusedToWrite = false
    /// When it last did where somebody was told; at most one look a second is of use.
    private var lastRefusal: Duration?

    /// Failures in succession.
    private var failures = 0
    private var readySince = Duration.zero

    init(settings: Settings) {
        self.settings = settings
        greeting = Greeting(settings.greeting)
        breaker = CircuitBreaker(settings.breaker)
    }

    // MARK: - Commands

    /// Takes a command, encoded, with its one reply; or several, with so many replies, which are
    /// answered together as an array. Tokens go up from one command to the next.
    mutating func submit(
        _ command: [UInt8], replies: Int?, token: UInt64, waiter: Waiter, deadline: Duration,
        now: Duration
    ) -> Submission {
        if phase != .ready, let failure { return .refused(failure) }
        if let breach = breaker.breach { return .refused(breach) }
        // A slot takes room of its own, so that small commands are bounded as well.
        let cost = command.count + 128
        guard queuedBytes + cost <= settings.maximumQueuedBytes else {
            return .refused(refusal(ofCost: cost))
        }
        earliestDeadline = min(earliestDeadline ?? deadline, deadline)
        return enqueue(
            Slot(
                token: token, waiter: waiter, missing: replies ?? 1, isSingle: replies == nil,
                submitted: now, deadline: deadline, cost: cost),
            command)
    }

    private mutating func enqueue(_ slot: Slot, _ command: [UInt8]) -> Submission {
        if slots.isEmpty { lastProgress = slot.submitted }
        queuedBytes += slot.cost
        slots.append(slot)
        unwrittenSlots += 1
        if output.isEmpty, command.count > 16 * 1024 {
            output = command
        } else {
            output += command
        }
        guard phase == .ready, !isWriting else { return .queued }
        isWriting = true
        return .write
    }

    private func refusal(ofCost cost: Int) -> StoreError {
        guard cost <= settings.maximumQueuedBytes else {
            return StoreError(
                .misconfigured,
                "A command of \(cost) bytes is larger than the queue of "
                    + "\(settings.maximumQueuedBytes) bytes; raise maximumQueuedBytes.")
        }
        return StoreError(
            .unavailable,
            "\(queuedBytes) bytes of commands wait for Redis, and no more are taken: it is too "
                + "slow, or maximumQueuedBytes too small.")
    }

    /// Gives up on a command; its waiter, if it still waits.
    mutating func abandon(_ token: UInt64) -> Waiter? {
        slots.updateFirst(after: { $0.token < token }) { slot -> Waiter? in
            guard slot.token == token else { return nil }
            slot.replies = []
            return slot.waiter.take()
        } ?? nil
    }

    // MARK: - Writing

    /// Puts the next bytes to write into the chunk, whose own were all written; false, and no
    /// writer any more, when there are none.
    mutating func nextOutput(_ chunk: inout Chunk) -> Bool {
        if let rest = blocked {
            chunk = rest
            blocked = nil
            return true
        }
        chunk.sent = 0
        chunk.isSealed = false
        switch phase {
        case .greeting where greeting.hasOutput:
            chunk.bytes = greeting.nextOutput()
            return true
        case .ready where !output.isEmpty:
            // The two buffers are used in turn, unless one has grown out of proportion.
            chunk.bytes.removeAll(keepingCapacity: chunk.bytes.capacity <= 1 << 20)
            swap(&chunk.bytes, &output)
            unwrittenSlots = 0
            return true
        default:
            isWriting = false
            return false
        }
    }

    /// The socket takes bytes again, so the server lives; whether the caller is the writer now,
    /// since there is something that the socket would not take.
    mutating func takeUpWriting(now: Duration) -> Bool {
        lastProgress = now
        return blocked != nil
    }

    /// Takes back what the socket would not take; whoever sees it writable goes on writing.
    mutating func putBack(_ chunk: Chunk) { blocked = chunk }

    // MARK: - The connection

    /// An attempt to connect begins.
    mutating func beginOpening(now: Duration) {
        phase = .opening(until: now + settings.connectTimeout)
    }

    /// The connection stands; the caller is its writer now.
    mutating func opened(now: Duration) {
        greeting = Greeting(settings.greeting)
        isWriting = true
        if settings.greeting.isEmpty {
            becomeReady(now: now)
        } else {
            phase = .greeting(until: now + settings.connectTimeout)
        }
    }

    private mutating func becomeReady(now: Duration) {
        phase = .ready
        readySince = now
        lastProgress = now
        lastPing = now
        failure = nil
    }

    /// Takes one reply.
    mutating func receive(_ value: RedisValue, now: Duration) -> Receipt {
        if case .greeting = phase {
            // Told by one of the channels before the last is confirmed.
            if settings.isSubscriber, RedisPush(value) != nil { return .none }
            switch greeting.receive(value) {
            case .incomplete: return .none
            case .failed(let error): return .failed(error)
            case .complete:
                becomeReady(now: now)
                return .ready
            }
        }
        lastProgress = now
        if settings.isSubscriber { return receivePush(value, now: now) }
        if case .error(let error) = value { noteError(error, now: now) }
        // Who has not even been asked yet is not answered either.
        guard phase == .ready, slots.count > unwrittenSlots else {
            return .failed(
                StoreError(
                    .protocolViolation,
                    "Redis sent what nobody asked for; is it Redis at that address?"))
        }
        let isWhole = slots.updateFirst { slot in
            slot.missing -= 1
            if !slot.isSingle, slot.waiter != nil { slot.replies.append(value) }
            return slot.missing == 0
        }
        guard isWhole == true, let slot = slots.popFirst() else { return .none }
        queuedBytes -= slot.cost
        if slot.isPing { return receivePong(sent: slot.submitted, now: now) }
        guard let waiter = slot.waiter else { return .none }
        breaker.noteAnswer(after: slot.isSingle ? now - slot.submitted : nil, now: now)
        return .answer(waiter, slot.isSingle ? value : .array(slot.replies))
    }

    private mutating func noteError(_ error: RedisError, now: Duration) {
        guard error.kind == "READONLY" else { return }
        if let lastRefusal, now - lastRefusal < .seconds(1) { return }
        lastRefusal = now
        isRefusedToWrite = true
    }

    private mutating func receivePong(sent: Duration, now: Duration) -> Receipt {
        isPinging = false
        return breaker.notePong(after: now - sent) ? .ready : .none
    }

    /// Takes what comes on a connection that has subscribed.
    private mutating func receivePush(_ value: RedisValue, now: Duration) -> Receipt {
        if phase == .ready, let first = value.array?.first?.text, first == "pong",
            let ping = slots.popFirst()
        {
            queuedBytes -= ping.cost
            isPinging = false
            return .pushed(.current(asOf: ping.submitted))
        }
        if phase == .ready, let push = RedisPush(value) { return .pushed(push) }
        // A ping is refused that was not before: the server is busy, or the user lost the right.
        if case .error(let error) = value { return .failed(StoreError(error)) }
        return .failed(
            StoreError(
                .protocolViolation,
                "Redis sent what is no message to a subscriber; is it Redis at that address?"))
    }

    /// Makes the caller the writer, if there is something to write and no writer.
    mutating func beginWriting() -> Bool {
        guard !isWriting else { return false }
        switch phase {
        case .ready where !output.isEmpty: isWriting = true
        case .greeting where greeting.hasOutput: isWriting = true
        default: break
        }
        return isWriting
    }

    /// What is due now.
    mutating func due(now: Duration) -> Due {
        var due = Due()
        if let deadline = earliestDeadline, deadline <= now { expire(now: now, into: &due) }
        due.breach = breaker.takeNews()
        due.isRefusedToWrite = isRefusedToWrite
        isRefusedToWrite = false
        if phase == .ready, mustPing(now: now) { due.step = ping(now: now) }
        due.next = earliestDeadline
        func at(_ moment: Duration, _ step: Due.Step) {
            if moment <= now { due.step = step } else { due.next = min(due.next ?? moment, moment) }
        }
        switch phase {
        case .waiting(let moment): at(moment, .open)
        case .opening(let moment), .greeting(let moment):
            at(
                moment,
                .fail(
                    StoreError(
                        .unavailable,
                        "Redis did not accept the connection within \(settings.connectTimeout).")))
        case .ready:
            if !isPinging { at(nextPing, due.step) }
            guard !slots.isEmpty else { break }
            at(
                lastProgress + settings.stallTimeout,
                .fail(
                    StoreError(
                        .unavailable,
                        "Redis has answered nothing for \(settings.stallTimeout) while commands "
                            + "waited; the connection is opened anew.")))
        case .closed: break
        }
        return due
    }

    // MARK: - Health

    private var nextPing: Duration {
        if settings.isSubscriber { return lastPing + settings.idleInterval }
        return breaker.breach == nil
            ? max(lastProgress, lastPing) + settings.idleInterval
            : lastPing + settings.breaker.probeInterval
    }

    private func mustPing(now: Duration) -> Bool { !isPinging && nextPing <= now }

    private mutating func ping(now: Duration) -> Due.Step {
        isPinging = true
        lastPing = now
        let command = RedisCommand("PING").bytes
        // Behind the commands before, and no command's.
        let slot = Slot(
            token: slots.last?.token ?? 0, waiter: nil, missing: 1, isSingle: true, submitted: now,
            deadline: now,
            cost: command.count + 128, isPing: true)
        if case .write = enqueue(slot, command) { return .write }
        return .none
    }

    /// Opens the breaker because another connection to the same server has opened its own; whether
    /// it was not open before.
    mutating func adopt(_ error: StoreError) -> Bool {
        phase == .ready && breaker.adopt(error)
    }

    /// Whether the breaker has opened, or the server has refused to write, and ``due(now:)`` was not
    /// asked since.
    var hasNews: Bool { breaker.hasNews || isRefusedToWrite }

    private mutating func expire(now: Duration, into due: inout Due) {
        var earliest: Duration?
        var waited: [Duration] = []
        slots.updateAll { slot in
            guard let waiter = slot.waiter else { return }
            if slot.deadline <= now {
                due.expired.append(waiter)
                waited.append(now - slot.submitted)
                slot.waiter = nil
                slot.replies = []
            } else {
                earliest = min(earliest ?? slot.deadline, slot.deadline)
            }
        }
        earliestDeadline = earliest
        guard phase == .ready else { return }
        for waited in waited {
            breaker.noteTimeout(after: waited, silence: now - lastProgress, now: now)
        }
    }

    /// The connection was lost, or could not be opened; those who waited for an answer.
    ///
    /// - Parameter jitter: from 0 to 1; spreads the attempts of many clients.
    mutating func lose(_ error: StoreError, now: Duration, jitter: Double) -> [Waiter] {
        // Without a pause only after a connection that was of use for a while: one that breaks
        // each time it is ready must not be opened in a circle.
        let wasOfUse = phase == .ready && now - readySince >= settings.reconnectDelay.upperBound
        failures = wasOfUse ? 0 : failures + 1
        var delay = Duration.zero
        if failures > 0 {
            delay = settings.reconnectDelay.lowerBound * (1 << min(failures - 1, 16))
            delay = min(delay, settings.reconnectDelay.upperBound) * (0.5 + 0.5 * jitter)
        }
        return stop(error, phase: .waiting(until: now + delay))
    }

    /// The connection is not to be used any more; those who waited for an answer.
    mutating func close(_ error: StoreError) -> [Waiter] { stop(error, phase: .closed) }

    private mutating func stop(_ error: StoreError, phase: Phase) -> [Waiter] {
        if self.phase == .closed { return [] }
        self.phase = phase
        failure = error
        queuedBytes = 0
        breaker = CircuitBreaker(settings.breaker)
        isPinging = false
        earliestDeadline = nil
        output = []
        unwrittenSlots = 0
        blocked = nil
        isWriting = false
        return slots.popAll().compactMap(\.waiter)
    }
}
