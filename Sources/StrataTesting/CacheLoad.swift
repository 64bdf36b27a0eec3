/// A sequence of keys that a cache is asked for, to measure its hit ratio with.
package struct CacheLoad: Sendable, CustomStringConvertible {
    /// What kind of load it is.
    package let description: String
    /// The keys in the order they are asked for.
    package let keys: [UInt64]

    /// Makes a load of keys that come from elsewhere.
    package init(_ description: String, keys: [UInt64]) {
        self.description = description
        self.keys = keys
    }

    /// Popularity that lasts.
    package static func zipf(
        _ length: Int, keyCount: Int, exponent: Double, seed: UInt64 = 1
    ) -> CacheLoad {
        let zipf = ZipfDistribution(count: keyCount, exponent: exponent)
        var generator = SeededGenerator(seed: seed)
        return CacheLoad(
            "zipf \(exponent)", keys: (0..<length).map { _ in UInt64(zipf.next(using: &generator)) }
        )
    }

    /// Popularity that lasts, and now and then many keys that come once.
    package static func scans(_ length: Int, keyCount: Int, seed: UInt64 = 2) -> CacheLoad {
        let zipf = ZipfDistribution(count: keyCount, exponent: 0.9)
        var generator = SeededGenerator(seed: seed)
        var next = UInt64(keyCount)
        let keys = (0..<length).map { index in
            guard index % (keyCount / 2) < keyCount / 5 else {
                return UInt64(zipf.next(using: &generator))
            }
            next += 1
            return next
        }
        return CacheLoad("zipf 0.9 + scans", keys: keys)
    }

    /// The same keys in the same order, again and again.
    package static func loop(_ length: Int, keyCount: Int) -> CacheLoad {
        CacheLoad("loop", keys: (0..<length).map { UInt64($0 % keyCount) })
    }

    /// Popularity that moves on to other keys at once, now and then.
    package static func shifts(_ length: Int, keyCount: Int, seed: UInt64 = 3) -> CacheLoad {
        let zipf = ZipfDistribution(count: keyCount, exponent: 0.9)
        var generator = SeededGenerator(seed: seed)
        let keys = (0..<length).map { index in
            UInt64(index / (keyCount * 5) * keyCount / 3 + zipf.next(using: &generator))
        }
        return CacheLoad("shifting zipf", keys: keys)
    }

    /// Popularity that moves on bit by bit.
    package static func drift(_ length: Int, keyCount: Int, seed: UInt64 = 4) -> CacheLoad {
        let zipf = ZipfDistribution(count: keyCount, exponent: 0.8)
        var generator = SeededGenerator(seed: seed)
        let keys = (0..<length).map { UInt64($0 / 10 + zipf.next(using: &generator)) }
        return CacheLoad("drifting zipf", keys: keys)
    }

    /// Keys that come back soon, three times in all, and then never.
    package static func recency(_ length: Int, distance: Int, seed: UInt64 = 5) -> CacheLoad {
        var generator = SeededGenerator(seed: seed)
        var returning: [Int: [UInt64]] = [:]
        var (keys, next): ([UInt64], UInt64) = ([], 0)
        while keys.count < length {
            let now = keys.count
            if let key = returning[now]?.popLast() {
                keys.append(key)
                if let others = returning.removeValue(forKey: now), !others.isEmpty {
                    returning[now + 1, default: []] += others
                }
                continue
            }
            keys.append(next)
            for _ in 0..<2 {
                let due = now + Int.random(in: 1...(2 * distance), using: &generator)
                returning[due, default: []].append(next)
            }
            next += 1
        }
        return CacheLoad("recency", keys: keys)
    }

    /// Keys that come back soon, then a loop, then other keys that come back soon.
    package static func phases(_ length: Int, keyCount: Int) -> CacheLoad {
        let recency = Self.recency(length / 3, distance: keyCount / 5).keys
        let loop = Self.loop(length / 3, keyCount: keyCount).keys.map { $0 | 1 << 40 }
        return CacheLoad(
            "recency, loop, recency", keys: recency + loop + recency.map { $0 | 1 << 41 })
    }
}
