/// Something that a layer or a store tells about: a decision and its reason, or a fault.
///
/// Each layer has event types of its own; whoever listens asks for those it knows:
///
/// ```swift
/// let events = Events { event in
///     if let event = event as? StoreFault { logger.warning("\(event)") }
/// }
/// ```
public protocol Event: Sendable, CustomStringConvertible {}

/// Where events go; by default nowhere, at no cost.
public struct Events: Sendable {
    private let receive: (@Sendable (any Event) -> Void)?

    /// Events that nobody hears.
    public static let ignored = Events(receive: nil)

    private init(receive: (@Sendable (any Event) -> Void)?) { self.receive = receive }

    /// Events for the given listener, which is called in the midst of the request: it must be
    /// quick, and must not wait.
    public init(_ receive: @escaping @Sendable (any Event) -> Void) { self.receive = receive }

    /// Tells the listener; the event is not even made where there is none.
    public func callAsFunction(_ event: @autoclosure () -> some Event) {
        if let receive { receive(event()) }
    }
}
