import StrataTesting
import Synchronization
import Testing

@testable import Strata

/// What comes of requests that the cache asks the handler for.
struct ForwardingTests {
    @Test(
        arguments: [
            (Method.post, [:], "Strata; fwd=method"),
            (.get, [.ifMatch: "\"1\""], "Strata; fwd=bypass; detail=precondition"),
            (.get, [.ifUnmodifiedSince: "x"], "Strata; fwd=bypass; detail=precondition"),
        ] as [(Strata.Method, Headers, String)])
    func `what goes past the cache says why (RFC 9211 §2.2)`(
        method: Strata.Method, headers: Headers, status: String
    ) async throws {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=60"]) }
        #expect(try await cache.send(method, "/", headers).cacheStatus == status)
    }

    @Test(
        arguments: [
            (499, false), (500, true), (501, false), (502, true), (503, true), (504, true),
            (505, false),
        ] as [(Status, Bool)])
    func `an error of the handler is one of four statuses (RFC 5861 §4)`(
        status: Status, isError: Bool
    ) async throws {
        let isBroken = Mutex(false)
        let cache = CachingHarness { _ in
            isBroken.withLock { $0 }
                ? .of("bad", [.cacheControl: "no-store"], status: status)
                : .of("good", [.cacheControl: "max-age=10, stale-if-error=20"])
        }
        _ = try await cache.send()
        isBroken.withLock { $0 = true }
        cache.time.advance(by: .seconds(15))
        #expect(try await cache.send().text == (isError ? "good" : "bad"))
        // Nothing stands in the place of this one; and the next may find the handler well again.
        #expect(try await cache.send(.get, "/other").text == "bad")
        let next = try await cache.send(.get, "/other")
        #expect(next.cacheStatus.contains("uncacheable") == !isError)
    }

    @Test(arguments: [(10, true), (11, false)])
    func `content is stored up to the limit and no further`(length: Int, isStored: Bool)
        async throws
    {
        var configuration = Caching.Configuration()
        configuration.maximumBodyBytes = 10
        let cache = CachingHarness(configuration: configuration) { _ in
            .of(String(repeating: "x", count: length), [.cacheControl: "max-age=60"])
        }
        _ = try await cache.send()
        #expect(try await cache.send().isHit == isStored)
    }

    @Test func `what a HEAD contradicts isn't served to who takes stale responses`() async throws {
        let cache = CachingHarness { request in
            .of(
                "x",
                [.cacheControl: "max-age=60", .etag: request.method == .head ? "\"2\"" : "\"1\""])
        }
        _ = try await cache.send()
        _ = try await cache.send(.head, "/", [.cacheControl: "no-cache"])
        #expect(try await cache.send(.get, "/", [.cacheControl: "max-stale"]).isHit == false)
    }

    @Test(arguments: ["de", "fr", "en"])
    func `a 304 that names another variant is answered with that one (RFC 9111 §4.3.4)`(
        language: String
    ) async throws {
        let cache = CachingHarness { request in
            let headers: Headers = [.cacheControl: "max-age=60", .vary: "Accept-Language"]
            guard let asked = request.headers[.acceptLanguage], asked != "it" else {
                var headers = headers
                headers[.etag] = "\"\(language)\""
                return Response(status: .notModified, headers: headers)
            }
            var response = Response.of(asked, headers)
            response.headers[.etag] = "\"\(asked)\""
            return response
        }
        for known in ["de", "fr", "en"] {
            _ = try await cache.send(.get, "/", [.acceptLanguage: known])
        }
        let reply = try await cache.send(.get, "/", [.acceptLanguage: "it"])
        #expect(reply.status == 200 && reply.text == language)
        #expect(cache.origin.last?.headers[.ifNoneMatch] == "\"en\", \"fr\", \"de\"")
    }

    @Test func `a 304 that names a variant which was replaced meanwhile confirms nothing`()
        async throws
    {
        let other = Mutex<Handler?>(nil)
        let cache = CachingHarness { request in
            var headers: Headers = [.cacheControl: "max-age=60", .vary: "X-A", .etag: "\"1\""]
            if request.headers["X-A"] == "2", request.headers.contains(.ifNoneMatch) {
                var reload = Request(
                    .get, "/", headers: ["X-A": "1", .cacheControl: "no-cache"])
                reload.authority = request.authority
                _ = try await other.withLock { $0 }?(reload)
                return Response(status: .notModified, headers: headers)
            }
            guard request.headers.contains(.cacheControl) else { return .of("old", headers) }
            headers[.etag] = "\"9\""
            return .of("new", headers)
        }
        other.withLock { $0 = cache.app }
        defer { other.withLock { $0 = nil } }
        _ = try await cache.send(.get, "/", ["X-A": "1"])
        let reply = try await cache.send(.get, "/", ["X-A": "2"])
        #expect(reply.text == "old" && reply[.etag] == "\"1\"")
        let replaced = try await cache.send(.get, "/", ["X-A": "1"])
        #expect(replaced.isHit && replaced.text == "new" && replaced[.etag] == "\"9\"")
    }

    @Test func `what a HEAD contradicts isn't served, be there nothing to validate it by`()
        async throws
    {
        let cache = CachingHarness { request in
            .of(
                "x",
                [
                    .cacheControl: "max-age=60",
                    .contentLength: request.method == .head ? "2" : "1",
                ])
        }
        _ = try await cache.send()
        _ = try await cache.send(.head, "/", [.cacheControl: "no-cache"])
        #expect(try await !cache.send().isHit)
    }

