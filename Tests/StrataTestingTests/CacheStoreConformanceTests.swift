import Strata
import StrataTesting
import Synchronization
import Testing

@Suite struct CacheStoreConformanceTests {
    @Test(arguments: CacheStoreConformance.checks)
    func `a right store passes`(check: CacheStoreConformance.Check) async {
        #expect(await failures(of: check, with: nil).isEmpty)
    }

    @Test(arguments: Mistake.allCases)
    func `a store with a mistake is found out`(mistake: Mistake) async {
        var found = 0
        for check in CacheStoreConformance.checks {
            found += await failures(of: check, with: mistake).count
        }
        #expect(found > 0)
    }

    private func failures(
        of check: CacheStoreConformance.Check, with mistake: Mistake?
    ) async -> [CacheStoreConformance.Failure] {
        let time = ManualTime()
        let store = PlainStore(time: time, maximumEntryBytes: 600_000, mistake: mistake)
        return await check.failures(of: store, maximumEntryBytes: 600_000) {
            time.advance(by: $0)
        }
    }
}

/// What a store can do wrong.
enum Mistake: CaseIterable, Sendable {
    case forgets, keepsFirstValue, comparesKeysAsText, keepsTooLarge, keepsOldWhenTooLarge
    case removesOnlyFirst, removeThrowsWhenEmpty, neverExpires, expiryNotRenewed, hitProlongs
    case zeroLivesForever, trapsOverflowAsZero
    case generationRepeats, generationCounts, generationsUnordered, advancesOnlyFirst
    case sharesNamespace, removesGeneration
    case softIsHard, softKeepsFirstMoment, softShortensMemory, hardKeepsMoment
}

/// The plainest store there can be, and the mistakes it can be told to make.
private final class PlainStore: CacheStore {
    private struct State {
        var values: [[UInt8]: (value: any StoreValue, timeToLive: Duration, end: Duration)] = [:]
        var generations: [[UInt8]: (generation: Generation, end: Duration)] = [:]
        var lastNumber: UInt64 = 0
    }

    private let state = Mutex(State())
    private let time: ManualTime
    private let maximumEntryBytes: Int
    private let mistake: Mistake?

    init(time: ManualTime, maximumEntryBytes: Int, mistake: Mistake?) {
        self.time = time
        self.maximumEntryBytes = maximumEntryBytes
        self.mistake = mistake
    }

    private func identity(_ key: String) -> [UInt8] {
        guard mistake == .comparesKeysAsText else { return Array(key.utf8) }
        // The one text this is tried with, brought to one form.
        return Array(key.utf8).filter { $0 < 0x80 && $0 != UInt8(ascii: "e") }
    }

    func value<Value: StoreValue>(
        for key: String, as type: Value.Type
    ) async throws(StoreError) -> Value? {
        state.withLock { state in
            guard mistake != .forgets, let entry = state.values[identity(key)] else { return nil }
            guard time.uptime < entry.end || mistake == .neverExpires else { return nil }
            if mistake == .hitProlongs {
                state.values[identity(key)]?.end = time.uptime + entry.timeToLive
            }
            return entry.value as? Value
        }
    }

    func set<Value: StoreValue>(
        _ value: Value, for key: String, timeToLive: Duration
    ) async throws(StoreError) {
        let identity = identity(key)
        state.withLock { state in
            if mistake == .keepsFirstValue, state.values[identity] != nil { return }
            if value.byteCount > maximumEntryBytes, mistake != .keepsTooLarge {
                if mistake != .keepsOldWhenTooLarge { state.values[identity] = nil }
                return
            }
            var end = time.uptime + timeToLive
            if timeToLive <= .zero, mistake == .zeroLivesForever { end = .seconds(Int64.max) }
            if timeToLive == .seconds(Int64.max), mistake == .trapsOverflowAsZero { end = .zero }
            if mistake == .expiryNotRenewed, let old = state.values[identity] { end = old.end }
            state.values[identity] = (value, timeToLive, end)
            if mistake == .sharesNamespace {
                state.generations[identity] = (Generation(7), end)
            }
        }
    }

    func remove(_ keys: [String]) async throws(StoreError) {
        if keys.isEmpty, mistake == .removeThrowsWhenEmpty {
            throw StoreError(.refused, "nothing to remove")
        }
        state.withLock { state in
            for key in mistake == .removesOnlyFirst ? keys.prefix(1) : keys[...] {
                state.values[identity(key)] = nil
                if mistake == .removesGeneration { state.generations[identity(key)] = nil }
            }
        }
    }

    func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        state.withLock { state in
            let answer = names.map { name in
                guard let (generation, end) = state.generations[identity(name)], time.uptime < end
                else { return Generation.first }
                return generation
            }
            guard mistake == .generationsUnordered else { return answer }
            return answer.sorted { $0.number < $1.number }
        }
    }

    func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        state.withLock { state in
            for name in mistake == .advancesOnlyFirst ? names.prefix(1) : names[...] {
                state.lastNumber += 1
                let old = state.generations[identity(name)]
                var end = time.uptime + timeToLive
                if let old, mistake != .softShortensMemory { end = max(end, old.end) }
                state.generations[identity(name)] = (
                    next(after: old?.generation ?? .first, state.lastNumber, purge), end
                )
            }
        }
    }

    private func next(
        after old: Generation, _ lastNumber: UInt64, _ purge: PurgeKind
    ) -> Generation {
        var number = lastNumber
        if mistake == .generationRepeats { number %= 100 }
        if mistake == .generationCounts { number = 1 }
        guard case .soft(var moment) = purge else {
            return Generation(
                number, staleSince: mistake == .hardKeepsMoment ? old.staleSince : nil)
        }
        if mistake == .softKeepsFirstMoment { moment = old.staleSince ?? moment }
        return Generation(mistake == .softIsHard ? number : old.number, staleSince: moment)
    }
}
