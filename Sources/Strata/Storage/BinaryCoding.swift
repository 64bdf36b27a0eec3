// The small binary grammar that stored records are written in: fixed-width little-endian
// integers, and byte strings behind their length.

/// Writes a record as bytes.
package struct BinaryWriter {
    /// What has been written so far.
    package private(set) var bytes: [UInt8] = []

    package init(reservingCapacity capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// Writes an integer, lowest byte first.
    package mutating func write(_ integer: some FixedWidthInteger) {
        withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Writes bytes behind their length in 32 bits.
    package mutating func write(_ string: [UInt8]) {
        write(UInt32(clamping: string.count))
        bytes.append(contentsOf: string)
    }

    /// Writes a text's UTF-8 behind its length in 32 bits.
    package mutating func write(_ text: String) {
        write(UInt32(clamping: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }
}

/// Reads a record from bytes that may be anything: what isn't there reads as nil.
package struct BinaryReader {
    private let bytes: [UInt8]
    private var position: Int

    package init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// Whether everything was read.
    package var isAtEnd: Bool { position == bytes.count }

    /// How many bytes are left.
    package var remaining: Int { bytes.count - position }

    /// Reads an integer, lowest byte first.
    package mutating func read<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
        let size = MemoryLayout<Integer>.size
        guard remaining >= size else { return nil }
        defer { position += size }
        return bytes.withUnsafeBytes {
            Integer(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: Integer.self))
        }
    }

    /// Reads bytes that stand behind their length.
    package mutating func readBytes() -> [UInt8]? {
        guard let count = read(UInt32.self), remaining >= Int(count) else { return nil }
        defer { position += Int(count) }
        return Array(bytes[position..<position + Int(count)])
    }

    /// Reads a text that stands behind its length; nil where it is not UTF-8.
    package mutating func readString() -> String? {
        guard let bytes = readBytes() else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
