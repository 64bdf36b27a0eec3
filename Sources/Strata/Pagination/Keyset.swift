/// The columns that a list is sorted by, and how a page of it is asked for in SQL.
///
/// A page is told by the values of its last row in these columns ("keyset", or "seek",
/// pagination): with an index on them the thousandth page costs what the first does, and rows that
/// come and go meanwhile shift nothing.
///
/// The columns together must tell any two rows apart, or rows that tie are passed over where they
/// straddle the end of a page: let the last be the primary key.
///
/// ```swift
/// let keyset = Keyset(.descending("price", nulls: .last), .ascending("id"))
/// let terms = try keyset.terms(for: request.page, dialect: .sqlite)
/// let rows = try database.query("SELECT * FROM products \(terms.text)", terms.bindings)
/// let page = Page(rows: rows, for: request.page) { [.double($0.price), .integer($0.id)] }
/// ```
public struct Keyset: Sendable, Hashable {
    /// Where rows without a value stand.
    public enum Nulls: Sendable, Hashable {
        /// There are none: the column is NOT NULL.
        case none
        /// Before all others.
        case first
        /// Behind all others.
        case last
    }

    /// A column, or an expression, and its order.
    public struct Column: Sendable, Hashable {
        /// The expression in SQL. It goes into the statement as it is: it comes from the code,
        /// never from a client.
        public var expression: String
        /// Whether larger values stand before smaller ones.
        public var isDescending: Bool
        /// Where rows without a value stand.
        public var nulls: Nulls

        /// Smaller values first.
        public static func ascending(_ expression: String, nulls: Nulls = .none) -> Column {
            Column(expression: expression, isDescending: false, nulls: nulls)
        }

        /// Larger values first.
        public static func descending(_ expression: String, nulls: Nulls = .none) -> Column {
            Column(expression: expression, isDescending: true, nulls: nulls)
        }

        /// The same column in the opposite order.
        public var reversed: Column {
            let nulls: Nulls =
                switch nulls {
                case .none: .none
                case .first: .last
                case .last: .first
                }
            return Column(expression: expression, isDescending: !isDescending, nulls: nulls)
        }
    }

    /// The columns, the one that decides first in front.
    public let columns: [Column]

    /// Makes a keyset.
    ///
    /// - Precondition: there is a column.
    public init(_ columns: Column...) { self.init(columns) }

    /// Makes a keyset.
    ///
    /// - Precondition: there is a column.
    public init(_ columns: [Column]) {
        precondition(!columns.isEmpty, "A list is sorted by one column or more")
        self.columns = columns
    }

    /// Makes a keyset of what a client asks to sort by: names separated by commas, each with a `-`
    /// before it for the opposite order, as in `-price,name` (JSON:API §Sorting).
    ///
    /// - Parameters:
    ///   - sort: the text of the client; an empty one leaves the tie-breaker alone.
    ///   - columns: what may be sorted by, under the names that clients know.
    ///   - tieBreaker: what tells any two rows apart, put behind the others.
    /// - Returns: nil where the client named something else, or something twice.
    public init?(sort: String, columns: [String: Column], tieBreaker: Column) {
        var sorted: [Column] = []
        for name in sort.split(separator: ",", omittingEmptySubsequences: false)
        where !sort.isEmpty {
            let isOpposite = name.hasPrefix("-")
            guard let column = columns[String(isOpposite ? name.dropFirst() : name)],
                !sorted.contains(where: { $0.expression == column.expression })
            else { return nil }
            sorted.append(isOpposite ? column.reversed : column)
        }
        if !sorted.contains(where: { $0.expression == tieBreaker.expression }) {
            sorted.append(tieBreaker)
        }
        self.init(sorted)
    }
}

/// How a database writes what SQL leaves open.
public struct SQLDialect: Sendable, Hashable {
    /// What stands before the number of a parameter.
    let marker: String

    /// PostgreSQL: `$1`.
    public static let postgreSQL = SQLDialect(marker: "$")
    /// SQLite, 3.30 or later: `?1`.
    public static let sqlite = SQLDialect(marker: "?")
}

/// The parts of a SELECT that ask for one page, and one row more.
public struct SQLTerms: Sendable, Hashable {
    /// What rows of the page fulfil, without `WHERE`; nil where all may.
    public var condition: String?
    /// The order, without `ORDER BY`. For a page that ends before a key it is the opposite of the
    /// list's, and ``Page`` turns the rows round.
    public var order: String
    /// How many rows to ask for: one more than the page has, to see whether there are any.
    public var limit: Int
    /// How many rows to pass over.
    public var offset: Int
    /// The values of the parameters in the condition, in the order of their numbers.
    public var bindings: [KeyValue]

