import Synchronization

/// Tasks that wait until a piece of state lets them go on, and tasks that wait until enough of
/// those are waiting. The one place in this module where continuations are held.
final class WaitingRoom<State: Sendable, Ticket: Comparable & Sendable>: Sendable {
    private struct Occupant: Sendable {
        let id: Int
        let ticket: Ticket
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct Observer: Sendable {
        let id: Int
        let count: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct Room: Sendable {
        var state: State
        /// Sorted by ticket; equal tickets stand in the order they came.
        var occupants: [Occupant] = []
        var observers: [Observer] = []
        var nextID = 0

        mutating func makeID() -> Int {
            nextID += 1
            return nextID
        }
    }

    /// Guards everything about the room; continuations are resumed outside of it.
    private let room: Mutex<Room>

    init(_ state: State) { room = Mutex(Room(state: state)) }

    /// The state as it is now.
    var state: State { room.withLock { $0.state } }

    /// How many tasks wait.
    var occupantCount: Int { room.withLock { $0.occupants.count } }

    /// Waits with the ticket that the state gives out; returns at once where it gives none.
    func wait(_ ticket: (inout State) -> Ticket?) async throws(CancellationError) {
        let id = room.withLock { $0.makeID() }
        let isAdmitted = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumed = room.withLock { room -> [(CheckedContinuation<Bool, Never>, Bool)] in
                    // A cancellation that comes after this line finds the occupant in the list.
                    guard !Task.isCancelled else { return [(continuation, false)] }
                    guard let ticket = ticket(&room.state) else { return [(continuation, true)] }
                    let place = room.occupants.firstIndex { $0.ticket > ticket }
                    room.occupants.insert(
                        Occupant(id: id, ticket: ticket, continuation: continuation),
                        at: place ?? room.occupants.endIndex)
                    let count = room.occupants.count
                    let satisfied = room.observers.filter { $0.count <= count }
                    room.observers.removeAll { $0.count <= count }
                    return satisfied.map { ($0.continuation, true) }
                }
                for (continuation, value) in resumed { continuation.resume(returning: value) }
            }
        } onCancel: {
            let occupant = room.withLock { room in
                room.occupants.firstIndex { $0.id == id }.map { room.occupants.remove(at: $0) }
            }
            occupant?.continuation.resume(returning: false)
        }
        guard isAdmitted else { throw CancellationError() }
    }

    /// Changes the state, then lets those go on, in the order of their tickets, that it admits.
    func change(
        _ body: (inout State) -> Void, admitting isAdmitted: (State, Ticket) -> Bool
    ) {
        let admitted = room.withLock { room in
            body(&room.state)
            let state = room.state
            let admitted = room.occupants.filter { isAdmitted(state, $0.ticket) }
            room.occupants.removeAll { isAdmitted(state, $0.ticket) }
            return admitted
        }
        for occupant in admitted { occupant.continuation.resume(returning: true) }
    }

    /// Waits until at least so many tasks wait at the same time.
    func waitForOccupants(_ count: Int) async throws(CancellationError) {
        let id = room.withLock { $0.makeID() }
        let isReached = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = room.withLock { room -> Bool? in
                    if Task.isCancelled { return false }
                    if room.occupants.count >= count { return true }
                    room.observers.append(
                        Observer(id: id, count: count, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let observer = room.withLock { room in
                room.observers.firstIndex { $0.id == id }.map { room.observers.remove(at: $0) }
            }
            observer?.continuation.resume(returning: false)
        }
        guard isReached else { throw CancellationError() }
    }
}
