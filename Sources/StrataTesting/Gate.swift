/// A gate that tasks wait at until a test opens it.
///
/// A handler that passes one is held for as long as the test wants:
///
/// ```swift
/// let gate = Gate()
/// let handler: Handler = { _ in
///     try await gate.pass()
///     return .text("done")
/// }
/// ```
public final class Gate: Sendable {
    private let room: WaitingRoom<Bool, Int>

    /// Makes a gate, closed unless told otherwise.
    public init(isOpen: Bool = false) { room = WaitingRoom(isOpen) }

    /// Whether it can be gone through.
    public var isOpen: Bool { room.state }

    /// How many tasks wait.
    public var waiterCount: Int { room.occupantCount }

    /// Goes through, as soon as the gate is open.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    public func pass() async throws(CancellationError) {
        try await room.wait { $0 ? nil : 0 }
    }

    /// Opens the gate for those who wait, in the order they came, and for those who come.
    public func open() {
        room.change {
            $0 = true
        } admitting: { _, _ in
            true
        }
    }

    /// Closes the gate for those who come.
    public func close() {
        room.change {
            $0 = false
        } admitting: { _, _ in
            false
        }
    }

    /// Waits until at least so many tasks wait at the same time.
    ///
    /// - Throws: `CancellationError` when the task is cancelled meanwhile.
    public func waitForWaiters(_ count: Int) async throws(CancellationError) {
        try await room.waitForOccupants(count)
    }
}
