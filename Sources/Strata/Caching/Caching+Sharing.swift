/// What a call of the handler brought, for all who waited for it.
enum Fetched: Sendable {
    /// A response that may be stored, and so used for every request that selects it; and what the
    /// handler answered, where it was asked.
    case shared(StoredHead, Content, origin: Origin?)
    /// A response for the request alone that led to the call.
    case exclusive(Response, Storability.Reason)
    /// A failure of the request alone that led to the call.
    case failure(any Error)

    /// What of the handler's answer is not stored.
    struct Origin: Sendable {
        /// The answer's status.
        let status: Status
        /// The fields that are for the request alone that led to the call: those that the answer
        /// keeps from being used again (RFC 9111 §5.2.2.4, §5.2.2.7).
        var ownFields: [Headers.Field] = []
        /// Whether the answer says how old it is, so that it comes from another cache.
        var isAged = false
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

/// One call of the handler for all who want the same.
extension Caching {
    /// What a call of the handler brings that is shared with all who want the same; nil where it
    /// is purged each time while it is made.
    func shared(
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
    func isRight(_ fetched: Fetched, for target: Target) -> Bool {
        guard case .shared(let head, let content, _) = fetched else { return true }
        switch content {
        // It was stored before anybody got it: whoever did not find it there came for another one.
        case .bytes where records?.storesAtOnce ?? false: return false
        // The next one may find the handler well again.
        case .filling(let filling) where filling.isBroken: return false
        case .bytes, .filling: break
        }
        return Reuse(head, directives: target.directives, now: time.now) == .fresh
    }

    /// Whether there was a purge, hard or soft, since the call of the handler began.
    func wasPurged(_ head: StoredHead) async -> Bool {
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
        let make: SingleFlight<CacheKey, Fetched>.Maker = { publish in
            // Others wait for it as well.
            try await Deadline.without {
                try await fetch(request, target, found, handler, publish: publish)
            }
        }
        guard let limit = configuration.softTimeout, staleOnError(target, found) != nil else {
            return try await flights.value(for: key, ifMade: isRight, make: make)
        }
        // It goes on when nobody waits for it any more.
        return try await time.withLimit(limit) {
            try await flights.value(for: key, ifMade: isRight, isKept: true, make: make)
        }
    }

    /// Starts fetching a response anew, unless that is under way: the whole of it, where the whole
    /// is stored, whatever part of it is asked for.
    func revalidate(
        _ request: Request, _ target: Target, _ found: Found, _ handler: @escaping Handler
    ) {
        var request = request
        request.method = request.method == .head ? .get : request.method
        if found.stored?.head.part == nil {
            request.headers.remove(.range)
            request.headers.remove(.ifRange)
        }
        let detached = request.detachedFromSession()
        flights.start(flightKey(request, target, found)) { publish in
            try await Deadline.without {
                try await fetch(detached, target, found, handler, publish: publish)
            }
        }
    }

    /// Whether a request may wait for another's call of the handler, or others for its own.
    func mayShare(_ request: Request, _ target: Target, _ found: Found) -> Bool {
        if case .uncacheable = found { return false }
        return request.method != .head && !target.directives.noStore
    }

    /// Whether it is remembered that what answers requests with credentials is for each of them
    /// alone.
    func isForEachAlone(_ request: Request, _ target: Target) async -> Bool {
        guard request.hasCredentials, case .uncacheable = await record(target.keyOfCredentials)
        else { return false }
        return true
    }

    /// Whether a response is the one that a request selects (RFC 9111 §4.1).
    func isSelected(_ head: StoredHead, by request: Request) -> Bool {
        head.selection == Selection.fields(head.selection.map(\.name), of: request)
    }

    /// Whether a response that came while a request waited may answer it: not where it would have
    /// to be validated first.
    func mayFollow(_ head: StoredHead, _ target: Target) -> Bool {
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

    /// A fresh response that was stored since the request looked; never where it wants the handler
    /// asked anyway.
    func newer(
        than found: Found, _ request: Request, _ target: Target
    ) async -> StoredResponse? {
        newer(await lookUp(request, target), than: found, target)
    }

    /// What was found since, where it is fresh and was stored since the request looked.
    func newer(_ current: Found, than found: Found, _ target: Target) -> StoredResponse? {
        guard target.directives.noCache == .absent,
            case .response(let stored, _, _) = current, stored.head.part == nil,
            stored.head.made != found.stored?.head.made
                || stored.head.born != found.stored?.head.born,
            Reuse(stored.head, directives: target.directives, now: time.now) == .fresh
        else { return nil }
        return stored
    }
}

extension Request {
    /// Whether the request says whose it is, so that its answer may be for nobody else.
    var hasCredentials: Bool { headers.contains(.cookie) || headers.contains(.authorization) }
}