    @Test(arguments: [Method.get, .head])
    func `what content a GET had is no matter of those without it (RFC 9110 §9.3.1)`(
        method: Strata.Method
    ) async throws {
        let cache = CachingHarness { request in
            .of(
                String(decoding: try await request.body.collect(upTo: 9), as: UTF8.self),
                [.cacheControl: "max-age=60"])
        }
        let reply = try await cache.send(method, "/", body: RequestBody(Array("a".utf8)))
        #expect(reply.cacheStatus == "Strata; fwd=bypass; detail=content")
        #expect(try await cache.send().text == "")
        let other = try await cache.send(method, "/", body: RequestBody(Array("b".utf8)))
        #expect(!other.isHit)
        #expect(try await cache.send().isHit)
    }

    @Test(arguments: [([:], true), ([.transferEncoding: "chunked"], false)] as [(Headers, Bool)])
    func `a body that may be empty keeps no GET from the cache`(fields: Headers, isHit: Bool)
        async throws
    {
        struct Nothing: RequestBodySource {
            func next() async throws -> [UInt8]? { nil }
        }
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=60"]) }
        _ = try await cache.send()
        let reply = try await cache.send(.get, "/", fields, body: RequestBody(Nothing()))
        #expect(reply.isHit == isHit)
    }

    @Test(
        arguments: [
            ([.ifNoneMatch: "\"1\""], 304), ([.ifNoneMatch: "\"2\""], 200),
            // Without Last-Modified there is nothing to hold it against (RFC 9110 §13.1.3).
            ([.ifModifiedSince: "Sun, 09 Sep 2001 01:46:41 GMT"], 200),
        ] as [(Headers, Int)])
    func `what is never stored is held against the client's conditions (RFC 9110 §13.2.1)`(
        condition: Headers, status: Int
    ) async throws {
        let cache = CachingHarness { _ in
            .of(
                "x",
                [
                    .cacheControl: "no-store", .etag: "\"1\"", .contentType: "text/plain",
                    .setCookie: "a=b", .date: "Sun, 09 Sep 2001 01:46:40 GMT",
                ])
        }
        let reply = try await cache.send(.get, "/", condition)
        #expect(reply.status == status)
        #expect(reply.text == (status == 304 ? "" : "x"))
        #expect(reply.response.headers.contains(.contentType) == (status == 200))
        #expect(reply[.setCookie] == "a=b")
    }

    @Test(arguments: [nil, "5"])
    func `what was made or confirmed for a request is of no age but its own (RFC 9111 §5.1)`(
        age: String?
    ) async throws {
        let cache = CachingHarness { request in
            var response = Response.of("x", [.cacheControl: "max-age=10", .etag: "\"1\""])
            if request.headers.contains(.ifNoneMatch) { response.status = .notModified }
            response.headers[.age] = age
            return response
        }
        for wait in [0, 20] {
            cache.time.advance(by: .seconds(wait))
            let made = try await cache.send()
            #expect(!made.isHit && made[.age] == age)
            #expect(try await cache.send()[.age] == age ?? "0")
        }
    }

    @Test func `what a HEAD finds stale is fetched anew with its content`() async throws {
        let cache = CachingHarness { request in
            .of(
                request.method == .head ? "" : "x",
                [.cacheControl: "max-age=10, stale-while-revalidate=10"])
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(15))
        #expect(try await cache.send(.head).isHit)
        while cache.origin.count < 2 { await Task.yield() }
        #expect(cache.origin.last?.method == .get)
    }

    @Test(.timeLimit(.minutes(1)))
    func `nobody waits for what is known not to be storable`() async throws {
        let gate = Gate()
        gate.open()
        let cache = CachingHarness { _ in
            try await gate.pass()
            return .of("x", [.cacheControl: "no-store"])
        }
        _ = try await cache.send()
        gate.close()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { _ = try await cache.send() } }
            try await gate.waitForWaiters(2)
            gate.open()
            try await group.waitForAll()
        }
        #expect(cache.origin.count == 3)
    }

    @Test func `who comes for a response joins none that is stored, broken off or stale`()
        async throws
    {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=60"]) }
        let target = Caching.Target(
            key: CacheKey(Request(.get, "/"), query: .exact), rule: nil,
            directives: CacheControl())
        func head(lifetime: Duration) -> StoredHead {
            StoredHead(Response(), born: cache.time.now, lifetime: lifetime)
        }
        let fresh = head(lifetime: .seconds(60))
        let open = FillingBody(length: nil, limit: 10)
        #expect(cache.caching.isRight(.shared(fresh, .filling(open), origin: nil), for: target))
        #expect(
            !cache.caching.isRight(
                .shared(head(lifetime: .zero), .filling(open), origin: nil), for: target))
        #expect(!cache.caching.isRight(.shared(fresh, .bytes([]), origin: nil), for: target))
        let broken = FillingBody(length: nil, limit: 10)
        _ = try? await broken.fill(from: BodyStream { _ in throw CancellationError() })
        #expect(!cache.caching.isRight(.shared(fresh, .filling(broken), origin: nil), for: target))
    }
}
