import StrataTesting
import Testing

@testable import Strata

@Suite struct EntryTableTests {
    /// Hashes that are random, and hashes that all begin their search in a few places, the last
    /// one among them.
    @Test(arguments: [UInt64.max, 0xC000_0003])
    func `it finds what was added and not removed, as a dictionary does`(mask: UInt64) {
        var generator = SeededGenerator()
        var table = EntryTable()
        var model: [EntrySlot: UInt64] = [:]
        for step in 0..<20_000 {
            if step % 3 < 2 || model.isEmpty {
                let slot = EntrySlot(step)
                model[slot] = generator.next() & mask
                table.insert(slot, hash: model[slot] ?? 0)
            } else if let (slot, hash) = model.randomElement(using: &generator) {
                table.remove(slot, hash: hash)
                model[slot] = nil
                #expect(table.slot(of: hash) { $0 == slot } == nil)
            }
            // Tables with few places and many hashes that share them are slow.
            if mask != .max, model.count > 200 { model = Self.drop(half: model, from: &table) }
            guard step % 500 == 0 else { continue }
            for (slot, hash) in model { #expect(table.slot(of: hash) { $0 == slot } == slot) }
            #expect(table.slot(of: generator.next()) { _ in false } == nil)
        }
        for (slot, hash) in model { #expect(table.slot(of: hash) { $0 == slot } == slot) }
    }

    private static func drop(
        half model: [EntrySlot: UInt64], from table: inout EntryTable
    ) -> [EntrySlot: UInt64] {
        var model = model
        for (slot, hash) in model where slot % 2 == 0 {
            table.remove(slot, hash: hash)
            model[slot] = nil
        }
        return model
    }
}

@Suite struct StableMemoryTests {
    @Test func `elements keep their places and their values while others are added`() {
        var memory = StableMemory<UInt64>()
        memory.append(0)
        let first = memory[0]
        for number in 1..<5_000 { memory.append(UInt64(number) * 3) }
        #expect(memory.count == 5_000)
        #expect(memory[0] == first)
        for number in 0..<5_000 { #expect(memory[UInt32(number)].pointee == UInt64(number) * 3) }
    }
}
