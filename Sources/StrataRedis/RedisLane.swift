/// Which of a client's connections a command takes.
public enum RedisLane: Sendable, Hashable {
    /// Those for commands and replies that are short; a large one would delay all behind it.
    case small
    /// The one for large values, where nobody minds to wait for one.
    case large

    /// How many bytes are large.
    package static let threshold = 64 * 1024
}
