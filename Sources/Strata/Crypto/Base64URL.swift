// Base64 for URLs and cookies: the alphabet with `-` and `_`, without padding (RFC 4648 §5).

extension String {
    /// The bytes in base64url without padding.
    package init(base64URL bytes: some Collection<UInt8>) {
        self.init(unsafeUninitializedCapacity: (bytes.count * 4 + 2) / 3) { text in
            let alphabet = base64URLAlphabet
            var length = 0
            func add(_ digit: UInt32) {
                text[length] = alphabet[Int(digit & 63)]
                length += 1
            }
            var bits: UInt32 = 0
            var count: UInt32 = 0
            for byte in bytes {
                bits = bits << 8 | UInt32(byte)
                count += 8
                while count >= 6 {
                    count -= 6
                    add(bits >> count)
                }
            }
            if count > 0 { add(bits << (6 - count)) }
            return length
        }
    }
}

extension Array<UInt8> {
    /// The bytes that stand in base64url without padding; nil where the text is anything but the
    /// one spelling that ``Swift/String/init(base64URL:)`` gives them (RFC 4648 §3.5).
    package init?(base64URL text: some StringProtocol) {
        let length = text.utf8.count
        let spare = length * 6 % 8
        guard spare < 6 else { return nil }
        var isValid = true
        self.init(unsafeUninitializedCapacity: length * 6 / 8) { bytes, count in
            let values = base64URLValues
            var bits: UInt32 = 0
            var bitCount = 0
            for character in text.utf8 {
                let value = values[Int(character)]
                isValid = isValid && value < 64
                bits = bits << 6 | UInt32(value & 63)
                bitCount += 6
                if bitCount >= 8 {
                    bitCount -= 8
                    bytes[count] = UInt8(truncatingIfNeeded: bits >> UInt32(bitCount))
                    count += 1
                }
            }
            isValid = isValid && bits & (1 << UInt32(spare) - 1) == 0
        }
        guard isValid else { return nil }
    }
}

private let base64URLAlphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

/// The value of each character; 255 for one that isn't in the alphabet.
private let base64URLValues: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in base64URLAlphabet.enumerated() {
        values[Int(character)] = UInt8(value)
    }
    return values
}()
