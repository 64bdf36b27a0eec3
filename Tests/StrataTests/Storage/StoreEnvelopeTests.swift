import Strata
import Testing

@Suite struct `The envelope of a stored value` {
    @Test(arguments: [0, 1, 7, 8, 31, 32, 33, 4096, 70_000])
    func `gives back what was put in`(count: Int) throws {
        let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for key in ["", "k", "GET example.com/ü?a=1"] {
            let bytes = StoreEnvelope.encode(value, key: key)
            #expect(bytes.count == value.count + StoreEnvelope.overhead(forKey: key))
            #expect(try StoreEnvelope.decode(bytes, key: key) == value)
            #expect(StoreEnvelope.byteCount(beginningWith: bytes) == bytes.count)
            #expect(StoreEnvelope.byteCount(beginningWith: Array(bytes.prefix(20))) == bytes.count)
            #expect(StoreEnvelope.byteCount(beginningWith: Array(bytes.prefix(19))) == nil)
        }
    }

    @Test func `has the bytes of version 1`() throws {
        let bytes: [UInt8] = [
            0x53, 0x54, 0x52, 0x31,
            0x5a, 0x8e, 0xb0, 0x4f, 0xa5, 0x24, 0x53, 0xb0,
            0x03, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00,
            0x6b, 0x65, 0x79, 0x76, 0x61, 0x6c, 0x75, 0x65,
        ]
        #expect(StoreEnvelope.encode(Array("value".utf8), key: "key") == bytes)
        #expect(try StoreEnvelope.decode(bytes, key: "key") == Array("value".utf8))
    }

    @Test func `is unreadable when cut short anywhere, or too long`() {
        let bytes = StoreEnvelope.encode(Array("some value".utf8), key: "some key")
        for count in 0..<bytes.count {
            #expect(throws: StoreEnvelope.Unreadable.self) {
                try StoreEnvelope.decode(Array(bytes.prefix(count)), key: "some key")
            }
        }
        #expect(throws: StoreEnvelope.Unreadable.truncated) {
            try StoreEnvelope.decode(bytes + [0], key: "some key")
        }
    }

    @Test(arguments: [0, 5, 40, 300])
    func `is unreadable when any bit is flipped`(count: Int) {
        var bytes = StoreEnvelope.encode([UInt8](repeating: 0x5a, count: count), key: "some key")
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: StoreEnvelope.Unreadable.self, "bit \(bit)") {
                try StoreEnvelope.decode(bytes, key: "some key")
            }
            bytes[bit / 8] ^= 1 << (bit % 8)
        }
    }

    @Test func `says why it is unreadable`() {
        let bytes = StoreEnvelope.encode([1, 2, 3], key: "key")
        #expect(throws: StoreEnvelope.Unreadable.otherKey) {
            try StoreEnvelope.decode(bytes, key: "kez")
        }
        #expect(throws: StoreEnvelope.Unreadable.foreign) {
            try StoreEnvelope.decode(Array("{\"json\":true}".utf8), key: "key")
        }
        var next = bytes
        next[3] = UInt8(ascii: "2")
        #expect(throws: StoreEnvelope.Unreadable.unknownVersion) {
            try StoreEnvelope.decode(next, key: "key")
        }
    }

    /// The values of the reference implementation, seed 0.
    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999),
            ("a", 0xD24E_C4F1_A98C_6E5B),
            ("abc", 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64)])
    func `is checked by XXH64`(text: String, hash: UInt64) {
        #expect(Array(text.utf8).withUnsafeBytes { XXHash64.hash($0) } == hash)
    }
}
