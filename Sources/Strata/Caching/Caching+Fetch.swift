/// What a call of the handler brought, for all who waited for it.
enum Fetched: Sendable {
    /// A response that may be stored, and so used for every request that selects it; and what the
    /// handler answered, where it was asked.
    case shared(StoredHead, Content, origin: Origin?)
    /// A response for the request alone that led to the call.
    case exclusive(Response, Storability.Reason)

    /// What of the handler's answer is not stored.
    struct Origin: Sendable {
        /// The answer's status.
        let status: Status
        /// The fields that are for the request alone that led to the call: those that the answer
        /// keeps from being used again (RFC 9111 §5.2.2.4, §5.2.2.7).
        var ownFields: [Headers.Field] = []
    }

    /// Content that is there, or still being made.
    enum Content: Sendable {
        case bytes([UInt8])
        case filling(FillingBody)

        /// The content for one reader; nil where it is too late to join.
        var body: Body? {
            switch self {
            case .bytes(let bytes): .bytes(bytes)
            case .filling(let filling): filling.body()
            }
        }
    }
}

extension Caching {
    // MARK: Asking the handler

    /// Gets the response from the handler, together with others who want the same.
    func forward(
        _ request: Request, _ target: Target, _ found: Found, _ status: CacheStatus, _ next: Next
    ) async throws -> Response {
        do {
            guard let handler = next.detached, mayShare(request, target, found),
                let (fetched, role) = try await shared(request, target, found, handler)
            else { return try await fetchAlone(request, target, found, status, next) }
            switch (fetched, role) {
            case (.exclusive(let response, let reason), .leader):
                return exclusive(response, reason, request, target, found, status)
            case (.shared(let head, let content, let origin), _):
                guard role == .leader || (isSelected(head, by: request) && mayFollow(head, target)),
                    let body = content.body
                else { break }
                guard role != .latecomer, let origin else {
                    var status = CacheStatus()
                    status.timeToLive = Int(head.timeToLive(at: time.now).wholeSeconds)
                    return reply(with: head, body, to: request, status, time.now)
                }
                var status = status
                status.isStored = true
                status.isCollapsed = role == .follower
                if origin.status != head.status { status.forwardStatus = origin.status }
                let own = role == .leader ? origin.ownFields : []
                return reply(
                    with: head, body, to: request, status, time.now, own: own,
                    key: target.key(of: head))
            case (.exclusive, _): break
            }
            return try await fetchAlone(request, target, found, status, next)
        } catch is SingleFlight<CacheKey, Fetched>.TooManyWaiting {
            return try await fetchAlone(request, target, found, status, next)
        } catch let error where !(error is CancellationError && Task.isCancelled) {
            if let stored = staleOnError(target, found) {
                return stale(stored, request, status, forwarded: nil)
            }
            guard let error = error as? TimeLimitExceeded else { throw error }
            let problem = Problem(.gatewayTimeout, detail: error.description)
            return finish(problem.response, status, request)
        }
    }

    /// What a call of the handler brings that is shared with all who want the same; nil where it
    /// is purged each time while it is made.
    private func shared(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler
    ) async throws -> (Fetched, SingleFlight<CacheKey, Fetched>.Role)? {
        var isPurged = false
        for _ in 0..<3 {
            let (fetched, role) = try await collapsed(
                request, target, found, handler,
                ifMade: { [isPurged] in !isPurged && isRight($0, for: target) })
            guard role != .leader, case .shared(let head, _, _) = fetched,
                await wasPurged(head)
            else { return (fetched, role) }
            isPurged = true
        }
        return nil
    }

    /// Whether what was made before a request came may answer it, as what is stored may.
    private func isRight(_ fetched: Fetched, for target: Target) -> Bool {
        guard case .shared(let head, let content, _) = fetched else { return true }
        // The next one may find the handler well again.
        if case .filling(let filling) = content, filling.isBroken { return false }
        return Reuse(head, directives: target.directives, now: time.now) == .fresh
    }

