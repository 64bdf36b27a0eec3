/// The query of a request's target as names and values, as forms write it (WHATWG URL §5).
///
/// The pairs keep the text they came with: taking some away, or putting one in, leaves the others
/// byte for byte as they were.
package struct QueryString: Sendable, Hashable {
    /// What stands between two `&`.
    package struct Item: Sendable, Hashable {
        /// The text as it came.
        package let text: Substring

        /// Keeps a text that came from a peer.
        package init(text: Substring) { self.text = text }

        /// Writes a name and a value.
        package init(name: String, value: String) {
            text = (PercentEncoding.encode(name) + "=" + PercentEncoding.encode(value))[...]
        }

        /// The name, decoded; bytes that are no UTF-8 read as U+FFFD.
        package var name: String { Item.decode(encodedName) }

        /// The value, decoded in the same way; empty where there is no `=`.
        package var value: String {
            guard let mark = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return "" }
            return Item.decode(text[text.utf8.index(after: mark)...])
        }

        /// Whether the decoded name is this one, byte for byte.
        package func isNamed(_ name: String) -> Bool {
            guard !text.isEmpty else { return false }
            let own = encodedName
            return own.utf8.contains(where: \.isEncodedInQuery)
                ? Item.decode(own).hasSameBytes(as: name)
                : own.hasSameBytes(as: name)
        }

        private var encodedName: Substring {
            text.utf8.firstIndex(of: UInt8(ascii: "=")).map { text[..<$0] } ?? text
        }

        private static func decode(_ text: Substring) -> String {
            guard text.utf8.contains(where: \.isEncodedInQuery) else { return String(text) }
            return String(
                decoding: PercentEncoding.decode(text, plusIsSpace: true), as: UTF8.self)
        }
    }

    /// The items in order. An empty one, as between two `&`, has no name and no value, but is kept
    /// with its place.
    package private(set) var items: [Item]

    /// Reads what stands behind the `?`; nil where there is no `?`.
    package init(_ text: String?) {
        items =
            text?.utf8.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
            .map { Item(text: Substring($0)) } ?? []
    }

    /// What is to stand behind the `?`; nil where there is to be no `?`.
    package var text: String? {
        items.isEmpty ? nil : items.map(\.text).joined(separator: "&")
    }

    /// The value of the first item of that name.
    package func first(_ name: String) -> String? {
        items.first { $0.isNamed(name) }?.value
    }

    /// The values of all items of that name, in order.
    package func all(_ name: String) -> [String] {
        items.filter { $0.isNamed(name) }.map(\.value)
    }

    /// Removes the items of that name.
    package mutating func remove(_ name: String) { items.removeAll { $0.isNamed(name) } }

    /// Removes every item that the predicate is true for.
    package mutating func removeAll(where isUnwanted: (Item) throws -> Bool) rethrows {
        try items.removeAll(where: isUnwanted)
    }

    /// Puts one item in the place of the first of that name and removes its others; at the end
    /// where there was none.
    package mutating func replace(_ name: String, with value: String) {
        let item = Item(name: name, value: value)
        guard let place = items.firstIndex(where: { $0.isNamed(name) }) else {
            items.append(item)
            return
        }
        let rest = items[(place + 1)...].filter { !$0.isNamed(name) }
        items.replaceSubrange(place..., with: [item] + rest)
    }

    /// Adds an item behind the others.
    package mutating func append(_ name: String, _ value: String) {
        items.append(Item(name: name, value: value))
    }

    /// The same items by the bytes of their decoded names; those of one name stay in their order,
    /// which means something, and empty items are gone.
    package var sorted: QueryString {
        var query = self
        query.items =
            items.filter { !$0.text.isEmpty }.map { (name: $0.name, item: $0) }
            .enumerated()
            .sorted { left, right in
                if left.element.name.hasSameBytes(as: right.element.name) {
                    return left.offset < right.offset
                }
                return left.element.name.utf8.lexicographicallyPrecedes(right.element.name.utf8)
            }
            .map(\.element.item)
        return query
    }
}

extension UInt8 {
    /// Whether the byte stands for another one in a query, alone or with those behind it.
    fileprivate var isEncodedInQuery: Bool {
        self == UInt8(ascii: "%") || self == UInt8(ascii: "+")
    }
}
