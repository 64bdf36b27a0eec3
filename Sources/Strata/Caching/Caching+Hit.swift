// Hits of what is at hand: the store has it in this process' memory, and it is whole, and fresh for
// long enough. They are most of what a cache is asked for, so they are answered without suspending.

extension Caching {
    /// The answer to a request, where what the store has at hand is all it takes.
    ///
    /// - Parameter prompt: what the store says of the key at once.
    func promptHit(
        _ prompt: PromptRecord, _ request: Request, _ key: CacheKey, _ directives: CacheControl
    ) -> Response? {
        guard case .known(.response(let stored)?) = prompt, stored.head.part == nil else {
            return nil
        }
        let now = time.now
        let (terms, age) = (stored.head.terms, stored.age(at: now))
        guard case .fresh = Reuse(terms, age: age, directives: directives),
            !EarlyRefresh.isPossible(
                timeToLive: terms.lifetime - age, cost: stored.head.cost,
                beta: configuration.earlyRefresh)
        else { return nil }
        return hit(stored, key, request, detail: nil, now)
    }

    /// The answer that a stored response gives without the handler.
    ///
    /// - Parameter detail: why, where it isn't simply fresh.
    func hit(
        _ stored: StoredResponse, _ key: CacheKey, _ request: Request, detail: String?,
        _ now: Timestamp
    ) -> Response {
        let age = stored.age(at: now)
        let timeToLive = Int((stored.head.terms.lifetime - age).wholeSeconds)
        var status = CacheStatus(detail: detail)
        status.timeToLive = timeToLive
        guard detail == nil, !request.wantsPartOrNothing else {
            return reply(
                with: stored.head, .bytes(stored.content), to: request, status, now, key: key,
                stored: stored)
        }
        let (headers, siblings) = stored.latestHit(
            age: Int(age.wholeSeconds), timeToLive: timeToLive, cache: configuration.name
        ) { self.siblings(of: stored, under: key) }
        var response = Response(
            status: stored.head.status, headers: headers, body: .bytes(stored.content))
        if stored.head.compression != .automatic { response.compression = stored.head.compression }
        if request.headers.contains(.acceptEncoding) { response.encodedSiblings = siblings }
        events(CacheEvent(method: request.method, path: request.path, status: status))
        return response
    }
}

extension Request {
    /// Whether the answer may be less than the whole response.
    fileprivate var wantsPartOrNothing: Bool {
        headers.contains(.ifNoneMatch) || headers.contains(.ifModifiedSince)
            || headers.contains(.range)
    }
}
