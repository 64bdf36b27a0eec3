// The wire form of what the cache stores. A record begins with its version, so that instances of
// different versions can share one store: what a version doesn't know reads as nothing.

extension CacheRecord: StoreValue {
    /// The version of the wire form that is written. Those before are read as well: the first
    /// knows nothing of soft purges, and neither of how long a fill took nor of what variants are
    /// good for besides the requests that they were made for.
    private static let version: UInt8 = 3

    private enum Kind {
        static let response: UInt8 = 0
        static let variants: UInt8 = 1
        static let uncacheable: UInt8 = 2
        static let encoded: UInt8 = 3
        static let notSmaller: UInt8 = 4
        static let searches: UInt8 = 5
        static let densest: UInt8 = 6
    }

    /// Bits of one byte of a head.
    fileprivate enum Flag {
        static let requiresValidation: UInt8 = 1
        static let forbidsStale: UInt8 = 2
        static let neverCompressed: UInt8 = 4
        static let alwaysCompressed: UInt8 = 8
    }

    var byteCount: Int {
        switch self {
        case .response(let response):
            response.siblings.reduce(
                // Each field stands in the list that is stored and in that of the last hit.
                response.head.headers.reduce(response.content.count + 512) {
                    $0 + $1.name.spelling.utf8.count + $1.value.utf8.count + 96
                }
            ) { $0 + $1.sibling.byteCount + 48 }
        case .variants(let index):
            index.variants.reduce(128) { $0 + $1.key.utf8.count + 64 }
        case .uncacheable, .encoded(.notSmaller): 16
        case .searches(let variances): variances.count * 256
        case .encoded(let sibling): sibling.byteCount + 48
        }
    }

    var storeBytes: [UInt8] {
        var writer = BinaryWriter(reservingCapacity: byteCount)
        writer.write(Self.version)
        switch self {
        case .response(let response):
            writer.write(Kind.response)
            writer.write(response.head)
            writer.write(response.content)
        case .variants(let index):
            writer.write(Kind.variants)
            writer.write(index.epoch)
            writer.write(index.nameSets) { writer, names in
                writer.write(names) { $0.write($1.spelling) }
            }
            writer.write(index.variants) { writer, variant in
                writer.write(variant.key)
                writer.write(optional: variant.etag)
                writer.write(variant.fields)
                writer.write(optional: variant.language)
                writer.write(optional: variant.coding)
            }
        case .uncacheable:
            writer.write(Kind.uncacheable)
        case .encoded(.bytes(let bytes)):
            writer.write(Kind.encoded)
            writer.write(bytes)
        case .encoded(.densest(let bytes)):
            writer.write(Kind.densest)
            writer.write(bytes)
        case .encoded(.notSmaller):
            writer.write(Kind.notSmaller)
        case .searches(let variances):
            writer.write(Kind.searches)
            writer.write(variances) { $0.write($1.fieldValue) }
        }
        return writer.bytes
    }

    init?(storeBytes: [UInt8]) {
        var reader = BinaryReader(storeBytes)
        guard let version = reader.read(UInt8.self), (1...Self.version).contains(version),
            let kind = reader.read(UInt8.self)
        else { return nil }
        switch kind {
        case Kind.response:
            guard let head = reader.readHead(version), let content = reader.readBytes(),
                head.part == nil || head.part?.range.count == content.count
            else { return nil }
            self = .response(StoredResponse(head: head, content: content))
        case Kind.variants:
            guard let epoch = reader.read(UInt64.self),
                let nameSets = reader.readList({ $0.readList { $0.readName() } }),
                let variants = reader.readList({ $0.readVariant(version) })
            else { return nil }
            self = .variants(
                VariantIndex(epoch: epoch, nameSets: nameSets, variants: variants))
        case Kind.uncacheable: self = .uncacheable
        case Kind.encoded:
            guard let bytes = reader.readBytes() else { return nil }
            self = .encoded(.bytes(bytes))
        case Kind.densest:
            guard let bytes = reader.readBytes() else { return nil }
            self = .encoded(.densest(bytes))
        case Kind.notSmaller: self = .encoded(.notSmaller)
        case Kind.searches:
            guard let variances = reader.readList({ $0.readString().flatMap(SearchVariance.init) })
            else { return nil }
            self = .searches(variances)
        default: return nil
        }
        guard reader.isAtEnd else { return nil }
    }
}

extension BinaryWriter {
    fileprivate mutating func write(_ head: StoredHead) {
        write(UInt16(head.status.code))
        write(Array(head.headers)) { writer, field in
            writer.write(field.name.spelling)
            writer.write(field.valueBytes)
        }
        write(head.born.nanoseconds)
        write(head.made.nanoseconds)
        write(head.terms.lifetime.saturatedNanoseconds)
        write(head.terms.staleWhileRevalidate.saturatedNanoseconds)
        write(head.terms.staleIfError.saturatedNanoseconds)
        var flags: UInt8 = 0
        if head.terms.requiresValidation { flags |= CacheRecord.Flag.requiresValidation }
        if head.terms.forbidsStale { flags |= CacheRecord.Flag.forbidsStale }
        switch head.compression {
        case .automatic: break
        case .never: flags |= CacheRecord.Flag.neverCompressed
        case .always: flags |= CacheRecord.Flag.alwaysCompressed
        }
        write(flags)
        write(head.selection)
        write(head.generations) { writer, named in
            writer.write(named.name)
            writer.write(named.generation.number)
            writer.write(named.generation.staleSince?.nanoseconds ?? .min)
        }
        write(Int64(head.part?.range.lowerBound ?? 0))
        write(Int64(head.part?.range.upperBound ?? 0))
        write(Int64(head.part?.completeLength ?? 0))
        write(head.cost.saturatedNanoseconds)
    }

