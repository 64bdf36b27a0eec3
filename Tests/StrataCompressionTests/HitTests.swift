import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataCompression

/// A layer between the cache and the one that compresses.
struct Between: Middleware {
    typealias Change = @Sendable (inout Response) -> Void

    let change: @Sendable (Request, inout Response) -> Void

    func respond(to request: Request, next: Next) async throws -> Response {
        var response = try await next(request)
        change(request, &response)
        return response
    }
}

/// What is cached, in the coding that it was encoded in before.
@Suite struct `Compressed hits` {
    static let gzip: Headers = ["Accept-Encoding": "gzip"]

    static let handler: Handler = { _ in
        .sample(["Cache-Control": "max-age=60", "ETag": "\"1\"", "Content-MD5": "Q2hlY2s="])
    }

    /// A chain with a cache in it.
    static func app(
        _ configuration: Compression.Configuration = .init(), store: MemoryStore = MemoryStore(),
        time: ManualTime = ManualTime(), events: Events = .ignored
    ) -> Handler {
        wrap(handler) {
            Compression(configuration, events: events)
            Caching(store: store, time: time)
        }
    }

    static func text(_ response: Response) async throws -> String {
        Inflated(try await response.body.collect(upTo: 5000)).text
    }

    @Test func `each is like the first, and tells its own age`() async throws {
        let time = ManualTime()
        let app = Self.app(time: time)
        let request = Request(.get, "/", headers: Self.gzip)
        let made = try await app(request)
        var passed = 0
        for moment in [0, 0, 400, 999, 1000, 1000, 30_000] {
            time.advance(by: .milliseconds(moment - passed))
            passed = moment
            let second = moment / 1000
            let hit = try await app(request)
            for name: HeaderName in [
                "Content-Type", "Content-Encoding", "Vary", "ETag", "Cache-Control",
            ] {
                #expect(hit.headers.lines(of: name) == made.headers.lines(of: name))
            }
            #expect(hit.headers[.contentEncoding] == "gzip")
            #expect(hit.headers[.etag] == "W/\"1-gzip\"")
            #expect(hit.headers[.vary] == "Accept-Encoding")
            #expect(hit.headers[.contentMD5] == nil)
            #expect(hit.headers[.age] == String(second))
            let timeToLive = (60_000 - moment) / 1000
            #expect(hit.headers[.cacheStatus] == "Strata; hit; ttl=\(timeToLive)")
            #expect(try await Self.text(hit) == longText)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `each is told of, and counts for what is hot`() async throws
    {
        let heard = Mutex<[String]>([])
        let events = Events { event in heard.withLock { $0.append(event.description) } }
        var configuration = Compression.Configuration()
        configuration.remaking?.hits = 5
        let app = Self.app(configuration, events: events)
        for _ in 0..<6 { _ = try await app(Request(.get, "/", headers: Self.gzip)) }
        #expect(
            Array(heard.withLock { $0.prefix(6) })
                == Array(repeating: "compression: gzip", count: 6))
        while !heard.withLock({ $0.contains { $0.contains("again") } }) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// What one request, or what a layer between does to its response, may have of its own.
    static let changes: [(name: String, method: Method, Headers, change: Between.Change)] = [
        ("nothing", .get, [:], { _ in }),
        ("the method", .head, [:], { _ in }),
        ("no-transform", .get, ["Cache-Control": "no-transform"], { _ in }),
        ("a directive", .get, ["Cache-Control": "max-age=30"], { _ in }),
        ("a coding's tag", .get, ["If-None-Match": "W/\"1-gzip\""], { _ in }),
        ("another coding's tag", .get, ["If-None-Match": "W/\"1-deflate\""], { _ in }),
        ("a range", .get, ["Range": "bytes=0-3"], { _ in }),
        ("a range with a tag", .get, ["Range": "bytes=0-3", "If-Range": "W/\"1-gzip\""], { _ in }),
        ("a field", .get, [:], { $0.headers["X-Number"] = "1" }),
        ("a tag", .get, [:], { $0.headers[.etag] = "\"2\"" }),
        ("no field", .get, [:], { $0.headers.remove(.cacheControl) }),
        ("the status", .get, [:], { $0.status = .accepted }),
        ("the status of a part", .get, [:], { $0.status = .partialContent }),
        ("never", .get, [:], { $0.compression = .never }),
        ("secrets", .get, [:], { $0.secrets = ["families"] }),
        ("the body", .get, [:], { $0.body = .text("Boring. " + longText) }),
    ]

    @Test(arguments: changes.indices)
    func `what one request has of its own is heeded in the midst of others`(index: Int) async throws
    {
        let (name, method, fields, change) = Self.changes[index]
        let (store, time) = (MemoryStore(), ManualTime())
        /// `isForgetting`: whether each response is encoded as if it were the first.
        func app(isForgetting: Bool) -> Handler {
            wrap(Self.handler) {
                Compression()
                Between { request, response in
                    if request.headers.contains("X-Own") { change(&response) }
                    if isForgetting { response.encodedSiblings = nil }
                }
                Caching(store: store, time: time)
            }
        }
        let (remembering, forgetting) = (app(isForgetting: false), app(isForgetting: true))
        let plain = Request(.get, "/", headers: Self.gzip)
        var own = Request(method, "/", headers: ["Accept-Encoding": "gzip", "X-Own": "1"])
        for field in fields { own.headers[field.name] = field.value }
        for _ in 0..<4 { _ = try await remembering(plain) }
        for _ in 0..<2 {
            for request in [own, plain] {
                let (answer, right) = (
                    try await remembering(request), try await forgetting(request)
                )
                #expect(answer.status == right.status, "\(name)")
                #expect(answer.headers == right.headers, "\(name)")
                #expect(answer.compression == right.compression, "\(name)")
                let bodies = (
                    try await answer.body.collect(upTo: 5000),
                    try await right.body.collect(upTo: 5000)
                )
                #expect(bodies.0 == bodies.1, "\(name)")
            }
        }
    }

    @Test func `each layer over one store encodes in its own way`() async throws {
        let store = MemoryStore()
        let time = ManualTime()
        var configuration = Compression.Configuration()
        configuration.minimumBytes = 1 << 20
        let apps = [
            Self.app(store: store, time: time), Self.app(configuration, store: store, time: time),
        ]
        for _ in 0..<4 {
            var codings: [String?] = []
            for app in apps {
                let response = try await app(Request(.get, "/", headers: Self.gzip))
                codings.append(response.headers[.contentEncoding])
            }
            #expect(codings == ["gzip", nil])
        }
    }

    @Test func `what the store keeps for the next hit doesn't keep the store`() async throws {
        weak var kept: MemoryStore?
        do {
            let store = MemoryStore()
            kept = store
            let app = Self.app(store: store)
            for _ in 0..<3 { _ = try await app(Request(.get, "/", headers: Self.gzip)) }
        }
        // What remakes bodies in the background may just have one of it.
        for _ in 0..<500 where kept != nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(kept == nil)
    }
}
