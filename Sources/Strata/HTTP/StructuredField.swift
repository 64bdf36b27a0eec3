/// Structured fields: items, lists and dictionaries with one exact syntax (RFC 9651).
///
/// A text that breaks the syntax anywhere is no such field at all (RFC 9651 §4.2). What is printed
/// is the one canonical form. A field of several lines is read joined, as ``Headers`` gives it.
///
/// ```swift
/// let groups = headers[.cacheGroups].flatMap(StructuredField.List.init)
/// ```
package enum StructuredField {
    /// A value by itself (RFC 9651 §3.3).
    package enum BareItem: Sendable, Hashable {
        /// A whole number of at most 15 digits.
        case integer(Int)
        /// A number with a fraction.
        case decimal(Decimal)
        /// A text of printable ASCII characters.
        case string(String)
        /// A short word.
        case token(String)
        /// Any bytes.
        case bytes([UInt8])
        /// True or false.
        case boolean(Bool)
        /// Seconds since the beginning of 1970, UTC, of at most 15 digits.
        case date(Int)
        /// A text of any characters, for people to read.
        case displayString(String)
    }

    /// A number of at most 12 digits before and 3 behind its point (RFC 9651 §3.3.2).
    package struct Decimal: Sendable, Hashable {
        /// The number times 1000.
        package let thousandths: Int

        /// Makes a number from its thousandths; nil where it has too many digits.
        package init?(thousandths: Int) {
            guard (-999_999_999_999_999...999_999_999_999_999).contains(thousandths) else {
                return nil
            }
            self.thousandths = thousandths
        }

        /// Rounds to thousandths, halves to the even one (RFC 9651 §4.1.5); nil where there are
        /// too many digits.
        package init?(_ number: Double) {
            guard let thousandths = Int(exactly: (number * 1000).rounded(.toNearestOrEven)) else {
                return nil
            }
            self.init(thousandths: thousandths)
        }
    }

    /// Parameters of an item or an inner list (RFC 9651 §3.1.2).
    package typealias Parameters = OrderedMap<BareItem>

    /// A value with parameters (RFC 9651 §3.3).
    package struct Item: Sendable, Hashable {
        /// The value.
        package var value: BareItem
        /// What is said about it.
        package var parameters: Parameters

        /// Makes an item.
        package init(_ value: BareItem, _ parameters: Parameters = [:]) {
            self.value = value
            self.parameters = parameters
        }
    }

    /// A list within a list or dictionary (RFC 9651 §3.1.1).
    package struct InnerList: Sendable, Hashable {
        /// What is in it.
        package var items: [Item]
        /// What is said about all of it.
        package var parameters: Parameters

        /// Makes an inner list.
        package init(_ items: [Item], _ parameters: Parameters = [:]) {
            self.items = items
            self.parameters = parameters
        }
    }

    /// A member of a list or dictionary.
    package enum Member: Sendable, Hashable {
        /// One value.
        case item(Item)
        /// Several.
        case innerList(InnerList)

        /// The value where it is one, or nil.
        package var item: Item? {
            if case .item(let item) = self { item } else { nil }
        }

        /// The parameters of either.
        package var parameters: Parameters {
            switch self {
            case .item(let item): item.parameters
            case .innerList(let list): list.parameters
            }
        }
    }

    /// A field that is a list (RFC 9651 §3.1).
    package struct List: Sendable, Hashable {
        /// Its members in order.
        package var members: [Member]

        /// Makes a list.
        package init(_ members: [Member]) { self.members = members }
    }

    /// A field that is a dictionary (RFC 9651 §3.2).
    package struct Dictionary: Sendable, Hashable {
        /// Its members by key.
        package var members: OrderedMap<Member>

        /// Makes a dictionary.
        package init(_ members: OrderedMap<Member>) { self.members = members }

        /// The member of that key, or nil.
        package subscript(key: String) -> Member? { members[key] }
    }
}

/// Values under keys, in the order in which the keys came; the last value of a key counts.
///
/// Keys are compared byte for byte, as those of structured fields are ASCII.
package struct OrderedMap<Value: Sendable & Hashable>: Sendable {
    /// The keys and values in order.
    package private(set) var entries: [(key: String, value: Value)] = []

    /// The places of the keys, once there are so many that searching them one by one would let a
    /// long field take time with the square of its length.
    private var places: [String: Int] = [:]
    private static var searchableCount: Int { 16 }

    /// Makes an empty map.
    package init() {}

    /// The value of the key, or nil. Setting a key again keeps its place; nil can't be set.
    package subscript(key: String) -> Value? { place(of: key).map { entries[$0].value } }

    /// Puts the value under the key.
    package mutating func set(_ value: Value, for key: String) {
        if let place = place(of: key) {
            entries[place].value = value
            return
        }
        entries.append((key, value))
        if entries.count > Self.searchableCount {
            if places.isEmpty {
                for (place, entry) in entries.enumerated() { places[entry.key] = place }
            } else {
                places[key] = entries.count - 1
            }
        }
    }

    private func place(of key: String) -> Int? {
        entries.count > Self.searchableCount
            ? places[key] : entries.firstIndex { $0.key == key }
    }
}

extension OrderedMap: Hashable {
    /// Whether both have the same values under the same keys in the same order.
    package static func == (left: OrderedMap, right: OrderedMap) -> Bool {
        left.entries.elementsEqual(right.entries) { $0 == $1 }
    }

    /// Hashes the keys and values.
    package func hash(into hasher: inout Hasher) {
        for (key, value) in entries {
            hasher.combine(key)
            hasher.combine(value)
        }
    }
}

extension OrderedMap: ExpressibleByDictionaryLiteral {
    /// Makes a map of the keys and values, in order.
    package init(dictionaryLiteral elements: (String, Value)...) {
        for (key, value) in elements { set(value, for: key) }
    }
}
