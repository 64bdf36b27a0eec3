/// The encoded forms of one content that is kept somewhere: each is made once, and kept beside
/// the content that it was made of.
///
/// Whoever answers from a cache puts one into the response's values, with
/// ``Response/encodedSiblings``. Whoever compresses the response asks it first, and offers what it
/// had to make.
package protocol EncodedSiblings: AnyObject, Sendable {
    /// The content that the siblings are of: the very array that is the response's body.
    var identity: [UInt8] { get }

    /// Hashes what tells the content from all others in this process.
    func hash(into hasher: inout Hasher)

    /// What is known of the content in a coding, named as in `Content-Encoding`; nil where it was
    /// never made, or forgotten.
    func sibling(in coding: String) async -> EncodedSibling?

    /// Hands over what was made of the content in a coding; it may be kept or not.
    func offer(_ sibling: EncodedSibling, in coding: String) async
}

/// What became of a content in a coding.
package enum EncodedSibling: Sendable, Hashable {
    /// Its bytes, made while a request waited for them.
    case bytes([UInt8])
    /// Its bytes, made again as small as they get.
    case densest([UInt8])
    /// It doesn't get smaller, so it is sent as it is.
    case notSmaller

    /// How many bytes it has.
    var byteCount: Int {
        switch self {
        case .bytes(let bytes), .densest(let bytes): bytes.count
        case .notSmaller: 0
        }
    }
}

extension Response {
    /// The encoded forms kept beside the body.
    ///
    /// Nil where there are none, and where the body isn't any more the one that they were made of,
    /// because a layer on the way changed it.
    package var encodedSiblings: (any EncodedSiblings)? {
        get {
            guard let siblings = values[EncodedSiblingsKey.self]?.siblings,
                case .bytes(let bytes) = body,
                bytes.isSameArray(as: siblings.identity)
            else { return nil }
            return siblings
        }
        set { values[EncodedSiblingsKey.self] = newValue.map(HeldSiblings.init) }
    }
}

private enum EncodedSiblingsKey: ValueKey { typealias Value = HeldSiblings }

/// A concrete type, which a value is cast to much faster than to a protocol's.
private struct HeldSiblings: Sendable {
    let siblings: any EncodedSiblings
}

extension Array {
    /// Whether both are one array in memory. An array that was changed isn't while the one it was
    /// made of is kept, for then the change went into a copy.
    package func isSameArray(as other: [Element]) -> Bool {
        withUnsafeBytes { bytes in
            other.withUnsafeBytes { $0.baseAddress == bytes.baseAddress && $0.count == bytes.count }
        }
    }
}
