import StrataTesting
import Synchronization
import Testing

@testable import Strata

/// What an attacker can try (OWASP ASVS 5 V7, WSTG 4.6).
@Suite struct SessionSecurityTests {
    // MARK: Guessing and tampering (ASVS 7.2.3, WSTG-SESS-01)

    @Test func `a cookie with any character changed, cut or added is nobody's`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        let token = try #require(client.cookies["__Host-session"])
        service.store.forgetCalls()
        var forgeries = ["", token + "A", "A" + token, String(token.dropLast()), token + token]
        for index in token.indices {
            for character in "A-_z =%\"" where character != token[index] {
                var forgery = token
                forgery.replaceSubrange(index...index, with: String(character))
                forgeries.append(forgery)
            }
        }
        for forgery in forgeries {
            let attacker = service.client
            attacker.plant(forgery)
            let response = try await attacker.send { session async throws in
                #expect(try await session.principal == nil)
            }
            #expect(!response.headers.contains(.setCookie))
        }
        #expect(service.store.calls == [])
    }

    @Test func `guessed ids never reach the store`() async throws {
        let service = Service()
        var generator = SeededGenerator()
        for _ in 0..<1_000 {
            let attacker = service.client
            attacker.plant(String(base64URL: generator.bytes(36)))
            try await attacker.send { _ = try await $0.principal }
        }
        #expect(service.store.calls == [])
        #expect(service.heard.events.count == 1_000)
        #expect(service.heard.events.allSatisfy { $0 == .cookieRefused(.forged) })
    }

    @Test func `ids are drawn anew each time, and have 144 bits`() async throws {
        let service = Service()
        var tokens: Set<String> = []
        for _ in 0..<200 {
            let client = service.client
            try await client.send { try await $0.set(1, for: "a") }
            tokens.formUnion(client.cookies.values)
        }
        #expect(tokens.count == 200)
        #expect(SessionID.byteCount * 8 == 144)
    }

    // MARK: Fixation (ASVS 7.2.4, WSTG-SESS-03)

    @Test func `an id that the client chose is never adopted`() async throws {
        let service = Service()
        let foreign = Service(keys: [.random()])
        let attacker = foreign.client
        try await attacker.send { try await $0.set(1, for: "a") }
        for value in [attacker.cookies["__Host-session"], "admin", "0", "' OR 1=1"] {
            let victim = service.client
            victim.plant(value)
            try await victim.send { try await $0.set(1, for: "a") }
            #expect(victim.cookies["__Host-session"] != value)
        }
    }

    @Test func `an id planted before the log-in does not lead in afterwards`() async throws {
        let service = Service()
        let attacker = service.client
        try await attacker.send { try await $0.set("trap", for: "a") }
        let victim = attacker.copy
        try await victim.send { try await $0.logIn(as: "ann") }
        for _ in 0..<4 {
            try await attacker.send { session async throws in
                #expect(try await session.principal == nil)
                #expect(try await session.sessionsOfPrincipal() == [])
                try await session.set("mine", for: "a")
            }
            service.time.advance(by: .seconds(10))
        }
        try await victim.send { session async throws in
            #expect(try await session.principal == "ann")
            #expect(try await session.get("a") == "trap")
        }
    }

    @Test func `an id in the query or in another field is no id`() async throws {
        let service = Service()
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        let token = try #require(client.cookies["__Host-session"])
        var request = Request(.get, "/?__Host-session=\(token)&session=\(token)")
        request.headers[.authorization] = token
        request.headers["X-Session"] = token
        try await service.client.send(request) { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    // MARK: Tossing of cookies (RFC 6265bis §8.6, WSTG-SESS-02)

    @Test func `planted cookies that are not genuine are passed over`() async throws {
        let client = Service().client
        try await client.send { try await $0.logIn(as: "ann") }
        let token = try #require(client.cookies["__Host-session"])
        for line in [
            "__Host-session=x; __Host-session=\(token)",
            "__Host-session=\(token); __Host-session=x",
            "__Host-session=\(token); __Host-session=\(token)", "a=b;;=;__Host-session=\(token) ;c",
        ] {
            let request = Request(.get, "/", headers: [.cookie: line])
            try await client.send(request) { session async throws in
                #expect(try await session.principal == "ann")
            }
        }
    }

    @Test func `of two genuine ids neither is believed`() async throws {
        let service = Service()
        let (victim, attacker) = (service.client, service.client)
        try await victim.send { try await $0.logIn(as: "ann") }
        try await attacker.send { try await $0.logIn(as: "eve") }
        let tokens = [victim, attacker].compactMap { $0.cookies["__Host-session"] }
        service.store.forgetCalls()
        for pair in [tokens, tokens.reversed()] {
            let line = pair.map { "__Host-session=" + $0 }.joined(separator: "; ")
            try await service.client.send(Request(.get, "/", headers: [.cookie: line])) {
                session async throws in
                #expect(try await session.principal == nil)
            }
        }
        #expect(service.store.calls == [])
        #expect(service.heard.events.last == .cookieRefused(.ambiguous))
        let many = Array(repeating: "__Host-session=" + tokens[0], count: 9)
        let request = Request(.get, "/", headers: [.cookie: many.joined(separator: ";")])
        try await service.client.send(request) { session async throws in
            #expect(try await session.principal == nil)
        }
        #expect(service.heard.events.last == .cookieRefused(.tooMany))
    }

    @Test func `a cookie of another name, or of another service's name, is no id`() async throws {
        let service = Service()
        let other = Service { $0.cookie.name = "other" }
        let client = service.client
        try await client.send { try await $0.logIn(as: "ann") }
        let token = try #require(client.cookies["__Host-session"])
        for name in ["session", "__host-session", "__Host-Session", "__Secure-session"] {
            let attacker = service.client
            attacker.plant(token, name)
            try await attacker.send { session async throws in
                #expect(try await session.principal == nil)
            }
        }
        let attacker = other.client
        attacker.plant(token, "__Host-other")
        try await attacker.send { _ = try await $0.principal }
        #expect(other.heard.events == [.cookieRefused(.forged)])
    }

    // MARK: The cookie (ASVS 3.3, WSTG-SESS-02)

    @Test func `the cookie's attributes follow its scope`() async throws {
        let domain = Service {
            $0.cookie.scope = .domain("example.com")
            $0.cookie.sameSite = .strict
            $0.cookie.isPartitioned = true
        }
        let insecure = Service { $0.cookie = .insecureLoopback }
        for (service, start, end) in [
            (
                domain, "__Secure-session=",
                "; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Strict; Partitioned"
            ), (insecure, "session=", "; Path=/; HttpOnly; SameSite=Lax"),
        ] {
            let response = try await service.client.send { try await $0.set(1, for: "a") }
            let cookie = try #require(response.headers[.setCookie])
            #expect(cookie.hasPrefix(start) && cookie.hasSuffix(end))
        }
    }

    @Test(
        arguments: [
            ("127.0.0.1", "localhost:8080", true), (nil, "127.0.0.1:80", true), (nil, "", true),
            ("::1", "[::1]:8080", true), ("::ffff:127.0.0.1", "app.localhost", true),
            ("127.8.8.8", "LOCALHOST", true), ("10.0.0.1", "localhost", false),
            ("127.0.0.1", "example.com", false), ("127.0.0.1", "127.0.0.1.example.com", false),
            ("127.0.0.1", "[2001:db8::1]:80", false), ("127.0.0.1", "127.0.0.256", false),
            ("::", "localhost", false), ("127.0.0.1", "localhost.example", false),
            ("127.0.0.1", "127.1", false),
        ] as [(String?, String, Bool)])
    func `a cookie without Secure serves loopback alone`(
        peer: String?, authority: String, isAllowed: Bool
    ) async throws {
        #expect(
            SessionCookie.insecureLoopback.allows(peer: peer, authority: authority) == isAllowed)
        #expect(SessionCookie().allows(peer: peer, authority: authority))
        let service = Service { $0.cookie = .insecureLoopback }
        let request = Request(authority: authority, peer: peer)
        let response = try await service.client.send(request) { try await $0.set(1, for: "a") }
        #expect(response.status == (isAllowed ? .ok : .forbidden))
        #expect(response.headers.contains(.setCookie) == isAllowed)
        let untouched = try await service.client.respond(request) { _ in Response() }
        #expect(untouched.status == .ok)
    }

    // MARK: What is printed and kept

    @Test func `neither ids nor keys are printed`() async throws {
        let client = Service().client
        try await client.send { try await $0.set("secret", for: "a") }
        let token = try #require(client.cookies["__Host-session"])
        let ring = SessionKeyring([Service.key], cookieName: "__Host-session")
        guard case .success(let id) = ring.id(in: token) else {
            Issue.record("The token is not genuine")
            return
        }
        #expect("\(id)" == "<session id>" && "\(Service.key)" == "<session key>")
        #expect(!"\(client.request.headers)".contains(token))
    }

    @Test func `a key is read from what openssl prints, and a short one is refused`() throws {
        let text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        #expect(try SessionKey(base64URL: text).tokenKey == SessionKey(Array(0..<32)).tokenKey)
        _ = try SessionKey(base64URL: String(repeating: "+/", count: 22))
        for text in ["", "AAECAw==", "not base64!", String(repeating: "A", count: 42)] {
            #expect(throws: SessionError.self) { try SessionKey(base64URL: text) }
        }
        #expect(throws: SessionError.self) { try SessionKey(Array(0..<31)) }
    }
}

