extension Pagination {
    /// What is to be done with a request.
    enum Ask: Sendable {
        /// It asks for a page.
        case page(Asked)
        /// It is answered with a 4xx.
        case refused(Response)
    }

    /// A page that is asked for, and what is needed to answer.
    struct Asked: Sendable {
        let page: PageRequest
        let method: Method
        /// What stands before the path in links.
        let base: String
        let path: String
        let query: PageQuery
        let preferences: PagePreferences
        /// What cursors are bound to.
        let list: [UInt8]
        let listPath: [String]
        /// The list's tags that the client named by those of its page.
        fileprivate(set) var listTags: [EntityTag] = []

        /// How many items of the whole list stand before the page; nil where that isn't how the
        /// page is told.
        var offset: Int? {
            switch page.position {
            case .start: 0
            case .offset(let offset): offset
            case .after, .before, .end: nil
            }
        }
    }

    /// Decides what a request asks for.
    func ask(_ request: Request, _ content: [UInt8], _ rule: PaginationRule?) -> Ask {
        let query = PageQuery(request.query, style: configuration.style)
        let base = PageLink.base(request, configuration.links)
        let list = query.list(
            path: request.path, content: content, scope: configuration.scope?(request))
        let preferences =
            configuration.style.obeysPrefer
            ? PagePreferences(request.headers, query) : PagePreferences()
        do throws(PageRefusal) {
            var page = try limit(query, preferences, rule?.limits ?? limits)
            page.total = try total(query, preferences)
            switch try place(query, page.limit, in: list) {
            case nil:
                return .refused(gone(base, request.path, query))
            case .after(let key)? where query.isEnd: page.position = .before(key)
            case .offset(let end)? where query.isEnd:
                // The page that ends there, which is shorter where it begins with the list.
                page.position = end > page.limit ? .offset(end - page.limit) : .start
                page.limit = min(page.limit, end)
            case let position?: page.position = position
            }
            return .page(
                Asked(
                    page: page, method: request.method, base: base, path: request.path,
                    query: query, preferences: preferences, list: list,
                    listPath: rule?.listPath ?? configuration.style.listPath))
        } catch {
            events(PaginationEvent(path: request.path, outcome: .refused(error.reason)))
            return .refused(configuration.style.response(to: error))
        }
    }

    private func limit(
        _ query: PageQuery, _ preferences: PagePreferences, _ limits: Limits
    ) throws(PageRefusal) -> PageRequest {
        let style = configuration.style
        let wanted: Int
        switch query.limit {
        case .absent: wanted = preferences.limit ?? limits.standard
        case .number(let number): wanted = number
        case .invalid:
            throw PageRefusal(
                reason: .invalidLimit, parameter: style.limit,
                detail: "The limit is one whole number, from 1 to \(limits.maximum).")
        }
        // A preference is never a reason to refuse (RFC 7240 §2).
        if wanted > limits.maximum, style.overLimit == .refuse, preferences.limit == nil {
            throw PageRefusal(
                reason: .limitAboveMaximum, parameter: style.limit,
                detail: "The limit is too large.", maximum: limits.maximum)
        }
        return PageRequest(
            limit: min(wanted, limits.maximum), isLimitClamped: wanted > limits.maximum)
    }

    private func total(
        _ query: PageQuery, _ preferences: PagePreferences
    ) throws(PageRefusal) -> TotalRequest? {
        let maximum = configuration.maximumCount
        switch query.total {
        case .absent:
            return preferences.total.map {
                $0 == .exact ? .counted(upTo: maximum) : .estimated(upTo: maximum)
            }
        case .counted: return .counted(upTo: maximum)
        case .estimated: return .estimated(upTo: maximum)
        case .invalid(let name):
            throw PageRefusal(
                reason: .invalidTotal, parameter: name,
                detail: "A total is asked for with true or estimated.")
        }
    }

    /// The place that the query names; nil for a cursor that was good once.
    private func place(
        _ query: PageQuery, _ limit: Int, in list: [UInt8]
    ) throws(PageRefusal) -> PagePosition? {
        switch query.place {
        case .absent: return .start
        case .cursor(let text, let name, _):
            switch cursors.read(text, in: list, now: time.now) {
            case .valid(let position): return position
            case .expired: return nil
            case .refused:
                throw PageRefusal(
                    reason: .invalidCursor, parameter: name,
                    detail: "The cursor is none that was made for this list with these filters. "
                        + "Begin without one.")
            }
        case .number(let number):
            guard case .number(let name, let maximumDepth) = configuration.style.naming else {
                return .start
            }
            guard number <= maximumDepth / limit else {
                throw PageRefusal(
                    reason: .tooDeep, parameter: name,
                    detail: "Pages end at the item \(maximumDepth) at the latest.")
            }
            return number == 1 ? .start : .offset((number - 1) * limit)
        case .range(let name):
            throw PageRefusal(
                reason: .rangeNotSupported, parameter: name,
                detail: "A page begins behind one cursor or ends before one, not both.")
        case .invalid(let name):
            throw PageRefusal(
                reason: .invalidCursor, parameter: name,
                detail: "The parameter is one cursor, or one number of a page from 1 on.")
        }
    }

    /// The answer to a cursor that was good once: 410, with a link to the first page.
    func gone(_ base: String, _ path: String, _ query: PageQuery) -> Response {
        events(PaginationEvent(path: path, outcome: .refused(.expiredCursor)))
        let start = PageLink.target(base, path: path, query: query.text(place: nil, limit: nil))
        var name = ""
        if case .cursor(_, let cursor, _) = query.place { name = cursor }
        var response = configuration.style.response(
            to: PageRefusal(
                reason: .expiredCursor, parameter: name,
                detail: "The cursor is no longer good. Begin again without one."))
        response.headers[.link] = PageLink.line([(.first, start)])
        return response
    }
}

extension PageQuery {
    /// Whether the page is named by its end.
    fileprivate var isEnd: Bool {
        if case .cursor(_, _, let isEnd) = place { isEnd } else { false }
    }
}

extension Pagination.Asked {
    /// What tells a cut page's entity tag from that of the list it was cut from, and from those
    /// of other pages; nil where the handler makes the page.
    private var tagSuffix: String? { offset.map { "~\($0)+\(page.limit)" } }

    /// The entity tag of a page cut from a list with the given tag, weak where that is: the page's
    /// bytes follow from the list's. What is no tag gives nil.
    func pageTag(_ listTag: String) -> String? {
        guard let suffix = tagSuffix, let tag = EntityTag(listTag) else { return nil }
        return EntityTag(opaqueTag: tag.opaqueTag + suffix, isWeak: tag.isWeak)?.fieldValue
    }

    /// Puts the tags of the list in the place of its page's, so that a handler that knows only
    /// those can tell that nothing changed.
    mutating func translateConditions(in headers: inout Headers) {
        guard let suffix = tagSuffix else { return }
        for name in [HeaderName.ifNoneMatch, .ifMatch] where headers.contains(name) {
            var list = EntityTagList()
            for line in headers.lines(of: name) { list.add(line: line) }
            guard list.tags.contains(where: { $0.opaqueTag.hasSuffix(suffix) }) else { continue }
            headers[name] = list.tags.map { tag in
                guard tag.opaqueTag.hasSuffix(suffix),
                    let listTag = EntityTag(
                        opaqueTag: String(tag.opaqueTag.dropLast(suffix.count)),
                        isWeak: tag.isWeak)
                else { return tag.fieldValue }
                listTags.append(listTag)
                return listTag.fieldValue
            }.joined(separator: ", ")
        }
    }
}
