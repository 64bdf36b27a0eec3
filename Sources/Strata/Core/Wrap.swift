/// Puts layers around a handler; listed first is outermost.
///
/// ```swift
/// let app = wrap(handler) {
///     Compression()
///     Caching(store: store)
/// }
/// ```
public func wrap(
    _ handler: @escaping Handler, @LayersBuilder layers: () -> [any Middleware]
) -> Handler {
    let chain = Next(handler).wrapped(in: layers())
    return { try await chain($0) }
}

/// Several layers that serve as one; listed first is outermost.
///
/// A host adapter holds one and calls it with the host's own `Next`.
public struct Layers: Middleware {
    private let layers: [any Middleware]

    /// Makes one layer of several.
    public init(@LayersBuilder _ layers: () -> [any Middleware]) { self.layers = layers() }

    /// Answers the request through the layers.
    public func respond(to request: Request, next: Next) async throws -> Response {
        try await next.wrapped(in: layers)(request)
    }
}

/// Builds a list of layers, with `if`, `if`–`else` and `for`.
@resultBuilder
public enum LayersBuilder {
    /// One layer.
    public static func buildExpression(_ layer: some Middleware) -> [any Middleware] { [layer] }
    /// Layers one behind the other.
    public static func buildBlock(_ parts: [any Middleware]...) -> [any Middleware] {
        parts.flatMap { $0 }
    }
    /// Layers behind an `if`.
    public static func buildOptional(_ part: [any Middleware]?) -> [any Middleware] { part ?? [] }
    /// Layers of an `if`.
    public static func buildEither(first part: [any Middleware]) -> [any Middleware] { part }
    /// Layers of its `else`.
    public static func buildEither(second part: [any Middleware]) -> [any Middleware] { part }
    /// Layers of a `for`.
    public static func buildArray(_ parts: [[any Middleware]]) -> [any Middleware] {
        parts.flatMap { $0 }
    }
}
