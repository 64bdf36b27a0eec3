/// Entries in the order they were last used, bounded in bytes: when there are too many, the ones
/// that were used least recently go.
struct RecencyList: ~Copyable {
    /// About what keeping an entry takes besides its key and its value, in bytes.
    static let overhead = 96

    /// An entry's value. A box per type makes asking for the wrong type one comparison.
    private class AnyBox {}
    private final class Box<Value>: AnyBox {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private struct Node {
        var key: ByteKey
        var box: AnyBox?
        var cost: Int
        var end: Timestamp
        var newer: Int
        var older: Int
    }

    /// Stands for no node.
    private static let none = -1

    private var indices: [ByteKey: Int] = [:]
    private var nodes: [Node] = []
    private var free: [Int] = []
    private var newest = none
    private var oldest = none
    private let maximumBytes: Int

    /// What all entries cost together.
    private(set) var byteCount = 0

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// How many entries there are.
    var count: Int { indices.count }

    mutating func value<Value>(for key: ByteKey, at now: Timestamp) -> Value? {
        guard let index = indices[key] else { return nil }
        guard nodes[index].end > now else {
            remove(index)
            return nil
        }
        if newest != index {
            unlink(index)
            link(index)
        }
        guard let box = nodes[index].box, type(of: box) == Box<Value>.self else { return nil }
        return unsafeDowncast(box, to: Box<Value>.self).value
    }

    mutating func set<Value>(_ value: Value, for key: ByteKey, cost: Int, end: Timestamp) {
        remove(key)
        while byteCount + cost > maximumBytes, oldest != Self.none { remove(oldest) }
        let node = Node(
            key: key, box: Box(value), cost: cost, end: end, newer: Self.none, older: Self.none)
        let index: Int
        if let reused = free.popLast() {
            nodes[reused] = node
            index = reused
        } else {
            nodes.append(node)
            index = nodes.count - 1
        }
        indices[key] = index
        byteCount += cost
        link(index)
    }

    mutating func remove(_ key: ByteKey) {
        if let index = indices[key] { remove(index) }
    }

    private mutating func remove(_ index: Int) {
        unlink(index)
        indices[nodes[index].key] = nil
        byteCount -= nodes[index].cost
        nodes[index].box = nil
        nodes[index].key = ByteKey(text: "")
        free.append(index)
    }

    private mutating func link(_ index: Int) {
        nodes[index].older = newest
        nodes[index].newer = Self.none
        if newest != Self.none { nodes[newest].newer = index } else { oldest = index }
        newest = index
    }

    private mutating func unlink(_ index: Int) {
        let (newer, older) = (nodes[index].newer, nodes[index].older)
        if newer != Self.none { nodes[newer].older = older } else { newest = older }
        if older != Self.none { nodes[older].newer = newer } else { oldest = newer }
    }
}