@Suite struct SessionKeyTests {
    @Test func `replacing a key logs nobody out, and taking it out does`() async throws {
        let (old, new) = (SessionKey.random(), SessionKey.random())
        let store = ProbeSessions(MemorySessions())
        func service(_ keys: [SessionKey]) -> Service {
            Service(keys: keys, store: store) { $0.sealsValues = true }
        }
        let first = service([old]).client
        try await first.send { session in
            try await session.logIn(as: "ann")
            try await session.set(1, for: "a")
        }
        let second = Client(service([new, old]).sessions, cookies: first.cookies)
        try await second.send { session in
            #expect(try await session.principal == "ann")
            try await session.increment("a")
        }
        try await first.send { session async throws in
            #expect(try await session.get("a") == 2)
        }
        try await second.send { try await $0.rotate() }
        let third = Client(service([new]).sessions, cookies: second.cookies)
        try await third.send { session async throws in
            #expect(try await session.get("a") == 2)
        }
        let stale = Client(service([new]).sessions, cookies: first.cookies)
        try await stale.send { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    @Test func `encrypted values can't be read, changed, swapped or copied`() async throws {
        let store = MemorySessions()
        let service = Service(store: ProbeSessions(store)) { $0.sealsValues = true }
        let (ann, eve) = (service.client, service.client)
        for (client, name) in [(ann, "ann"), (eve, "eve")] {
            try await client.send { session in
                try await session.logIn(as: name)
                try await session.set("known value of \(name)", for: "a")
                try await session.set("another one", for: "b")
            }
        }
        let annRecord = try await record("ann", store)
        let eveRecord = try await record("eve", store)
        for (name, bytes) in annRecord.values {
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(!text.contains("known") && !text.contains("ann"), "\(name)")
        }
        func write(_ values: [String: [UInt8]]) async throws {
            let changes = values.mapValues { SessionChange.set($0) }
            _ = try await store.apply(SessionUpdate(changes: changes), to: eveRecord.digest)
        }
        func whatEveSees(_ key: String) async throws -> String? {
            nonisolated(unsafe) var seen: String?
            try await eve.send { seen = try await $0.get(key) }
            return seen
        }
        try await write(["=a": try #require(annRecord.values["=a"])])
        #expect(try await whatEveSees("a") == nil)
        try await write(["=a": try #require(eveRecord.values["=b"])])
        #expect(try await whatEveSees("a") == nil)
        var flipped = try #require(eveRecord.values["=a"])
        flipped[20] ^= 1
        try await write(["=a": flipped])
        #expect(try await whatEveSees("a") == nil)
        try await write(["=a": Array("\"plain\"".utf8)])
        #expect(try await whatEveSees("a") == nil)
        try await write(["=a": try #require(eveRecord.values["=a"])])
        #expect(try await whatEveSees("a") == "known value of eve")
        // The whole of ann's record under another digest.
        let mallory = service.client
        let id = SessionID(bytes: Array(0..<18))
        try await store.create(
            NewSession(
                lifetime: .aal2, wrappedKey: annRecord.wrappedKey, values: annRecord.values),
            as: id.digest)
        mallory.plant(service.sessions.context.keyring.token(for: id))
        try await mallory.send { session async throws in
            #expect(try await session.principal == nil)
        }
        #expect(service.heard.events.contains(.unreadable(id.digest)))
    }

    @Test func `sessions from before encryption was turned on count as none`() async throws {
        let store = ProbeSessions(MemorySessions())
        let plain = Service(store: store).client
        try await plain.send { try await $0.logIn(as: "ann") }
        let sealed = Client(
            Service(store: store) { $0.sealsValues = true }.sessions, cookies: plain.cookies)
        try await sealed.send { session async throws in
            #expect(try await session.principal == nil)
        }
    }

    private func record(_ name: String, _ store: MemorySessions) async throws -> StoredSession {
        try #require(try await store.sessions(of: SessionDigest(principal: name)).first)
    }
}

@Suite struct SessionDecisionTests {
    static let stored = SessionState.Base.stored(
        StoredSession(
            digest: SessionDigest(principal: "x"), created: Timestamp(seconds: 0),
            lastSeen: Timestamp(seconds: 0), expires: Timestamp(seconds: 9), principal: nil,
            wrappedKey: nil, values: ["=a": [49]]), .plain)
    static let signIn = SessionState.Rotation.signIn(principal: "ann", isRemembered: false)

    @Test(
        arguments: [
            (.unread, nil, nil, .nothing), (.none, nil, nil, .nothing),
            (.none, .set([1]), nil, .create),
            (.none, .add(1), nil, .create), (.none, .remove, nil, .nothing),
            (.none, nil, .plain, .nothing), (.none, nil, signIn, .create),
            (superseded, nil, nil, .nothing), (superseded, .set([1]), nil, .discard),
            (superseded, nil, signIn, .create), (.unavailable, nil, nil, .nothing),
            (.unavailable, .set([1]), nil, .discard), (stored, nil, nil, .nothing),
            (stored, .remove, nil, .update), (stored, nil, .plain, .update),
            (stored, .set([1]), signIn, .update),
        ] as [(SessionState.Base, SessionChange?, SessionState.Rotation?, SessionState.Save)])
    func `what is done at the end follows from what is there and what changed`(
        base: SessionState.Base, change: SessionChange?, rotation: SessionState.Rotation?,
        save: SessionState.Save
    ) {
        var state = SessionState()
        state.base = base
        state.rotation = rotation
        switch change {
        case .set(let bytes): state.set(bytes, for: "=b")
        case .remove: state.set(nil, for: "=b")
        case .add(let amount): _ = state.add(amount, to: "=b")
        case nil: break
        }
        #expect(state.save == save)
    }

    static let superseded = SessionState.Base.superseded(SessionDigest(principal: "x"))
}
