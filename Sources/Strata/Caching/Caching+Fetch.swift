extension Caching {
    // MARK: Asking the handler

    /// Gets the response from the handler, together with others who want the same.
    func forward(
        _ request: Request, _ target: Target, _ found: Found, _ status: CacheStatus, _ next: Next
    ) async throws -> Response {
        do {
            if mayShare(request, target, found), !(await isForEachAlone(request, target)) {
                if let handler = next.detached {
                    if let (fetched, role) = try await shared(request, target, found, handler),
                        let response = try answer(fetched, role, request, target, found, status)
                    {
                        return response
                    }
                } else if let response = try await fetchInTurn(
                    request, target, found, status, next)
                {
                    return response
                }
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

    /// What a call of the handler that others may wait for is to a request; nil where it doesn't
    /// answer it.
    func answer(
        _ fetched: Fetched, _ role: SingleFlight<CacheKey, Fetched>.Role, _ request: Request,
        _ target: Target, _ found: Found, _ status: CacheStatus
    ) throws -> Response? {
        switch fetched {
        case .failure(let error):
            guard role == .leader else { return nil }
            throw error
        case .exclusive(let response, let reason):
            guard role == .leader else { return nil }
            return exclusive(response, reason, request, target, found, status)
        case .shared(let head, let content, let origin):
            guard role == .leader || (isSelected(head, by: request) && mayFollow(head, target)),
                let body = content.body
            else { return nil }
            return answer(head, body, origin, role, request, target, status)
        }
    }

    func answer(
        _ head: StoredHead, _ body: Body, _ origin: Fetched.Origin?,
        _ role: SingleFlight<CacheKey, Fetched>.Role, _ request: Request, _ target: Target,
        _ status: CacheStatus
    ) -> Response {
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
            with: head, body, to: request, status, time.now, own: own, key: target.key(of: head),
            isAged: role != .leader || origin.isAged)
    }

    /// Gets the response for this request alone; it may still be stored.
    private func fetchAlone(
        _ request: Request, _ target: Target, _ found: Found, _ status: CacheStatus, _ next: Next
    ) async throws -> Response {
        let outcome = try await ask(request, target, found, { try await next($0) })
        var status = status
        switch outcome {
        case .failure(let error): throw error
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
                key: target.key(of: head), isAged: origin.isAged)
        }
    }

    /// Gets the response for everybody: runs as a task of its own.
    func fetch(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler,
        publish: @Sendable (Fetched) -> Void
    ) async throws {
        var lease: FillLease?
        defer { lease?.release() }
        let filled = try await fill(
            request, target, found, handler, hold: { lease = $0 }, publish: publish)
        guard case .streams(let head, let stream, let origin, _) = filled else { return }
        let filling = FillingBody(length: stream.length, limit: configuration.maximumBodyBytes)
        publish(.shared(head, .filling(filling), origin: origin))
        if let content = try await filling.fill(from: stream) {
            await save(head.ended(at: time.now), content, request, target, found, under: lease)
        }
    }

    /// What a turn to fill brought.
    enum Fill {
        /// It is published, and is stored where it may be.
        case done(Fetched)
        /// It is to be stored, but its content is still to be made.
        case streams(StoredHead, BodyStream, Fetched.Origin, FillLease?)
    }

    /// Takes a turn to fill, and publishes what it brings as soon as its content is there.
    ///
    /// - Parameters:
    ///   - hold: takes the lease to fill where there is one, to be released when the content is
    ///     made, or can't be.
    ///   - publish: takes what is for all who wait for it.
    func fill(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler,
        hold: (FillLease) -> Void, publish: (Fetched) -> Void
    ) async throws -> Fill {
        let fetched: Fetched
        let lease: FillLease?
        // Between the look-up and now, another flight may have come and gone, here or elsewhere.
        switch try await turn(request, target, found) {
        case .stored(let stored):
            fetched = .shared(stored.head, .bytes(stored.content), origin: nil)
            publish(fetched)
            return .done(fetched)
        case .fill(let taken):
            lease = taken
            if let lease { hold(lease) }
        }
        switch try await ask(request, target, found, handler) {
        case .failure(let error):
            fetched = .failure(error)
            publish(fetched)
        case .exclusive(let response, let reason):
            fetched = .exclusive(response, reason)
            publish(fetched)
            if reason.isLasting, !response.status.isReplaceableError {
                await rememberUncacheable(request, target, found)
            }
        case .store(let head, .there(let bytes), let origin):
            fetched = .shared(head, .bytes(bytes), origin: origin)
            // Nobody waits for a store that is further away than the memory.
            let isNear = records?.storesAtOnce ?? false
            if isNear { await save(head, bytes, request, target, found) }
            publish(fetched)
            if !isNear { await save(head, bytes, request, target, found, under: lease) }
        case .store(let head, .stream(let stream), let origin):
            return .streams(head, stream, origin, lease)
        }
        return .done(fetched)
    }

    /// Asks the handler, and decides what its answer is good for.
    func ask(
        _ request: Request, _ target: Target, _ found: Found,
        _ unlimited: @escaping Handler
    ) async throws -> Outcome {
        do {
            return try await judged(request, target, found, limited(unlimited))
        } catch  where mayBeOwn(error, of: request) {
            return .failure(error)
        }
    }

    /// Whether a failure may be that of this request's client, who isn't logged in, say: others who
    /// want the same must not hear of it, as they would not get a response that was made for it.
    private func mayBeOwn(_ error: any Error, of request: Request) -> Bool {
        if error is any ImpersonalFailure || error is CancellationError { return false }
        return request.sessionTouched || request.hasCredentials
    }

    private func judged(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler
    ) async throws -> Outcome {
        let generations = await generations(
            of: request, target, validating: found.stored?.head)
        let requested = time.now
        let response = try await handler(conditional(request, found))
        if response.status == .notModified, found.stored != nil || found.index != nil {
            if let confirmed = await confirmed(by: response, found, request) {
                return update(
                    confirmed, by: response, request, requested: requested, generations)
            }
            // It speaks of something that isn't stored any more: ask for the whole.
            let whole = try await handler(Validation.request(request, validating: nil))
            return await judge(whole, target, .nothing, request, requested: requested, generations)
        }
        // The rest of what is stored was asked for, in the place of the whole.
        if case .part(let stored, _) = found, !request.headers.contains(.range),
            response.status == .partialContent || response.status == .rangeNotSatisfiable
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

    // MARK: Answering

    func exclusive(
        _ response: Response, _ reason: Storability.Reason, _ request: Request,
        _ target: Target, _ found: Found, _ status: CacheStatus
    ) -> Response {
        if response.status.isReplaceableError, let stored = staleOnError(target, found) {
            return stale(stored, request, status, forwarded: response.status)
        }
        var status = status
        status.detail = status.detail ?? reason.rawValue
        var response = Validation.conditioned(response, to: request, now: time.now)
        response.headers = response.headers.withoutConnectionFields
        return finish(response, status, request)
    }

    /// What may be served in the place of an error.
    func staleOnError(_ target: Target, _ found: Found) -> StoredResponse? {
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
