/// Whether the one who sends a command reads its answer, too: a decision without I/O.
///
/// An answer that another thread reads has two threads to wake, which takes longer than Redis does.
/// So whoever is alone with a connection waits for the answer where it is, for a moment at most.
/// That pays only as long as nobody else wants to use the thread or the connection meanwhile, and
/// the answer comes soon; each sign of the contrary ends it for a while. Those who can't show,
/// because it is their thread that is waited on, are given the chance with every few commands.
struct PromptReading: Sendable, Hashable {
    /// How many commands in a row must have been alone.
    static let leastCalm = 32
    /// With each of so many commands the thread is given up.
    static let interval = 128
    /// How many commands are answered as usual after an answer that did not come in time: a few at
    /// first, and each time twice as many as long as it happens again soon. A machine wakes late now
    /// and then, and that must not cost more than it does; a server that is always slow must.
    static let pauses = 32...1024
    /// Within how many answers that are read where one waits it is again soon.
    static let memory = 256

    /// How many commands in a row were alone; below zero during the pause.
    private var calm = 0
    /// How long the next pause is.
    private var pause = pauses.lowerBound
    /// How many senders have read since the last pause.
    private var readCount = 0

    /// Takes note of a command; whether its sender shall read the answer.
    ///
    /// - Parameter isAlone: whether no other command is under way on the connection.
    mutating func shallRead(isAlone: Bool) -> Bool {
        guard isAlone else {
            calm = min(calm, 0)
            return false
        }
        calm = calm == Self.leastCalm + Self.interval ? Self.leastCalm + 1 : calm + 1
        let shallRead = calm > Self.leastCalm && calm < Self.leastCalm + Self.interval
        if shallRead { readCount += 1 }
        return shallRead
    }

    /// The answer did not come in time.
    mutating func noteLateness() {
        if readCount > Self.memory { pause = Self.pauses.lowerBound }
        calm = -pause
        pause = min(2 * pause, Self.pauses.upperBound)
        readCount = 0
    }
}
