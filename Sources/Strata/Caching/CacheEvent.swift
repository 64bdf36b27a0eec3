/// What a cache did for a request.
public struct CacheEvent: Event {
    /// The request's method.
    public let method: Method
    /// The request's path.
    public let path: String
    /// What was done and why, as in `Cache-Status`.
    public let status: CacheStatus

    /// One line.
    public var description: String { "cache \(method) \(path)\(status)" }
}

extension Response {
    /// Tags that the response can be purged by, besides those of the rules; set by the handler.
    public var cacheTags: [String] {
        get { values[CacheTagsKey.self] ?? [] }
        set { values[CacheTagsKey.self] = newValue.isEmpty ? nil : newValue }
    }
}

private enum CacheTagsKey: ValueKey { typealias Value = [String] }
