/// A queue: appended at one end, taken from the other, each in constant time on average.
struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }

    /// The element that has waited longest.
    var first: Element? {
        get { isEmpty ? nil : elements[head] }
        set { if !isEmpty { elements[head] = newValue } }
    }

    /// The element that came last.
    var last: Element? {
        get { isEmpty ? nil : elements[elements.count - 1] }
        set { if !isEmpty { elements[elements.count - 1] = newValue } }
    }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head]
        elements[head] = nil
        head += 1
        if isEmpty {
            elements.removeAll(keepingCapacity: elements.capacity <= 1024)
            head = 0
        } else if head >= 1024, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }

    /// Takes everything.
    mutating func popAll() -> [Element] {
        defer { self = Fifo() }
        return elements[head...].compactMap(\.self)
    }

    /// Visits the elements, the one that has waited longest first, until the visitor returns true.
    mutating func update(_ visit: (inout Element) -> Bool) {
        for index in head..<elements.count {
            guard var element = elements[index] else { continue }
            let isDone = visit(&element)
            elements[index] = element
            if isDone { return }
        }
    }
}

extension Fifo: Sendable where Element: Sendable {}
