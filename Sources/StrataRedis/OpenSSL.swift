import CSSL

/// All calls into OpenSSL stand in this file.
enum OpenSSL {
    /// The SHA-1 of the bytes, which is how Redis names scripts.
    static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 20)
        EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil)
        return digest
    }
}
