/// In which order a host's addresses are tried: a decision without I/O.
///
/// One that refuses is followed by the next at once. One that says nothing takes all the time that
/// an attempt has, so the next attempt tries it last: the others must have their turn.
struct AddressQueue<Address: Equatable> {
    private var rest: [Address] = []
    private var current: Address?
    private var silent: Address?

    /// An attempt begins.
    mutating func begin(_ addresses: [Address]) {
        rest = addresses.filter { $0 != silent } + addresses.filter { $0 == silent }
    }

    /// The next address to try; nil when there is none left.
    mutating func next() -> Address? {
        current = rest.isEmpty ? nil : rest.removeFirst()
        return current
    }

    /// The time of the attempt is over.
    mutating func noteSilence() { silent = current }
}
