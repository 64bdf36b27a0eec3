import Synchronization

/// Where a command waits for its answer, for whoever cancels it: made before the command is handed
/// over, since it may be cancelled any time.
struct CommandPlace: ~Copyable, Sendable {
    /// The command's token and, in the last eight bits, its connection's key; 0 while it waits
    /// nowhere.
    private let place = Atomic<UInt64>(0)

    /// The command waits there.
    func note(connection key: UInt64, token: UInt64) {
        place.store(token << 8 | key, ordering: .releasing)
    }

    /// Where it waits; nil as long as it was not handed over.
    var known: (connection: UInt64, token: UInt64)? {
        let place = place.load(ordering: .acquiring)
        return place == 0 ? nil : (place & 0xff, place >> 8)
    }
}
