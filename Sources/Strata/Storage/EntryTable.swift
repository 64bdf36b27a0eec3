/// Finds the slots of entries by the entries' hashes.
///
/// An open table with linear probing (Knuth: "The Art of Computer Programming" 6.4). Each cell
/// holds a slot and half of its hash, so that entries themselves are hardly looked at but the one
/// that is sought. A cell's place grows with that half; so a table of any size can be filled from
/// a smaller one from front to back, and it grows by a quarter at a time.
struct EntryTable: ~Copyable {
    private static var vacant: UInt64 { .max }

    private var cells: UnsafeMutablePointer<UInt64>
    private var cellCount: Int
    private var count = 0

    init() { (cells, cellCount) = (Self.makeCells(16), 16) }

    deinit { cells.deallocate() }

    /// The slot with that hash for which the condition holds.
    func slot(of hash: UInt64, where isSought: (EntrySlot) -> Bool) -> EntrySlot? {
        var index = place(of: hash)
        while cells[index] != Self.vacant {
            let slot = EntrySlot(truncatingIfNeeded: cells[index])
            if cells[index] >> 32 == hash & 0xFFFF_FFFF, isSought(slot) { return slot }
            index = next(index)
        }
        return nil
    }

    /// Adds a slot.
    mutating func insert(_ slot: EntrySlot, hash: UInt64) {
        if (count + 1) * 5 > cellCount * 4 { grow() }
        count += 1
        place(hash << 32 | UInt64(slot))
    }

    /// Removes a slot that is there.
    mutating func remove(_ slot: EntrySlot, hash: UInt64) {
        let cell = hash << 32 | UInt64(slot)
        var hole = place(of: hash)
        while cells[hole] != cell {
            guard cells[hole] != Self.vacant else { return }
            hole = next(hole)
        }
        // What stands behind the hole moves into it, unless that were before its own place.
        var index = next(hole)
        while cells[index] != Self.vacant {
            let place = place(of: cells[index] >> 32)
            if distance(from: place, to: index) >= distance(from: hole, to: index) {
                cells[hole] = cells[index]
                hole = index
            }
            index = next(index)
        }
        cells[hole] = Self.vacant
        count -= 1
    }

    private static func makeCells(_ count: Int) -> UnsafeMutablePointer<UInt64> {
        let cells = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
        cells.initialize(repeating: vacant, count: count)
        return cells
    }

    private mutating func grow() {
        let (old, oldCount) = (cells, cellCount)
        cellCount += cellCount / 4
        cells = Self.makeCells(cellCount)
        for index in 0..<oldCount where old[index] != Self.vacant { place(old[index]) }
        old.deallocate()
    }

    private func place(_ cell: UInt64) {
        var index = place(of: cell >> 32)
        while cells[index] != Self.vacant { index = next(index) }
        cells[index] = cell
    }

    /// Where the search for a hash begins: its lower half, as a fraction, of the table.
    private func place(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: ((hash & 0xFFFF_FFFF) &* UInt64(cellCount)) >> 32)
    }

    private func next(_ index: Int) -> Int { index + 1 == cellCount ? 0 : index + 1 }

    private func distance(from start: Int, to end: Int) -> Int {
        end >= start ? end - start : end - start + cellCount
    }
}