    /// Whether there was a purge, hard or soft, since the call of the handler began.
    private func wasPurged(_ head: StoredHead) async -> Bool {
        if let records { return await records.wasPurged(head) }
        let names = head.generations.map(\.name)
        guard let current = try? await store.generations(of: names) else { return false }
        return head.generations.map(\.generation) != current
    }

    /// What a call of the handler brings that all who want the same wait for; the time for it is
    /// limited where something stale can be served instead.
    private func collapsed(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler,
        ifMade isRight: @escaping @Sendable (Fetched) -> Bool
    ) async throws -> (Fetched, SingleFlight<CacheKey, Fetched>.Role) {
        let key = flightKey(request, target, found)
        let make: SingleFlight<CacheKey, Fetched>.Maker = {
            try await fetch(request, target, found, handler, publish: $0)
        }
        guard let limit = configuration.softTimeout, staleOnError(target, found) != nil else {
            return try await flights.value(for: key, ifMade: isRight, make: make)
        }
        // It goes on when nobody waits for it any more.
        flights.start(key, make: make)
        return try await time.withLimit(limit) {
            try await flights.value(for: key, ifMade: isRight, make: make)
        }
    }

    /// Starts fetching a response anew, unless that is under way.
    func revalidate(
        _ request: Request, _ target: Target, _ found: Found, _ key: CacheKey,
        _ handler: @escaping Handler
    ) {
        var request = request
        request.method = request.method == .head ? .get : request.method
        let detached = request.detachedFromSession()
        flights.start(key) {
            try await fetch(detached, target, found, handler, publish: $0)
        }
    }

    /// Whether a request may wait for another's call of the handler, or others for its own.
    private func mayShare(_ request: Request, _ target: Target, _ found: Found) -> Bool {
        if case .uncacheable = found { return false }
        return request.method != .head && !target.directives.noStore
    }

    /// Whether a response is the one that a request selects (RFC 9111 §4.1).
    private func isSelected(_ head: StoredHead, by request: Request) -> Bool {
        head.selection == Selection.fields(head.selection.map(\.name), of: request)
    }

    /// Whether a response that came while a request waited may answer it: not where it would have
    /// to be validated first.
    private func mayFollow(_ head: StoredHead, _ target: Target) -> Bool {
        if head.terms.requiresValidation { return false }
        return head.terms.lifetime > head.age(at: time.now) || !head.terms.forbidsStale
    }

    func flightKey(
        _ request: Request, _ target: Target, _ found: Found
    ) -> CacheKey {
        var key =
            switch found {
            case .nothing, .uncacheable: target.key
            case .noVariant(let key, _), .part(_, let key), .response(_, let key, _): key
            }
        // What comes may differ from what is there, and not answer the other URIs.
        if key.isShared { key = key.appending(target.key.text) }
        guard let range = request.headers[.range] else { return key }
        return key.appending("range \(range) \(request.headers[.ifRange] ?? "")")
    }

    /// Gets the response for this request alone; it may still be stored.
    private func fetchAlone(
        _ request: Request, _ target: Target, _ found: Found, _ status: CacheStatus, _ next: Next
    ) async throws -> Response {
        let outcome = try await ask(request, target, found, { try await next($0) })
        var status = status
        switch outcome {
        case .exclusive(let response, let reason):
            if request.method == .head { await learn(from: response, request, target, found) }
            return exclusive(response, reason, request, target, found, status)
        case .store(let head, let content, let origin):
            if origin.status != head.status { status.forwardStatus = origin.status }
            status.isStored = true
            let body: Body
            switch content {
            case .there(let bytes):
                await save(head, bytes, request, target, found)
                body = .bytes(bytes)
            case .stream(let stream):
                body = .stream(
                    stream.kept(upTo: configuration.maximumBodyBytes) { content in
                        await save(head, content, request, target, found)
                    })
            }
            return reply(
                with: head, body, to: request, status, time.now, own: origin.ownFields,
                key: target.key(of: head))
        }
    }

