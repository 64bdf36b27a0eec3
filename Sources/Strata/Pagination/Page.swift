/// One page of a list, made by a handler, and where the pages beside it begin.
///
/// ```swift
/// let page = Page(rows: rows, for: request.page) { [.integer($0.id)] }
/// var response = Response.json(encode(page.items))
/// response.page = page.bounds
/// ```
public struct Page<Item> {
    /// The items, in the list's order.
    public var items: [Item]
    /// Where the pages beside it begin; belongs into ``Response/page``.
    public var bounds: PageBounds

    /// Makes a page.
    public init(items: [Item], bounds: PageBounds = PageBounds()) {
        self.items = items
        self.bounds = bounds
    }

    /// Makes a page of the rows that a query with ``Keyset/terms(for:dialect:firstParameter:)``
    /// gave: one more than the page has where there are more, and in the opposite order where the
    /// page ends before a key.
    ///
    /// - Parameters:
    ///   - page: the page that was asked for; nil for the first one, of 20 rows.
    ///   - key: the values of a row in the columns of the keyset.
    public init(rows: [Item], for page: PageRequest?, key: (Item) -> [KeyValue]) {
        let page = page ?? PageRequest(limit: 20)
        let hasMore = rows.count > page.limit
        items = Array(rows.prefix(page.limit))
        bounds = PageBounds()
        switch page.position {
        case .start:
            bounds.next = hasMore ? items.last.map { .after(key($0)) } : nil
        case .offset(let offset):
            bounds.next = hasMore ? .offset(offset + page.limit) : nil
            bounds.previous = offset > page.limit ? .offset(offset - page.limit) : .start
        case .after:
            bounds.next = hasMore ? items.last.map { .after(key($0)) } : nil
            bounds.previous = items.first.map { .before(key($0)) }
        case .before:
            items.reverse()
            bounds.next = items.last.map { .after(key($0)) }
            bounds.previous = hasMore ? items.first.map { .before(key($0)) } : nil
        case .end:
            items.reverse()
            bounds.previous = hasMore ? items.first.map { .before(key($0)) } : nil
        }
        if bounds.next?.isKey ?? false { bounds.last = .end }
    }
}

extension Page: Sendable where Item: Sendable {}
