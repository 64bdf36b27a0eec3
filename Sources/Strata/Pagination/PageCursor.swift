/// Writes places in a list as opaque texts that clients hand back, and reads them.
///
/// A cursor is a version byte and, sealed with AES-256-GCM, the place and the time it ends to be
/// good, in base64url. It is bound to the list it was made for: route, filters and scope are
/// authenticated with it without being in it, so that it opens nowhere else.
///
/// Equal cursors are equal texts, whichever instance writes them: a page's URL is its key in every
/// cache on the way, and would be a new one each time if the nonce were random. So the nonce is
/// derived from what is sealed and what it is bound to, with a key of its own (the synthetic
/// nonce of RFC 5297, here with HMAC). Two messages have the same nonce only if they are the same
/// message, or with the odds of a collision in 96 bits; what an onlooker learns is that two
/// cursors are equal. For the same reason the end of a cursor's life is rounded up to an eighth of
/// the lifetime.
struct PageCursor: Sendable {
    /// The longest text that is read or written.
    static let maximumLength = 1024

    private static let version: UInt8 = 1

    private let keys: [CursorKey]
    private let lifetime: Duration?

    /// - Parameter keys: the first is written with, all are read with.
    init(keys: [CursorKey], lifetime: Duration?) {
        self.keys = keys
        self.lifetime = lifetime
    }

    /// What was found in a cursor.
    enum Verdict: Sendable, Hashable {
        /// The place.
        case valid(PagePosition)
        /// It was good once.
        case expired
        /// It isn't one of ours, or not for this list.
        case refused(Refusal)
    }

    /// Why a cursor is refused.
    enum Refusal: Sendable, Hashable {
        case tooLong, notBase64URL, unknownVersion, notAuthentic, unreadable
    }

    // MARK: - Writing

    /// The cursor for a place; nil where it would be longer than ``maximumLength``.
    func text(for position: PagePosition, in list: [UInt8], now: Timestamp) -> String? {
        guard let key = keys.first else { return nil }
        var writer = BinaryWriter()
        writer.write(expiry(from: now))
        writer.write(position)
        let context = Self.context(list)
        let nonce = Crypto.hmacSHA256(writer.bytes + context, key: key.numbering)
        let sealed = Crypto.seal(
            writer.bytes, key: key.sealing, nonce: Array(nonce.prefix(Crypto.nonceLength)),
            authenticating: context)
        let text = String(base64URL: [Self.version] + sealed)
        return text.utf8.count <= Self.maximumLength ? text : nil
    }

    /// In seconds since 1970; 0 stands for never.
    private func expiry(from now: Timestamp) -> Int64 {
        guard let lifetime else { return 0 }
        let step = max(1, lifetime.wholeSeconds / 8)
        let end = (now + lifetime).seconds
        let (rounded, overflow) = ((end + step - 1) / step).multipliedReportingOverflow(by: step)
        return overflow ? .max : rounded
    }

    // MARK: - Reading

    /// What a text says, in the list it was sent to.
    func read(_ text: String, in list: [UInt8], now: Timestamp) -> Verdict {
        guard text.utf8.count <= Self.maximumLength else { return .refused(.tooLong) }
        guard let bytes = [UInt8](base64URL: text) else { return .refused(.notBase64URL) }
        guard bytes.first == Self.version else { return .refused(.unknownVersion) }
        let sealed = Array(bytes.dropFirst())
        let context = Self.context(list)
        for key in keys {
            guard let plain = Crypto.open(sealed, key: key.sealing, authenticating: context)
            else { continue }
            var reader = BinaryReader(plain)
            guard let expiry = reader.read(Int64.self), let position = reader.readPosition(),
                reader.isAtEnd
            else { return .refused(.unreadable) }
            return expiry == 0 || now.seconds < expiry ? .valid(position) : .expired
        }
        return .refused(.notAuthentic)
    }

    private static func context(_ list: [UInt8]) -> [UInt8] { [version] + list }
}

extension BinaryWriter {
    fileprivate mutating func write(_ position: PagePosition) {
        switch position {
        case .start: write(UInt8(0))
        case .offset(let offset):
            write(UInt8(1))
            write(Int64(offset))
        case .after(let key):
            write(UInt8(2))
            write(key)
        case .before(let key):
            write(UInt8(3))
            write(key)
        case .end: write(UInt8(4))
        }
    }

    private mutating func write(_ key: [KeyValue]) {
        write(UInt16(clamping: key.count))
        for value in key {
            switch value {
            case .null: write(UInt8(0))
            case .integer(let integer):
                write(UInt8(1))
                write(integer)
            case .double(let double):
                write(UInt8(2))
                write(double.bitPattern)
            case .text(let text):
                write(UInt8(3))
                write(text)
            case .bytes(let bytes):
                write(UInt8(4))
                write(bytes)
            }
        }
    }
}

extension BinaryReader {
    fileprivate mutating func readPosition() -> PagePosition? {
        switch read(UInt8.self) {
        case 0: .start
        case 1: read(Int64.self).flatMap { $0 > 0 ? Int(exactly: $0).map { .offset($0) } : nil }
        case 2: readKey().map { .after($0) }
        case 3: readKey().map { .before($0) }
        case 4: .end
        default: nil
        }
    }

    private mutating func readKey() -> [KeyValue]? {
        guard let count = read(UInt16.self) else { return nil }
        var key: [KeyValue] = []
        for _ in 0..<count {
            let value: KeyValue? =
                switch read(UInt8.self) {
                case 0: .null
                case 1: read(Int64.self).map { .integer($0) }
                case 2: read(UInt64.self).map { .double(Double(bitPattern: $0)) }
                case 3: readString().map { .text($0) }
                case 4: readBytes().map { .bytes($0) }
                default: nil
                }
            guard let value else { return nil }
            key.append(value)
        }
        return key
    }
}
