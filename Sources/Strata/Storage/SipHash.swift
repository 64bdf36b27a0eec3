/// SipHash-1-3 with 128 bits of output: a hash under a secret key, which who doesn't know the key
/// can't foresee (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012; one round for each
/// word and three at the end, as Rust, Ruby and Swift have it).
enum SipHash {
    /// Two words, of the key or of the hash.
    typealias Pair = (low: UInt64, high: UInt64)

    /// The hash of the bytes under the key.
    static func hash(_ bytes: UnsafeRawBufferPointer, key: Pair) -> Pair {
        var state = State(key: key)
        let whole = bytes.count & ~7
        var offset = 0
        while offset < whole {
            state.absorb(
                bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian)
            offset += 8
        }
        // The last word holds the bytes that are left, and the length above them.
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        while offset < bytes.count {
            last |= UInt64(bytes[offset]) << UInt64(8 * (offset - whole))
            offset += 1
        }
        state.absorb(last)
        return state.finish()
    }

    private struct State {
        private var (v0, v1, v2, v3): (UInt64, UInt64, UInt64, UInt64)

        init(key: Pair) {
            v0 = key.low ^ 0x736f_6d65_7073_6575
            v1 = key.high ^ 0x646f_7261_6e64_6f6d ^ 0xee
            v2 = key.low ^ 0x6c79_6765_6e65_7261
            v3 = key.high ^ 0x7465_6462_7974_6573
        }

        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        mutating func finish() -> Pair {
            v2 ^= 0xee
            for _ in 0..<3 { round() }
            let low = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xdd
            for _ in 0..<3 { round() }
            return (low, v0 ^ v1 ^ v2 ^ v3)
        }

        private mutating func round() {
            v0 &+= v1
            v2 &+= v3
            v1 = Self.rotate(v1, by: 13) ^ v0
            v3 = Self.rotate(v3, by: 16) ^ v2
            v0 = Self.rotate(v0, by: 32)
            v2 &+= v1
            v0 &+= v3
            v1 = Self.rotate(v1, by: 17) ^ v2
            v3 = Self.rotate(v3, by: 21) ^ v0
            v2 = Self.rotate(v2, by: 32)
        }

        private static func rotate(_ word: UInt64, by count: UInt64) -> UInt64 {
            word << count | word >> (64 - count)
        }
    }
}
