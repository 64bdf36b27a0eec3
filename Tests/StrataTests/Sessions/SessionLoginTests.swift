import StrataTesting
import Testing

@testable import Strata

@Suite struct SessionLoginTests {
    @Test func `logging in changes the id and keeps what was there`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.set("book", for: "cart") }
        let before = client.copy
        service.store.forgetCalls()
        let response = try await client.send { session async throws in
            try await session.logIn(as: "ann")
            #expect(try await session.principal == "ann")
        }
        #expect(response.headers.contains(.setCookie))
        #expect(service.store.calls == ["load", "apply"])
        #expect(client.cookies != before.cookies)
        try await client.send { session async throws in
            #expect(try await session.principal == "ann")
            #expect(try await session.get("cart") == "book")
        }
        let planted = try await before.send { session async throws in
            #expect(try await session.principal == nil)
            #expect(try await session.get("cart", as: String.self) == nil)
            try await session.set(1, for: "a")
        }
        #expect(!planted.headers.contains(.setCookie))
        service.time.advance(by: .seconds(31))
        try await before.send { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    @Test func `logging in without a session begins one`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        #expect(service.store.calls == ["create"])
        try await client.send { session async throws in
            #expect(try await session.principal == "ann")
        }
    }

    @Test func `a name that is empty or long is no principal`() async throws {
        for name in ["", String(repeating: "a", count: 257)] {
            await #expect(throws: SessionError.self) {
                try await Service().client.send { try await $0.logIn(as: name) }
            }
        }
    }

    @Test func `a request in flight during the log-in loses neither its changes nor the log-in`()
        async throws
    {
        let client = Service().client
        try await client.send { try await $0.set(0, for: "a") }
        let early = client.copy
        let response = try await early.send { session async throws in
            try await session.set(1, for: "a")
            try await client.send { try await $0.logIn(as: "ann") }
        }
        #expect(!response.headers.contains(.setCookie))
        try await client.send { session async throws in
            #expect(try await session.principal == "ann")
            #expect(try await session.get("a") == 1)
        }
    }

    @Test func `of two log-ins at the same time both count`() async throws {
        let client = Service().client
        try await client.send { try await $0.set("book", for: "cart") }
        let twin = client.copy
        try await twin.send { session async throws in
            try await session.logIn(as: "ann")
            try await client.send { try await $0.logIn(as: "ann") }
        }
        #expect(twin.cookies != client.cookies)
        for client in [client, twin] {
            try await client.send { session async throws in
                #expect(try await session.principal == "ann")
                #expect(try await session.get("cart") == "book")
            }
        }
    }

    @Test func `logging in as another takes nothing from the first`() async throws {
        let client = Service().client
        try await client.send { session async throws in
            try await session.logIn(as: "ann")
            try await session.set("secret", for: "a")
        }
        let ann = client.copy
        try await client.send { try await $0.logIn(as: "bob") }
        try await client.send { session async throws in
            #expect(try await session.principal == "bob")
            #expect(try await session.get("a", as: String.self) == nil)
        }
        try await ann.send { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    @Test func `logging in on a session that is ended meanwhile begins a clean one`() async throws {
        let client = Service().client
        try await client.send { try await $0.set("old", for: "a") }
        let other = client.copy
        try await client.send { session async throws in
            try await session.logIn(as: "ann")
            try await session.set(1, for: "b")
            try await other.send { try await $0.destroy() }
        }
        try await client.send { session async throws in
            #expect(try await session.principal == "ann")
            #expect(try await session.get("b") == 1)
            #expect(try await session.get("a", as: String.self) == nil)
        }
    }

    @Test func `after a rotation the old id serves for the grace period`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        let old = client.copy
        let response = try await client.send { try await $0.rotate() }
        #expect(response.headers.contains(.setCookie) && client.cookies != old.cookies)
        let inFlight = try await old.send { session async throws in
            #expect(try await session.principal == "ann")
            try await session.set(1, for: "a")
            try await session.rotate()
        }
        #expect(!inFlight.headers.contains(.setCookie))
        try await client.send { session async throws in
            #expect(try await session.get("a") == 1)
        }
        service.time.advance(by: .seconds(31))
        try await old.send { session async throws in
            #expect(try await session.principal == nil)
        }
        try await client.send { session async throws in
            #expect(try await session.principal == "ann")
        }
    }

    @Test func `a client that wants to be remembered keeps its cookie`() async throws {
        let service = Service {
            $0.rememberedLifetime = SessionLifetime(
                idle: .seconds(500_000), absolute: .seconds(1_000_000))
        }
        let client = service.client
        let login = try await client.send { try await $0.logIn(as: "ann", isRemembered: true) }
        #expect(login.headers[.setCookie]?.contains("; Max-Age=1000000;") == true)
        service.time.advance(by: .seconds(400_000))
        let plain = try await client.send { session async throws in
            #expect(try await session.principal == "ann")
        }
        #expect(!plain.headers.contains(.setCookie))
        let rotation = try await client.send { try await $0.rotate() }
        #expect(rotation.headers[.setCookie]?.contains("; Max-Age=600000;") == true)
        let again = try await client.send { try await $0.logIn(as: "ann") }
        #expect(again.headers[.setCookie]?.contains("Max-Age") == false)
        service.time.advance(by: .seconds(1_801))
        try await client.send { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    @Test func `the principal's sessions are listed, and one of them is ended`() async throws {
        let service = Service { $0.address = { _ in "192.0.2.1" } }
        let (phone, laptop, stranger) = (service.client, service.client, service.client)
        var request = Request(.post, "/login", headers: [.userAgent: "Phone/1"])
        try await phone.send(request) { try await $0.logIn(as: "ann") }
        service.time.advance(by: .seconds(60))
        request.headers[.userAgent] = String(repeating: "é", count: 300)
        try await laptop.send(request) { try await $0.logIn(as: "ann") }
        try await stranger.send { try await $0.logIn(as: "eve") }
        service.time.advance(by: .seconds(200))
        nonisolated(unsafe) var list: [SessionInfo] = []
        try await laptop.send { session async throws in
            list = try await session.sessionsOfPrincipal()
            #expect(try await session.info?.isCurrent == true)
            #expect(try await session.info?.handle == list.last?.handle)
        }
        #expect(list.map(\.isCurrent) == [false, true])
        #expect(list.map(\.userAgent) == ["Phone/1", String(repeating: "é", count: 256)])
        #expect(list.map(\.address) == ["192.0.2.1", "192.0.2.1"])
        #expect(list.map { $0.lastSeen - $0.created } == [.zero, .seconds(200)])
        let phoneHandle = try #require(list.first?.handle)
        try await stranger.send { session async throws in
            #expect(try await !session.end(phoneHandle))
        }
        try await laptop.send { session async throws in
            #expect(try await !session.end("nonsense"))
            #expect(try await session.end(phoneHandle))
            #expect(try await !session.end(phoneHandle))
            #expect(try await session.sessionsOfPrincipal().count == 1)
        }
        try await phone.send { session async throws in
            #expect(try await session.principal == nil)
        }
        try await stranger.send { session async throws in
            #expect(try await session.principal == "eve")
        }
        let laptopHandle = try #require(list.last?.handle)
        try await laptop.send { session async throws in
            #expect(try await session.end(laptopHandle))
        }
        #expect(laptop.cookies == [:])
    }

    @Test func `logging out the others, everywhere, and from outside`() async throws {
        let service = Service()
        let (one, two, three) = (service.client, service.client, service.client)
        let eve = service.client
        func logIn() async throws {
            for client in [one, two, three] {
                try await client.send { try await $0.logIn(as: "ann") }
            }
        }
        func isIn(_ clients: Client...) async throws -> [Bool] {
            var answers: [Bool] = []
            for client in clients {
                nonisolated(unsafe) var answer = false
                try await client.send { answer = try await $0.principal != nil }
                answers.append(answer)
            }
            return answers
        }
        try await eve.send { try await $0.logIn(as: "eve") }
        try await logIn()
        try await two.send { session async throws in
            #expect(try await session.logOutOthers())
        }
        #expect(try await isIn(one, two, three, eve) == [false, true, false, true])
        try await logIn()
        try await two.send { session async throws in
            #expect(try await session.logOutEverywhere())
        }
        #expect(try await isIn(one, two, three, eve) == [false, false, false, true])
        #expect(two.cookies == [:])
        try await logIn()
        #expect(try await service.sessions.logOutEverywhere("ann"))
        #expect(try await isIn(one, two, three, eve) == [false, false, false, true])
        try await logIn()
        try await two.send { try await $0.logOut() }
        try await two.send { session async throws in
            try await session.logIn(as: "ann")
            try await session.logOutOthers()
        }
        #expect(try await isIn(one, two, three, eve) == [false, true, false, true])
        try await service.client.send { session async throws in
            #expect(try await !session.logOutOthers())
            #expect(try await !session.logOutEverywhere())
            #expect(try await session.sessionsOfPrincipal() == [])
        }
    }

    @Test func `above the limit of sessions the oldest one ends`() async throws {
        let service = Service { $0.maximumSessionsPerPrincipal = 2 }
        let clients = [service.client, service.client, service.client]
        for client in clients { try await client.send { try await $0.logIn(as: "ann") } }
        try await clients[0].send { session async throws in
            #expect(try await session.principal == nil)
        }
        try await clients[1].send { session async throws in
            #expect(try await session.principal == "ann")
        }
        try await clients[2].send { session async throws in
            #expect(try await session.principal == "ann")
        }
    }
}
