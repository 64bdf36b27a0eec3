import Strata
import StrataTesting
import Synchronization
import Testing

struct CachingTests {
    @Test func `a fresh response is served again without the handler`() async throws {
        let cache = CachingHarness { _ in .of("hello", [.cacheControl: "max-age=60"]) }
        let first = try await cache.send(.get, "/a")
        cache.time.advance(by: .seconds(5))
        let second = try await cache.send(.get, "/a")
        #expect(cache.origin.count == 1)
        #expect(first.text == "hello" && second.text == "hello")
        #expect(first.cacheStatus == "Strata; fwd=uri-miss; stored")
        #expect(second.cacheStatus == "Strata; hit; ttl=55")
        #expect(second[.age] == "5")
    }

    @Test func `each hit has the age of its moment, whatever others asked for`() async throws {
        let cache = CachingHarness { _ in
            .of("hello", [.cacheControl: "max-age=60", .etag: "\"1\""])
        }
        _ = try await cache.send()
        for (seconds, age) in [(5, 5), (0, 5), (1, 6), (0, 6), (30, 36)] {
            cache.time.advance(by: .seconds(seconds))
            let conditional = try await cache.send(.get, "/", [.ifNoneMatch: "\"1\""])
            #expect(conditional.status == 304 && conditional[.age] == "\(age)")
            let part = try await cache.send(.get, "/", [.range: "bytes=1-2"])
            #expect(part.status == 206 && part.text == "el" && part[.age] == "\(age)")
            let whole = try await cache.send()
            #expect(whole.status == 200 && whole.text == "hello" && whole[.age] == "\(age)")
            #expect(whole.cacheStatus == "Strata; hit; ttl=\(60 - age)")
            #expect(whole.response.headers.count(of: .age) == 1)
        }
        #expect(cache.origin.count == 1)
    }

    @Test func `two caches that share a store speak each in its own name`() async throws {
        let store = MemoryStore()
        var other = Caching.Configuration()
        other.name = "Other"
        let caches = [Caching.Configuration(), other].map { configuration in
            wrap({ _ in .of("hello", [.cacheControl: "max-age=60"]) }) {
                Caching(store: store, configuration: configuration)
            }
        }
        _ = try await caches[0](Request())
        for (cache, name) in zip(caches + caches, ["Strata", "Other", "Strata", "Other"]) {
            let status = try await cache(Request()).headers[.cacheStatus] ?? ""
            #expect(status.hasPrefix("\(name); hit"))
        }
    }

