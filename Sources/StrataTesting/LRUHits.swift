extension CacheLoad {
    /// What share of the keys a cache of so many entries finds that drops the one used least
    /// recently.
    package func hitRatioOfLRU(entryCount: Int) -> Double {
        var (older, newer): ([UInt64: UInt64], [UInt64: UInt64]) = ([:], [:])
        var ends: (oldest: UInt64, newest: UInt64)?
        var hits = 0
        func unlink(_ key: UInt64) {
            let (before, after) = (older.removeValue(forKey: key), newer.removeValue(forKey: key))
            if let before { newer[before] = after } else if let after { ends?.oldest = after }
            if let after { older[after] = before } else if let before { ends?.newest = before }
            if before == nil, after == nil { ends = nil }
        }
        var kept: Set<UInt64> = []
        for key in keys {
            if kept.contains(key) {
                hits += 1
                unlink(key)
            } else {
                if kept.count == entryCount, let oldest = ends?.oldest {
                    unlink(oldest)
                    kept.remove(oldest)
                }
                kept.insert(key)
            }
            if let newest = ends?.newest {
                (older[key], newer[newest]) = (newest, key)
                ends?.newest = key
            } else {
                ends = (key, key)
            }
        }
        return Double(hits) / Double(keys.count)
    }
}
