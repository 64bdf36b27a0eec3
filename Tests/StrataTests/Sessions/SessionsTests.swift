import StrataTesting
import Testing

@testable import Strata

@Suite struct SessionsTests {
    // MARK: What it costs, and what caches may do

    @Test func `a request that does not ask for its session stays as it is`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.set(1, for: "a") }
        service.store.forgetCalls()
        let response = try await client.respond(client.request) { request in
            #expect(!request.sessionTouched)
            return Response(headers: [.cacheControl: "max-age=60"])
        }
        #expect(response.headers.count == 1)
        #expect(service.store.calls == [])
    }

    @Test func `a request without a session that asks for one never reaches the store`()
        async throws
    {
        let service = Service()
        let response = try await service.client.respond(Request(.get, "/")) { request in
            let value: Int? = try await request.session.get("a")
            #expect(value == nil)
            #expect(try await request.session.principal == nil)
            #expect(request.sessionTouched)
            return Response()
        }
        #expect(response.headers[.cacheControl] == "private, no-cache")
        #expect(response.headers[.vary] == "Cookie")
        #expect(!response.headers.contains(.setCookie))
        #expect(service.store.calls == [])
    }

    @Test func `beginning a session, reading and writing cost what they must`() async throws {
        let service = Service()
        let client = service.client
        let first = try await client.send { try await $0.set("x", for: "a") }
        #expect(service.store.calls == ["create"])
        let cookie = try #require(first.headers[.setCookie])
        let value = try #require(client.cookies["__Host-session"])
        #expect(value.utf8.count == 48)
        #expect(
            cookie == "__Host-session=\(value); Path=/; Secure; HttpOnly; SameSite=Lax")
        service.store.forgetCalls()
        let second = try await client.send { session async throws in
            #expect(try await session.get("a") == "x")
            #expect(try await session.get("b", as: Int.self) == nil)
        }
        #expect(service.store.calls == ["load"])
        #expect(!second.headers.contains(.setCookie))
        service.store.forgetCalls()
        let third = try await client.send {
            try await $0.set("y", for: "a")
            try await $0.increment("n")
        }
        #expect(service.store.calls == ["load", "apply"])
        #expect(!third.headers.contains(.setCookie))
        service.store.forgetCalls()
        try await client.send { try await $0.logOutEverywhere() }
        #expect(service.store.calls == ["end"])
    }

    @Test(
        arguments: [
            ("public, max-age=60", nil, "public, max-age=60"), ("no-store", nil, "no-store"),
            (nil, "Accept", "private, no-cache"), (nil, "cookie", "private, no-cache"),
            (nil, "*", "private, no-cache"),
        ] as [(String?, String?, String)])
    func `a response that depends on the session is private unless it says otherwise`(
        given: String?, vary: String?, result: String
    ) async throws {
        let client = Service().client
        let response = try await client.respond(client.request) { request in
            _ = try await request.session.principal
            var response = Response()
            response.headers[.cacheControl] = given
            response.headers[.vary] = vary
            return response
        }
        #expect(response.headers[.cacheControl] == result)
        let varies = VaryField(response.headers, .vary).contains(.cookie)
        #expect(varies == (given == nil))
    }

    @Test(arguments: [
        ("public, max-age=60", "private, no-cache"), ("max-age=60", "private, no-cache"),
        ("private=\"set-cookie\"", "private, no-cache"), ("no-store", "no-store"),
        ("private, max-age=5", "private, max-age=5"),
    ])
    func `a response that sets the cookie is kept by no shared cache, whatever it says`(
        given: String, result: String
    ) async throws {
        let client = Service().client
        let response = try await client.respond(client.request) { request in
            try await request.session.set(1, for: "a")
            return Response(headers: [
                .cacheControl: given, .cdnCacheControl: "max-age=600", .setCookie: "own=1",
            ])
        }
        #expect(response.headers[.cacheControl] == result)
        #expect(!response.headers.contains(.cdnCacheControl))
        #expect(response.headers.lines(of: .setCookie).count == 2)
    }

    // MARK: Values

    @Test func `values of any type are kept, changed and removed`() async throws {
        struct Item: Codable, Equatable {
            var name: String
            var count: Int
        }
        let client = Service().client
        try await client.send { session async throws in
            try await session.set([Item(name: "é", count: 2)], for: "items")
            try await session.set([UInt8]([0, 255]), for: "bytes")
            try await session.set(true, for: "flag")
            #expect(try await session.get("flag") == true)
        }
        try await client.send { session async throws in
            #expect(try await session.get("items") == [Item(name: "é", count: 2)])
            #expect(try await session.get("bytes") == [UInt8]([0, 255]))
            try await session.remove("flag")
            #expect(try await session.get("flag", as: Bool.self) == nil)
        }
        try await client.send { session async throws in
            #expect(try await session.get("flag", as: Bool.self) == nil)
            await #expect(throws: SessionError.self) {
                try await session.get("bytes", as: Int.self)
            }
        }
    }

    @Test func `removing from a session that isn't there does not begin one`() async throws {
        let service = Service()
        let response = try await service.client.send {
            try await $0.remove("a")
            try await $0.rotate()
            #expect(try await $0.takeFlash("note", as: String.self) == nil)
            #expect(try await $0.info == nil)
        }
        #expect(!response.headers.contains(.setCookie))
        #expect(service.store.calls == [])
    }

    @Test func `requests at the same time that change different keys both win`() async throws {
        let client = Service().client
        try await client.send { try await $0.set(0, for: "a") }
        try await client.send { outer async throws in
            try await outer.set(1, for: "a")
            try await client.send { inner async throws in
                try await inner.set(2, for: "b")
                #expect(try await inner.get("a") == 0)
            }
        }
        try await client.send { session async throws in
            #expect(try await session.get("a") == 1)
            #expect(try await session.get("b") == 2)
        }
    }

    @Test(arguments: [false, true])
    func `of additions by requests at the same time none is lost`(isSealed: Bool) async throws {
        let client = Service { $0.sealsValues = isSealed }.client
        try await client.send { try await $0.increment("n", by: 5) }
        try await withThrowingTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    try await client.send {
                        try await $0.increment("n")
                        await Task.yield()
                        try await $0.increment("n")
                    }
                }
            }
            try await group.waitForAll()
        }
        try await client.send { session async throws in
            #expect(try await session.get("n") == 105)
        }
    }

    @Test func `adding sees what this request did before`() async throws {
        let client = Service().client
        try await client.send { session async throws in
            #expect(try await session.increment("a") == 1)
            #expect(try await session.increment("a", by: 2) == 3)
            try await session.set(10, for: "a")
            #expect(try await session.increment("a") == 11)
            try await session.set("x", for: "b")
            await #expect(throws: SessionError.self) { try await session.increment("b") }
            try await session.set(Int.max, for: "c")
            await #expect(throws: SessionError.self) { try await session.increment("c") }
        }
        try await client.send { session async throws in
            #expect(try await session.increment("a", by: -1) == 10)
            try await session.remove("a")
            #expect(try await session.increment("a", by: 4) == 4)
            await #expect(throws: SessionError.self) { try await session.increment("c") }
        }
        try await client.send { session async throws in
            #expect(try await session.get("a") == 4)
            #expect(try await session.get("b") == "x")
        }
    }

    @Test(arguments: [false, true])
    func `comparing and setting has one winner`(isSealed: Bool) async throws {
        let client = Service { $0.sealsValues = isSealed }.client
        try await client.send { session async throws in
            #expect(try await session.compareAndSet("seat", from: Int?.none, to: 0))
            #expect(try await !session.compareAndSet("seat", from: 1, to: 2))
        }
        let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 1...20 {
                group.addTask {
                    nonisolated(unsafe) var hasWon = false
                    try await client.send {
                        hasWon = try await $0.compareAndSet("seat", from: 0, to: number)
                    }
                    return hasWon
                }
            }
            return try await group.reduce(0) { $1 ? $0 + 1 : $0 }
        }
        #expect(winners == 1)
        try await client.send { session async throws in
            let seat: Int = try #require(try await session.get("seat"))
            #expect(seat > 0)
            #expect(try await session.compareAndSet("seat", from: seat, to: nil))
            #expect(try await session.get("seat", as: Int.self) == nil)
        }
        try await client.send { session async throws in
            #expect(try await session.get("seat", as: Int.self) == nil)
        }
    }

    @Test func `a flash value is read once`() async throws {
        let client = Service().client
        try await client.send { try await $0.setFlash("saved", for: "note") }
        try await client.send { session async throws in
            #expect(try await session.get("note", as: String.self) == nil)
            #expect(try await session.takeFlash("note") == "saved")
            #expect(try await session.takeFlash("note", as: String.self) == nil)
        }
        try await client.send { session async throws in
            #expect(try await session.takeFlash("note", as: String.self) == nil)
        }
    }

    @Test func `a session holds no more than its limits`() async throws {
        let service = Service {
            $0.maximumBytes = 1_000
            $0.maximumValues = 3
        }
        try await service.client.send { session async throws in
            let large = String(repeating: "x", count: 995)
            try await session.set("ok", for: "a")
            for (value, key) in [(large, "b"), ("x", String(repeating: "k", count: 129))] {
                let error = await #expect(throws: SessionError.self) {
                    try await session.set(value, for: key)
                }
                #expect(error?.code == .tooLarge)
            }
            try await session.set("x", for: String(repeating: "k", count: 128))
            try await session.increment("c")
            await #expect(throws: SessionError.self) { try await session.increment("d") }
            await #expect(throws: SessionError.self) { try await session.setFlash(1, for: "d") }
            await #expect(throws: SessionError.self) {
                try await session.compareAndSet("d", from: Int?.none, to: 1)
            }
            try await session.set("again", for: "a")
        }
    }

    // MARK: How it ends

    @Test func `a session that is not used ends, and its cookie begins nothing`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.set(1, for: "a") }
        let old = client.cookies
        service.time.advance(by: .seconds(1_700))
        try await client.send { session async throws in
            #expect(try await session.get("a") == 1)
        }
        service.time.advance(by: .seconds(1_801))
        let response = try await client.send { session async throws in
            #expect(try await session.get("a", as: Int.self) == nil)
        }
        #expect(!response.headers.contains(.setCookie))
        try await client.send { try await $0.set(2, for: "a") }
        #expect(client.cookies != old && client.cookies.count == 1)
        guard case .expired = service.heard.events[1] else {
            Issue.record("\(service.heard.events)")
            return
        }
    }

    @Test func `a destroyed session is gone, and its cookie is removed`() async throws {
        let client = Service().client
        try await client.send { try await $0.logIn(as: "ann") }
        let stolen = client.copy
        let response = try await client.send { session async throws in
            #expect(try await session.principal == "ann")
            try await session.logOut()
            #expect(try await session.principal == nil)
        }
        #expect(
            response.headers[.setCookie]
                == "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
        #expect(client.cookies == [:])
        try await stolen.send { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    @Test func `what is set after the end begins another session`() async throws {
        let client = Service().client
        try await client.send { try await $0.set(1, for: "a") }
        let old = client.copy
        try await client.send { session async throws in
            try await session.destroy()
            try await session.set(2, for: "b")
        }
        #expect(client.cookies.count == 1 && client.cookies != old.cookies)
        try await client.send { session async throws in
            #expect(try await session.get("a", as: Int.self) == nil)
            #expect(try await session.get("b") == 2)
        }
    }

    @Test func `a late save does not bring back a session that was ended meanwhile`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        let late = client.copy
        let response = try await late.send { session async throws in
            try await session.set(1, for: "a")
            try await client.send { try await $0.logOut() }
        }
        #expect(!response.headers.contains(.setCookie))
        try await late.send { session async throws in
            #expect(try await session.principal == nil)
        }
        #expect(service.heard.events.contains { if case .changesLost = $0 { true } else { false } })
    }

    @Test func `after the response nothing can be changed`() async throws {
        let client = Service().client
        nonisolated(unsafe) var kept: Session?
        try await client.send { session async throws in
            try await session.set(1, for: "a")
            kept = session
        }
        let session = try #require(kept)
        #expect(try await session.get("a") == 1)
        for action in [
            { try await session.set(2, for: "a") }, { try await session.destroy() },
            { try await session.rotate() },
        ] as [() async throws -> Void] {
            let error = await #expect(throws: SessionError.self) { try await action() }
            #expect(error?.code == .closed)
        }
    }

    @Test func `a body that is produced later can't begin to ask for the session`() async throws {
        let client = Service().client
        try await client.send { try await $0.set(1, for: "a") }
        for wasAsked in [false, true] {
            let response = try await client.respond(client.request) { request in
                if wasAsked { _ = try await request.session.principal }
                return Response(
                    body: .stream(
                        BodyStream { writer in
                            let value = try await request.session.get("a") ?? 0
                            try await writer.write([UInt8(value)])
                        }))
            }
            if wasAsked {
                #expect(try await response.body.collect(upTo: 9) == [1])
            } else {
                let error = await #expect(throws: SessionError.self) {
                    try await response.body.collect(upTo: 9)
                }
                #expect(error?.code == .closed && !response.headers.contains(.cacheControl))
            }
        }
    }

    @Test func `work behind the response has no session`() async throws {
        let client = Service().client
        try await client.send { try await $0.logIn(as: "ann") }
        _ = try await client.respond(client.request) { request in
            let detached = request.detachedFromSession()
            let error = await #expect(throws: SessionError.self) {
                try await detached.session.principal
            }
            #expect(error?.code == .closed)
            #expect(!request.sessionTouched && !detached.sessionTouched)
            return Response()
        }
    }

    @Test func `a thrown problem keeps what was changed, any other error drops it`() async throws {
        struct Bug: Error {}
        let client = Service().client
        let response = try await client.send { session async throws in
            try await session.increment("failures")
            throw Problem(.unauthorized)
        }
        #expect(response.status == .unauthorized && client.cookies.count == 1)
        await #expect(throws: Bug.self) {
            try await client.send { session async throws in
                try await session.increment("failures")
                throw Bug()
            }
        }
        await #expect(throws: Problem.self) {
            try await client.respond(client.request) { _ in throw Problem(.notFound) }
        }
        try await client.send { session async throws in
            #expect(try await session.get("failures") == 1)
        }
    }

    // MARK: The store is down

    @Test func `where the store is down a request for its session is refused`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.set(1, for: "a") }
        service.store.fail(.timedOut)
        let response = try await client.send { _ = try await $0.get("a", as: Int.self) }
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "5")
        #expect(response.headers[.contentType] == "application/problem+json")
        #expect(response.headers[.cacheControl] == "no-store")
        let fresh = try await service.client.send { try await $0.set(1, for: "a") }
        #expect(fresh.status == .serviceUnavailable && !fresh.headers.contains(.setCookie))
        let anonymous = try await service.client.send { _ = try await $0.principal }
        #expect(anonymous.status == .ok)
        let failures = service.heard.events.filter { $0.topic == "store timed out" }
        #expect(failures.first?.description.hasPrefix("session store timed out: ") == true)
    }

    @Test func `by choice it goes on without, but nobody is logged in or out`() async throws {
        let service = Service {
            $0.outage = { $0.path == "/" ? .goOn : .refuse(retryAfter: .seconds(7)) }
        }
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        service.store.fail(.unavailable)
        let response = try await client.send { session async throws in
            #expect(try await session.principal == nil)
            try await session.set(1, for: "a")
            #expect(try await session.get("a") == 1)
            #expect(try await !session.compareAndSet("b", from: Int?.none, to: 1))
        }
        #expect(response.status == .ok && !response.headers.contains(.setCookie))
        let fresh = try await service.client.send { try await $0.set(1, for: "a") }
        #expect(fresh.status == .ok && !fresh.headers.contains(.setCookie))
        for action in [
            { try await $0.logIn(as: "ann") }, { try await $0.logOut() },
            { _ = try await $0.logOutEverywhere() }, { _ = try await $0.logOutOthers() },
        ] as [@Sendable (Session) async throws -> Void] {
            for wasRead in [false, true] {
                let response = try await client.send { session async throws in
                    if wasRead { _ = try await session.principal }
                    try await action(session)
                }
                #expect(response.status == .serviceUnavailable)
                #expect(!response.headers.contains(.setCookie))
            }
        }
        let login = try await service.client.send { try await $0.logIn(as: "ann") }
        #expect(login.status == .serviceUnavailable && !login.headers.contains(.setCookie))
        var request = client.request
        request.path = "/other"
        let refused = try await client.send(request) { _ = try await $0.principal }
        #expect(refused.headers[.retryAfter] == "7")
        service.store.fail(nil)
        try await client.send { session async throws in
            #expect(try await session.principal == "ann")
        }
    }
}
