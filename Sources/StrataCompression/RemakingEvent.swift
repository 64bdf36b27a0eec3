public import Strata

/// ``Compression`` made hot content again, as small as it gets.
public struct RemakingEvent: Event {
    /// The coding that it was made in.
    public let coding: ContentCoding
    /// How many bytes it had.
    public let before: Int
    /// How many bytes it has now.
    public let after: Int

    /// What was done.
    public var description: String { "compression: \(coding.rawValue) made again" }
}
