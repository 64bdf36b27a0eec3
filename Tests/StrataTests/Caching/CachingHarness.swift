import Strata
import StrataTesting
import Synchronization

/// A handler behind a cache, and a client in front of it, all at one hand-held time.
struct CachingHarness: Sendable {
    let time = ManualTime()
    let origin = Origin()
    let caching: Caching
    let app: Handler

    init(
        rules: [CachingRule] = [], store: (any CacheStore)? = nil,
        configuration: Caching.Configuration = .init(), isDetachable: Bool = true,
        _ answer: @escaping @Sendable (Request) async throws -> Response
    ) {
        let origin = origin
        caching = Caching(
            store: store ?? MemoryStore(time: time), rules: rules, configuration: configuration,
            time: time)
        let caching = caching
        let next = Next(
            { request in
                origin.record(request)
                return try await answer(request)
            }, isDetachable: isDetachable)
        app = { try await caching.respond(to: $0, next: next) }
    }

    /// Sends a request, and collects what comes back.
    func send(
        _ method: Strata.Method = .get, _ target: String = "/", _ headers: Headers = [:],
        body: RequestBody = .empty
    ) async throws -> Reply {
        var request = Request(method, target, headers: headers, body: body)
        request.authority = "example.com"
        let response = try await app(request)
        let text = String(decoding: try await response.body.collect(upTo: 1 << 24), as: UTF8.self)
        return Reply(response: response, text: text)
    }

    /// Sends so many requests at once, and opens the gate that the handler stands at once the rest
    /// had the time to come there too.
    func herd(_ count: Int, at gate: Gate) async throws -> [Reply] {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            for _ in 0..<count { group.addTask { try await send() } }
            try await gate.waitForWaiters(1)
            for _ in 0..<1000 { await Task.yield() }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    struct Reply: Sendable {
        let response: Response
        let text: String

        var status: Int { response.status.code }
        var cacheStatus: String { response.headers[.cacheStatus] ?? "" }
        var isHit: Bool { cacheStatus.contains("; hit") }
        subscript(name: HeaderName) -> String? { response.headers[name] }
    }

    /// Counts what reached the handler.
    final class Origin: Sendable {
        private let requests = Mutex<[Request]>([])

        func record(_ request: Request) { requests.withLock { $0.append(request) } }

        var count: Int { requests.withLock { $0.count } }
        var last: Request? { requests.withLock { $0.last } }
    }
}

extension Response {
    /// A response with these header fields.
    static func of(_ text: String, _ headers: Headers, status: Status = .ok) -> Response {
        Response(status: status, headers: headers, body: .text(text))
    }

    /// A response fresh for a minute whose stream stands at the gate between `one ` and `two`.
    static func inTwoPieces(_ gate: Gate) -> Response {
        Response(
            headers: [.cacheControl: "max-age=60"],
            body: .stream(
                BodyStream { writer in
                    try await writer.write("one ")
                    try await gate.pass()
                    try await writer.write("two")
                }))
    }
}
