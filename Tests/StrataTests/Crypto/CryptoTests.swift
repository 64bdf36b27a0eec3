import Strata
import StrataTesting
import Testing

@Suite struct CryptoTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `SHA-256 gives the digests of FIPS 180-4's examples`(message: String, digest: String) {
        #expect(hex(Crypto.sha256(Array(message.utf8))) == digest)
    }

    @Test func `SHA-256 digests a million bytes`() {
        let digest = Crypto.sha256(bytes(UInt8(ascii: "a"), 1_000_000))
        #expect(hex(digest) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test(arguments: [
        (
            "§4.2", bytes(0x0b, 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            "§4.3", Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            "§4.4", bytes(0xaa, 20), bytes(0xdd, 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            "§4.5", Array(1...25), bytes(0xcd, 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            "§4.7", bytes(0xaa, 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            "§4.8", bytes(0xaa, 131),
            Array(
                ("This is a test using a larger than block-size key and a larger than "
                    + "block-size data. The key needs to be hashed before being used by the "
                    + "HMAC algorithm.").utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ])
    func `HMAC-SHA-256 gives the values of RFC 4231 §4`(
        section: String, key: [UInt8], message: [UInt8], mac: String
    ) {
        #expect(hex(Crypto.hmacSHA256(message, key: key)) == mac)
    }

    @Test(
        arguments: [
            (
                "A.1", bytes(0x0b, 22), Array(0x00...0x0c), Array(0xf0...0xf9), 42,
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718"
                    + "5865"
            ),
            (
                "A.2", Array(0x00...0x4f), Array(0x60...0xaf), Array(0xb0...0xff), 82,
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
                    + "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3"
                    + "434f1d87"
            ),
            (
                "A.3", bytes(0x0b, 22), [], [], 42,
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a"
                    + "96c8"
            ),
        ] as [(String, [UInt8], [UInt8], [UInt8], Int, String)])
    func `HKDF-SHA-256 gives the values of RFC 5869 appendix A`(
        section: String, secret: [UInt8], salt: [UInt8], info: [UInt8], count: Int, output: String
    ) {
        let derived = Crypto.hkdfSHA256(secret: secret, salt: salt, info: info, count: count)
        #expect(hex(derived) == output)
    }

    /// Cases 13, 14 and 16 of "The Galois/Counter Mode of Operation", appendix B.
    static let sealings:
        [(key: String, nonce: String, text: String, context: String, out: String)] = [
            (
                String(repeating: "00", count: 32), String(repeating: "00", count: 12), "", "",
                "530f8afbc74536b9a963b4f1c4cb738b"
            ),
            (
                String(repeating: "00", count: 32), String(repeating: "00", count: 12),
                String(repeating: "00", count: 16), "",
                "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
            ),
            (
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                "cafebabefacedbaddecaf888",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
                    + "2fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d"
                    + "a7b08b1056828838c5f61e6393ba7a0abcc9f662"
                    + "76fc6ece0f4e1768cddf8853bb2d551b"
            ),
        ]

    @Test(arguments: sealings)
    func `AES-256-GCM gives the values of the GCM specification`(
        key: String, nonce: String, text: String, context: String, out: String
    ) {
        let sealed = Crypto.seal(
            unhex(text), key: unhex(key), nonce: unhex(nonce), authenticating: unhex(context))
        #expect(hex(sealed) == nonce + out)
        let opened = Crypto.open(sealed, key: unhex(key), authenticating: unhex(context))
        #expect(opened == unhex(text))
    }

    @Test func `a sealed message with any bit flipped does not open`() {
        let key = bytes(7, 32)
        let sealed = Crypto.seal(
            Array("message".utf8), key: key, nonce: bytes(1, 12), authenticating: [9])
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << bit
                #expect(Crypto.open(changed, key: key, authenticating: [9]) == nil)
            }
        }
        for length in sealed.indices {
            #expect(Crypto.open(Array(sealed[..<length]), key: key, authenticating: [9]) == nil)
        }
        #expect(Crypto.open(sealed, key: key, authenticating: [8]) == nil)
        #expect(Crypto.open(sealed, key: bytes(8, 32), authenticating: [9]) == nil)
        #expect(Crypto.open(sealed, key: key, authenticating: [9]) == Array("message".utf8))
    }

    @Test func `equality in constant time is equality`() {
        #expect(Crypto.areEqual([], []))
        #expect(Crypto.areEqual([1, 2], [1, 2]))
        #expect(!Crypto.areEqual([1, 2], [1, 3]))
        #expect(!Crypto.areEqual([1, 2], [1, 2, 3]))
    }

    @Test func `the system's generator gives as many bytes as asked for, and never the same`() {
        var generator = SystemRandomNumberGenerator()
        for count in [0, 1, 7, 8, 9, 33] { #expect(generator.bytes(count).count == count) }
        #expect(generator.bytes(16) != generator.bytes(16))
    }
}

@Suite struct Base64URLTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
        ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"), ("\u{3ff}?~", "z78_fg"),
    ])
    func `base64url without padding, both ways (RFC 4648 §5, §10)`(plain: String, encoded: String) {
        #expect(String(base64URL: Array(plain.utf8)) == encoded)
        #expect([UInt8](base64URL: encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zh", "Zm9", "Zg==", "Zm+v", "Zm/v", "Zm9v ", "Zmé", "ZZZZZ"])
    func `what is not the one spelling of some bytes is refused (RFC 4648 §3.5)`(text: String) {
        #expect([UInt8](base64URL: text) == nil)
    }
}

private func bytes(_ byte: UInt8, _ count: Int) -> [UInt8] {
    [UInt8](repeating: byte, count: count)
}

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func unhex(_ text: String) -> [UInt8] {
    let digits = text.utf8.map { $0 < 58 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