    fileprivate mutating func write(_ fields: [SelectingField]) {
        write(fields) { writer, field in
            writer.write(field.name.spelling)
            writer.write(optional: field.value)
        }
    }

    fileprivate mutating func write(optional text: String?) {
        write(UInt8(text == nil ? 0 : 1))
        if let text { write(text) }
    }

    fileprivate mutating func write<Element>(
        _ list: [Element], each: (inout BinaryWriter, Element) -> Void
    ) {
        write(UInt32(clamping: list.count))
        for element in list { each(&self, element) }
    }
}

extension BinaryReader {
    fileprivate mutating func readHead(_ version: UInt8) -> StoredHead? {
        guard let code = read(UInt16.self), let status = Status(code: Int(code)),
            let headers = readHeaders(),
            let born = read(Int64.self),
            let made = read(Int64.self),
            let lifetime = read(Int64.self),
            let staleWhileRevalidate = read(Int64.self),
            let staleIfError = read(Int64.self),
            let flags = read(UInt8.self),
            let selection = readSelection(),
            let generations = readList({ reader -> NamedGeneration? in
                guard let name = reader.readString(), let number = reader.read(UInt64.self),
                    let moment = version == 1 ? .min : reader.read(Int64.self)
                else { return nil }
                let staleSince = moment == .min ? nil : Timestamp(nanoseconds: moment)
                return NamedGeneration(
                    name: name, generation: Generation(number, staleSince: staleSince))
            }),
            let lower = read(Int64.self), let upper = read(Int64.self),
            let completeLength = read(Int64.self),
            let cost = version < 3 ? 0 : read(Int64.self),
            0 <= lower, lower <= upper, upper <= completeLength
        else { return nil }
        // No part is empty, so an empty one stands for none.
        let part =
            lower == upper
            ? nil : StoredPart(range: Int(lower)..<Int(upper), completeLength: Int(completeLength))
        return StoredHead(
            status: status, headers: headers, born: Timestamp(nanoseconds: born),
            made: Timestamp(nanoseconds: made),
            terms: ReuseTerms(
                lifetime: .nanoseconds(lifetime),
                staleWhileRevalidate: .nanoseconds(staleWhileRevalidate),
                staleIfError: .nanoseconds(staleIfError),
                requiresValidation: flags & CacheRecord.Flag.requiresValidation != 0,
                forbidsStale: flags & CacheRecord.Flag.forbidsStale != 0),
            selection: selection, generations: generations,
            cost: .nanoseconds(cost), part: part,
            compression: flags & CacheRecord.Flag.neverCompressed != 0
                ? .never : flags & CacheRecord.Flag.alwaysCompressed != 0 ? .always : .automatic)
    }

    fileprivate mutating func readVariant(_ version: UInt8) -> VariantIndex.Variant? {
        guard let key = readString(), let etag = readOptionalString() else { return nil }
        guard version > 2 else { return VariantIndex.Variant(key: key, etag: etag) }
        guard let fields = readSelection(), let language = readOptionalString(),
            let coding = readOptionalString()
        else { return nil }
        return VariantIndex.Variant(
            key: key, etag: etag, fields: fields, language: language, coding: coding)
    }

    private mutating func readSelection() -> [SelectingField]? {
        readList { reader in
            guard let name = reader.readName(), let value = reader.readOptionalString() else {
                return nil
            }
            return SelectingField(name: name, value: value)
        }
    }

    private mutating func readHeaders() -> Headers? {
        guard let count = read(UInt32.self) else { return nil }
        var headers = Headers()
        for _ in 0..<count {
            guard let name = readName(), let value = readBytes(),
                (try? headers.append(name, bytes: value)) != nil
            else { return nil }
        }
        return headers
    }

    fileprivate mutating func readName() -> HeaderName? { readString().flatMap { HeaderName($0) } }

    /// Nil where nothing can be read; else the text, which may be nil itself.
    fileprivate mutating func readOptionalString() -> String?? {
        switch read(UInt8.self) {
        case 0: return .some(nil)
        case 1: return readString().map { .some($0) }
        default: return nil
        }
    }

    fileprivate mutating func readList<Element>(
        _ element: (inout BinaryReader) -> Element?
    ) -> [Element]? {
        guard let count = read(UInt32.self) else { return nil }
        var list: [Element] = []
        for _ in 0..<count {
            guard let next = element(&self) else { return nil }
            list.append(next)
        }
        return list
    }
}
