/// What answers requests: any closure of this form can be wrapped in layers.
public typealias Handler = @Sendable (Request) async throws -> Response

/// A layer around a handler.
///
/// It may answer by itself, change the request on the way in, change the response on the way
/// out, or call the rest of the chain again. One value serves all requests at the same time.
///
/// ```swift
/// struct Stamp: Middleware {
///     func respond(to request: Request, next: Next) async throws -> Response {
///         var response = try await next(request)
///         response.headers["X-Served-By"] = "this machine"
///         return response
///     }
/// }
/// ```
public protocol Middleware: Sendable {
    /// Answers the request, usually by asking `next`.
    func respond(to request: Request, next: Next) async throws -> Response
}

/// The rest of the chain behind a layer: the layers further in, and the handler.
///
/// It is a struct and no function type, so that a layer's conformance doesn't depend on whether
/// the module it stands in enables `NonisolatedNonsendingByDefault`.
public struct Next: Sendable {
    private let layers: [any Middleware]
    private let index: Int
    private let handler: Handler
    private let isDetachable: Bool

    /// Makes the end of a chain from a handler.
    ///
    /// - Parameter isDetachable: false where the host forbids calling the handler after the
    ///   response to the request was returned.
    public init(_ handler: @escaping Handler, isDetachable: Bool = true) {
        self.init(layers: [], index: 0, handler: handler, isDetachable: isDetachable)
    }

    private init(
        layers: [any Middleware], index: Int, handler: @escaping Handler, isDetachable: Bool
    ) {
        self.layers = layers
        self.index = index
        self.handler = handler
        self.isDetachable = isDetachable
    }

    /// The same chain with layers put around it; the first is the outermost.
    func wrapped(in layers: [any Middleware]) -> Next {
        if self.layers.isEmpty {
            return Next(layers: layers, index: 0, handler: handler, isDetachable: isDetachable)
        }
        let inner = self
        return Next(
            layers: layers, index: 0, handler: { try await inner($0) }, isDetachable: isDetachable)
    }

    /// Answers the request with the rest of the chain.
    public func callAsFunction(_ request: Request) async throws -> Response {
        guard index < layers.count else { return try await handler(request) }
        let rest = Next(
            layers: layers, index: index + 1, handler: handler, isDetachable: isDetachable)
        return try await layers[index].respond(to: request, next: rest)
    }

    /// The rest of the chain as a handler that may be called after the response was returned,
    /// for work in the background; nil where the host forbids that.
    public var detached: Handler? {
        guard isDetachable else { return nil }
        let rest = self
        return { try await rest($0) }
    }
}
