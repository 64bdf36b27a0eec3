extension Pagination {
    /// What is to be done with a request.
    enum Ask: Sendable {
        /// It asks for a page.
        case page(Asked)
        /// It is answered with a problem.
        case refused(Problem)
    }

    /// A page that is asked for, and what is needed to answer.
    struct Asked: Sendable {
        let page: PageRequest
        let method: Method
        let path: String
        let query: PageQuery
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
            case .after, .before: nil
            }
        }
    }

    /// Decides what a request asks for.
    func ask(_ request: Request, _ content: [UInt8], _ rule: PaginationRule?) -> Ask {
        let query = PageQuery(request.query, names: configuration.parameters)
        let limits = rule?.limits ?? limits
        let names = configuration.parameters

        let wanted: Int
        switch query.limit {
        case .absent: wanted = limits.standard
        case .number(let number): wanted = number
        case .invalid:
            return refuse(
                request, .invalidLimit, names.limit,
                "The limit is one whole number, from 1 to \(limits.maximum).")
        }
        if wanted > limits.maximum, configuration.overLimit == .refuse {
            return refuse(
                request, .limitAboveMaximum, names.limit,
                "The limit is at most \(limits.maximum).")
        }

        let list = query.list(
            path: request.path, content: content, scope: configuration.scope?(request))
        let position: PagePosition
        switch query.cursor {
        case .absent: position = .start
        case .repeated:
            return refuse(
                request, .invalidCursor, names.cursor, "There is more than one cursor.")
        case .text(let text):
            switch cursors.read(text, in: list, now: time.now) {
            case .valid(let place): position = place
            case .expired: return .refused(gone(request.path, query))
            case .refused:
                return refuse(
                    request, .invalidCursor, names.cursor,
                    "The cursor is none that was made for this list with these filters. "
                        + "Begin without one.")
            }
        }
        let page = PageRequest(
            limit: min(wanted, limits.maximum), isLimitClamped: wanted > limits.maximum,
            position: position)
        return .page(
            Asked(
                page: page, method: request.method, path: request.path, query: query, list: list,
                listPath: rule?.listPath ?? configuration.listPath))
    }

    private func refuse(
        _ request: Request, _ reason: PaginationEvent.Reason, _ parameter: String, _ detail: String
    ) -> Ask {
        events(PaginationEvent(path: request.path, outcome: .refused(reason)))
        return .refused(
            Problem(
                .badRequest, detail: detail,
                extensions: [(name: "parameter", value: .string(parameter))]))
    }

    /// The answer to a cursor that was good once: 410, with a link to the first page.
    func gone(_ path: String, _ query: PageQuery) -> Problem {
        events(PaginationEvent(path: path, outcome: .refused(.expiredCursor)))
        let start = PageLink.target(path: path, query: query.text(cursor: nil, limit: nil))
        return Problem(
            .gone, detail: "The cursor is no longer good. Begin again without one.",
            headers: [.link: PageLink.line([(.first, start)])])
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
