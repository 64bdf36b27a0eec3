import CCrypto

/// The cryptography that sessions and cursors stand on; every call into libcrypto is in this file.
///
/// The algorithms are fixed: SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF-SHA-256
/// (RFC 5869) and AES-256-GCM (NIST SP 800-38D). A libcrypto that lacks one of them, or has no
/// memory left, ends the process with a message: nothing safe could be done instead.
package enum Crypto {
    /// How many bytes a digest, a MAC and a key have.
    package static let digestLength = 32
    /// How many bytes a key for ``seal(_:key:nonce:authenticating:)`` has.
    package static let keyLength = 32
    /// How many bytes a nonce for ``seal(_:key:nonce:authenticating:)`` has.
    package static let nonceLength = 12
    /// How many bytes a sealed message is longer than the plain one: its nonce and its tag.
    package static let sealOverhead = nonceLength + tagLength

    private static let tagLength = 16
    /// How many bytes SHA-256 takes in at a time.
    private static let blockLength = 64

    // Fetched once, as looking an algorithm up costs more than a short digest. Safe to share: a
    // fetched algorithm never changes, and libcrypto counts its references atomically.
    private nonisolated(unsafe) static let sha256Algorithm =
        required(EVP_MD_fetch(nil, "SHA2-256", nil))
    private nonisolated(unsafe) static let aesAlgorithm =
        required(EVP_CIPHER_fetch(nil, "AES-256-GCM", nil))

    /// The SHA-256 digest of the message: 32 bytes.
    package static func sha256(_ message: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: digestLength) { digest, count in
            message.withUnsafeBufferPointer { sha256($0, into: digest.baseAddress) }
            count = digestLength
        }
    }

    private static func sha256(
        _ message: UnsafeBufferPointer<UInt8>, into digest: UnsafeMutablePointer<UInt8>?
    ) {
        let done = EVP_Digest(
            message.baseAddress, message.count, digest, nil, sha256Algorithm, nil)
        precondition(done == 1, failure)
    }

    /// The HMAC-SHA-256 of the message under a key of any length: 32 bytes.
    package static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        HMACKey(key).code(of: message)
    }

    /// A key for HMAC-SHA-256, made ready to be used time and again.
    ///
    /// The code is put together from digests (RFC 2104 §2), as libcrypto's own looks the algorithm
    /// up anew at each call.
    package struct HMACKey: Sendable {
        private let inner: [UInt8]
        private let outer: [UInt8]

        /// Makes a key of any length ready.
        package init(_ key: [UInt8]) {
            let key = key.count > blockLength ? sha256(key) : key
            func padded(_ pad: UInt8) -> [UInt8] {
                key.map { $0 ^ pad } + repeatElement(pad, count: blockLength - key.count)
            }
            inner = padded(0x36)
            outer = padded(0x5C)
        }

        /// The code of the message: 32 bytes.
        package func code(of message: [UInt8]) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: digestLength) { code, count in
                let capacity = blockLength + max(message.count, digestLength)
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { room in
                    _ = room.update(fromContentsOf: inner)
                    _ = room[blockLength...].update(fromContentsOf: message)
                    sha256(
                        UnsafeBufferPointer(rebasing: room[..<(blockLength + message.count)]),
                        into: code.baseAddress)
                    _ = room.update(fromContentsOf: outer)
                    _ = room[blockLength...].update(fromContentsOf: code[..<digestLength])
                    sha256(
                        UnsafeBufferPointer(rebasing: room[..<(blockLength + digestLength)]),
                        into: code.baseAddress)
                }
                count = digestLength
            }
        }
    }

    /// Bytes derived from a secret (HKDF, RFC 5869 §2); each purpose has an `info` of its own.
    ///
    /// - Precondition: `count` is at most 8160.
    package static func hkdfSHA256(
        secret: [UInt8], salt: [UInt8] = [], info: [UInt8], count: Int = keyLength
    ) -> [UInt8] {
        precondition(count <= 255 * digestLength, "HKDF-SHA-256 gives at most 8160 bytes")
        let pseudorandomKey = hmacSHA256(secret, key: salt)
        var output: [UInt8] = []
        var block: [UInt8] = []
        var number: UInt8 = 0
        while output.count < count {
            number += 1
            block = hmacSHA256(block + info + [number], key: pseudorandomKey)
            output += block
        }
        return Array(output.prefix(count))
    }

    /// Encrypts and authenticates the message with AES-256-GCM: nonce, ciphertext and tag in one.
    ///
    /// - Parameters:
    ///   - nonce: never the same twice under one key. Random ones are good for 2³² messages under
    ///     a key (NIST SP 800-38D §8.3).
    ///   - context: bytes that ``open(_:key:authenticating:)`` must be given too.
    /// - Precondition: the key has 32 bytes and the nonce 12.
    package static func seal(
        _ message: [UInt8], key: [UInt8], nonce: [UInt8], authenticating context: [UInt8] = []
    ) -> [UInt8] {
        precondition(key.count == keyLength && nonce.count == nonceLength)
        let cipher = Cipher()
        return [UInt8](unsafeUninitializedCapacity: message.count + sealOverhead) { output, count in
            for (index, byte) in nonce.enumerated() { output[index] = byte }
            let text = output.baseAddress.map { $0 + nonceLength }
            let tag = text.map { $0 + message.count }
            var length: Int32 = 0
            let done =
                EVP_EncryptInit_ex2(cipher.context, aesAlgorithm, key, nonce, nil) == 1
                && EVP_EncryptUpdate(
                    cipher.context, nil, &length, context, Int32(context.count)) == 1
                && EVP_EncryptUpdate(
                    cipher.context, text, &length, message, Int32(message.count)) == 1
                && EVP_EncryptFinal_ex(cipher.context, tag, &length) == 1
                && EVP_CIPHER_CTX_ctrl(
                    cipher.context, EVP_CTRL_AEAD_GET_TAG, Int32(tagLength), tag) == 1
            precondition(done, failure)
            count = message.count + sealOverhead
        }
    }

    /// The message inside what ``seal(_:key:nonce:authenticating:)`` made; nil where a byte of it
    /// was changed, or the key or the context is another.
    ///
    /// - Precondition: the key has 32 bytes.
    package static func open(
        _ sealed: [UInt8], key: [UInt8], authenticating context: [UInt8] = []
    ) -> [UInt8]? {
        precondition(key.count == keyLength)
        guard sealed.count >= sealOverhead else { return nil }
        let textLength = sealed.count - sealOverhead
        var tag = Array(sealed.suffix(tagLength))
        let cipher = Cipher()
        var isGenuine = false
        let message = [UInt8](unsafeUninitializedCapacity: textLength) { output, count in
            sealed.withUnsafeBufferPointer { sealed in
                let text = sealed.baseAddress.map { $0 + nonceLength }
                var length: Int32 = 0
                let done =
                    EVP_DecryptInit_ex2(
                        cipher.context, aesAlgorithm, key, sealed.baseAddress, nil) == 1
                    && EVP_DecryptUpdate(
                        cipher.context, nil, &length, context, Int32(context.count)) == 1
                    && EVP_DecryptUpdate(
                        cipher.context, output.baseAddress, &length, text, Int32(textLength)) == 1
                    && EVP_CIPHER_CTX_ctrl(
                        cipher.context, EVP_CTRL_AEAD_SET_TAG, Int32(tagLength), &tag) == 1
                precondition(done, failure)
                isGenuine = EVP_DecryptFinal_ex(cipher.context, nil, &length) == 1
            }
            count = isGenuine ? textLength : 0
        }
        return isGenuine ? message : nil
    }

    /// Whether the bytes are equal, in a time that does not tell where they differ.
    ///
    /// Their lengths are no secret.
    package static func areEqual(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                left.count == right.count
                    && CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
            }
        }
    }

    private static let failure = "libcrypto failed: it has no memory or lacks the algorithm"

    private static func required(_ algorithm: OpaquePointer?) -> OpaquePointer {
        guard let algorithm else { preconditionFailure(failure) }
        return algorithm
    }

    /// Owns a cipher's context.
    private final class Cipher {
        let context = required(EVP_CIPHER_CTX_new())
        deinit { EVP_CIPHER_CTX_free(context) }
    }
}

extension RandomNumberGenerator {
    /// So many random bytes.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0.prefix(count - bytes.count)) }
        }
        return bytes
    }
}
