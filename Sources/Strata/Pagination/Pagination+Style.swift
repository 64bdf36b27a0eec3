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
            /// An object of links: `first`, `prev` and `next`, null where there is none, and
            /// `last` where it is known.
            case links(String)
        }

        /// What is written beside the list where the client asked for a total, in the place of
        /// what the handler may have written under that name.
        public enum TotalMember: Sendable, Hashable {
            /// Nothing: the total stands in the field `Pagination` alone.
            case none
            /// The number, exact or not.
            case number(String)
            /// `{"page":{"total":45}}`, or `{"page":{"estimatedTotal":{"bestGuess":45}}}`, as the
            /// cursor profile of JSON:API has it.
            case page(String)
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
        /// The name of the parameter by which clients ask for a total: `true` has the items
        /// counted, up to ``Pagination/Configuration/maximumCount``, and `estimated` takes a guess
        /// as well. Nil, the default, where they can't.
        public var total: String?
        /// What is written beside the list of a total that was asked for.
        public var totalMember = TotalMember.none
        /// Whether `Prefer` (RFC 7240) may say what the query doesn't: `maxpagesize=20` for the
        /// limit, `count=exact` or `count=estimated` for a total. `Preference-Applied` tells what
        /// counted, and `Vary` that it may count.
        public var obeysPrefer = false
        /// The unit in which `Content-Range` tells which items the page holds, and of how many:
        /// `items 20-39/45`, or `items 20-39/*` without a total. It stands in answers with the
        /// status 200, where RFC 9110 §14.4 gives it no meaning and other recipients ignore it.
        /// Nil, the default, for none; never there where the page isn't told by its offset.
        public var rangeUnit: String?
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
            style.totalMember = .number("total_size")
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
            style.totalMember = .page("meta")
            style.problems = .jsonAPI
            return style
        }()

        /// GitHub's: `?per_page=20&page=2`, at most 10,000 items deep.
        public static let gitHub = Style(
            limit: "per_page", naming: .number("page", maximumDepth: 10_000))

        /// Plain, with preferences besides: `Prefer: maxpagesize=20, count=exact`, answered with
        /// `Content-Range: items 0-19/45`.
        public static let preferences: Style = {
            var style = plain
            style.obeysPrefer = true
            style.rangeUnit = "items"
            return style
        }()
    }
}

extension Pagination.Style {
    /// Whether a parameter chooses the page, and so is no filter.
    func isPaging(_ item: QueryString.Item) -> Bool {
        item.isNamed(limit) || total.map(item.isNamed) ?? false
            || names.contains { item.isNamed($0) }
    }

    /// The names that name the page.
    var names: [String] {
        switch naming {
        case .cursor(let name), .number(let name, _): [name]
        case .cursors(let after, let before): [after, before]
        }
    }

    /// The names of what is written beside the list.
    var memberNames: [String] {
        var names: [String] = []
        switch member {
        case .none: break
        case .nextCursor(let name), .links(let name): names.append(name)
        }
        switch totalMember {
        case .none: break
        case .number(let name), .page(let name): names.append(name)
        }
        return names
    }

    /// What is written beside the list of a page: names, and values in JSON.
    func members(
        links: [(relation: PageLink.Relation, target: String)], nextCursor: String?,
        first: String, total: PageTotal?
    ) -> [(name: String, value: String)] {
        var members: [(name: String, value: String)] = []
        switch member {
        case .none: break
        case .nextCursor(let name):
            if let nextCursor { members.append((name, nextCursor.jsonQuoted)) }
        case .links(let name):
            let texts = [PageLink.Relation.first, .prev, .next, .last].compactMap { relation in
                let target =
                    links.first { $0.relation == relation }?.target
                    ?? (relation == .first ? first : nil)
                guard target != nil || relation != .last else { return nil as String? }
                return relation.rawValue.jsonQuoted + ":" + (target?.jsonQuoted ?? "null")
            }
            members.append((name, "{" + texts.joined(separator: ",") + "}"))
        }
        guard let total else { return members }
        switch totalMember {
        case .none: break
        case .number(let name): members.append((name, String(total.count)))
        case .page(let name):
            let text =
                if case .exactly(let count) = total { #""total":\#(count)"# } else {
                    #""estimatedTotal":{"bestGuess":\#(total.count)}"#
                }
            members.append((name, #"{"page":{\#(text)}}"#))
        }
        return members
    }

    /// The answer to a request that can't be taken as it is.
    func response(to refusal: PageRefusal) -> Response {
        var detail = refusal.detail
        detail += refusal.maximum.map { " The maximum is \($0)." } ?? ""
        let problem = Problem(
            refusal.status, detail: detail,
            extensions: [(name: "parameter", value: .string(refusal.parameter))])
        guard problems == .jsonAPI else { return problem.response }
        var error = #""status":"\#(refusal.status.code)","title":\#(problem.title.jsonQuoted)"#
        error += #","detail":\#(detail.jsonQuoted)"#
        error += #","source":{"parameter":\#(refusal.parameter.jsonQuoted)}"#
        if let kind = refusal.kind {
            error += #","links":{"type":["\#(Self.profile)/\#(kind)"]}"#
        }
        if let maximum = refusal.maximum { error += #","meta":{"page":{"maxSize":\#(maximum)}}"# }
        return Response(
            status: refusal.status,
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

    /// A cursor that was good once is gone; all else is a bad request.
    var status: Status { reason == .expiredCursor ? .gone : .badRequest }

    /// The profile's name for it, where it has one.
    var kind: String? {
        switch reason {
        case .limitAboveMaximum: "max-size-exceeded"
        case .rangeNotSupported: "range-pagination-not-supported"
        default: nil
        }
    }
}
