/// XXH64, the 64-bit xxHash: a checksum that finds damage at the speed of memory.
///
/// It holds four lanes of eight bytes, each turned over by steps that can be undone; so a change
/// within any one aligned word of the input always changes the result. It is no protection from
/// somebody who chooses the change.
///
/// Specification: "xxHash fast digest algorithm", version 0.1.1, by Yann Collet.
package enum XXHash64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of the bytes.
    package static func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        var offset = 0
        var hash: UInt64
        if bytes.count >= 32 {
            var lanes = SIMD4(
                seed &+ prime1 &+ prime2, seed &+ prime2, seed, seed &- prime1)
            while bytes.count - offset >= 32 {
                for lane in 0..<4 {
                    lanes[lane] = round(lanes[lane], word(bytes, at: offset + lane * 8))
                }
                offset += 32
            }
            hash =
                rotate(lanes[0], by: 1) &+ rotate(lanes[1], by: 7)
                &+ rotate(lanes[2], by: 12) &+ rotate(lanes[3], by: 18)
            for lane in 0..<4 {
                hash = (hash ^ round(0, lanes[lane])) &* prime1 &+ prime4
            }
        } else {
            hash = seed &+ prime5
        }
        hash &+= UInt64(bytes.count)
        while bytes.count - offset >= 8 {
            hash ^= round(0, word(bytes, at: offset))
            hash = rotate(hash, by: 27) &* prime1 &+ prime4
            offset += 8
        }
        if bytes.count - offset >= 4 {
            let half = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self).littleEndian
            hash ^= UInt64(half) &* prime1
            hash = rotate(hash, by: 23) &* prime2 &+ prime3
            offset += 4
        }
        for byte in bytes[offset...] {
            hash ^= UInt64(byte) &* prime5
            hash = rotate(hash, by: 11) &* prime1
        }
        hash = (hash ^ (hash >> 33)) &* prime2
        hash = (hash ^ (hash >> 29)) &* prime3
        return hash ^ (hash >> 32)
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotate(lane &+ word &* prime2, by: 31) &* prime1
    }

    private static func rotate(_ value: UInt64, by bits: UInt64) -> UInt64 {
        value << bits | value >> (64 - bits)
    }
}
