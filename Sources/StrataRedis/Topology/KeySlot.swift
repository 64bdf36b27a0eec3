/// Which of a cluster's 16384 slots a key belongs to: CRC-16 (XMODEM) of the key, or of its hash
/// tag, the part between the first `{` and the next `}`, unless that is empty.
enum KeySlot {
    static let count = 16_384

    /// The slot of a key.
    static func slot(of key: some Collection<UInt8>) -> Int {
        Int((hashTag(of: key) ?? key[...]).withContiguous(crc16)) % count
    }

    /// The part of the key that decides alone, if there is one.
    static func hashTag<Key: Collection<UInt8>>(of key: Key) -> Key.SubSequence? {
        guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        let rest = key[key.index(after: open)...]
        guard let close = rest.firstIndex(of: UInt8(ascii: "}")), close != rest.startIndex else {
            return nil
        }
        return rest[..<close]
    }

    static func hashTag(of key: String) -> Substring? {
        hashTag(of: key.utf8).map { Substring($0) }
    }

    private static func crc16(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt16 {
        var crc: UInt16 = 0
        for byte in bytes { crc = crc << 8 ^ table[Int(crc >> 8 ^ UInt16(byte))] }
        return crc
    }

    private static let table: [UInt16] = (0..<256).map { index in
        var crc = UInt16(index) << 8
        for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
        return crc
    }
}

extension Collection<UInt8> {
    fileprivate func withContiguous<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        if let result = withContiguousStorageIfAvailable(body) { return result }
        return Array(self).withUnsafeBufferPointer(body)
    }
}