    @Test func `a response goes stale when its time is over`() async throws {
        let cache = CachingHarness { _ in .of("hello", [.cacheControl: "max-age=60"]) }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(60))
        #expect(try await cache.send().isHit == false)
        #expect(cache.origin.count == 2)
    }

    @Test func `a rule's time to live counts where the response names none`() async throws {
        let cache = CachingHarness(rules: [.path("/products/**").fresh(for: .seconds(10))]) {
            .of("x", $0.path == "/products/2" ? [.cacheControl: "max-age=1"] : [:])
        }
        for target in ["/products/1", "/products/2", "/other"] {
            _ = try await cache.send(.get, target)
        }
        cache.time.advance(by: .seconds(5))
        #expect(try await cache.send(.get, "/products/1").isHit)
        #expect(try await cache.send(.get, "/products/2").isHit == false)
        #expect(try await cache.send(.get, "/other").isHit == false)
    }

    @Test func `a rule that says never is obeyed, however the path is spelled`() async throws {
        let cache = CachingHarness(rules: [.path("/account/**").never]) { _ in
            .of("mine", [.cacheControl: "public, max-age=60"])
        }
        for target in ["/account/1", "/account/1", "/%61ccount/1", "/%61ccount/1", "/account"] {
            #expect(try await cache.send(.get, target).isHit == false)
        }
        #expect(cache.origin.count == 5)
    }

    @Test(
        arguments: [
            ("private, max-age=60", [:], "private"),
            ("no-store, max-age=60", [:], "no-store"),
            ("max-age=60", [.setCookie: "a=b"], "set-cookie"),
            ("max-age=60", [.vary: "*"], "vary-star"),
            ("", [:], "no-freshness"),
        ] as [(String, Headers, String)])
    func `what isn't to be shared is not stored, and the reason is shown`(
        control: String, headers: Headers, reason: String
    ) async throws {
        let cache = CachingHarness { _ in
            var response = Response.of("x", headers)
            if !control.isEmpty { response.headers[.cacheControl] = control }
            return response
        }
        #expect(try await cache.send().cacheStatus.contains("detail=\(reason)"))
        #expect(try await cache.send().isHit == false)
        #expect(cache.origin.count == 2)
    }

    @Test(arguments: ["private=\"X-Mine\"", "no-cache=\"X-Mine\""])
    func `a field that is restricted goes to the first client alone`(control: String) async throws {
        let cache = CachingHarness { _ in
            .of("x", [.cacheControl: "max-age=60, " + control, "X-Mine": "1", "X-Ours": "2"])
        }
        let first = try await cache.send()
        let second = try await cache.send()
        #expect(first["X-Mine"] == "1" && first["X-Ours"] == "2")
        #expect(second.isHit && second["X-Mine"] == nil && second["X-Ours"] == "2")
    }

    @Test func `a request that takes stale responses finds one, though it can't be validated`()
        async throws
    {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=1"]) }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(100))
        let headers: Headers = [.cacheControl: "max-stale=1000"]
        #expect(try await cache.send(.get, "/", headers).cacheStatus.contains("detail=max-stale"))
        #expect(try await cache.send().isHit == false)
    }

    @Test func `a response with a secret in it is not stored`() async throws {
        let cache = CachingHarness { _ in
            var response = Response.of("token", [.cacheControl: "max-age=60"])
            response.secrets = ["token"]
            return response
        }
        #expect(try await cache.send().cacheStatus.contains("detail=secret"))
        #expect(try await cache.send().isHit == false)
    }

    @Test(arguments: [
        (HeaderName.authorization, "max-age=60", false),
        (.authorization, "max-age=60, public", true),
        (.authorization, "s-maxage=60", true),
        (.authorization, "max-age=60, must-revalidate", true),
        (.cookie, "max-age=60", false),
        (.cookie, "max-age=60, public", true),
    ])
    func `a response made for credentials is shared only where it says so`(
        name: HeaderName, control: String, isShared: Bool
    ) async throws {
        let cache = CachingHarness { .of($0.headers[name] ?? "", [.cacheControl: control]) }
        _ = try await cache.send(.get, "/", [name: "alice"])
        let other = try await cache.send(.get, "/", [name: "bob"])
        #expect(other.isHit == isShared)
    }

    @Test func `variants are kept apart by what Vary names`() async throws {
        let cache = CachingHarness {
            .of(
                $0.headers[.acceptLanguage] ?? "",
                [.cacheControl: "max-age=60", .vary: "Accept-Language"])
        }
        #expect(try await cache.send(.get, "/", [.acceptLanguage: "de"]).text == "de")
        let other = try await cache.send(.get, "/", [.acceptLanguage: "fr"])
        #expect(other.text == "fr")
        #expect(other.cacheStatus.contains("fwd=vary-miss"))
        #expect(try await cache.send(.get, "/", [.acceptLanguage: "de"]).isHit)
        #expect(try await cache.send(.get, "/", [.acceptLanguage: "fr"]).text == "fr")
        #expect(try await cache.send(.get, "/", [.acceptLanguage: "FR ;q=1.0"]).isHit)
        #expect(try await cache.send(.get, "/").isHit == false)
        #expect(cache.origin.count == 3)
    }

    @Test func `the oldest variants go when there are too many`() async throws {
        var configuration = Caching.Configuration()
        configuration.maximumVariants = 2
        let cache = CachingHarness(configuration: configuration) { _ in
            .of("x", [.cacheControl: "max-age=60", .vary: "X-Kind"])
        }
        for kind in ["a", "b", "c"] { _ = try await cache.send(.get, "/", ["X-Kind": kind]) }
        #expect(try await cache.send(.get, "/", ["X-Kind": "c"]).isHit)
        #expect(try await cache.send(.get, "/", ["X-Kind": "b"]).isHit)
        #expect(try await cache.send(.get, "/", ["X-Kind": "a"]).isHit == false)
    }

    @Test func `the client's own copy is confirmed with a 304`() async throws {
        let cache = CachingHarness { _ in
            .of(
                "hello", [.cacheControl: "max-age=60", .etag: "\"v1\"", .contentType: "text/plain"])
        }
        _ = try await cache.send()
        let confirmed = try await cache.send(.get, "/", [.ifNoneMatch: "W/\"v1\", \"v0\""])
        #expect(confirmed.status == 304 && confirmed.text.isEmpty)
        #expect(confirmed[.etag] == "\"v1\"" && confirmed[.contentType] == nil)
        #expect(confirmed[.contentLength] == "5")
        #expect(try await cache.send(.get, "/", [.ifNoneMatch: "\"v0\""]).status == 200)
        #expect(cache.origin.count == 1)
    }

    @Test func `a client's condition on a miss doesn't keep the response from being stored`()
        async throws
    {
        let cache = CachingHarness { request in
            request.headers.contains(.ifNoneMatch)
                ? Response(status: .notModified)
                : .of("hello", [.cacheControl: "max-age=60", .etag: "\"v1\""])
        }
        let first = try await cache.send(.get, "/", [.ifNoneMatch: "\"v1\""])
        #expect(first.status == 304)
        #expect(try await cache.send().text == "hello")
        #expect(cache.origin.count == 1)
    }

    @Test(
        arguments: [
            (["Set-Cookie": "id=1"], "Set-Cookie", true),
            (["Cache-Control": "private", "X-Own": "1"], "X-Own", false),
            (["Cache-Control": "max-age=60, private=\"X-Own\"", "X-Own": "1"], "X-Own", true),
            (["Cache-Control": "no-store", "X-Own": "1"], "X-Own", false),
        ] as [(Headers, HeaderName, Bool)])
    func `what a 304 says to one client is said to no other`(
        fields: Headers, own: HeaderName, isConfirmedForAll: Bool
    ) async throws {
        let cache = CachingHarness { request in
            guard request.headers[.ifNoneMatch] != nil else {
                return .of("x", [.cacheControl: "max-age=60", .etag: "\"1\""])
            }
            var headers: Headers = [.etag: "\"1\""]
            if request.headers.contains("X-First") { for field in fields { headers.append(field) } }
            return Response(status: .notModified, headers: headers)
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(61))
        let first = try await cache.send(.get, "/", ["X-First": "1"])
        #expect(first.text == "x" && first[own] == fields[own])
        for _ in 0..<2 {
            let other = try await cache.send()
            #expect(other.text == "x" && other[own] == nil)
            #expect(other.isHit || !isConfirmedForAll)
        }
    }

    @Test func `what the answer to a HEAD says to one client is said to no other`() async throws {
        let cache = CachingHarness { request in
            var headers: Headers = [.cacheControl: "max-age=60", .etag: "\"1\""]
            if request.method == .head { headers[.setCookie] = "id=1" }
            return .of(request.method == .head ? "" : "x", headers)
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(61))
        #expect(try await cache.send(.head)[.setCookie] == "id=1")
        let other = try await cache.send()
        #expect(other.isHit && other.text == "x" && other[.setCookie] == nil)
    }

    @Test func `a stale response is confirmed by the handler's 304, and fresh again`()
        async throws
    {
        let cache = CachingHarness { request in
            request.headers[.ifNoneMatch] == "\"v1\""
                ? Response(
                    status: .notModified, headers: [.cacheControl: "max-age=60", "X-New": "1"])
                : .of("hello", [.cacheControl: "max-age=60", .etag: "\"v1\""])
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(61))
        let validated = try await cache.send()
        #expect(validated.status == 200 && validated.text == "hello")
        #expect(validated.cacheStatus == "Strata; fwd=stale; fwd-status=304; stored")
        #expect(try await cache.send().isHit)
        #expect(try await cache.send()["X-New"] == "1")
        #expect(cache.origin.count == 2)
    }

    @Test(
        arguments: [
            (HeaderName.contentType, "text/html", "text/plain"), ("X-New", nil, "1"),
            (.cacheControl, "max-age=1", "max-age=60"), (.contentEncoding, "gzip", nil),
            (.contentLength, nil, nil), ("Content-Range", nil, nil),
        ] as [(HeaderName, String?, String?)])
    func `a 304 updates all stored fields but those that the stored bytes depend on`(
        name: HeaderName, before: String?, after: String?
    ) async throws {
        // RFC 9111 §3.2.
        let cache = CachingHarness { request in
            var headers: Headers = [.cacheControl: "max-age=1", .etag: "\"v1\""]
            if request.headers.contains(.ifNoneMatch) {
                headers[name] = after ?? "7"
                return Response(status: .notModified, headers: headers)
            }
            if let before { headers[name] = before }
            return .of("hello", headers)
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(2))
        #expect(try await cache.send()[name] == after ?? before)
    }

    @Test(arguments: [false, true])
    func `the response to a POST that says it is what a GET would get answers one`(
        isStream: Bool
    ) async throws {
        // RFC 9110 §9.3.3.
        let cache = CachingHarness { request in
            var response = Response.of(
                "made", [.cacheControl: "max-age=60", .contentLocation: "/list", .age: "10"])
            if isStream, case .bytes(let bytes) = response.body {
                response.body = .stream(BodyStream { try await $0.write(bytes.span.bytes) })
            }
            return response
        }
        let made = try await cache.send(.post, "/list", body: RequestBody(Array("x".utf8)))
        #expect(made.text == "made" && !made.isHit)
        let read = try await cache.send(.get, "/list")
        #expect(read.isHit && read.text == "made" && read[.age] == "10")
        _ = try await cache.send(.post, "/other")
        #expect(try await cache.send(.get, "/other").isHit == false)
    }

    @Test func `a stale response is served while a new one is fetched`() async throws {
        let made = Mutex(0)
        let cache = CachingHarness(
            rules: [.everything.fresh(for: .seconds(10)).staleWhileRevalidate(for: .seconds(10))]
        ) { _ in .of("\(made.withLock { $0 += 1; return $0 })", [:]) }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(15))
        let stale = try await cache.send()
        #expect(stale.text == "1")
        #expect(stale.cacheStatus == "Strata; hit; ttl=-5; detail=stale-while-revalidate")
        while try await cache.send().text == "1" { await Task.yield() }
        #expect(cache.origin.count == 2)
        cache.time.advance(by: .seconds(21))
        #expect(try await cache.send().text == "3")
    }

    @Test func `a stale response is served in the place of an error, within its time`()
        async throws
    {
        struct Broken: Error {}
        let isBroken = Mutex(false)
        let cache = CachingHarness { request in
            guard isBroken.withLock({ $0 }) else {
                return .of("good", [.cacheControl: "max-age=10, stale-if-error=20"])
            }
            if request.headers.contains("X-Throw") { throw Broken() }
            return .of("bad", [:], status: 503)
        }
        _ = try await cache.send()
        isBroken.withLock { $0 = true }
        cache.time.advance(by: .seconds(15))
        let stale = try await cache.send()
        #expect(stale.status == 200 && stale.text == "good")
        #expect(
            stale.cacheStatus
                == "Strata; fwd=stale; fwd-status=503; ttl=-5; detail=stale-if-error")
        #expect(try await cache.send(.get, "/", ["X-Throw": "1"]).text == "good")
        cache.time.advance(by: .seconds(20))
        #expect(try await cache.send().status == 503)
        await #expect(throws: Broken.self) { try await cache.send(.get, "/", ["X-Throw": "1"]) }
    }

    @Test func `a slow handler is waited for no longer than the soft time-out, then stored`()
        async throws
    {
        let gate = Gate(isOpen: true)
        var configuration = Caching.Configuration()
        configuration.softTimeout = .seconds(1)
        let count = Mutex(0)
        let cache = CachingHarness(
            rules: [.everything.fresh(for: .seconds(10)).staleIfError(for: .seconds(60))],
            configuration: configuration
        ) { _ in
            try await gate.pass()
            return .of("\(count.withLock { $0 += 1; return $0 })", [:])
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(11))
        gate.close()
        async let stale = cache.send()
        try await cache.time.waitForSleepers(1)
        cache.time.advance(by: .seconds(1))
        #expect(try await stale.text == "1")
        gate.open()
        while try await cache.send().text == "1" { await Task.yield() }
        #expect(cache.origin.count == 2)
    }

    @Test(arguments: ["private", "max-age=60"], [Status.ok, .internalServerError])
    func `with a soft time-out the handler is asked once as well`(
        control: String, status: Status
    ) async throws {
        var configuration = Caching.Configuration()
        configuration.softTimeout = .seconds(1)
        let isFirst = Mutex(true)
        let cache = CachingHarness(configuration: configuration) { _ in
            let isOld = isFirst.withLock { isFirst in
                defer { isFirst = false }
                return isFirst
            }
            guard isOld else {
                return .of("new", [.cacheControl: control], status: status)
            }
            return .of("old", [.cacheControl: "max-age=60, stale-if-error=600"])
        }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(61))
        #expect(try await cache.send().text == (status == .ok ? "new" : "old"))
        #expect(cache.origin.count == 2)
    }

    @Test func `a handler that takes longer than the hard time-out is given up`() async throws {
        let gate = Gate()
        var configuration = Caching.Configuration()
        configuration.hardTimeout = .seconds(5)
        let cache = CachingHarness(configuration: configuration) { _ in
            try await gate.pass()
            return .of("late", [.cacheControl: "max-age=60"])
        }
        async let reply = cache.send()
        try await cache.time.waitForSleepers(1)
        cache.time.advance(by: .seconds(5))
        #expect(try await reply.status == 504)
        #expect(try await reply[.contentType] == "application/problem+json")
    }

    @Test(arguments: [
        ("no-cache", false), ("max-age=4", false), ("max-age=5", true), ("min-fresh=6", false),
        ("min-fresh=5", true), ("no-store", true),
    ])
    func `a request's directives decide what is fresh enough`(control: String, isHit: Bool)
        async throws
    {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=10"]) }
        _ = try await cache.send()
        cache.time.advance(by: .seconds(5))
        #expect(try await cache.send(.get, "/", [.cacheControl: control]).isHit == isHit)
    }

    @Test func `only-if-cached is answered with 504 where nothing is stored`() async throws {
        let cache = CachingHarness { _ in .of("x", [.cacheControl: "max-age=10"]) }
        let headers: Headers = [.cacheControl: "only-if-cached"]
        let reply = try await cache.send(.get, "/", headers)
        #expect(reply.status == 504)
        // It was neither found nor forwarded (RFC 9211 §2.1, §2.2).
        #expect(reply.cacheStatus == "Strata; detail=only-if-cached")
        #expect(cache.origin.count == 0)
        _ = try await cache.send()
        #expect(try await cache.send(.get, "/", headers).status == 200)
    }

    @Test(
        arguments: [
            (.get, [.ifMatch: "\"1\""], 504), (.get, [:], 504), (.query, [:], 504),
            (.post, [:], 200),
        ] as [(Strata.Method, Headers, Int)])
    func `only-if-cached holds for what goes past the cache, where that could have answered`(
        method: Strata.Method, fields: Headers, status: Int
    ) async throws {
        let cache = CachingHarness(rules: [.path("/never").never]) { _ in .of("x", [:]) }
        var headers = fields
        headers[.cacheControl] = "only-if-cached"
        let reply = try await cache.send(method, "/never", headers)
        #expect(reply.status == status)
        #expect(cache.origin.count == (status == 504 ? 0 : 1))
    }

    @Test func `HEAD is answered from a stored GET`() async throws {
        let cache = CachingHarness { _ in .of("hello", [.cacheControl: "max-age=60"]) }
        _ = try await cache.send()
        #expect(try await cache.send(.head).isHit)
    }

    @Test(arguments: [("\"1\"", true), ("\"2\"", false)])
    func `a HEAD brings what is stored up to date, or makes it stale`(
        etag: String, isSame: Bool
    ) async throws {
        let cache = CachingHarness { request in
            request.method == .head
                ? .of("", [.cacheControl: "max-age=60", .etag: etag, "X-New": "1"])
                : .of("hello", [.cacheControl: "max-age=60", .etag: "\"1\""])
        }
        _ = try await cache.send()
        _ = try await cache.send(.head, "/", [.cacheControl: "no-cache"])
        let reply = try await cache.send()
        #expect(reply.isHit == isSame)
        #expect(reply.text == "hello")
        #expect(reply["X-New"] == (isSame ? "1" : nil))
    }

    @Test func `a successful unsafe request makes what is stored invalid`() async throws {
        let cache = CachingHarness { request in
            request.method == .get
                ? .of("x", [.cacheControl: "max-age=60"])
                : Response(
                    status: request.headers.contains("X-Fail") ? .badRequest : .noContent,
                    headers: [.location: "/b"])
        }
        for target in ["/a", "/b", "/c"] { _ = try await cache.send(.get, target) }
        _ = try await cache.send(.put, "/a", ["X-Fail": "1"])
        #expect(try await cache.send(.get, "/a").isHit)
        _ = try await cache.send(.put, "/a")
        #expect(try await cache.send(.get, "/a").isHit == false)
        #expect(try await cache.send(.get, "/b").isHit == false)
        #expect(try await cache.send(.get, "/c").isHit)
    }

    @Test(arguments: [
        (Caching.Purge.tag("product-7"), ["/products/7"]),
        (.tag("products"), ["/products/7", "/products/8"]),
        (.tag("handmade"), ["/other"]),
        (.uri("http://example.com/products/8"), ["/products/8"]),
        (.prefix("/products/"), ["/products/7", "/products/8"]),
        (.everything, ["/products/7", "/products/8", "/other"]),
    ])
    func `a purge makes invalid what it names and nothing else`(
        purge: Caching.Purge, gone: [String]
    ) async throws {
        let cache = CachingHarness(
            rules: [.path("/products/{id}").tagged("products", "product-{id}")]
        ) { request in
            var response = Response.of("x", [.cacheControl: "max-age=60", .vary: "X-Kind"])
            if request.path == "/other" { response.cacheTags = ["handmade"] }
            return response
        }
        let all = ["/products/7", "/products/8", "/other"]
        for target in all { _ = try await cache.send(.get, target) }
        try await cache.caching.purge(purge)
        for target in all {
            let isHit = try await cache.send(.get, target).isHit
            #expect(isHit == !gone.contains(target), "\(target)")
        }
    }

    @Test(arguments: [
        (Caching.Purge.prefix("/a/b/c/d/e/f/g/h/i/"), "/a/b/c/d/e/f/g/h/i/j"),
        (.prefix("/prod"), "/products/7"), (.prefix("products/"), "/products/7"),
        (.prefix("/products/"), "/%70roducts/7"), (.prefix("/%70roducts/"), "/products/7"),
        (.uri("http://example.com/list?b=2&utm=x&a=1"), "/list?a=1&b=2"),
        (.uri("http://example.com/other?b=2&a=1"), "/other?b=2&a=1"),
    ])
    func `a purge reaches what has another spelling`(
        purge: Caching.Purge, target: String
    ) async throws {
        let cache = CachingHarness(rules: [.path("/list").key(.ignoring(["utm"]))]) { _ in
            .of("x", [.cacheControl: "max-age=60"])
        }
        _ = try await cache.send(.get, target)
        try await cache.caching.purge(purge)
        #expect(try await !cache.send(.get, target).isHit)
    }

    @Test func `an unsafe request makes invalid what it names, by the rules for that`()
        async throws
    {
        let cache = CachingHarness(rules: [.path("/list").key(.ignoring(["utm"]))]) { request in
            request.method == .get
                ? .of("x", [.cacheControl: "max-age=60"])
                : Response(status: .noContent, headers: [.location: "/list?utm=x&a=1"])
        }
        _ = try await cache.send(.get, "/list?a=1")
        _ = try await cache.send(.post, "/other")
        #expect(try await !cache.send(.get, "/list?a=1").isHit)
    }

    @Test(arguments: [
        Caching.Purge.uri("http://example.com/a"), .tag("of-rule"), .tag("of-handler"),
        .prefix("/"), .everything,
    ])
    func `after a soft purge what is stored is asked about once, and kept`(
        purge: Caching.Purge
    ) async throws {
        let cache = CachingHarness(rules: [.everything.tagged("of-rule")]) { request in
            guard !request.headers.contains(.ifNoneMatch) else {
                return Response(status: .notModified, headers: [.etag: "\"1\""])
            }
            var response = Response.of("x", [.cacheControl: "max-age=60", .etag: "\"1\""])
            response.cacheTags = ["of-handler"]
            return response
        }
        _ = try await cache.send(.get, "/a")
        try await cache.caching.purge(purge, isSoft: true)
        let reply = try await cache.send(.get, "/a")
        #expect(reply.text == "x")
        #expect(reply.cacheStatus.contains("fwd=stale; fwd-status=304"))
        #expect(try await cache.send(.get, "/a").isHit)
        #expect(cache.origin.count == 2)
    }

    @Test func `after a soft purge stale use is counted from the purge on`() async throws {
        let cache = CachingHarness(rules: [
            .path("/swr").fresh(for: .seconds(600)).staleWhileRevalidate(for: .seconds(10)),
            .path("/error").fresh(for: .seconds(600)).staleIfError(for: .seconds(10)),
        ]) { request in
            if request.path == "/error", request.headers.contains("X-Fail") {
                return Response(status: 503)
            }
            return .of("x", [:])
        }
        for target in ["/swr", "/error"] { _ = try await cache.send(.get, target) }
        cache.time.advance(by: .seconds(100))
        try await cache.caching.purge(.everything, isSoft: true)
        cache.time.advance(by: .seconds(10))
        #expect(try await cache.send(.get, "/error", ["X-Fail": "1"]).text == "x")
        let reply = try await cache.send(.get, "/swr")
        #expect(reply.cacheStatus.contains("hit; ttl=-10; detail=stale-while-revalidate"))
        cache.time.advance(by: .seconds(1))
        #expect(try await cache.send(.get, "/error", ["X-Fail": "1"]).status == 503)
    }

    @Test func `a hard purge stays one, whatever soft one follows`() async throws {
        let cache = CachingHarness { _ in
            .of("x", [.cacheControl: "max-age=60, stale-while-revalidate=60"])
        }
        _ = try await cache.send()
        try await cache.caching.purge(.everything)
        try await cache.caching.purge(.everything, isSoft: true)
        #expect(try await cache.send().cacheStatus.contains("fwd=uri-miss"))
    }

    @Test func `a fill that began before a soft purge is stale when it lands`() async throws {
        let gate = Gate()
        let cache = CachingHarness(rules: [.everything.tagged("t")]) { _ in
            try await gate.pass()
            return .of("old", [.cacheControl: "max-age=60", .etag: "\"1\""])
        }
        async let first = cache.send()
        while cache.origin.count == 0 { await Task.yield() }
        try await cache.caching.purge(.tag("t"), isSoft: true)
        gate.open()
        #expect(try await first.text == "old")
        #expect(try await cache.send().cacheStatus.contains("fwd=stale"))
    }

    @Test func `an unsafe request's response makes whole groups of its origin invalid`()
        async throws
    {
        let cache = CachingHarness { request in
            switch (request.method, request.path) {
            case (.get, "/c"): .of("x", [.cacheControl: "max-age=60"])
            case (.get, _):
                .of("x", [.cacheControl: "max-age=60", .cacheGroups: "\"menu\", \"other\""])
            default: .of("", [.cacheGroupInvalidation: "\"menu\";x=1"], status: 204)
            }
        }
        for target in ["/a", "/b", "/c"] { _ = try await cache.send(.get, target) }
        #expect(try await cache.send(.get, "/a").isHit)
        _ = try await cache.send(.post, "/elsewhere")
        #expect(try await cache.send(.get, "/a").isHit == false)
        #expect(try await cache.send(.get, "/b").isHit == false)
        #expect(try await cache.send(.get, "/c").isHit)
    }

    @Test(arguments: [true, false])
    func `a fill that began before a purge doesn't land after it`(isTagOfHandler: Bool)
        async throws
    {
        let gate = Gate()
        let cache = CachingHarness(
            rules: isTagOfHandler ? [] : [.everything.tagged("t")]
        ) { _ in
            try await gate.pass()
            var response = Response.of("old", [.cacheControl: "max-age=60"])
            if isTagOfHandler { response.cacheTags = ["t"] }
            return response
        }
        async let first = cache.send()
        while cache.origin.count == 0 { await Task.yield() }
        try await cache.caching.purge(.tag("t"))
        gate.open()
        #expect(try await first.text == "old")
        #expect(try await cache.send().isHit == false)
        #expect(try await cache.send().isHit)
    }

    @Test(arguments: [true, false])
    func `a request that comes after a purge is not given what was begun before it`(isSoft: Bool)
        async throws
    {
        let gate = Gate()
        let cache = CachingHarness { request in
            if request.headers.contains("X-First") { try await gate.pass() }
            let text = request.headers["X-First"] ?? "new"
            return .of(text, [.cacheControl: "max-age=60", .etag: "\"1\""])
        }
        async let first = cache.send(.get, "/", ["X-First": "old"])
        while cache.origin.count == 0 { await Task.yield() }
        try await cache.caching.purge(.everything, isSoft: isSoft)
        async let second = cache.send()
        for _ in 0..<100 { await Task.yield() }
        gate.open()
        #expect(try await first.text == "old")
        #expect(try await second.text == "new")
    }

    @Test func `the order of query parameters matters only where a rule doesn't say otherwise`()
        async throws
    {
        let cache = CachingHarness(rules: [
            .path("/sorted").key(.ignoring(["utm"])), .path("/only").key(.only(["a"])),
        ]) { _ in .of("x", [.cacheControl: "max-age=60"]) }
        for (first, second, isHit) in [
            ("/exact?a=1&b=2", "/exact?b=2&a=1", false),
            ("/sorted?a=1&b=2&utm=x", "/sorted?b=2&utm=y&a=1", true),
            ("/only?a=1&b=2", "/only?b=3&a=1", true),
            ("/only?a=1", "/only?a=2", false),
        ] {
            _ = try await cache.send(.get, first)
            #expect(try await cache.send(.get, second).isHit == isHit, "\(second)")
        }
    }

    @Test func `QUERY is kept by its content`() async throws {
        let cache = CachingHarness { request in
            .of(
                String(decoding: try await request.body.collect(upTo: 100), as: UTF8.self),
                [.cacheControl: "max-age=60"])
        }
        let query: Strata.Method = .query
        #expect(try await cache.send(query, "/", body: RequestBody(Array("a".utf8))).text == "a")
        #expect(try await cache.send(query, "/", body: RequestBody(Array("b".utf8))).text == "b")
        let again = try await cache.send(query, "/", body: RequestBody(Array("a".utf8)))
        #expect(again.isHit && again.text == "a")
        #expect(try await cache.send(.get, "/").isHit == false)
    }

    @Test func `a failing store is as good as an empty one`() async throws {
        let time = ManualTime()
        let store = FaultyStore(MemoryStore(time: time))
        let cache = CachingHarness(store: store) { _ in
            .of("x", [.cacheControl: "max-age=60"])
        }
        store.inject(.fail(.unavailable), into: Set(FaultyStore.Operation.allCases), times: 100)
        for _ in 0..<3 { #expect(try await cache.send().text == "x") }
        store.heal()
    }

    @Test func `fields of the connection are neither stored nor sent on`() async throws {
        let cache = CachingHarness { _ in
            .of(
                "x",
                [
                    .cacheControl: "max-age=60", .connection: "X-Hop", "X-Hop": "1",
                    .keepAlive: "1", "X-End": "kept",
                ])
        }
        for _ in 0..<2 {
            let reply = try await cache.send()
            #expect(reply["X-End"] == "kept")
            #expect(reply["X-Hop"] == nil && reply[.connection] == nil && reply[.keepAlive] == nil)
        }
    }
}