    /// All parts behind each other: `WHERE … ORDER BY … LIMIT …`.
    public var text: String {
        (condition.map { "WHERE \($0) " } ?? "") + "ORDER BY \(order) LIMIT \(limit)"
            + (offset > 0 ? " OFFSET \(offset)" : "")
    }
}

extension Keyset {
    /// The terms that ask for a page.
    ///
    /// - Parameters:
    ///   - page: the page; nil for the first one, of 20 rows.
    ///   - firstParameter: the number of the first parameter in the condition, where the statement
    ///     has others before it.
    /// - Throws: a 410 where the cursor was made for a list that was sorted by other columns.
    public func terms(
        for page: PageRequest?, dialect: SQLDialect, firstParameter: Int = 1
    ) throws(Problem) -> SQLTerms {
        let page = page ?? PageRequest(limit: 20)
        var columns = columns
        var key: [KeyValue] = []
        var offset = 0
        switch page.position {
        case .start: break
        case .offset(let count): offset = count
        case .after(let values): key = values
        case .before(let values):
            key = values
            columns = columns.map(\.reversed)
        case .end:
            columns = columns.map(\.reversed)
        }
        let isAtKey = page.position.isKey
        guard !isAtKey || key.count == columns.count else {
            throw Problem(
                .gone, detail: "The list is sorted in another way by now. Begin without a cursor.")
        }
        var writer = ConditionWriter(dialect: dialect, number: firstParameter)
        let condition = isAtKey ? writer.behind(Array(zip(columns, key))) : nil
        return SQLTerms(
            condition: condition, order: columns.map(\.order).joined(separator: ", "),
            limit: page.limit + 1, offset: offset, bindings: writer.bindings)
    }
}

extension Keyset.Column {
    fileprivate var order: String {
        let direction = isDescending ? "DESC" : "ASC"
        return switch nulls {
        case .none: "\(expression) \(direction)"
        case .first: "\(expression) \(direction) NULLS FIRST"
        case .last: "\(expression) \(direction) NULLS LAST"
        }
    }
}

/// Writes the condition that rows stand behind a key.
private struct ConditionWriter {
    let dialect: SQLDialect
    var number: Int
    var bindings: [KeyValue] = []

    init(dialect: SQLDialect, number: Int) {
        self.dialect = dialect
        self.number = number
    }

    /// A parameter for a value; nil for NULL, which is never compared.
    private mutating func bind(_ value: KeyValue) -> String? {
        guard value != .null else { return nil }
        bindings.append(value)
        defer { number += 1 }
        return dialect.marker + String(number)
    }

    /// The rows behind a key are those behind it in the first column, and of those equal in it the
    /// ones behind the rest of the key.
    mutating func behind(_ key: [(column: Keyset.Column, value: KeyValue)]) -> String {
        let isDescending = key[0].column.isDescending
        let isUniform = key.allSatisfy {
            $0.column.isDescending == isDescending && $0.column.nulls == .none && $0.value != .null
        }
        if isUniform {
            // Both databases search an index for a comparison of rows.
            let parameters = key.compactMap { bind($0.value) }.joined(separator: ", ")
            let columns = key.map(\.column.expression).joined(separator: ", ")
            let sign = isDescending ? "<" : ">"
            return key.count == 1
                ? "\(columns) \(sign) \(parameters)" : "(\(columns)) \(sign) (\(parameters))"
        }
        let (column, value) = key[0]
        let parameter = bind(value)
        let behind = self.behind(column, parameter)
        guard key.count > 1 else { return behind }
        let rest = self.behind(Array(key.dropFirst()))
        let equal =
            parameter.map { "\(column.expression) = \($0)" } ?? "\(column.expression) IS NULL"
        let either = "(\(behind) OR (\(equal) AND \(rest)))"
        guard column.nulls == .none, let parameter else { return either }
        // Says nothing new, but lets an index on the first column narrow the search.
        return "(\(column.expression) \(isDescending ? "<=" : ">=") \(parameter) AND \(either))"
    }

    private func behind(_ column: Keyset.Column, _ parameter: String?) -> String {
        let name = column.expression
        guard let parameter else { return column.nulls == .last ? "1 = 0" : "\(name) IS NOT NULL" }
        let comparison = "\(name) \(column.isDescending ? "<" : ">") \(parameter)"
        return column.nulls == .last ? "(\(comparison) OR \(name) IS NULL)" : comparison
    }
}
