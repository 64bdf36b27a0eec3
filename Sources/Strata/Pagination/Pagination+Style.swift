extension Pagination {
    /// How a client asks for a page, and how the answer tells of the pages beside it.
    ///
    /// `Link` (RFC 8288) tells of them in every style.
    public struct Style: Sendable, Hashable {
        /// How a page is named in the query.
        public enum Naming: Sendable, Hashable {
            /// An opaque cursor, under this name.
            case cursor(String)
            /// An opaque cursor, under one name for the page behind it and under another for the
            /// page before it.
            case cursors(after: String, before: String)
            /// The number of the page, from 1 on. Pages that end behind more than `maximumDepth`
            /// items are refused, as each costs reading all before it.
            case number(String, maximumDepth: Int)
        }

        /// What is done with a limit above the maximum.
        public enum OverLimit: Sendable, Hashable {
            /// The maximum applies, and the answer says so.
            case clamp
            /// The answer is a 400.
            case refuse
        }

        /// What is written into the object that holds the list, in the place of what the handler
        /// may have written under that name. A list at the top has no such object.
        public enum Member: Sendable, Hashable {
            /// Nothing.
            case none
            /// The next page's cursor, where there is a next page.
            case nextCursor(String)
            /// An object of links: `first`, `prev` and `next`, null where there is none.
            case links(String)
        }

        /// What a 4xx is written as.
        public enum Problems: Sendable, Hashable {
            /// A problem document (RFC 9457).
            case problemDetails
            /// An error document of JSON:API.
            case jsonAPI
        }

        /// The name of the limit in the query.
        public var limit: String
        /// How a page is named.
        public var naming: Naming
        /// What is done with a limit above the maximum.
        public var overLimit = OverLimit.clamp
        /// Whether an empty parameter, and a limit of 0, are the same as none.
        public var takesEmptyAsAbsent = false
        /// The names of the members that lead from a JSON object at the top to its list. An array
        /// at the top is a list in any case.
        public var listPath: [String] = []
        /// What is written beside the list.
        public var member = Member.none
        /// What a 4xx is written as.
        public var problems = Problems.problemDetails

        /// Makes a style.
        public init(limit: String, naming: Naming) {
            self.limit = limit
            self.naming = naming
        }

        /// `?limit=20&cursor=…`, and nothing in the content.
        public static let plain = Style(limit: "limit", naming: .cursor("cursor"))

        /// Google's AIP-158: `?page_size=20&page_token=…`, and `next_page_token` beside the list
        /// where there are further items. The list's name is the API's: set ``listPath``.
        public static let aip158: Style = {
            var style = Style(limit: "page_size", naming: .cursor("page_token"))
            style.takesEmptyAsAbsent = true
            style.member = .nextCursor("next_page_token")
            return style
        }()

        /// The cursor pagination profile of JSON:API: `?page[size]=20&page[after]=…`, or
        /// `page[before]`; `links` beside `data`; errors in its own form; a size above the maximum
        /// is one.
        public static let jsonAPI: Style = {
            var style = Style(
                limit: "page[size]",
                naming: .cursors(after: "page[after]", before: "page[before]"))
            style.overLimit = .refuse
            style.listPath = ["data"]
            style.member = .links("links")
            style.problems = .jsonAPI
            return style
        }()

        /// GitHub's: `?per_page=20&page=2`, at most 10,000 items deep.
        public static let gitHub = Style(
            limit: "per_page", naming: .number("page", maximumDepth: 10_000))
    }
}

extension Pagination.Style {
    /// Whether a parameter chooses the page, and so is no filter.
    func isPaging(_ item: QueryString.Item) -> Bool {
        item.isNamed(limit) || names.contains { item.isNamed($0) }
    }

    /// The names that name the page.
    var names: [String] {
        switch naming {
        case .cursor(let name), .number(let name, _): [name]
        case .cursors(let after, let before): [after, before]
        }
    }

    /// The name of what is written beside the list.
    var memberName: String? {
        switch member {
        case .none: nil
        case .nextCursor(let name), .links(let name): name
        }
    }

    /// A page with what is written beside its list; nil where that is nothing.
    func written(
        into page: JSONArraySlicer.Page, _ links: [(relation: PageLink.Relation, target: String)],
        cursor: String?, _ here: String
    ) -> [UInt8]? {
        switch member {
        case .none: return nil
        case .nextCursor(let name):
            guard let cursor else { return nil }
            return page.adding(Array((name.jsonQuoted + ":" + cursor.jsonQuoted).utf8))
        case .links(let name):
            let members = [PageLink.Relation.first, .prev, .next].map { relation in
                let target =
                    links.first { $0.relation == relation }?.target
                    ?? (relation == .first ? here : nil)
                return #""\#(relation.rawValue)":"# + (target?.jsonQuoted ?? "null")
            }
            return page.adding(
                Array((name.jsonQuoted + ":{" + members.joined(separator: ",") + "}").utf8))
        }
    }

    /// The answer to a request that can't be taken as it is.
    func response(to refusal: PageRefusal) -> Response {
        var detail = refusal.detail
        detail += refusal.maximum.map { " The maximum is \($0)." } ?? ""
        guard problems == .jsonAPI else {
            return Problem(
                .badRequest, detail: detail,
                extensions: [(name: "parameter", value: .string(refusal.parameter))]
            ).response
        }
        var error = #""status":"400","title":"Bad Request","detail":\#(detail.jsonQuoted)"#
        error += #","source":{"parameter":\#(refusal.parameter.jsonQuoted)}"#
        if let kind = refusal.kind {
            error += #","links":{"type":["\#(Self.profile)/\#(kind)"]}"#
        }
        if let maximum = refusal.maximum { error += #","meta":{"page":{"maxSize":\#(maximum)}}"# }
        return Response(
            status: .badRequest,
            headers: [.contentType: "application/vnd.api+json", .cacheControl: "no-store"],
            body: .text(#"{"errors":[{\#(error)}]}"#))
    }

    private static let profile =
        "https://jsonapi.org/profiles/ethanresnick/cursor-pagination"
}

/// Why a request's limit or page can't be taken.
struct PageRefusal: Error, Sendable, Hashable {
    /// What the listener is told.
    let reason: PaginationEvent.Reason
    /// The parameter that is to blame.
    let parameter: String
    /// What is wrong, for the client.
    let detail: String
    /// The maximum that was passed, where that is it.
    var maximum: Int?

    /// The profile's name for it, where it has one.
    var kind: String? {
        switch reason {
        case .limitAboveMaximum: "max-size-exceeded"
        case .rangeNotSupported: "range-pagination-not-supported"
        default: nil
        }
    }
}
