/// Which page of a list a request asks for, as ``Pagination`` understood it.
///
/// A handler that makes its list with a query uses it, and says with ``Response/page`` where the
/// next page begins; one that ignores it is cut.
///
/// ```swift
/// let handler: Handler = { request in
///     let page = request.page ?? PageRequest(limit: 20)
///     let rows = try await database.products(from: page.position, limit: page.limit + 1)
///     let items = rows.prefix(page.limit)
///     var response = Response.json(encode(items))
///     response.page = PageBounds(
///         next: rows.count > items.count ? items.last.map { .after([.integer($0.id)]) } : nil)
///     return response
/// }
/// ```
public struct PageRequest: Sendable, Hashable {
    /// The most items that the page may have: what the client asked for, or the default.
    public var limit: Int
    /// Whether the client asked for more than the maximum, and ``limit`` is that.
    public var isLimitClamped: Bool
    /// Where in the list the page begins.
    public var position: PagePosition
    /// What total the client asks for; nil where it asks for none. A handler that doesn't know it
    /// cheaply leaves ``PageBounds/total`` nil.
    public var total: TotalRequest?

    /// Makes a page request.
    public init(
        limit: Int, isLimitClamped: Bool = false, position: PagePosition = .start,
        total: TotalRequest? = nil
    ) {
        self.limit = limit
        self.isLimitClamped = isLimitClamped
        self.position = position
        self.total = total
    }
}

/// A place between two items of a list.
public enum PagePosition: Sendable, Hashable {
    /// Before the first item.
    case start
    /// Behind so many items.
    case offset(Int)
    /// Behind the item that has these values in the columns the list is sorted by.
    case after([KeyValue])
    /// Before the item that has these values; the page ends there.
    case before([KeyValue])
    /// Behind the last item; the page ends there.
    case end
}

/// The value of a column that a list is sorted by.
public enum KeyValue: Sendable, Hashable {
    /// No value: SQL's NULL.
    case null
    /// A whole number.
    case integer(Int64)
    /// A floating-point number.
    case double(Double)
    /// A text.
    case text(String)
    /// Bytes.
    case bytes([UInt8])
}

/// What a handler that made a page by itself says about the pages beside it.
public struct PageBounds: Sendable, Hashable {
    /// Where the next page begins: ``PagePosition/after(_:)`` the page's last item, or an offset;
    /// nil where there are no items behind it.
    public var next: PagePosition?
    /// Where the previous page ends: ``PagePosition/before(_:)`` the page's first item; or the
    /// offset at which it begins; nil where there are no items before it, or nobody knows.
    public var previous: PagePosition?
    /// Where the last page is, if that is another one: ``PagePosition/end``, or the offset at
    /// which it begins; nil where nobody knows.
    public var last: PagePosition?
    /// How many items there are in all; left out of the answer where the client didn't ask.
    public var total: PageTotal?

    /// Makes bounds.
    ///
    /// The values of one key take at most some 600 bytes in all: a longer one can't be put into
    /// a cursor, and the response becomes an error.
    public init(
        next: PagePosition? = nil, previous: PagePosition? = nil, last: PagePosition? = nil,
        total: PageTotal? = nil
    ) {
        self.next = next
        self.previous = previous
        self.last = last
        self.total = total
    }
}

extension Request {
    /// The page that is asked for; nil where no ``Pagination`` stands before the handler, or a
    /// rule makes the route's lists unlimited.
    public var page: PageRequest? {
        get { values[PageRequestKey.self] }
        set { values[PageRequestKey.self] = newValue }
    }
}

extension Request {
    /// Writes cursors of single items, for a handler that sends one with each, as the cursor
    /// profile of JSON:API has it in `meta.page.cursor`; nil as ``page`` is.
    public internal(set) var pageCursors: PageCursors? {
        get { values[PageCursorsKey.self] }
        set { values[PageCursorsKey.self] = newValue }
    }
}

/// Writes the cursors of single items of the list that a request asks for.
public struct PageCursors: Sendable {
    private let cursors: PageCursor
    private let list: [UInt8]
    private let now: Timestamp

    init(_ cursors: PageCursor, list: [UInt8], now: Timestamp) {
        self.cursors = cursors
        self.list = list
        self.now = now
    }

    /// The cursor of the item with these values in the columns that the list is sorted by. Given
    /// back, it asks for the items behind that one; in the style of JSON:API for those before it
    /// as well. Nil where the values are too long for a cursor.
    public func cursor(at key: [KeyValue]) -> String? {
        cursors.text(for: .after(key), in: list, now: now)
    }
}

extension Response {
    /// Set by a handler that made the page that was asked for, and no more: where the pages beside
    /// it begin. Where this is nil, ``Pagination`` cuts the page out of what the handler returned.
    public var page: PageBounds? {
        get { values[PageBoundsKey.self] }
        set { values[PageBoundsKey.self] = newValue }
    }
}

private enum PageRequestKey: ValueKey { typealias Value = PageRequest }
private enum PageCursorsKey: ValueKey { typealias Value = PageCursors }
private enum PageBoundsKey: ValueKey { typealias Value = PageBounds }
