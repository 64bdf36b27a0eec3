extension Caching {
    // MARK: Generations

    /// The names that everything about a URI can be purged by.
    func purgeNames(_ request: Request, _ target: Target) -> [String] {
        var names = [PurgeName.everything, PurgeName.uri(target.key)]
        // What answers a QUERY is purged along with whatever else is under its URI.
        let uri = CacheKey(request, query: target.rule?.query ?? configuration.query)
        if request.method == .query { names.append(PurgeName.uri(uri)) }
        names += PurgeName.prefixes(of: request.path)
        for rule in rules where !rule.tags.isEmpty && rule.matches(request) {
            names += rule.tags(for: request).map(PurgeName.tag)
        }
        return names
    }

    /// The generations that a fill which begins now is filled under; nil where the store can't
    /// tell.
    ///
    /// - Parameter stored: what is about to be validated.
    func generations(
        of request: Request, _ target: Target, validating stored: StoredHead? = nil
    ) async -> FillGenerations? {
        let names = purgeNames(request, target)
        let others = stored?.generations.map(\.name).filter { !names.contains($0) } ?? []
        let beginning = FillBeginning(uptime: time.uptime.saturatedNanoseconds)
        do {
            let current = try await store.generations(of: [PurgeName.any] + names + others)
            guard current.count == 1 + names.count + others.count else { return nil }
            let named = zip(names + others, current.dropFirst())
                .map { NamedGeneration(name: $0, generation: $1) }
            return FillGenerations(
                named: Array(named.prefix(names.count)), ofStored: named.suffix(others.count),
                any: current[0], beginning: beginning)
        } catch {
            events(StoreFault(error))
            return nil
        }
    }

    /// The generations as they are, and not as they were last told; nil where the store can't tell.
    func generationsNow(of names: [String]) async -> [Generation]? {
        do {
            if let records { return try await records.generationsNow(of: names) }
            return try await store.generations(of: names)
        } catch {
            events(StoreFault(error))
            return nil
        }
    }

    // MARK: Writing

    /// Stores a response where the request will find it.
    ///
    /// - Parameter lease: the one that it was filled under; where another has that by now, or has
    ///   filled since, nothing is stored.
    func save(
        _ head: StoredHead, _ content: [UInt8], _ request: Request, _ target: Target,
        _ found: Found, under lease: FillLease? = nil
    ) async {
        // Without generations nothing could make it invalid.
        guard !head.generations.isEmpty else { return }
        let timeToLive = timeToLive(of: head)
        guard timeToLive > .zero, content.count <= configuration.maximumBodyBytes else { return }
        var stored = StoredResponse(
            head: head, content: content, siblings: found.stored?.siblings(of: content) ?? [])
        if head.part != nil {
            guard let joined = await joined(stored, found) else { return }
            stored = Partial.whole(joined)
        }
        func keep(under key: CacheKey) async throws(StoreError) -> Bool {
            try await set(.response(stored), for: key, timeToLive: timeToLive, under: lease) {
                await newer(than: found, request, target) != nil
            }
        }
        let base = await storageKey(of: head, target)
        do {
            // What stands under its own URI would be found first.
            if base != target.key { try await store.remove([target.key.text]) }
            if head.selection.isEmpty {
                _ = try await keep(under: base)
                return
            }
            let names = head.selection.map(\.name)
            // Another variant may have been stored since this one was looked for.
            var index = VariantIndex(epoch: .random(in: .min ... .max), nameSets: [], variants: [])
            if case .variants(let stored) = await record(base) { index = stored }
            let key = index.key(names, of: request, base: base)
            let surplus = index.insert(
                names, VariantIndex.Variant(head, key: key.text),
                limit: configuration.maximumVariants)
            guard try await keep(under: key) else { return }
            // The index outlives whatever it leads to.
            try await store.set(
                CacheRecord.variants(index), for: base.text,
                timeToLive: configuration.maximumTimeToLive)
            if !surplus.isEmpty { try await store.remove(surplus) }
        } catch {
            events(StoreFault(error))
        }
    }

    /// A part together with what is stored of the same version already; nil where the part says
    /// no more than that.
    private func joined(_ part: StoredResponse, _ found: Found) async -> StoredResponse? {
        guard part.head.part?.range.count == part.content.count else { return nil }
        let key: CacheKey? =
            switch found {
            case .part(_, let key), .response(_, let key, _): key
            case .nothing, .noVariant, .uncacheable: nil
            }
        guard let key, case .response(let stored) = await record(key) else { return part }
        if stored.head.part == nil, stored.head.headers.entityTag == part.head.headers.entityTag,
            stored.head.timeToLive(at: time.now) > .zero
        {
            return nil
        }
        return Partial.combine(stored, part) ?? part
    }

    /// How long a response is worth keeping.
    func timeToLive(of head: StoredHead) -> Duration {
        let isValidatable =
            head.headers.contains(.etag) || head.headers.contains(.lastModified)
        // A request may ask for a stale response, or for one in the place of an error.
        let mayBeAskedFor = !head.terms.forbidsStale && !head.terms.requiresValidation
        let stale = max(
            head.terms.staleWhileRevalidate, head.terms.staleIfError,
            isValidatable || mayBeAskedFor ? configuration.keepsStale : .zero)
        return min(
            max(.zero, head.timeToLive(at: time.now)) + stale, configuration.maximumTimeToLive)
    }

    /// Remembers that what answers such requests can't be stored, so that they don't wait for each
    /// other.
    ///
    /// Whoever has credentials may get what nobody else does, so that is remembered apart, and what
    /// is stored for the others stays. So do other variants, and a response that is fresh.
    func rememberUncacheable(_ request: Request, _ target: Target, _ found: Found) async {
        let key: CacheKey
        switch found {
        case _ where request.hasCredentials: key = target.keyOfCredentials
        case .nothing, .uncacheable: key = target.key
        case .noVariant(let variant, _), .part(_, let variant): key = variant
        case .response(let stored, let place, _):
            guard stored.head.timeToLive(at: time.now) <= .zero else { return }
            key = place
        }
        await set(.uncacheable, for: key, timeToLive: configuration.remembersUncacheable)
    }

    /// Keeps a record that was filled under a lease, if there is one; whether it did.
    ///
    /// A lease that nobody has, as Redis lost it or it ran out, is taken once more.
    ///
    /// - Parameter isFilled: whether another has filled since.
    private func set(
        _ record: CacheRecord, for key: CacheKey, timeToLive: Duration, under lease: FillLease?,
        unless isFilled: () async -> Bool
    ) async throws(StoreError) -> Bool {
        guard let lease, let store = store as? any LeasingStore else {
            try await store.set(record, for: key.text, timeToLive: timeToLive)
            return true
        }
        func set() async throws(StoreError) -> Bool {
            try await store.set(record, for: key.text, timeToLive: timeToLive, under: lease)
        }
        if try await set() { return true }
        guard await store.takeLease(of: lease.name, token: lease.token) == .taken,
            await !isFilled()
        else { return false }
        return try await set()
    }

    /// Keeps a record, if the store can.
    func set(_ record: CacheRecord, for key: CacheKey, timeToLive: Duration) async {
        do {
            try await store.set(record, for: key.text, timeToLive: timeToLive)
        } catch {
            events(StoreFault(error))
        }
    }

    /// Removes a record, if the store can.
    func remove(_ key: CacheKey) async {
        do {
            try await store.remove([key.text])
        } catch {
            events(StoreFault(error))
        }
    }

    /// Stores the response to a POST that is what a GET would have got (RFC 9110 §9.3.3).
    ///
    /// - Returns: the response, of which a stream is stored when it was sent.
    func storingPost(
        _ request: Request, _ response: Response, query: CachingRule.QueryKey, requested: Timestamp
    ) async -> Response {
        let received = time.now
        guard case .store(let terms) = storability(request, response, received) else {
            return response
        }
        var read = request
        read.method = .get
        read.body = .empty
        let target = Target(
            key: CacheKey(read, query: query), rule: nil, directives: CacheControl())
        let head = await storedHead(
            of: response, to: read, target, terms, requested: requested, received: received,
            await generations(of: read, target))
        switch response.body {
        case .empty: await save(head, [], read, target, .nothing)
        case .bytes(let content): await save(head, content, read, target, .nothing)
        case .stream(let stream):
            var response = response
            response.body = .stream(
                stream.kept(upTo: configuration.maximumBodyBytes) { [read] content in
                    await save(head, content, read, target, .nothing)
                })
            return response
        }
        return response
    }
}

