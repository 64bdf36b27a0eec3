/// In which order a host's addresses are tried: a decision without I/O.
///
/// One that refuses is followed by the next at once. One that says nothing takes all the time that
/// an attempt has, and one that is a replica takes no writes, so the next attempt tries it last:
/// the others must have their turn.
struct AddressQueue<Address: Equatable> {
    private var rest: [Address] = []
    /// The one that was given out last.
    private(set) var current: Address?
    private var shunned: Address?

    /// An attempt begins.
    mutating func begin(_ addresses: [Address]) {
        rest = addresses.filter { $0 != shunned } + addresses.filter { $0 == shunned }
    }

    /// The next address to try; nil when there is none left.
    mutating func next() -> Address? {
        current = rest.isEmpty ? nil : rest.removeFirst()
        return current
    }

    /// The present one is of no use; the next attempt tries it last.
    mutating func shun() { shunned = current }
}
