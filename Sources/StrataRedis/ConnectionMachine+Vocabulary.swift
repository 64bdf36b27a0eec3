import Strata

extension ConnectionMachine {
    /// What the machine is told once.
    struct Settings: Sendable {
        /// What is sent first, before any command.
        var greeting: [Greeting.Step] = []
        var connectTimeout: Duration
        /// How long commands may stand unanswered with no reply coming to its end, before the
        /// connection is taken for dead.
        var stallTimeout: Duration
        var reconnectDelay: ClosedRange<Duration>
        /// How many bytes of commands may be unanswered.
        var maximumQueuedBytes: Int
        /// When the breaker opens.
        var breaker = CircuitBreaker.Limits()
        /// How long a connection is left alone before it is pinged.
        var idleInterval: Duration = .seconds(15)
        /// Whether the greeting subscribes: what comes is then pushed, and takes no commands, and
        /// a ping is sent however much comes, since its answer dates what was pushed before.
        var isSubscriber = false
    }

    enum Phase: Sendable, Hashable {
        /// There is no connection; the next attempt is made then.
        case waiting(until: Duration)
        /// An attempt is being made, and given up then.
        case opening(until: Duration)
        /// The greeting is not answered yet; given up then.
        case greeting(until: Duration)
        case ready
        case closed
    }

    /// What became of a command that was handed over.
    enum Submission {
        /// It will be written by whoever writes now, or when the connection is there.
        case queued
        /// The caller is the writer now: it takes ``nextOutput(_:)`` until there is none.
        case write
        case refused(StoreError)
    }

    /// What a reply means.
    enum Receipt {
        /// Nothing to do: its command was abandoned, or has more replies to come.
        case none
        case answer(Waiter, RedisValue)
        /// Commands are taken from now on: the greeting is over, or a ping was answered.
        case ready
        /// Something that was subscribed to.
        case pushed(RedisPush)
        /// The connection can't be used.
        case failed(StoreError)
    }

    /// What is due at some time.
    struct Due {
        /// They are out of time.
        var expired: [Waiter] = []
        /// Why commands are refused from now on.
        var breach: StoreError?
        /// Whether the server has refused to write, and so is not the one that is wanted.
        var isRefusedToWrite = false
        /// What to do with the connection itself.
        var step: Step = .none
        /// When to ask again at the latest; nil for never.
        var next: Duration?

        enum Step {
            case none, open, fail(StoreError)
            /// There is something to write, and the caller is the writer.
            case write
        }
    }

    /// Bytes on their way to the socket.
    struct Chunk: Sendable {
        var bytes: [UInt8] = []
        var sent = 0
        /// Whether the bytes are as they go over the wire.
        var isSealed = false
    }
}
