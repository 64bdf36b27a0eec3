/// Loads that the policy of ``MemoryStore`` was not made with: what holds for them may hold for
/// others as well.
extension CacheLoad {
    /// Keys that come back as a program's do: each use is of the key at some depth of the stack of
    /// those used last, or of a new key. Depths follow a power law, so small ones are likely.
    ///
    /// - Parameters:
    ///   - depth: the depth that nothing comes back from.
    ///   - newShare: what share of the uses are of new keys.
    package static func stack(
        _ length: Int, depth: Int, newShare: Double, seed: UInt64
    ) -> CacheLoad {
        var generator = SeededGenerator(seed: seed)
        let depths = ZipfDistribution(count: depth, exponent: 0.6)
        var stack: [UInt64] = []
        var next: UInt64 = 0
        let keys = (0..<length).map { _ in
            let chosen = depths.next(using: &generator)
            var key = next
            if chosen < stack.count, Double.random(in: 0..<1, using: &generator) >= newShare {
                key = stack.remove(at: stack.count - 1 - chosen)
            } else {
                next += 1
                if stack.count > depth { stack.removeFirst() }
            }
            stack.append(key)
            return key
        }
        return CacheLoad("stack of \(depth)", keys: keys)
    }

    /// The same keys in one order and then in the other, again and again.
    package static func toAndFro(_ length: Int, keyCount: Int) -> CacheLoad {
        let keys = (0..<length).map { index in
            let position = index % (2 * keyCount)
            return UInt64(position < keyCount ? position : 2 * keyCount - 1 - position)
        }
        return CacheLoad("to and fro", keys: keys)
    }

    /// Popularity that lasts, and now and then a run through keys that come back in each run.
    ///
    /// - Parameters:
    ///   - pause: how many uses there are between the end of a run and the beginning of the next.
    package static func runs(
        _ length: Int, keyCount: Int, exponent: Double, runLength: Int, pause: Int, seed: UInt64
    ) -> CacheLoad {
        let zipf = ZipfDistribution(count: keyCount, exponent: exponent)
        var generator = SeededGenerator(seed: seed)
        let keys = (0..<length).map { index in
            let position = index % (runLength + pause)
            return position < pause
                ? UInt64(zipf.next(using: &generator)) : UInt64(keyCount + position - pause)
        }
        return CacheLoad("zipf \(exponent) + runs", keys: keys)
    }

    /// Popularity that other keys take over at once, all of them.
    ///
    /// - Parameters:
    ///   - period: how many uses there are from one change to the next.
    package static func fashions(
        _ length: Int, keyCount: Int, exponent: Double, period: Int, seed: UInt64
    ) -> CacheLoad {
        let zipf = ZipfDistribution(count: keyCount, exponent: exponent)
        var generator = SeededGenerator(seed: seed)
        let keys = (0..<length).map { index in
            UInt64(index / period) << 32 | UInt64(zipf.next(using: &generator))
        }
        return CacheLoad("zipf \(exponent), replaced", keys: keys)
    }

    /// The uses of two loads of different keys, by turns in pieces of random lengths up to twice
    /// the mean.
    package static func mixed(
        _ first: CacheLoad, _ second: CacheLoad, meanPiece: Int, seed: UInt64
    ) -> CacheLoad {
        var generator = SeededGenerator(seed: seed)
        var keys: [UInt64] = []
        var rest = (first.keys[...], second.keys[...])
        while !rest.0.isEmpty, !rest.1.isEmpty {
            let length = Int.random(in: 1...(2 * meanPiece), using: &generator)
            keys += rest.0.prefix(length)
            rest.0 = rest.0.dropFirst(length)
            keys += rest.1.prefix(length).map { $0 | 1 << 48 }
            rest.1 = rest.1.dropFirst(length)
        }
        return CacheLoad("\(first), \(second)", keys: keys)
    }
}
