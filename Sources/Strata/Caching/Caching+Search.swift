// Responses that answer several URIs, because they say in `No-Vary-Search` which differences
// between queries don't matter.
//
// Such a response is stored under a key that all of its URIs have in common, which depends on what
// it said. What responses of a path said is remembered under a key of the path, as what they vary
// by is under the key of a URI: a request that finds nothing under its own URI looks there.

extension Caching {
    /// What is stored for a request under its own URI or under one that doesn't differ in anything
    /// that matters.
    ///
    /// - Parameter prompt: what the store has said of the request's own URI already.
    func lookUp(
        _ request: Request, _ target: Target, _ prompt: PromptRecord = .unknown
    ) async -> Found {
        let found = await lookUp(request, target, under: target.key, prompt)
        guard case .nothing = found, request.method != .query else { return found }
        for key in await searchKeys(of: target.key) {
            let found = await lookUp(request, target, under: key, .unknown)
            if case .nothing = found { continue }
            return found
        }
        return found
    }

    /// The keys that a URI has in common with others, under what responses of its path said last.
    private func searchKeys(of key: CacheKey) async -> [CacheKey] {
        guard let pathKey = key.ofPath, case .searches(let variances)? = await record(pathKey)
        else { return [] }
        return variances.compactMap { key.shared(under: $0) }
    }

    /// The key that a response is to be stored under: that of its URI, or the one it has in common
    /// with others.
    ///
    /// One that was filled without the name to purge it by stays under its own.
    func storageKey(of head: StoredHead, _ target: Target) async -> CacheKey {
        guard let variance = SearchVariance(head.headers),
            let pathKey = target.key.ofPath, let key = target.key.shared(under: variance),
            key.text.utf8.count <= 2 * configuration.maximumKeyBytes,
            head.generations.contains(where: { $0.name == PurgeName.uri(key) })
        else { return target.key }
        var variances: [SearchVariance] = []
        if case .searches(let stored)? = await record(pathKey) { variances = stored }
        if variances.first != variance {
            variances.removeAll { $0 == variance }
            variances.insert(variance, at: 0)
            variances = Array(variances.prefix(Self.maximumSearches))
        }
        await set(.searches(variances), for: pathKey, timeToLive: configuration.maximumTimeToLive)
        return key
    }

    /// How many different things the responses of one path may have said that are remembered.
    private static var maximumSearches: Int { 4 }

    /// The name by which a response can be purged that answers several URIs.
    func searchNames(of response: Response, _ target: Target) -> [String] {
        guard let variance = SearchVariance(response.headers),
            let key = target.key.shared(under: variance)
        else { return [] }
        return [PurgeName.uri(key)]
    }

    /// The names by which what answers URIs can be purged.
    func uriNames(of keys: [CacheKey]) async -> [String] {
        var names: [String] = []
        for key in keys {
            names += ([key] + (await searchKeys(of: key))).map(PurgeName.uri)
        }
        return names
    }
}

extension CacheKey {
    /// What is remembered of a URI's path is stored under; nil for a key of more than a URI.
    fileprivate var ofPath: CacheKey? {
        guard !text.utf8.contains(UInt8(ascii: "\n")) else { return nil }
        return CacheKey(stored: text.prefix { $0 != "?" } + "\nsearch")
    }

    /// Whether it is one that URIs have in common, or of a variant of what is under it.
    var isShared: Bool { text.contains("\nsearch\n") }

    /// The key that all URIs have that don't differ in anything that matters.
    fileprivate func shared(under variance: SearchVariance) -> CacheKey? {
        guard let pathKey = ofPath else { return nil }
        let mark = text.utf8.firstIndex(of: UInt8(ascii: "?"))
        let query = mark.map { String(text.utf8[text.utf8.index(after: $0)...]) ?? "" }
        return pathKey.appending(variance.fieldValue + "\n" + variance.canonical(query))
    }
}
