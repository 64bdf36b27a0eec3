/// What stands around a value in a store outside the process, so that nothing but the very bytes
/// that were put under a key is ever taken for its value.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 3 | `STR` |
/// | 3 | 1 | the version, `1` |
/// | 4 | 8 | XXH64 of all that follows |
/// | 12 | 4 | the length of the key |
/// | 16 | 4 | the length of the value |
/// | 20 | … | the key in UTF-8, then the value |
///
/// Numbers are little-endian. The checksum finds damage, not forgery: who can write to the store
/// can write a valid envelope.
package enum StoreEnvelope {
    /// Why bytes are not the envelope of a value under the key.
    package enum Unreadable: String, Error, Sendable, Hashable {
        /// They do not begin as an envelope does.
        case foreign = "not written by Strata"
        /// They are of a version that this one does not know.
        case unknownVersion = "of an unknown version"
        /// Some are missing, or there are too many.
        case truncated = "truncated"
        /// The checksum does not match.
        case damaged = "damaged"
        /// They were put under another key.
        case otherKey = "of another key"
        /// The envelope is in order, but what made the value does not know it any more.
        case unknownValue = "of a value that this version does not know"
    }

    private static let magic: [UInt8] = [0x53, 0x54, 0x52]
    private static let version = UInt8(ascii: "1")
    private static let checksumOffset = 4
    private static let coveredOffset = 12
    private static let headerCount = 20

    /// How many bytes stand around a value under the key.
    package static func overhead(forKey key: String) -> Int { headerCount + key.utf8.count }

    /// The value in its envelope.
    ///
    /// - Precondition: key and value are shorter than 4 GiB.
    package static func encode(_ value: [UInt8], key: String) -> [UInt8] {
        var key = key
        return key.withUTF8 { key in
            let count = headerCount + key.count + value.count
            return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                bytes.copyBytes(from: magic)
                bytes[3] = version
                bytes.store(UInt32(key.count), at: 12)
                bytes.store(UInt32(value.count), at: 16)
                bytes.copy(key, at: headerCount)
                value.withUnsafeBytes { bytes.copy($0, at: headerCount + key.count) }
                let covered = UnsafeRawBufferPointer(rebasing: bytes[coveredOffset..<count])
                bytes.store(XXHash64.hash(covered), at: checksumOffset)
                initialized = count
            }
        }
    }

    /// How long an envelope is that begins with the bytes, header and all; nil where they are not
    /// the beginning of one.
    package static func byteCount(beginningWith bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard bytes.count >= headerCount, bytes.starts(with: magic), bytes[3] == version else {
                return nil
            }
            return headerCount + Int(bytes.load(UInt32.self, at: 12))
                + Int(bytes.load(UInt32.self, at: 16))
        }
    }

    /// The value that was put under the key.
    package static func decode(
        _ bytes: [UInt8], key: String
    ) throws(Unreadable) -> [UInt8] {
        var key = key
        let value = key.withUTF8 { key in bytes.withUnsafeBytes { locateValue(in: $0, key: key) } }
        return Array(bytes[try value.get()])
    }

    private static func locateValue(
        in bytes: UnsafeRawBufferPointer, key: UnsafeBufferPointer<UInt8>
    ) -> Result<Range<Int>, Unreadable> {
        guard bytes.starts(with: magic) else { return .failure(.foreign) }
        guard bytes.count > 3 else { return .failure(.truncated) }
        guard bytes[3] == version else { return .failure(.unknownVersion) }
        guard bytes.count >= headerCount else { return .failure(.truncated) }
        let keyCount = Int(bytes.load(UInt32.self, at: 12))
        let valueCount = Int(bytes.load(UInt32.self, at: 16))
        guard bytes.count - headerCount == keyCount + valueCount else {
            return .failure(.truncated)
        }
        let covered = UnsafeRawBufferPointer(rebasing: bytes[coveredOffset...])
        guard XXHash64.hash(covered) == bytes.load(UInt64.self, at: checksumOffset) else {
            return .failure(.damaged)
        }
        let valueOffset = headerCount + keyCount
        guard bytes[headerCount..<valueOffset].elementsEqual(key) else {
            return .failure(.otherKey)
        }
        return .success(valueOffset..<bytes.count)
    }
}

/// An entry of a store could not be used, and was taken for a miss; the next fill overwrites it.
public struct StoreEntryUnreadable: Event, Hashable {
    /// The entry's key.
    public let key: String
    /// What is wrong with it, in words.
    public let reason: String

    /// Makes the event.
    package init(key: String, reason: StoreEnvelope.Unreadable) {
        self.key = key
        self.reason = reason.rawValue
    }

    /// Makes the event for an entry that is not a value at all.
    package init(key: String, reason: String) {
        self.key = key
        self.reason = reason
    }

    /// What happened, in words.
    public var description: String { "The store's entry \(key) is \(reason); it counts as a miss." }
}

extension UnsafeRawBufferPointer {
    fileprivate func load<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type, at offset: Int
    ) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func store(_ number: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        storeBytes(of: number.littleEndian, toByteOffset: offset, as: type(of: number))
    }

    fileprivate func copy(_ source: some Collection<UInt8>, at offset: Int) {
        UnsafeMutableRawBufferPointer(rebasing: self[offset...]).copyBytes(from: source)
    }
}