    /// Gets the response for everybody: runs as a task of its own.
    private func fetch(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler,
        publish: @Sendable (Fetched) -> Void
    ) async throws {
        // Between the look-up and now, another flight may have come and gone, here or elsewhere.
        let lease: FillLease?
        switch try await turn(request, target, found) {
        case .stored(let stored):
            return publish(.shared(stored.head, .bytes(stored.content), origin: nil))
        case .fill(let held): lease = held
        }
        defer { lease?.release() }
        switch try await ask(request, target, found, handler) {
        case .exclusive(let response, let reason):
            publish(.exclusive(response, reason))
            if reason.isOfResponse, response.status.code < 500 {
                await rememberUncacheable(target)
            }
        case .store(let head, .there(let bytes), let origin):
            // In memory it is stored at once; nobody waits for a store that is further away.
            let isNear = store is MemoryStore
            if isNear { await save(head, bytes, request, target, found) }
            publish(.shared(head, .bytes(bytes), origin: origin))
            if !isNear { await save(head, bytes, request, target, found) }
        case .store(let head, .stream(let stream), let origin):
            let filling = FillingBody(
                length: stream.length, limit: configuration.maximumBodyBytes)
            publish(.shared(head, .filling(filling), origin: origin))
            if let content = try await filling.fill(from: stream) {
                await save(head, content, request, target, found)
            }
        }
    }

    /// A fresh response that was stored since the request looked; never where it wants the handler
    /// asked anyway.
    func newer(
        than found: Found, _ request: Request, _ target: Target
    ) async -> StoredResponse? {
        guard target.directives.noCache == .absent,
            case .response(let stored, _, _) = await lookUp(request, target),
            stored.head.part == nil,
            stored.head.made != found.stored?.head.made
                || stored.head.born != found.stored?.head.born,
            Reuse(stored.head, directives: target.directives, now: time.now) == .fresh
        else { return nil }
        return stored
    }

    /// Asks the handler, and decides what its answer is good for.
    private func ask(
        _ request: Request, _ target: Target, _ found: Found,
        _ unlimited: @escaping Handler
    ) async throws -> Outcome {
        let handler = limited(unlimited)
        let generations = await generations(
            of: request, target, validating: found.stored?.head)
        let requested = time.now
        let response = try await handler(conditional(request, found))
        if response.status == .notModified, found.stored != nil || found.index != nil {
            if let confirmed = await confirmed(by: response, found) {
                return update(
                    confirmed, by: response, request, requested: requested, generations)
            }
            // It speaks of something that isn't stored any more: ask for the whole.
            let whole = try await handler(Validation.request(request, validating: nil))
            return await judge(whole, target, .nothing, request, requested: requested, generations)
        }
        if case .part(let stored, _) = found, response.status == .partialContent,
            !request.headers.contains(.range)
        {
            if let whole = try await completed(stored, by: response) {
                return await judge(
                    whole, target, .nothing, request, requested: requested, generations)
            }
            let whole = try await handler(Validation.request(request, validating: nil))
            return await judge(whole, target, .nothing, request, requested: requested, generations)
        }
        return await judge(response, target, found, request, requested: requested, generations)
    }

    /// The handler, within the hard time-out.
    private func limited(_ handler: @escaping Handler) -> Handler {
        guard let limit = configuration.hardTimeout else { return handler }
        return { request in try await time.withLimit(limit) { try await handler(request) } }
    }

    /// The whole response, of a stored part and the rest that came; nil where they don't fit.
    private func completed(
        _ stored: StoredResponse, by response: Response
    ) async throws -> Response? {
        guard let part = StoredPart(response) else { return nil }
        var head = stored.head
        head.headers = Validation.update(head.headers, by: response.headers)
        head.part = part
        let rest = try await response.body.collect(upTo: configuration.maximumBodyBytes)
        guard rest.count == part.range.count,
            let whole = Partial.combine(stored, StoredResponse(head: head, content: rest)),
            whole.head.part == nil
        else { return nil }
        var joined = Response(headers: whole.head.headers, body: .bytes(whole.content))
        joined.compression = stored.head.compression
        return joined
    }

    /// The request that goes to the handler: conditional on what is stored.
    private func conditional(_ request: Request, _ found: Found) -> Request {
        if case .uncacheable = found { return request }
        if case .part(let stored, _) = found, !request.headers.contains(.range),
            let completing = Partial.request(request, completing: stored.head)
        {
            return completing
        }
        return Validation.request(
            request, validating: found.stored?.head,
            entityTags: found.index?.variants.compactMap(\.etag) ?? [])
    }

