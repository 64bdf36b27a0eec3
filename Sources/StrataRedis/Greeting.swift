import Strata

/// What is said on a new connection before any command, and how far it was answered: a state machine
/// without I/O.
///
/// All steps are sent at once, but for those made of the reply to the one before.
struct Greeting: Sendable {
    /// One command.
    struct Step: Sendable {
        enum Command: Sendable {
            case fixed(RedisCommand)
            /// Made of the reply to the command before, which therefore is waited for.
            case following(@Sendable (RedisValue) -> RedisCommand)
        }

        var command: Command
        /// What a refusal means to whoever configured this; nil where it does not matter.
        var failure: String?
        /// How many replies the command has.
        var replyCount = 1

        init(command: RedisCommand, failure: String?) {
            self.init(command: .fixed(command), failure: failure)
        }

        init(command: Command, failure: String?, replyCount: Int = 1) {
            self.command = command
            self.failure = failure
            self.replyCount = replyCount
        }
    }

    /// What a reply means.
    enum Receipt: Sendable {
        /// There are more to come.
        case incomplete
        /// It was the last one: commands may be sent.
        case complete
        /// The connection can't be used.
        case failed(StoreError)
    }

    private let steps: [Step]
    private var sent = 0
    private var answered = 0
    /// How many replies to the step that is answered now have come.
    private var replies = 0
    /// The last reply to the last step that was answered.
    private var lastReply = RedisValue.null

    init(_ steps: [Step]) { self.steps = steps }

    /// Whether a step can be sent.
    var hasOutput: Bool {
        guard sent < steps.count else { return false }
        guard case .following = steps[sent].command else { return true }
        return answered == sent
    }

    /// The steps up to the first that has to wait for a reply, as they go over the wire.
    mutating func nextOutput() -> [UInt8] {
        var bytes: [UInt8] = []
        while hasOutput {
            switch steps[sent].command {
            case .fixed(let command): bytes += command.bytes
            case .following(let command): bytes += command(lastReply).bytes
            }
            sent += 1
        }
        return bytes
    }

    /// Takes one reply.
    mutating func receive(_ value: RedisValue) -> Receipt {
        guard answered < sent else {
            return .failed(
                StoreError(.protocolViolation, "Redis answered before it was asked anything."))
        }
        let step = steps[answered]
        if case .error(let error) = value {
            // Said to whoever connects, whatever they ask.
            if error.kind == "DENIED" { return .failed(StoreError(error)) }
            if error.message.hasPrefix("ERR max number of clients") {
                return .failed(
                    StoreError(
                        .unavailable,
                        "Redis takes no more clients (\(error)); raise its maxclients.",
                        underlying: error))
            }
            // It serves nobody for now, whatever is asked.
            if StoreError.Code(error) == .unavailable { return .failed(StoreError(error)) }
            if let failure = step.failure {
                return .failed(
                    StoreError(.misconfigured, "\(failure) (\(error))", underlying: error))
            }
            // A user without the right to what does not matter is still who it says it is.
            if StoreError.Code(error) != .refused, error.kind != "NOPERM" {
                return .failed(StoreError(error))
            }
        }
        replies += 1
        guard replies == step.replyCount else { return .incomplete }
        replies = 0
        lastReply = value
        answered += 1
        return answered == steps.count ? .complete : .incomplete
    }
}
