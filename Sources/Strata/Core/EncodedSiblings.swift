/// The encoded forms of one content that is kept somewhere: each is made once, and kept beside
/// the content that it was made of.
///
/// Whoever answers from a cache puts one beside the response's body, with
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

    /// What an answer in a coding takes: the fields that were kept last, and the content that goes
    /// with them; nil where there are none.
    func ready(in coding: String) -> (fields: EncodedFields, sibling: EncodedSibling)?

    /// Hands over the fields of an answer in a coding, to be found for as long as the response from
    /// the cache is the same; they may be kept or not.
    func keep(_ fields: EncodedFields, in coding: String)
}

/// The fields of a response from the cache as they go with its content in a coding.
///
/// Most of what a hit costs is to make its fields true of the coding, and hits that follow each
/// other are the same: the next need only be known for it.
package struct EncodedFields: Sendable {
    /// The fields.
    package let headers: Headers
    private let status: Status
    private let original: Headers
    private let compression: ResponseCompression
    /// Who made them: another would do it in its own way.
    private let maker: any AnyObject & Sendable

    /// Takes what the fields of a response have become.
    package init(
        _ headers: Headers, of response: Response, by maker: any AnyObject & Sendable
    ) {
        self.headers = headers
        status = response.status
        original = response.headers
        compression = response.compression
        self.maker = maker
    }

    /// Whether they are what the maker would make of a response that they were kept beside.
    package func fit(_ response: Response, by maker: AnyObject) -> Bool {
        self.maker === maker && original.isSameList(as: response.headers)
            && status == response.status && compression == response.compression
    }
}

/// What became of a content in a coding.
package enum EncodedSibling: Sendable, Hashable {
    /// Its bytes, made while a request waited for them.
    case bytes([UInt8])
    /// Its bytes, made again as small as they get.
    case densest([UInt8])
    /// It doesn't get smaller, so it is sent as it is.
    case notSmaller

    /// Its bytes; nil where it is sent as it is.
    private var content: [UInt8]? {
        switch self {
        case .bytes(let bytes), .densest(let bytes): bytes
        case .notSmaller: nil
        }
    }

    /// How many bytes it has.
    var byteCount: Int { content?.count ?? 0 }
}

extension Response {
    /// The encoded forms kept beside the body.
    ///
    /// Nil where there are none, and where the body isn't any more the one that they were made of,
    /// because a layer on the way changed it.
    package var encodedSiblings: (any EncodedSiblings)? {
        get {
            guard let heldSiblings, case .bytes(let bytes) = body,
                bytes.isSameArray(as: heldSiblings.identity)
            else { return nil }
            return heldSiblings
        }
        set { heldSiblings = newValue }
    }
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
