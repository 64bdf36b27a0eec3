import Strata
import Synchronization
final class MemoryStore: CacheStore {
    let time: any TimeSource
    let s = Mutex<(v: [String: (any StoreValue, Timestamp)], g: [String: UInt64], n: UInt64)>(
        ([:], [:], 0))
    init(time: any TimeSource) { self.time = time }
    func value<V: StoreValue>(for key: String, as: V.Type) async throws(StoreError) -> V? {
        let now = time.now
        return s.withLock { s in
            guard let e = s.v[key], e.1 > now else { return nil };
            return (e.0 as? V).flatMap { V(storeBytes: $0.storeBytes) }
        }
    }
    func set<V: StoreValue>(_ value: V, for key: String, timeToLive: Duration)
        async throws(StoreError)
    {
        let e = time.now + timeToLive
        s.withLock { $0.v[key] = (value, e) }
    }
    func remove(_ keys: [String]) async throws(StoreError) {
        s.withLock { s in for k in keys { s.v[k] = nil } }
    }
    func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        s.withLock { s in names.map { Generation(s.g[$0] ?? 0) } }
    }
    func advanceGenerations(of names: [String], timeToLive: Duration) async throws(StoreError) {
        s.withLock { s in for n in names { s.n += 1; s.g[n] = s.n } }
    }
}
