#if Server
    import Foundation
    import Strata
    import StrataServer
    import Synchronization
    import Testing

    @testable import strata_proxy

    @Suite(.timeLimit(.minutes(1))) struct ProxyTests {
        private typealias Asked = ScriptedOrigin.Asked

        /// Runs the proxy in front of an origin.
        private func withProxy<Value>(
            _ arguments: [String] = [],
            origin serve: @escaping @Sendable (ScriptedOrigin.Connection, Int) throws -> Void,
            _ body: (Int, ScriptedOrigin) async throws -> Value
        ) async throws -> Value {
            try await withOrigin(serve) { origin in
                let reading = Options.read(["--upstream", origin.url] + arguments)
                guard case .run(let options) = reading else {
                    throw RawClient.Failure("\(reading)")
                }
                let handler = options.handler(for: options.upstream, MemoryStore())
                let server = options.server()
                return try await withServer(
                    handler,
                    {
                        $0.maximumContentBytes = server.maximumContentBytes
                        $0.maximumHeadBytes = server.maximumHeadBytes
                    }
                ) { port in
                    try await body(port, origin)
                }
            }
        }

        /// An origin that answers each request with the text.
        private func answering(
            _ text: String, seen: (@Sendable (Asked) -> Void)? = nil
        ) -> @Sendable (ScriptedOrigin.Connection, Int) throws -> Void {
            { connection, _ in
                while true {
                    let asked = try connection.request()
                    seen?(asked)
                    try connection.send(text)
                }
            }
        }

        /// What a client is sent, and what the origin is asked, while it answers all with the text.
        private func exchange<Value: Sendable>(
            answering text: String = "HTTP/1.1 204 None\r\n\r\n",
            _ talk: @escaping @Sendable (RawClient) throws -> Value
        ) async throws -> (sent: Value, asked: [Asked]) {
            let asked = Mutex<[Asked]>([])
            let origin = answering(text) { request in asked.withLock { $0.append(request) } }
            let sent = try await withProxy(origin: origin) { port, _ in
                try await onThread { try talk(try RawClient(port)) }
            }
            return (sent, asked.withLock(\.self))
        }

        @Test func `a response is stored, and the second request is answered without the origin`()
            async throws
        {
            let count = Mutex(0)
            let answers = try await withProxy(
                origin: answering(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok",
                    seen: { _ in count.withLock { $0 += 1 } })
            ) { port, _ in
                try await onThread {
                    let client = try RawClient(port)
                    return try (0..<2).map { _ in
                        try client.send("GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n")
                        return try client.answer()
                    }
                }
            }
            #expect(answers.map(\.text) == ["ok", "ok"])
            #expect(answers[1].field("Cache-Status")?.contains("hit") == true)
            #expect(answers[1].fields("Via") == ["1.1 strata"])
            #expect(count.withLock { $0 } == 1)
        }

        @Test func `interim responses reach the client in order, and are never stored`()
            async throws
        {
            let heads = try await withProxy(
                origin: answering(
                    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
                        + "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                        + "Content-Length: 2\r\n\r\nok")
            ) { port, _ in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    let heads = try [client.head(), client.head(), client.answer()]
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    let next = try client.answer()
                    try client.send("GET /10 HTTP/1.0\r\n\r\n")
                    return try heads + [next, client.answer()]
                }
            }
            #expect(heads.map(\.status) == [103, 102, 200, 200, 200])
            #expect(heads[0].lines == ["Link: </a>"])
            #expect(heads[2].field("Link") == nil)
        }

        @Test func `a lost origin is a problem document`() async throws {
            let answers = try await withProxy(origin: { _, _ in }) { port, origin in
                let lost = try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    return try client.answer()
                }
                origin.stop()
                let refused = try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    return try client.answer()
                }
                return [lost, refused]
            }
            for answer in answers {
                #expect(answer.status == 502)
                #expect(answer.field("Content-Type") == "application/problem+json")
            }
        }

        @Test func `a response that the origin broke off never looks whole`() async throws {
            for framing in ["Content-Length: 9", "Transfer-Encoding: chunked"] {
                try await withProxy(origin: { connection, _ in
                    _ = try connection.request()
                    try connection.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n3\r\nabc\r\n")
                    usleep(50_000)
                }) { port, _ in
                    try await onThread {
                        let client = try RawClient(port)
                        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                        // Where nothing was sent yet, the client can still be told.
                        let answer = try? client.answer()
                        #expect(answer.map { $0.status >= 500 } ?? true)
                    }
                }
            }
        }

        @Test func `a large head is passed on, and one beyond the limit is a problem`()
            async throws
        {
            for (size, status) in [(30_000, 200), (40_000, 502)] {
                let value = String(repeating: "x", count: size)
                let answer = try await withProxy(
                    origin: answering(
                        "HTTP/1.1 200 OK\r\nX-Long: \(value)\r\nContent-Length: 0\r\n\r\n")
                ) { port, _ in
                    try await onThread {
                        let client = try RawClient(port)
                        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                        return try client.answer()
                    }
                }
                #expect(answer.status == status)
                #expect(answer.field("X-Long") == (status == 200 ? value : nil))
            }
        }

        @Test(arguments: [
            ("both lengths", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400),
            ("two lengths", "Content-Length: 4\r\nContent-Length: 5\r\n", 400),
            ("a folded field", "A: b\r\n c\r\n", 400),
            ("a bare CR", "A: b\rc\r\n", 400),
            ("white space before the colon", "Content-Length : 4\r\n", 400),
            ("another coding", "Transfer-Encoding: chunked, x\r\n", 501),
        ])
        func `an attempt to smuggle a request never reaches the origin`(
            _ what: String, fields: String, status: Int
        ) async throws {
            try await withProxy(origin: answering("HTTP/1.1 204 None\r\n\r\n")) { port, origin in
                let answer = try await onThread {
                    let client = try RawClient(port)
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n0\r\n\r\n")
                    return try client.answer()
                }
                #expect(answer.status == status)
                #expect(origin.connectionCount == 0)
            }
        }

        @Test func `content goes to the origin and back unchanged, at any size`() async throws {
            let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
            let answer = try await withProxy(origin: { connection, _ in
                let asked = try connection.request()
                try connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                        + "Content-Length: \(asked.content.count)\r\n\r\n")
                try connection.send(asked.content)
            }) { port, _ in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send(
                        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(content.count)\r\n\r\n")
                    try client.send(content)
                    return try client.answer()
                }
            }
            #expect(answer.body == content)
            #expect(answer.field("Content-Encoding") == "gzip")
        }

        @Test func `a client that expects leave to send gets it from the origin`() async throws {
            try await withProxy(origin: { connection, _ in
                let asked = try connection.request()
                if asked.lines[0].contains("/no") {
                    try connection.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
                    connection.waitForEnd()
                } else {
                    try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                    _ = try connection.bytes(3)
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }) { port, _ in
                try await onThread {
                    for (path, statuses) in [("/yes", [100, 200]), ("/no", [403])] {
                        let client = try RawClient(port)
                        try client.send(
                            "PUT \(path) HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                                + "Content-Length: 3\r\n\r\n")
                        var seen = [try client.answer().status]
                        if seen == [100] {
                            try client.send("abc")
                            seen.append(try client.answer().status)
                        }
                        #expect(seen == statuses)
                    }
                }
            }
        }

        @Test(arguments: [
            ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501, false),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 200, false),
            ("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: s=1\r\n\r\n", 200, false),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n", 204, true),
            ("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 204, true),
        ])
        func `what an intermediary answers by itself stays away from the origin`(
            _ request: String, status: Int, isForwarded: Bool
        ) async throws {
            let (answer, asked) = try await exchange { client in
                try client.send(request)
                return try client.answer()
            }
            #expect(answer.status == status)
            #expect(!answer.text.contains("Cookie"))
            #expect(asked.isEmpty == !isForwarded)
            if request.contains("Max-Forwards: 3") {
                #expect(asked.first?.field("Max-Forwards") == "2")
                #expect(asked.first?.lines.first == "OPTIONS * HTTP/1.1")
            }
        }

        @Test func `what follows a CONNECT is no request`() async throws {
            let ((answer, rest), asked) = try await exchange { client in
                try client.send(
                    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
                return (try client.answer(), try client.rest())
            }
            #expect(answer.status == 501)
            #expect(rest.isEmpty)
            #expect(asked.isEmpty)
        }

        @Test(arguments: ["1.0", "1.1"])
        func `Via names the version that the client speaks (RFC 9110 §7.6.3)`(version: String)
            async throws
        {
            let (_, asked) = try await exchange { client in
                try client.send("GET / HTTP/\(version)\r\nHost: a\r\nVia: 1.1 b\r\n\r\n")
                return try client.answer()
            }
            #expect(asked.map { $0.field("Via") } == ["1.1 b, \(version) strata"])
        }

        @Test func `a protocol that the client would switch to is not asked for`() async throws {
            let (answers, asked) = try await exchange(
                answering: "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n"
                    + "Content-Length: 0\r\n\r\n"
            ) { client in
                try client.send(
                    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                        + "Connection: upgrade\r\n\r\n")
                let first = try client.answer()
                try client.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
                return [first, try client.answer()]
            }
            #expect(answers.map(\.status) == [200, 200])
            #expect(answers.allSatisfy { $0.field("Upgrade") == nil })
            #expect(asked.count == 2)
            #expect(asked.allSatisfy { $0.field("Upgrade") == nil })
        }
    }
#endif
