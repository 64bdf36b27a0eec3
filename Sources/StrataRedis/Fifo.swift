/// A queue: appended at one end, taken from the other, each in constant time on average.
struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var isEmpty: Bool { head == elements.count }
    var count: Int { elements.count - head }

    /// The element that has waited longest.
    var first: Element? { isEmpty ? nil : elements[head] }

    /// Changes the element that has waited longest where it stands, and nothing where there is none.
    mutating func updateFirst<Outcome>(_ body: (inout Element) -> Outcome) -> Outcome? {
        if isEmpty { return nil }
        return update(at: head, body)
    }

    /// No copy is made, so arrays inside the element grow in place.
    private mutating func update<Outcome>(
        at index: Int, _ body: (inout Element) -> Outcome
    ) -> Outcome? {
        guard var element = elements[index].take() else { return nil }
        defer { elements[index] = element }
        return body(&element)
    }

    /// The element that came last.
    var last: Element? {
        get { isEmpty ? nil : elements[elements.count - 1] }
        set { if !isEmpty { elements[elements.count - 1] = newValue } }
    }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard !isEmpty else { return nil }
        let element = elements[head].take()
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

    /// Changes the element that the order finds, where there is one.
    ///
    /// - Parameter isBefore: whether an element comes before the one to be found; so do all those
    ///   in front of it then.
    mutating func updateFirst<Outcome>(
        after isBefore: (Element) -> Bool, _ body: (inout Element) -> Outcome
    ) -> Outcome? {
        var range = head..<elements.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if elements[middle].map(isBefore) == true {
                range = (middle + 1)..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return range.lowerBound < elements.count ? update(at: range.lowerBound, body) : nil
    }

    /// Visits all elements, the one that has waited longest first.
    mutating func updateAll(_ visit: (inout Element) -> Void) {
        for index in head..<elements.count { _ = update(at: index, visit) }
    }
}

extension Fifo: Sendable where Element: Sendable {}
