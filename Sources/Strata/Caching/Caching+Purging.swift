/// Making invalid what is stored, and what is being filled.
extension Caching {
    /// Makes everything of those names invalid, and whatever is being filled.
    func invalidate(_ names: [String]) async {
        guard !names.isEmpty else { return }
        do {
            try await store.advanceGenerations(
                of: [PurgeName.any] + names, .hard, timeToLive: generationLifetime)
        } catch {
            events(StoreFault(error))
        }
    }

    /// What is to be purged.
    public enum Purge: Sendable, Hashable {
        /// Everything stored for a URI, given whole: `http://host/path?query`; all its variants.
        case uri(String)
        /// Everything with a tag.
        case tag(String)
        /// Everything whose path begins with this, on every host, such as `/products/`. Only so much
        /// of it counts as ends with the last, or the eighth, `/`: what is purged may be more.
        case prefix(String)
        /// Everything.
        case everything
    }

    /// Makes what is stored invalid for all instances that share the store, and what is being
    /// fetched meanwhile; one small write, however much it is.
    ///
    /// - Parameter isSoft: whether it becomes stale instead: the handler is asked before it is
    ///   used again, and needn't send again what it confirms; in the meantime, or when the handler
    ///   fails, it may be served as ``CachingRule/staleWhileRevalidate(for:)`` and
    ///   ``CachingRule/staleIfError(for:)`` allow, counted from the purge on.
    /// - Throws: ``StoreError`` where the store could not be told: what was to be purged may
    ///   still be served.
    public func purge(_ what: Purge, isSoft: Bool = false) async throws(StoreError) {
        let names =
            switch what {
            case .uri(let uri): await uriNames(of: keys(of: CacheKey(uri: uri)))
            case .tag(let tag): [PurgeName.tag(tag)]
            case .prefix(let path): [PurgeName.prefix(covering: path)]
            case .everything: [PurgeName.everything]
            }
        try await store.advanceGenerations(
            of: [PurgeName.any] + names, isSoft ? .soft(at: time.now) : .hard,
            timeToLive: generationLifetime)
    }

    /// The keys that a URI may have by what the rules say of its query.
    func keys(of uri: CacheKey) -> [CacheKey] {
        let rules = [.exact, configuration.query] + rules.compactMap(\.query)
        var keys: [CacheKey] = []
        for key in rules.map(uri.applying) where !keys.contains(key) { keys.append(key) }
        return keys
    }

    /// Longer than anything filled before can live.
    private var generationLifetime: Duration {
        configuration.maximumTimeToLive + .seconds(86_400)
    }
}

/// The names whose generations purges advance.
package enum PurgeName {
    package static let any = "any"
    package static let everything = "everything"

    static func uri(_ key: CacheKey) -> String { uriStart + key.text }
    private static let uriStart = "uri "
    /// Whether only what is stored for one URI is purged by the name.
    package static func isOfOneURI(_ name: String) -> Bool { name.utf8.starts(with: uriStart.utf8) }

    /// The key of the URI that is purged by the name; nil where that purges others, too.
    package static func key(ofOneURI name: String) -> String? {
        isOfOneURI(name) ? String(name.dropFirst(uriStart.count)) : nil
    }

    static func tag(_ tag: String) -> String { "tag " + tag }
    static func group(_ group: String, of origin: String) -> String { "group \(origin) \(group)" }
    private static func prefix(_ path: String) -> String { "prefix " + path }

    /// The longest prefix that everything which begins with the path can be purged by.
    static func prefix(covering path: String) -> String {
        prefixes(of: path.hasPrefix("/") ? path : "/" + path).last ?? prefix("/")
    }

    /// The prefixes that a path can be purged by, up to eight deep.
    static func prefixes(of path: String) -> [String] {
        var names: [String] = []
        let path = path.decodingUnreserved
        for (index, byte) in zip(path.utf8.indices, path.utf8) where byte == UInt8(ascii: "/") {
            names.append(prefix(String(path[...index])))
            if names.count == 8 { break }
        }
        return names
    }
}
