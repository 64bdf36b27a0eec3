/// Something that a layer or a store tells about: a decision and its reason, or a fault.
///
/// Each layer has event types of its own; whoever listens asks for those it knows:
///
/// ```swift
/// let events = Events { event in
///     if let event = event as? StoreFault { logger.warning("\(event)") }
/// }
/// ```
///
/// Some come with every request, as when a store is down; ``EventLines`` makes a log of them that
/// stays short.
public protocol Event: Sendable, CustomStringConvertible {
    /// What tells events of one type apart that mean different things, such as the code of a
    /// failure; not what differs each time. Empty by default.
    var topic: String { get }
}

extension Event {
    /// Nothing: all events of the type mean the same.
    public var topic: String { "" }
}

/// Where events go; by default nowhere, at no cost.
public struct Events: Sendable {
    private let receive: (@Sendable (any Event) -> Void)?
    /// The types that are heard; nil for all.
    private let types: [ObjectIdentifier]?

    /// Events that nobody hears.
    public static let ignored = Events(receive: nil, types: nil)

    private init(receive: (@Sendable (any Event) -> Void)?, types: [ObjectIdentifier]?) {
        self.receive = receive
        self.types = types
    }

    /// Events for the given listener, which is called in the midst of the request: it must be
    /// quick, and must not wait.
    public init(_ receive: @escaping @Sendable (any Event) -> Void) {
        self.init(receive: receive, types: nil)
    }

    /// Events of these types for the given listener, which must be quick and must not wait. All
    /// others cost nothing: a layer tells of each request, which few want to hear.
    public init(
        of types: [any Event.Type], _ receive: @escaping @Sendable (any Event) -> Void
    ) {
        self.init(receive: receive, types: types.map { ObjectIdentifier($0) })
    }

    /// Tells the listener; the event is not even made where there is none for its type.
    public func callAsFunction<E: Event>(_ event: @autoclosure () -> E) {
        guard let receive, types?.contains(ObjectIdentifier(E.self)) ?? true else { return }
        receive(event())
    }
}
