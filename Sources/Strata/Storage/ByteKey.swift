/// A text as a key: two are equal when their bytes are. (Strings are equal already when they are
/// canonically equivalent, which URIs and keys of stores are not.)
package struct ByteKey: Sendable, Hashable {
    package let text: String

    /// Makes the key of a text.
    package init(text: String) { self.text = text }

    /// Whether the bytes are the same.
    package static func == (left: ByteKey, right: ByteKey) -> Bool {
        left.text.hasSameBytes(as: right.text)
    }

    /// Hashes the bytes.
    package func hash(into hasher: inout Hasher) {
        let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isContiguous == nil { for byte in text.utf8 { hasher.combine(byte) } }
    }
}
