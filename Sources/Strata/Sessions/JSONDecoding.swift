extension JSON {
    /// The value of that type that was encoded as this one.
    func decoded<Value: Decodable>(as type: Value.Type = Value.self) throws -> Value {
        try Decoding(json: self, codingPath: []).value(as: type)
    }

    private struct Decoding: Decoder, SingleValueDecodingContainer {
        let json: JSON
        let codingPath: [any CodingKey]
        var userInfo: [CodingUserInfoKey: Any] { [:] }

        func value<Value: Decodable>(as type: Value.Type) throws -> Value {
            let value: Any?
            switch (type, json) {
            // Among the integers it is by far the most frequent, and known at a glance.
            case (is Int.Type, .integer(let number)): value = Int(exactly: number)
            case (is String.Type, .string(let string)): value = string
            case (is Bool.Type, .boolean(let flag)): value = flag
            case (is [UInt8].Type, .string(let string)): value = [UInt8](base64URL: string)
            case (is Double.Type, _): value = double
            case (is Float.Type, _): value = double.map { Float($0) }
            case (is String.Type, _), (is Bool.Type, _), (is [UInt8].Type, _): value = nil
            case (let type as any (FixedWidthInteger & Decodable).Type, _):
                value = integer(as: type)
            default: return try Value(from: self)
            }
            guard let value = value as? Value else { throw mismatch(type) }
            return value
        }

        private var double: Double? {
            switch json {
            case .number(let number): number
            case .integer(let number): Double(number)
            case .unsigned(let number): Double(number)
            default: nil
            }
        }

        private func integer<Number: FixedWidthInteger>(as type: Number.Type) -> Number? {
            switch json {
            case .integer(let number): Number(exactly: number)
            case .unsigned(let number): Number(exactly: number)
            case .number(let number): Number(exactly: number)
            default: nil
            }
        }

        func mismatch(_ type: any Any.Type) -> DecodingError {
            .typeMismatch(
                type,
                .init(codingPath: codingPath, debugDescription: "Another kind of value is kept."))
        }

        func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key>
        {
            guard case .object(let members) = json else { throw mismatch([String: Any].self) }
            return KeyedDecodingContainer(Keyed(members: members, codingPath: codingPath))
        }

        func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
            guard case .array(let elements) = json else { throw mismatch([Any].self) }
            return Unkeyed(elements: elements, codingPath: codingPath)
        }

        func singleValueContainer() -> any SingleValueDecodingContainer { self }

        func decodeNil() -> Bool { json == .null }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value(as: type) }
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [Member]
        let codingPath: [any CodingKey]
        var allKeys: [Key] { members.compactMap { Key(stringValue: $0.name) } }

        func contains(_ key: Key) -> Bool { members.contains { $0.name == key.stringValue } }

        func decodeNil(forKey key: Key) throws -> Bool { try nested(key).decodeNil() }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try nested(key).value(as: type)
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try nested(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try nested(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { try nested(Name("super")) }

        func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

        private func nested(_ key: some CodingKey) throws -> Decoding {
            guard let member = members.last(where: { $0.name == key.stringValue }) else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "It is not kept."))
            }
            return Decoding(json: member.value, codingPath: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSON]
        let codingPath: [any CodingKey]
        var currentIndex = 0

        init(elements: [JSON], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex == elements.count }

        mutating func decodeNil() throws -> Bool {
            guard try peek().decodeNil() else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try take { try $0.value(as: type) }
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            try take { try $0.container(keyedBy: type) }
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try take { try $0.unkeyedContainer() }
        }

        mutating func superDecoder() throws -> any Decoder { try take { $0 } }

        /// Goes on to the next element only if the one that stands here could be read.
        private mutating func take<Value>(_ read: (Decoding) throws -> Value) throws -> Value {
            let value = try read(try peek())
            currentIndex += 1
            return value
        }

        private func peek() throws -> Decoding {
            let path = codingPath + [Name(currentIndex)]
            guard currentIndex < elements.count else {
                throw DecodingError.valueNotFound(
                    JSON.self, .init(codingPath: path, debugDescription: "The array ends here."))
            }
            return Decoding(json: elements[currentIndex], codingPath: path)
        }
    }
}