/// The generations under which a fill began.
struct FillGenerations: Sendable {
    /// Those of everything that the response can be known to be purged by.
    var named: [NamedGeneration]
    /// Those of what only the response that is validated is known to be purged by.
    var ofStored: [NamedGeneration] = []
    /// That of all purges: it tells whether there was any since the fill began.
    var any: Generation
    /// When they were asked for.
    var beginning = FillBeginning()

    /// With the names that the response itself brought; nil where there was a purge since the fill
    /// began, which may have been theirs.
    func adding(_ names: [String], from caching: Caching) async -> [NamedGeneration]? {
        let unknown = names.filter { name in !named.contains { $0.name == name } }
        guard !unknown.isEmpty else { return named }
        guard let current = await caching.generationsNow(of: unknown + [PurgeName.any]),
            current.count == unknown.count + 1, current.last == any
        else { return nil }
        return named + zip(unknown, current).map { NamedGeneration(name: $0, generation: $1) }
    }

    /// With the names that only the stored response has.
    func merging(_ stored: [NamedGeneration]) -> [NamedGeneration] {
        let known = named + ofStored
        return known + stored.filter { old in !known.contains { $0.name == old.name } }
    }
}

extension VariantIndex {
    /// Puts a variant first; gives the keys of those that are too many.
    mutating func insert(_ names: [HeaderName], _ variant: Variant, limit: Int) -> [String] {
        nameSets.removeAll { $0 == names }
        nameSets.insert(names, at: 0)
        nameSets = Array(nameSets.prefix(4))
        variants.removeAll { $0.key == variant.key }
        variants.insert(variant, at: 0)
        let surplus = variants.dropFirst(limit).map(\.key)
        variants = Array(variants.prefix(limit))
        return surplus
    }
}

extension BodyStream {
    /// The same stream; what went through it is handed over at its end, unless it was more than
    /// the limit.
    func kept(
        upTo limit: Int, _ keep: @escaping @Sendable ([UInt8]) async -> Void
    ) -> BodyStream {
        BodyStream(length: length) { writer in
            let keeper = KeepingWriter(writer, limit: limit)
            try await produce(keeper)
            if let length, length != keeper.count { return }
            if let kept = keeper.kept { await keep(kept) }
        }
    }

    private final class KeepingWriter: BodyWriter {
        let inner: any BodyWriter
        let limit: Int
        var count = 0
        var kept: [UInt8]? = []

        init(_ inner: any BodyWriter, limit: Int) {
            self.inner = inner
            self.limit = limit
        }

        func write(_ chunk: borrowing RawSpan) async throws {
            count += chunk.byteCount
            if count > limit { kept = nil }
            chunk.withUnsafeBytes { kept?.append(contentsOf: $0) }
            try await inner.write(chunk)
        }
    }
}
