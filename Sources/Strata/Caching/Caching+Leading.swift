/// One call of the handler for all who want the same, where the host forbids calling it after the
/// response was returned: the first request makes the call itself, and the others wait for it.
extension Caching {
    /// Gets the response together with others who want the same; nil where what the others have
    /// doesn't answer the request.
    func fetchInTurn(
        _ request: Request, _ target: Target, _ found: Found, _ status: CacheStatus, _ next: Next
    ) async throws -> Response? {
        let key = flightKey(request, target, found)
        var purges = 0
        while purges < 3 {
            do {
                let boarding = try await flights.board(key) { [purges] in
                    purges == 0 && isRight($0, for: target)
                }
                switch boarding {
                case .lead(let lead):
                    return try await fetch(request, target, found, status, next, leading: lead)
                case .value(let fetched, let role):
                    if case .shared(let head, _, _) = fetched, await wasPurged(head) {
                        purges += 1
                        continue
                    }
                    return try answer(fetched, role, request, target, found, status)
                }
            } catch is SingleFlight<CacheKey, Fetched>.LeaderGone {
                // One of those who waited takes its place.
                try Task.checkCancellation()
            }
        }
        return nil
    }

    /// Gets the response for this request and all who wait for it.
    private func fetch(
        _ request: Request, _ target: Target, _ found: Found, _ status: CacheStatus, _ next: Next,
        leading lead: SingleFlight<CacheKey, Fetched>.Lead
    ) async throws -> Response? {
        let filled: Fill
        do {
            // Others wait for it as well.
            filled = try await Deadline.without {
                try await fill(
                    request, target, found, { try await next($0) },
                    hold: { lease in lead.atEnd { lease.release() } },
                    publish: { lead.publish($0) })
            }
        } catch {
            // The failure of one that is cancelled is nobody else's.
            if !Task.isCancelled { lead.fail(error) }
            throw error
        }
        switch filled {
        case .done(let fetched):
            return try answer(fetched, .leader, request, target, found, status)
        case .streams(let head, let stream, let origin, let lease):
            let body = shared(stream, lead) {
                Fetched.shared(head, .filling($0), origin: origin)
            } keep: {
                await save(
                    head.ended(at: time.now), $0, request, target, found, under: lease)
            }
            return answer(head, body, origin, .leader, request, target, status)
        }
    }

    /// A stream that is made once for all, while it is sent to the one who leads.
    ///
    /// It is made to its end even where that one's client goes away, as far as others join it or
    /// it can be kept; sending it takes as long. Where it is never sent, another takes the lead.
    private func shared(
        _ stream: BodyStream, _ lead: SingleFlight<CacheKey, Fetched>.Lead,
        as fetched: @escaping @Sendable (FillingBody) -> Fetched,
        keep: @escaping @Sendable ([UInt8]) async -> Void
    ) -> Body {
        let limit = configuration.maximumBodyBytes
        return .stream(
            BodyStream(length: stream.length) { writer in
                let filling = FillingBody(length: stream.length, limit: limit)
                guard case .stream(let own)? = filling.body(), lead.publish(fetched(filling))
                else { return try await stream.produce(writer) }
                // Not cancelled along with this one's client, but waited for.
                let filled = Task {
                    defer { lead.end() }
                    try await Deadline.without {
                        if let content = try await filling.fill(from: stream) {
                            await keep(content)
                        }
                    }
                }
                do {
                    try await own.produce(writer)
                } catch {
                    _ = await filled.result
                    throw error
                }
                try await filled.value
            })
    }
}
