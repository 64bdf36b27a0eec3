extension Pagination {
    /// Why a response can't be cut.
    typealias Obstacle = PaginationEvent.Obstacle

    /// Makes a page of what the handler answered.
    func page(of response: Response, _ asked: Asked) async throws -> Response {
        if response.status == .notModified { return notModified(response, asked) }
        guard response.status == .ok else { return response }
        let bounds = response.page
        guard asked.fits(bounds) else { return gone(asked.base, asked.path, asked.query) }
        if let coding = response.headers[.contentEncoding],
            !coding.equalsIgnoringASCIICase("identity")
        {
            return uncut(response, asked, .encoded)
        }
        guard let format = response.headers[.contentType].flatMap(MediaType.init)?.listFormat else {
            return bounds.map { linked(response, asked, count: nil, $0, nil) }
                ?? uncut(response, asked, .content)
        }
        if asked.method == .head, response.body.length == 0 { return head(response) }
        let offset = bounds == nil ? asked.offset ?? 0 : 0
        let slice = try await slice(response.body, format, asked, offset)
        switch slice.outcome {
        case .page(let count, let hasMore):
            if hasMore, bounds != nil || isNumbered, count < asked.page.limit {
                // Cut for its bytes: what follows has no number, or no key.
                return uncut(response, asked, .tooLarge)
            }
            if hasMore, bounds != nil { return uncut(response, asked, .overrun) }
            var response = response
            response.body = slice.body
            if bounds == nil, hasMore || offset > 0 { becomePage(&response.headers, asked) }
            let found =
                bounds ?? asked.bounds(behind: hasMore ? offset + count : nil, total: slice.total)
            return linked(response, asked, count: count, found, slice.page)
        case .notAList:
            return uncut(response, asked, .noList, slice.body)
        case .malformed(let fault, let place):
            return uncut(response, asked, .malformed(fault, at: place), slice.body)
        case .tooLarge:
            return uncut(response, asked, .tooLarge, slice.body)
        }
    }

    // MARK: - What can't be cut

    /// Does with a response that can't be cut what the configuration says.
    ///
    /// Whoever asked for a later page is always refused: passing the list from its front would
    /// give items a second time.
    private func uncut(
        _ response: Response, _ asked: Asked, _ obstacle: Obstacle, _ body: Body? = nil
    ) -> Response {
        let isLater = asked.page.position != .start
        switch isLater && response.page == nil ? .refuse : policy(for: obstacle) {
        case .pass: break
        case .report:
            events(PaginationEvent(path: asked.path, outcome: .uncut(obstacle)))
        case .refuse:
            events(PaginationEvent(path: asked.path, outcome: .failed(obstacle)))
            return Problem(
                .internalServerError,
                detail: "The list can't be given in pages, and is not given without."
            ).response
        }
        var response = response
        if let body { response.body = body }
        return response
    }

    private func policy(for obstacle: Obstacle) -> Uncuttable {
        switch obstacle {
        case .content: configuration.otherContent
        case .encoded: configuration.encodedContent
        case .noList: configuration.noList
        case .malformed: configuration.malformedList
        case .tooLarge: configuration.oversizedList
        case .overrun, .unwritableKey: .refuse
        }
    }

    // MARK: - The header

    /// Adds the links and the limit.
    private func linked(
        _ response: Response, _ asked: Asked, count: Int?, _ bounds: PageBounds,
        _ page: JSONArraySlicer.Page?
    ) -> Response {
        guard let next = place(bounds.next, asked, isPrevious: false),
            let previous = place(bounds.previous, asked, isPrevious: true)
        else { return uncut(response, asked, .unwritableKey) }
        let last = place(bounds.last, asked, isPrevious: false) ?? .absent
        func target(_ place: PagePlace) -> String {
            // A link says by itself what the client or the layer said elsewhere.
            let isImplied = asked.page.isLimitClamped || asked.preferences.limit != nil
            let limit = place.limit ?? (isImplied ? asked.page.limit : nil)
            return PageLink.target(
                asked.base, path: asked.path,
                query: asked.query.text(place: place.parameter, limit: limit))
        }
        let first: PagePlace = asked.page.position == .start ? .absent : .first
        let links: [(relation: PageLink.Relation, target: String)] = [
            (.next, next), (.prev, previous), (.first, first), (.last, last),
        ].compactMap { $1.isThere ? ($0, target($1)) : nil }

        var response = response
        if !links.isEmpty {
            let line = PageLink.line(links)
            response.headers[.link] = response.headers[.link].map { $0 + ", " + line } ?? line
        }
        let total = asked.page.total == nil ? nil : bounds.total
        addFields(to: &response.headers, asked, count: count, total)
        let members = configuration.style.members(
            links: links, nextCursor: next.parameter?.value, first: target(.first), total: total)
        if let bytes = page?.adding(members) {
            response.body = .bytes(bytes)
            if response.page == nil { becomePage(&response.headers, asked) }
        }
        events(
            PaginationEvent(
                path: asked.path, outcome: .page(count: count, hasMore: bounds.next != nil)))
        return response
    }

    /// How another page is named in the query.
    private struct PagePlace {
        var isThere = true
        var parameter: (name: String, value: String)?
        var limit: Int?

        static let absent = PagePlace(isThere: false)
        static let first = PagePlace()
    }

    /// How a place is named in the query; nil where it can't be.
    private func place(
        _ position: PagePosition?, _ asked: Asked, isPrevious: Bool
    ) -> PagePlace? {
        guard let position else { return .absent }
        func sealed(_ position: PagePosition, _ name: String) -> PagePlace? {
            cursors.text(for: position, in: asked.list, now: time.now).map {
                PagePlace(parameter: (name, $0))
            }
        }
        switch (configuration.style.naming, position) {
        case (.number(let name, let maximumDepth), .start),
            (.number(let name, let maximumDepth), .offset):
            let offset = position.offset ?? 0
            guard offset % asked.page.limit == 0 else { return nil }
            guard offset + asked.page.limit <= maximumDepth else { return .absent }
            return PagePlace(parameter: (name, String(offset / asked.page.limit + 1)))
        case (.number, _):
            return nil
        case (.cursors(_, let before), .before(let key)):
            return sealed(.after(key), before)
        case (.cursors(_, let before), .end):
            return sealed(.end, before)
        case (.cursors(_, let before), _) where isPrevious:
            return asked.offset.flatMap { sealed(.offset($0), before) }
        case (_, .start):
            // A page that begins less than a limit from the front: the one before it ends there.
            return PagePlace(
                limit: asked.offset.flatMap { $0 > 0 && $0 < asked.page.limit ? $0 : nil })
        case (.cursor(let name), _), (.cursors(let name, _), _):
            return sealed(position, name)
        }
    }

    private var isNumbered: Bool {
        if case .number = configuration.style.naming { true } else { false }
    }

    /// Takes away what was true of the whole list alone.
    private func becomePage(_ headers: inout Headers, _ asked: Asked) {
        headers[.etag] = headers[.etag].flatMap(asked.pageTag)
        for name in Self.fieldsOfTheWhole { headers.remove(name) }
    }

    /// Says what limit applied, how many items there are here and in all, and what preferences
    /// counted.
    private func addFields(
        to headers: inout Headers, _ asked: Asked, count: Int?, _ total: PageTotal?
    ) {
        var field = "limit=\(asked.page.limit)" + (asked.page.isLimitClamped ? ";clamped" : "")
        if let count { field += ", count=\(count)" }
        switch total {
        case nil: break
        case .exactly(let total): field += ", total=\(total)"
        case .atLeast(let total): field += ", total=\(total);at-least"
        case .estimated(let total): field += ", total=\(total);estimated"
        }
        headers["Pagination"] = field
        if let unit = configuration.style.rangeUnit, let offset = asked.offset, let count {
            let size: String
            if case .exactly(let total) = total { size = String(total) } else { size = "*" }
            // A range of none has no first item; then the size is all there is to say.
            if count > 0 {
                headers[.contentRange] = "\(unit) \(offset)-\(offset + count - 1)/\(size)"
            } else if size != "*" {
                headers[.contentRange] = "\(unit) */\(size)"
            }
        }
        if let applied = asked.preferences.applied(hasTotal: total != nil) {
            headers["Preference-Applied"] = applied
        }
    }

    private static let fieldsOfTheWhole: [HeaderName] = [
        .contentLength, .contentRange, .acceptRanges, .contentLocation, .contentDigest,
        .reprDigest, "Content-MD5", "Digest",
    ]

    /// The answer to a HEAD that came without content: nobody knows what the page would be, so
    /// what is said of the list is left out (RFC 9110 §9.3.2).
    private func head(_ response: Response) -> Response {
        var response = response
        response.headers.remove(.etag)
        for name in Self.fieldsOfTheWhole { response.headers.remove(name) }
        return response
    }

    /// A list that did not change has pages that did not.
    private func notModified(_ response: Response, _ asked: Asked) -> Response {
        guard let tag = response.headers[.etag], let pageTag = asked.pageTag(tag),
            let listTag = EntityTag(tag),
            asked.listTags.contains(where: { $0.weaklyMatches(listTag) })
        else { return response }
        var response = response
        response.headers[.etag] = pageTag
        return response
    }
}

