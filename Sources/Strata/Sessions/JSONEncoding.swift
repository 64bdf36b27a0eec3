extension JSON {
    /// The value that an `Encodable` one encodes itself as. Bytes (`[UInt8]`) become a string in
    /// base64url; a number that JSON has no form for is an error.
    init(encoding value: some Encodable) throws {
        self = try Encoding.json(value, [])
    }

    /// What is being encoded, filled in by containers that may outlive each other.
    private final class Node {
        enum Content {
            case nothing
            case single(JSON)
            case array([Node])
            case object([(name: String, node: Node)])
        }

        var content = Content.nothing

        init(_ json: JSON? = nil) { if let json { content = .single(json) } }

        var json: JSON {
            switch content {
            case .nothing: .object([])
            case .single(let json): json
            case .array(let nodes): .array(nodes.map(\.json))
            case .object(let members):
                .object(members.map { Member(name: $0.name, value: $0.node.json) })
            }
        }

        var count: Int { if case .array(let nodes) = content { nodes.count } else { 0 } }

        func append(_ node: Node) {
            var nodes: [Node] = []
            if case .array(let present) = content { nodes = present }
            content = .array(nodes + CollectionOfOne(node))
        }

        func set(_ node: Node, for name: String) {
            var members: [(name: String, node: Node)] = []
            if case .object(let present) = content { members = present }
            content = .nothing
            if let index = members.firstIndex(where: { $0.name == name }) {
                members[index].node = node
            } else {
                members.append((name, node))
            }
            content = .object(members)
        }
    }

    private struct Encoding: Encoder, SingleValueEncodingContainer {
        let node: Node
        let codingPath: [any CodingKey]
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        static func json<Value: Encodable>(
            _ value: Value, _ path: [any CodingKey]
        ) throws -> JSON {
            switch value {
            case let value as String: return .string(value)
            case let value as Bool: return .boolean(value)
            case let value as Int: return .integer(Int64(value))
            case let value as Double: return try number(value, path)
            case let value as Float: return try number(Double(value), path)
            // The type is asked for first, as an empty array of anything passes for one of bytes.
            case let value as [UInt8] where Value.self == [UInt8].self:
                return .string(String(base64URL: value))
            case let value as any FixedWidthInteger & Encodable:
                if let number = Int64(exactly: value) { return .integer(number) }
                if let number = UInt64(exactly: value) { return .unsigned(number) }
                throw EncodingError.invalidValue(
                    value,
                    .init(codingPath: path, debugDescription: "The integer exceeds 64 bits."))
            default:
                let node = Node()
                try value.encode(to: Encoding(node: node, codingPath: path))
                return node.json
            }
        }

        private static func number(_ value: Double, _ path: [any CodingKey]) throws -> JSON {
            guard value.isFinite else {
                throw EncodingError.invalidValue(
                    value, .init(codingPath: path, debugDescription: "JSON has no form for it."))
            }
            return .number(value)
        }

        func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
            if case .nothing = node.content { node.content = .object([]) }
            return KeyedEncodingContainer(Keyed(node: node, codingPath: codingPath))
        }

        func unkeyedContainer() -> any UnkeyedEncodingContainer {
            if case .nothing = node.content { node.content = .array([]) }
            return Unkeyed(node: node, codingPath: codingPath)
        }

        func singleValueContainer() -> any SingleValueEncodingContainer { self }

        mutating func encodeNil() { node.content = .single(.null) }

        mutating func encode(_ value: some Encodable) throws {
            node.content = .single(try Self.json(value, codingPath))
        }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let node: Node
        let codingPath: [any CodingKey]

        mutating func encodeNil(forKey key: Key) { node.set(Node(.null), for: key.stringValue) }

        mutating func encode(_ value: some Encodable, forKey key: Key) throws {
            node.set(Node(try Encoding.json(value, codingPath + [key])), for: key.stringValue)
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) -> KeyedEncodingContainer<Nested> {
            nested(key).container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            nested(key).unkeyedContainer()
        }

        mutating func superEncoder() -> any Encoder { nested(Name("super")) }

        mutating func superEncoder(forKey key: Key) -> any Encoder { nested(key) }

        private func nested(_ key: some CodingKey) -> Encoding {
            let inner = Node()
            node.set(inner, for: key.stringValue)
            return Encoding(node: inner, codingPath: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let node: Node
        let codingPath: [any CodingKey]
        var count: Int { node.count }

        mutating func encodeNil() { node.append(Node(.null)) }

        mutating func encode(_ value: some Encodable) throws {
            node.append(Node(try Encoding.json(value, codingPath + [Name(count)])))
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) -> KeyedEncodingContainer<Nested> {
            nested().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            nested().unkeyedContainer()
        }

        mutating func superEncoder() -> any Encoder { nested() }

        private func nested() -> Encoding {
            let inner = Node()
            defer { node.append(inner) }
            return Encoding(node: inner, codingPath: codingPath + [Name(count)])
        }
    }

    /// The name of a member, or the place in an array, where the value's own type gives none.
    struct Name: CodingKey {
        let stringValue: String
        let intValue: Int?

        init(_ name: String) {
            stringValue = name
            intValue = nil
        }

        init(_ index: Int) {
            stringValue = String(index)
            intValue = index
        }

        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { self.init(intValue) }
    }
}
