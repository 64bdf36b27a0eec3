#if Server
    import Foundation
    import Strata
    import StrataServer
    import StrataTesting
    import Testing

    /// What an attacker can try on sessions over HTTP (OWASP ASVS 5.0 V7, WSTG 4.6).
    @Suite struct SessionAttackTests {
        private static let name = "__Host-session"

        @Test func `SESS-03, ASVS 7.2.4: an id that is known before the log-in is worth nothing`()
            async throws
        {
            try await Shop.run { shop in
                let planted = try await shop.cookie("PUT /note/x")
                let victim = try await shop.cookie("POST /login", cookie: planted, body: "ann")
                #expect(victim != planted)
                #expect(try await shop.send("GET /me", cookie: planted).status == 401)
                #expect(try await shop.send("GET /me", cookie: victim).text == "ann")
                shop.time.advance(by: .seconds(31))
                #expect(try await shop.send("GET /me", cookie: planted).status == 401)
            }
        }

        @Test func `SESS-03: an id that the client chose is not adopted`() async throws {
            try await Shop.run { shop in
                for value in ["admin", String(repeating: "A", count: 48), ""] {
                    let chosen = "\(Self.name)=\(value)"
                    let given = try await shop.cookie("POST /login", cookie: chosen, body: "ann")
                    #expect(given != chosen)
                    #expect(try await shop.send("GET /me", cookie: chosen).status == 401)
                }
            }
        }

        @Test func `SESS-01, ASVS 7.2.3: no character of an id can be changed`() async throws {
            try await Shop.run { shop in
                let cookie = try await shop.cookie("POST /login", body: "ann")
                let start = cookie.index(cookie.startIndex, offsetBy: Self.name.count + 1)
                for index in cookie.indices[start...] {
                    for character in ["A", "_", "é", "\u{1}", " "]
                    where !cookie[index...].hasPrefix(character) {
                        var forged = cookie
                        forged.replaceSubrange(index...index, with: character)
                        let answer = try await shop.send("GET /me", cookie: forged)
                        // A control character is no field value (RFC 9110 §5.5).
                        #expect(answer.status == 401 || answer.status == 400)
                    }
                }
                #expect(try await shop.send("GET /me", cookie: cookie).text == "ann")
            }
        }

        @Test func `SESS-04: an id in the target is no id, and none is ever put there`()
            async throws
        {
            try await Shop.run { shop in
                let cookie = try await shop.cookie("POST /login", body: "ann")
                for target in ["/me?\(cookie)", "/me;\(cookie)", "/me?session=\(cookie)"] {
                    let answer = try await shop.send("GET \(target)")
                    #expect(answer.status == 401 || answer.status == 404)
                }
            }
        }

        @Test func `SESS-02: the cookie is for this host, secure, and kept from scripts`()
            async throws
        {
            try await Shop.run { shop in
                let answer = try await shop.send("POST /login", body: "ann")
                let line = try #require(answer.field("Set-Cookie"))
                #expect(line.hasPrefix(Self.name + "="))
                #expect(line.hasSuffix("; Path=/; Secure; HttpOnly; SameSite=Lax"))
                #expect(answer.field("Cache-Control") == "private, no-cache")
                #expect(answer.field("Vary") == "Cookie")
            }
        }

        @Test func `SESS-02: a tossed cookie takes nobody's place`() async throws {
            try await Shop.run { shop in
                let victim = try await shop.cookie("POST /login", body: "ann")
                let attacker = try await shop.cookie("POST /login", body: "eve")
                for pair in ["\(attacker); \(victim)", "\(victim); \(attacker)"] {
                    #expect(try await shop.send("GET /me", cookie: pair).status == 401)
                }
                let junk = (0..<7).map { "\(Self.name)=junk\($0)" }.joined(separator: "; ")
                #expect(try await shop.send("GET /me", cookie: junk + "; " + victim).text == "ann")
                let flood = String(repeating: "\(Self.name)=x; ", count: 200) + victim
                #expect(try await shop.send("GET /me", cookie: flood).status == 401)
            }
        }

        @Test func `SESS-06, ASVS 7.4.1: after the log-out the id is dead`() async throws {
            try await Shop.run { shop in
                let cookie = try await shop.cookie("POST /login", body: "ann")
                let answer = try await shop.send("POST /logout", cookie: cookie)
                #expect(answer.field("Set-Cookie")?.hasPrefix("\(Self.name)=; ") == true)
                for target in ["GET /me", "PUT /note/x", "POST /rotate", "GET /me"] {
                    let late = try await shop.send(target, cookie: cookie)
                    #expect(
                        late.text != "ann" && late.field("Set-Cookie")?.contains(cookie) != true)
                }
            }
        }

        @Test func `ASVS 7.4.3: logging out the others leaves the one`() async throws {
            try await Shop.run { shop in
                let mine = try await shop.cookie("POST /login", body: "ann")
                let stolen = try await shop.cookie("POST /login", body: "ann")
                _ = try await shop.send("POST /logout-others", cookie: mine)
                #expect(try await shop.send("GET /me", cookie: stolen).status == 401)
                #expect(try await shop.send("GET /me", cookie: mine).text == "ann")
            }
        }

        @Test func `SESS-09: a rotated id is good for the grace period and no longer`() async throws
        {
            try await Shop.run { shop in
                let old = try await shop.cookie("POST /login", body: "ann")
                let new = try await shop.cookie("POST /rotate", cookie: old)
                #expect(try await shop.send("GET /me", cookie: old).text == "ann")
                shop.time.advance(by: .seconds(31))
                #expect(try await shop.send("GET /me", cookie: old).status == 401)
                #expect(try await shop.send("GET /me", cookie: new).text == "ann")
            }
        }

        @Test func `SESS-07, ASVS 7.3: sessions end when idle, and at the latest`() async throws {
            try await Shop.run { shop in
                let idle = try await shop.cookie("POST /login", body: "ann")
                let used = try await shop.cookie("POST /login", body: "ann")
                for minute in stride(from: 20, through: 719, by: 20) {
                    shop.time.advance(by: .seconds(1_200))
                    let answer = try await shop.send("GET /me", cookie: used)
                    #expect(answer.status == 200, "after \(minute) minutes")
                }
                #expect(try await shop.send("GET /me", cookie: idle).status == 401)
                shop.time.advance(by: .seconds(1_200))
                #expect(try await shop.send("GET /me", cookie: used).status == 401)
            }
        }

        @Test func `SESS-05: a post from another site does nothing`() async throws {
            try await Shop.run { shop in
                let cookie = try await shop.cookie("POST /login", body: "ann")
                for field in [
                    "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
                    "Origin: https://evil.example", "Origin: null", "Accept: */*",
                ] {
                    let answer = try await shop.send("POST /logout", cookie: cookie, fields: field)
                    #expect(answer.status == 403, "\(field)")
                }
                let login = try await shop.send(
                    "POST /login", fields: "Sec-Fetch-Site: cross-site", body: "eve")
                #expect(login.status == 403 && login.field("Set-Cookie") == nil)
                #expect(try await shop.send("GET /me", cookie: cookie).text == "ann")
            }
        }

        @Test func `oversized values are refused, and the session stays`() async throws {
            try await Shop.run { shop in
                let cookie = try await shop.cookie("POST /login", body: "ann")
                let large = String(repeating: "x", count: 70_000)
                let answer = try await shop.send("PUT /note/a", cookie: cookie, body: large)
                #expect(answer.status == 500 || answer.status == 413)
                let key = String(repeating: "k", count: 200)
                #expect(try await shop.send("PUT /note/\(key)", cookie: cookie).status >= 400)
                #expect(try await shop.send("GET /me", cookie: cookie).text == "ann")
            }
        }
    }

    /// A small service with sessions on a real server.
    private struct Shop: Sendable {
        let port: Int
        let time: ManualTime

        static func run(_ body: (Shop) async throws -> Void) async throws {
            let time = ManualTime()
            let app = wrap(answer) {
                Sessions(store: MemoryStore(time: time), keys: [.random()], time: time)
                CSRFProtection()
            }
            try await withServer(app) { port in try await body(Shop(port: port, time: time)) }
        }

        private static let answer: Handler = { request in
            let session = request.session
            switch (request.method, request.path) {
            case (.post, "/login"):
                let name = try await request.body.collect(upTo: 100)
                try await session.logIn(as: String(decoding: name, as: UTF8.self))
            case (.get, "/me"):
                guard let name = try await session.principal else {
                    throw Problem(.unauthorized)
                }
                return .text(name)
            case (.post, "/logout"): try await session.logOut()
            case (.post, "/logout-others"): try await session.logOutOthers()
            case (.post, "/rotate"): try await session.rotate()
            case (.put, let path) where path.hasPrefix("/note/"):
                let text = try await request.body.collect(upTo: 1 << 20)
                try await session.set(
                    String(decoding: text, as: UTF8.self), for: String(path.dropFirst(6)))
            default: throw Problem(.notFound)
            }
            return .text("done")
        }

        /// Sends a request; without fields of its own, as this site's pages do.
        func send(
            _ start: String, cookie: String? = nil, fields: String = "Sec-Fetch-Site: same-origin",
            body: String = ""
        ) async throws -> RawClient.Answer {
            var text = "\(start) HTTP/1.1\r\nHost: shop.example\r\n\(fields)\r\n"
            if let cookie { text += "Cookie: \(cookie)\r\n" }
            text += "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
            let (request, port) = (text, port)
            return try await onThread {
                let client = try RawClient(port)
                try client.send(request)
                return try client.answer()
            }
        }

        /// The cookie that the answer to a request sets.
        func cookie(
            _ start: String, cookie: String? = nil, body: String = ""
        ) async throws -> String {
            let answer = try await send(start, cookie: cookie, body: body)
            let line = try #require(answer.field("Set-Cookie"))
            return String(line.prefix { $0 != ";" })
        }
    }
#endif