    // MARK: What came of it

    /// What the handler's answer is good for.
    private enum Outcome {
        enum Content {
            case there([UInt8])
            case stream(BodyStream)
        }
        /// It may be stored, or brought what is stored up to date.
        case store(StoredHead, Content, Fetched.Origin)
        /// It is for this request alone.
        case exclusive(Response, Storability.Reason)
    }

    private func judge(
        _ response: Response, _ target: Target, _ found: Found, _ request: Request,
        requested: Timestamp, _ generations: FillGenerations?
    ) async -> Outcome {
        let received = time.now
        // An error doesn't take the place of something that may be served instead of it.
        if response.status.code >= 500, staleOnError(target, found) != nil {
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
        let origin = Fetched.Origin(status: response.status, ownFields: own)
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

    /// What is stored, brought up to date by a 304 (RFC 9111 §4.3.4).
    private func update(
        _ stored: StoredResponse, by notModified: Response, _ request: Request,
        requested: Timestamp, _ generations: FillGenerations?
    ) -> Outcome {
        let received = time.now
        var head = stored.head
        head.headers = Validation.update(head.headers, by: notModified.headers)
        head.born = InitialAge.born(
            notModified.headers, requested: requested, received: received)
        head.generations = generations?.merging(head.generations) ?? []
        head.beginning = generations?.beginning ?? FillBeginning()
        head.cost = max(.zero, received - requested)
        head.selection = Selection.fields(head.selection.map(\.name), of: request)
        let updated = Response(status: head.status, headers: head.headers)
        switch storability(request, updated, received) {
        case .store(let terms): head.terms = terms
        // It was stored before, and is right now; whether it is next time has to be asked.
        case .skip: head.terms = ReuseTerms(lifetime: .zero, requiresValidation: true)
        }
        return .store(head, .there(stored.content), Fetched.Origin(status: .notModified))
    }

    /// Brings a stored response up to date by the answer to a HEAD that agrees with it; one that
    /// doesn't makes it stale (RFC 9111 §4.3.5).
    private func learn(
        from response: Response, _ request: Request, _ target: Target, _ found: Found
    ) async {
        guard response.status == .ok, let stored = found.stored else { return }
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
            await save(head, stored.content, read, target, found)
        }
    }

    /// The stored response that a 304 speaks of: the selected one, or another variant.
    private func confirmed(by notModified: Response, _ found: Found) async -> StoredResponse? {
        if let stored = found.stored, Validation.answer(notModified, speaksOf: stored.head) {
            return stored
        }
        guard let tag = notModified.headers.first(.etag), let index = found.index,
            let variant = index.variants.first(where: { $0.etag == tag }),
            case .response(let stored) = await record(CacheKey(stored: variant.key))
        else { return nil }
        return stored
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

    // MARK: Answering

    private func exclusive(
        _ response: Response, _ reason: Storability.Reason, _ request: Request,
        _ target: Target, _ found: Found, _ status: CacheStatus
    ) -> Response {
        if response.status.code >= 500, let stored = staleOnError(target, found) {
            return stale(stored, request, status, forwarded: response.status)
        }
        var status = status
        status.detail = status.detail ?? reason.rawValue
        var response = response
        response.headers = response.headers.withoutConnectionFields
        return finish(response, status, request)
    }

    /// What may be served in the place of an error.
    private func staleOnError(_ target: Target, _ found: Found) -> StoredResponse? {
        guard let stored = found.stored,
            Reuse.isAllowedOnError(stored.head, directives: target.directives, now: time.now)
        else { return nil }
        return stored
    }

    private func stale(
        _ stored: StoredResponse, _ request: Request, _ status: CacheStatus, forwarded: Status?
    ) -> Response {
        let now = time.now
        var status = status
        status.forwardStatus = forwarded
        status.timeToLive = Int(stored.head.timeToLive(at: now).wholeSeconds)
        status.detail = "stale-if-error"
        return reply(with: stored.head, .bytes(stored.content), to: request, status, now)
    }
}
