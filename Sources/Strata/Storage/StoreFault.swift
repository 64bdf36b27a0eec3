/// A store failed, and the layer went on without it.
public struct StoreFault: Event {
    /// What the store said.
    public let error: StoreError

    /// Makes the event.
    public init(_ error: StoreError) { self.error = error }

    /// The kind of failure.
    public var topic: String { error.code.description }

    /// One line.
    public var description: String { error.description }
}