extension Pagination.Asked {
    /// Whether what the handler did goes with the cursor: one that names a row is nothing to a
    /// handler that ignores pages, and the other way round. That happens when a handler changed
    /// its ways; the cursor is then of no use any more.
    fileprivate func fits(_ bounds: PageBounds?) -> Bool {
        switch (page.position, bounds) {
        case (.start, _), (.offset, nil): true
        case (.after, nil), (.before, nil), (.end, nil): false
        case (.offset, let bounds?):
            ![bounds.next, bounds.previous].contains { $0?.isKey ?? false }
        case (.after, _?), (.before, _?), (.end, _?): true
        }
    }
}

extension Pagination.Asked {
    /// The pages beside one that was cut, where the next begins at an offset.
    fileprivate func bounds(behind end: Int?, total: PageTotal?) -> PageBounds {
        let offset = offset ?? 0
        let previous: PagePosition? =
            switch offset - page.limit {
            case _ where offset == 0: nil
            case ...0: .start
            case let start: .offset(start)
            }
        var last: PagePosition?
        if end != nil, case .exactly(let count) = total {
            last = .offset(offset + (count - 1 - offset) / page.limit * page.limit)
        }
        return PageBounds(
            next: end.map { .offset($0) }, previous: previous, last: last, total: total)
    }
}

extension PagePosition {
    fileprivate var offset: Int? {
        if case .offset(let offset) = self { offset } else { nil }
    }

    /// Whether it names an item.
    var isKey: Bool {
        switch self {
        case .start, .offset, .end: false
        case .after, .before: true
        }
    }
}
