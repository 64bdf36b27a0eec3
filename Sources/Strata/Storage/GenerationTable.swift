/// The generations of some names. A number is never given twice.
///
/// The table is bounded: when it is full of names that still count, it is emptied, and every name
/// that isn't in it has a generation that is new. That makes what was stored invalid, which is
/// never wrong; to forget a purge would bring back what it purged.
struct GenerationTable {
    private var entries: [KeyDigest: (generation: Generation, end: Int64)] = [:]
    private var unnamed = Generation.first
    private let maximumCount: Int

    init(maximumCount: Int) { self.maximumCount = maximumCount }

    /// The generation of a name.
    func generation(of name: KeyDigest) -> Generation { entries[name]?.generation ?? unnamed }

    /// Gives the name a generation of its own.
    ///
    /// - Parameters:
    ///   - end: until when it must be remembered.
    ///   - makeNumber: makes a number that is unlike all others.
    mutating func advance(
        _ name: KeyDigest, _ purge: PurgeKind, until end: Int64, now: Int64,
        _ makeNumber: () -> UInt64
    ) {
        if entries.count >= maximumCount, entries[name] == nil {
            entries = entries.filter { $0.value.end > now }
            if entries.count > maximumCount / 2 {
                entries = [:]
                unnamed = Generation(makeNumber())
            }
        }
        let generation =
            switch purge {
            case .hard: Generation(makeNumber())
            case .soft(let moment):
                Generation(self.generation(of: name).number, staleSince: moment)
            }
        entries[name] = (generation, max(end, entries[name]?.end ?? end))
    }
}
