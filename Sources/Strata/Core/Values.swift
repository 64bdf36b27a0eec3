/// Names one value that travels with a request or a response, and its type.
///
/// ```swift
/// enum TenantKey: ValueKey { typealias Value = Tenant }
/// request.values[TenantKey.self] = tenant
/// ```
public protocol ValueKey {
    /// What is kept under the key.
    associatedtype Value: Sendable
}

/// Values that layers and handlers hand to each other along with a request or a response.
///
/// There are few of them, so they stand in a list; an empty one allocates nothing.
public struct Values: Sendable {
    private var entries: [(key: ObjectIdentifier, value: any Sendable)] = []

    /// Makes an empty set of values.
    public init() {}

    /// The value under the key, or nil.
    public subscript<Key: ValueKey>(key: Key.Type) -> Key.Value? {
        get {
            let id = ObjectIdentifier(key)
            for entry in entries where entry.key == id { return entry.value as? Key.Value }
            return nil
        }
        set {
            let id = ObjectIdentifier(key)
            let index = entries.firstIndex { $0.key == id }
            switch (index, newValue) {
            case (let index?, let newValue?): entries[index].value = newValue
            case (let index?, nil): entries.remove(at: index)
            case (nil, let newValue?): entries.append((id, newValue))
            case (nil, nil): break
            }
        }
    }
}
