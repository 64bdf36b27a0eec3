/// A field whose value is a list, so that its lines mean the same together as each by itself
/// (RFC 9110 §5.3).
package protocol ListBasedField {
    /// Makes an empty list.
    init()

    /// Reads one more line of the field.
    mutating func add(line: String)
}

extension ListBasedField {
    /// Reads a field of one line.
    package init(_ line: String) {
        self.init()
        add(line: line)
    }

    /// Reads a field of any number of lines, in order.
    package init(lines: some Sequence<String>) {
        self.init()
        for line in lines { add(line: line) }
    }

    /// Reads all lines of that name.
    package init(_ headers: borrowing Headers, _ name: HeaderName) {
        self.init()
        headers.forEachLine(of: name) { add(line: $0) }
    }
}
