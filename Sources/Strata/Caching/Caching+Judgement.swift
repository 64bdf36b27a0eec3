extension Caching {
    /// What the handler's answer is good for.
    enum Outcome {
        enum Content {
            case there([UInt8])
            case stream(BodyStream)
        }
        /// It may be stored, or brought what is stored up to date.
        case store(StoredHead, Content, Fetched.Origin)
        /// It is for this request alone.
        case exclusive(Response, Storability.Reason)
        /// There is none, and whatever is wrong may be wrong with this request alone.
        case failure(any Error)
    }

    func judge(
        _ response: Response, _ target: Target, _ found: Found, _ request: Request,
        requested: Timestamp, _ generations: FillGenerations?
    ) async -> Outcome {
        let received = time.now
        // An error doesn't take the place of something that may be served instead of it.
        if response.status.isReplaceableError, staleOnError(target, found) != nil {
            return .exclusive(response, .status)
        }
        let terms: ReuseTerms
        switch storability(request, response, received) {
        case .skip(let reason): return .exclusive(response, reason)
        case .store(let storable): terms = storable
        }
        if let length = response.body.length, length > configuration.maximumBodyBytes {
            return .exclusive(response, .tooLarge)
        }
        let head = await storedHead(
            of: response, to: request, target, terms, requested: requested, received: received,
            generations)
        let own = response.headers.filter { restrictedFields(of: response).contains($0.name) }
        let origin = Fetched.Origin(
            status: response.status, ownFields: own, isAged: response.headers.contains(.age))
        return switch response.body {
        case .empty: .store(head, .there([]), origin)
        case .bytes(let bytes): .store(head, .there(bytes), origin)
        case .stream(let stream): .store(head, .stream(stream), origin)
        }
    }

    /// What is stored of a response besides its content.
    func storedHead(
        of response: Response, to request: Request, _ target: Target, _ terms: ReuseTerms,
        requested: Timestamp, received: Timestamp, _ generations: FillGenerations?
    ) async -> StoredHead {
        let names = await generations?.adding(
            response.cacheTags.map(PurgeName.tag)
                + Invalidation.groups(.cacheGroups, of: request, response)
                + searchNames(of: response, target), from: self)
        return StoredHead(
            status: response.status,
            headers: storedHeaders(of: response, received: received),
            born: InitialAge.born(response.headers, requested: requested, received: received),
            made: received, terms: terms,
            selection: Selection.fields(VaryField(response.headers, .vary).names, of: request),
            generations: names ?? [], beginning: generations?.beginning ?? FillBeginning(),
            cost: max(.zero, received - requested), part: StoredPart(response),
            compression: response.compression)
    }

    /// What is stored, brought up to date by a 304 (RFC 9111 §4.3.4); for this request alone where
    /// the 304 is no response that may be stored.
    func update(
        _ stored: StoredResponse, by notModified: Response, _ request: Request,
        requested: Timestamp, _ generations: FillGenerations?
    ) -> Outcome {
        let received = time.now
        var head = stored.head
        let restricted =
            restrictedFields(of: notModified) + (configuration.storesSetCookie ? [] : [.setCookie])
        var newer = notModified.headers
        newer.removeAll { restricted.contains($0.name) }
        head.headers = Validation.update(head.headers, by: newer)
        head.born = InitialAge.born(
            notModified.headers, requested: requested, received: received)
        head.generations = generations?.merging(head.generations) ?? []
        head.beginning = generations?.beginning ?? FillBeginning()
        head.cost = max(.zero, received - requested)
        head.selection = Selection.fields(head.selection.map(\.name), of: request)
        // Of a part it is asked as of the whole: that it is one has been found in order before.
        let updated = Response(
            status: head.part == nil ? head.status : .ok, headers: head.headers)
        switch storability(request, updated, received) {
        case .store(let terms): head.terms = terms
        case .skip(let reason):
            head.headers = Validation.update(stored.head.headers, by: notModified.headers)
            var response = Response(
                status: head.status, headers: head.headers, body: .bytes(stored.content))
            if let ranges = Partial.ranges(request, of: head, now: received),
                let part = Partial.answer(ranges, head, stored.content)
            {
                response = part
            }
            response.compression = head.compression
            return .exclusive(response, reason)
        }
        let own = notModified.headers.filter { restricted.contains($0.name) }
        return .store(
            head, .there(stored.content),
            Fetched.Origin(
                status: .notModified, ownFields: own,
                isAged: notModified.headers.contains(.age)))
    }

    /// Brings a stored response up to date by the answer to a HEAD that agrees with it; one that
    /// doesn't makes it stale (RFC 9111 §4.3.5).
    func learn(
        from response: Response, _ request: Request, _ target: Target, _ found: Found
    ) async {
        guard response.status == .ok, case .response(let stored, let key, _) = found else { return }
        let received = time.now
        var read = request
        read.method = .get
        if Validation.head(response, agreesWith: stored) {
            let generations = await generations(of: request, target)
            if case .store(let head, .there(let content), _) = update(
                stored, by: response, read, requested: received, generations)
            {
                await save(head, content, read, target, found)
            }
        } else {
            var head = stored.head
            head.terms = ReuseTerms(lifetime: .zero, requiresValidation: true)
            if timeToLive(of: head) > .zero {
                await save(head, stored.content, read, target, found)
            } else {
                await remove(key)
            }
        }
    }

    /// The stored response that a 304 speaks of: the selected one, or another variant; nil where
    /// that has not all of what the request wants.
    func confirmed(
        by notModified: Response, _ found: Found, _ request: Request
    ) async -> StoredResponse? {
        if let stored = found.stored, Validation.answer(notModified, speaksOf: stored.head) {
            return stored
        }
        guard let tag = notModified.headers.first(.etag), let index = found.index,
            let variant = index.variants.first(where: { $0.etag == tag }),
            case .response(let stored) = await record(CacheKey(stored: variant.key)),
            // It may have been replaced since.
            Validation.answer(notModified, speaksOf: stored.head)
        else { return nil }
        guard let part = stored.head.part else { return stored }
        let ranges = Partial.ranges(request, of: stored.head, now: time.now)
        return Partial.holds(part, ranges) ? stored : nil
    }

    func storability(
        _ request: Request, _ response: Response, _ now: Timestamp
    ) -> Storability {
        let rule = rules.first { $0.matches(request) && $0.matches(response) }
        return Storability(
            request, response, rule: rule, targetFields: configuration.targetFields,
            storesSetCookie: configuration.storesSetCookie, now: now)
    }

    /// The fields that are stored: not those of the connection, nor those that the response
    /// keeps from being used again (RFC 9111 §5.2.2.4, §5.2.2.7).
    func storedHeaders(of response: Response, received: Timestamp) -> Headers {
        var headers = response.headers.withoutConnectionFields
        let restricted = restrictedFields(of: response)
        if !restricted.isEmpty { headers.removeAll { restricted.contains($0.name) } }
        headers.remove(.age)
        if !headers.contains(.date) { headers[.date] = received.httpDate }
        return headers
    }

    /// The fields that `private` and `no-cache` name.
    private func restrictedFields(of response: Response) -> [HeaderName] {
        let control = CacheControl(response.headers, .cacheControl)
        return [control.private, control.noCache].flatMap { restriction in
            if case .fields(let names) = restriction { names } else { [HeaderName]() }
        }
    }
}
