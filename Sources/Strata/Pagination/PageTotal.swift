/// How many items a list has in all, as far as somebody counted.
public enum PageTotal: Sendable, Hashable {
    /// So many.
    case exactly(Int)
    /// So many or more: counting stopped there.
    case atLeast(Int)
    /// About so many, by a guess such as a database's statistics.
    case estimated(Int)

    /// The number.
    public var count: Int {
        switch self {
        case .exactly(let count), .atLeast(let count), .estimated(let count): count
        }
    }
}

/// What a client that asks for a total is to be given: counting all of a long list costs reading
/// all of it, so nobody counts without being asked, and nobody counts without end.
public enum TotalRequest: Sendable, Hashable {
    /// The number of items, counted up to this limit.
    case counted(upTo: Int)
    /// A guess will do.
    case estimated(upTo: Int)

    /// How many items may be counted.
    public var countLimit: Int {
        switch self {
        case .counted(let limit), .estimated(let limit): limit
        }
    }

    /// A query that counts rows, up to one more than may be counted, so that the database stops
    /// there. Give its result to ``total(ofRows:)``.
    ///
    /// - Parameter source: what stands behind `FROM`, with its `WHERE`; it goes into the statement
    ///   as it is.
    public func query(from source: String) -> String {
        "SELECT COUNT(*) FROM (SELECT 1 FROM \(source) LIMIT \(countLimit + 1)) AS counted"
    }

    /// The total, where ``query(from:)`` counted so many rows.
    public func total(ofRows count: Int) -> PageTotal {
        count > countLimit ? .atLeast(count) : .exactly(count)
    }
}
