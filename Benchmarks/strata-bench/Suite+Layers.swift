import Strata

extension Suite {
    /// What a layer costs: a handler bare, and behind one and five layers that do nothing.
    static let layers = Suite(
        name: "layers", summary: "the cost of one layer and of a chain of five"
    ) {
        let response = Response(status: .noContent)
        let handler: Handler = { _ in response }
        let one = wrap(handler) { Transparent() }
        let five = wrap(handler) {
            Transparent()
            Transparent()
            Transparent()
            Transparent()
            Transparent()
        }
        let request = Request(
            .get, "/products/7?limit=20",
            headers: [.host: "example.com", .accept: "application/json", .userAgent: "bench"])
        return [
            try await measure("handler") { _ = try await handler(request) },
            try await measure("1 layer") { _ = try await one(request) },
            try await measure("5 layers") { _ = try await five(request) },
        ]
    }
}

/// A layer that does nothing.
struct Transparent: Middleware {
    func respond(to request: Request, next: Next) async throws -> Response {
        try await next(request)
    }
}
