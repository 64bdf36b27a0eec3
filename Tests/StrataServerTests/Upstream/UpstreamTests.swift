#if Server
    import Foundation
    import Strata
    import StrataServer
    import Synchronization
    import Testing

    @Suite(.timeLimit(.minutes(1))) struct UpstreamTests {
        private typealias Connection = ScriptedOrigin.Connection
        private typealias Asked = ScriptedOrigin.Asked

        private static func answerAll(_ text: String) -> @Sendable (Connection, Int) throws -> Void
        {
            { connection, _ in
                while true {
                    _ = try connection.request()
                    try connection.send(text)
                }
            }
        }

        /// Asks an origin that answers with the text, and closes the connection.
        private func ask(
            _ request: Request, _ answer: String, closing: Bool = true
        ) async throws -> (Response, [UInt8]) {
            try await withOrigin({ connection, _ in
                _ = try connection.request()
                try connection.send(answer)
                if !closing { connection.waitForEnd() }
            }) { origin in
                let response = try await Upstream(origin.url).respond(to: request)
                return (response, try await response.body.collect(upTo: 1 << 20))
            }
        }

        /// The error that such an answer leads to.
        private func failure(
            _ answer: String, closing: Bool = true
        ) async throws -> UpstreamError.Reason? {
            do {
                _ = try await ask(Request(.get, "/"), answer, closing: closing)
                return nil
            } catch let error as UpstreamError {
                return error.reason
            }
        }

        // MARK: Requests

        @Test func `a request arrives as it was, with the intermediary's fields`() async throws {
            let asked = Mutex(Asked())
            try await withOrigin({ connection, _ in
                let request = try connection.request()
                asked.withLock { $0 = request }
                try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
            }) { origin in
                var headers: Headers = [
                    "Host": "shop.example", "User-Agent": "", "x-CASE": "a b", "Accept": "*/*",
                    "Connection": "close, X-Hop", "X-Hop": "1", "TE": "trailers",
                    "Keep-Alive": "5", "Upgrade": "websocket", "Via": "1.0 old",
                    "Forwarded": "for=192.0.2.1", "X-Forwarded-For": "192.0.2.1",
                    "X-Forwarded-Host": "evil.example", "X-Twice": "1", "Cookie": "a=b",
                ]
                try headers.append("X-Twice", "2")
                try headers.append("X-Bytes", bytes: [0xFF, 0x20, 0xFE])
                var request = Request("PROPFIND", "/a/../%2f//b?x=%41&y&&z=?", headers: headers)
                request.authority = "shop.example"
                request.peer = "2001:db8::1"
                #expect(try await Upstream(origin.url).respond(to: request).status == 204)
            }
            let request = asked.withLock { $0 }
            #expect(request.lines.first == "PROPFIND /a/../%2f//b?x=%41&y&&z=? HTTP/1.1")
            #expect(
                Set(request.lines.dropFirst()) == [
                    "Host: shop.example", "User-Agent: ", "x-CASE: a b", "Accept: */*",
                    "Via: 1.0 old, 1.1 strata", "Cookie: a=b", "X-Twice: 1", "X-Twice: 2",
                    "Forwarded: for=192.0.2.1, for=\"[2001:db8::1]\";host=shop.example;proto=http",
                    "X-Forwarded-For: 192.0.2.1, 2001:db8::1", "X-Forwarded-Proto: http",
                    "X-Forwarded-Host: shop.example", "X-Bytes: \u{FF} \u{FE}",
                ])
        }

        @Test(arguments: [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY", "get", "X-Any",
        ])
        func `a method passes, without content that nobody sent`(_ name: String) async throws {
            let asked = Mutex(Asked())
            try await withOrigin({ connection, _ in
                let request = try connection.request()
                asked.withLock { $0 = request }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }) { origin in
                let request = Request(try #require(Method(name)), "/")
                #expect(try await Upstream(origin.url).respond(to: request).status == 200)
            }
            let request = asked.withLock { $0 }
            #expect(request.lines.first == "\(name) / HTTP/1.1")
            #expect(request.field("Host")?.hasPrefix("127.0.0.1:") == true)
            for name in ["Content-Length", "Transfer-Encoding", "Expect", "Accept", "User-Agent"] {
                #expect(request.field(name) == nil)
            }
        }

        @Test(arguments: ["POST", "GET", "QUERY"], [true, false])
        func `content arrives whole, with its length or in chunks`(
            _ name: String, knowsLength: Bool
        ) async throws {
            let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let asked = Mutex(Asked())
            try await withOrigin({ connection, _ in
                let request = try connection.request()
                asked.withLock { $0 = request }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }) { origin in
                let body =
                    knowsLength
                    ? RequestBody(content) : RequestBody(Pieces(content, of: 7000))
                let request = Request(try #require(Method(name)), "/", body: body)
                let response = try await Upstream(origin.url).respond(to: request)
                #expect(try await response.body.collect(upTo: 10) == Array("ok".utf8))
            }
            let request = asked.withLock { $0 }
            #expect(request.content == content)
            #expect(request.field("Content-Length") == (knowsLength ? "300000" : nil))
            #expect(request.field("Expect") == nil)
        }

        @Test func `content waits for the leave that the client waits for`() async throws {
            let order = Mutex<[String]>([])
            let source = Pieces(Array("hello".utf8), of: 5) { order.withLock { $0.append("read") } }
            try await withOrigin({ connection, _ in
                let request = try connection.request()
                order.withLock { $0.append("asked \(request.field("Expect") ?? "-")") }
                try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                let content = try connection.bytes(5)
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
                try connection.send(content)
            }) { origin in
                let request = Request(
                    .put, "/", headers: [.expect: "100-continue"],
                    body: RequestBody(length: 5, source))
                var configuration = Upstream.Configuration()
                configuration.continueTimeout = .seconds(20)
                let response = try await Upstream(origin.url, configuration).respond(to: request)
                #expect(try await response.body.collect(upTo: 10) == Array("hello".utf8))
            }
            #expect(order.withLock { $0.prefix(2) } == ["asked 100-continue", "read"])
        }

        @Test func `a refusal in the place of leave is the answer, and no content is read`()
            async throws
        {
            let wasRead = Mutex(false)
            let source = Pieces([1, 2, 3], of: 3) { wasRead.withLock { $0 = true } }
            try await withOrigin({ connection, _ in
                _ = try connection.request()
                try connection.send("HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno")
                connection.waitForEnd()
            }) { origin in
                let request = Request(
                    .put, "/", headers: [.expect: "100-continue"],
                    body: RequestBody(length: 3, source))
                var configuration = Upstream.Configuration()
                configuration.continueTimeout = .seconds(20)
                let response = try await Upstream(origin.url, configuration).respond(to: request)
                #expect(response.status == 417)
                #expect(try await response.body.collect(upTo: 10) == Array("no".utf8))
                #expect(origin.connectionCount == 1)
            }
            #expect(wasRead.withLock { $0 } == false)
        }

        // MARK: Responses

        @Test func `a response arrives as it was, without what was about the connection`()
            async throws
        {
            let (response, body) = try await ask(
                Request(.get, "/"),
                "HTTP/1.1 299 Odd\r\nx-CASE: \u{e9}\r\nSet-Cookie: a=1, 2\r\nSet-Cookie: b\r\n"
                    + "Empty:\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"
                    + "Folded: a\r\n \t b\r\nSpaced : c\r\nContent-Encoding: gzip\r\n"
                    + "Date: never\r\nVia: 1.0 old\r\nTransfer-Encoding: chunked\r\n"
                    + "Trailer: X-Sum\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n")
            #expect(response.status == 299)
            #expect(body == Array("abcde".utf8))
            #expect(
                response.headers.map { "\($0.name): \($0.value)" } == [
                    "x-CASE: \u{e9}", "Set-Cookie: a=1, 2", "Set-Cookie: b", "Empty: ",
                    "Folded: a b", "Spaced: c", "Content-Encoding: gzip", "Date: never",
                    "Via: 1.0 old, 1.1 strata",
                ])
        }

        @Test func `a response without a date gets that of its arrival`() async throws {
            let (response, _) = try await ask(Request(.get, "/"), "HTTP/1.0 200 OK\r\n\r\n")
            let date = try #require(response.headers[.date])
            #expect(date.hasSuffix(" GMT"))
            #expect(response.headers[.via] == "1.0 strata")
        }

        @Test(arguments: [
            ("content delimited by the connection's end", "HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
            ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nabc", "abc"),
            ("no phrase", "HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc", "abc"),
            ("one length twice", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", "abc"),
            (
                "both lengths",  // RFC 9112 §6.3: the transfer coding counts.
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n0\r\n\r\n", "abc"
            ),
            ("an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nabc", "abc"),
            ("more than announced", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", "abc"),
            ("lines ended by LF", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "abc"),
        ])
        func `framing is understood`(_ what: String, answer: String, body: String) async throws {
            let (response, bytes) = try await ask(Request(.get, "/"), answer)
            #expect(response.status == 200)
            #expect(String(decoding: bytes, as: UTF8.self) == body)
            #expect(!response.headers.contains(.contentLength))
            #expect(!response.headers.contains(.transferEncoding))
        }

        @Test(arguments: [
            ("nothing", "", UpstreamError.Reason.lost),
            ("half a head", "HTTP/1.1 200 OK\r\nA: b", .lost),
            ("too short", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", .lost),
            (
                "half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                .lost
            ),
            (
                "no last chunk",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", .lost
            ),
            ("no chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", .lost),
            ("no HTTP", "SSH-2.0-x\r\n\r\n", .malformed),
            (
                "two lengths",
                "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", .malformed
            ),
            ("no number", "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", .malformed),
            ("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", .malformed),
            (
                "two codings", "HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\nabc",
                .malformed
            ),
            (
                "an unknown coding and a length",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\nContent-Length: 1\r\n\r\nabc",
                .malformed
            ),
            (
                "a space before a length's colon",
                "HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nabc", .malformed
            ),
            (
                "a space before a coding's colon",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", .malformed
            ),
            (
                "a folded coding",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
                .malformed
            ),
            (
                "a coding with parameters",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n",
                .malformed
            ),
            (
                "an empty coding and a length",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nabc",
                .malformed
            ),
            ("a bare CR", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\nabc", .malformed),
            ("no colon", "HTTP/1.1 200 OK\r\nA b\r\n\r\nabc", .malformed),
            ("no name", "HTTP/1.1 200 OK\r\n: b\r\n\r\nabc", .malformed),
            ("another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nabc", .malformed),
            ("no status", "HTTP/1.1 20 OK\r\n\r\nabc", .malformed),
        ])
        func `an answer that can't be trusted is an error`(
            _ what: String, answer: String, reason: UpstreamError.Reason
        ) async throws {
            #expect(try await failure(answer) == reason)
        }

        @Test func `a head beyond the limit is an error`() async throws {
            let line = "X-Long: \(String(repeating: "x", count: 1000))\r\n"
            let lines = String(repeating: line, count: 70)
            #expect(
                try await failure("HTTP/1.1 200 OK\r\n\(lines)\r\n", closing: false) == .malformed)
        }

        @Test func `an origin that can't be reached is an error`() async throws {
            let url = try await withOrigin({ _, _ in }) { $0.url }
            let error = await #expect(throws: UpstreamError.self) {
                try await Upstream(url).respond(to: Request(.get, "/"))
            }
            #expect(error?.reason == .unreachable)
            #expect(error?.problem.status == 502)
        }

        @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
        func `an origin that hangs is given up`(_ beginning: String) async throws {
            try await withOrigin({ connection, _ in
                _ = try connection.request()
                try connection.send(beginning)
                connection.waitForEnd()
            }) { origin in
                var configuration = Upstream.Configuration()
                configuration.firstByteTimeout = .milliseconds(150)
                configuration.idleTimeout = .milliseconds(150)
                let upstream = try Upstream(origin.url, configuration)
                let error = await #expect(throws: UpstreamError.self) {
                    _ = try await upstream.respond(to: Request(.get, "/")).body.collect(upTo: 99)
                }
                #expect(error?.reason == .timedOut)
                #expect(error?.problem.status == 504)
            }
        }

        @Test func `an answer to HEAD and a 304 keep the length of what they don't have`()
            async throws
        {
            for (method, status) in [(Method.head, 200), (.get, 304)] {
                let (response, body) = try await ask(
                    Request(method, "/"),
                    "HTTP/1.1 \(status) X\r\nContent-Length: 999\r\nETag: \"a\"\r\n\r\n",
                    closing: false)
                #expect(response.status.code == status)
                #expect(response.headers[.contentLength] == "999")
                #expect(body.isEmpty)
            }
        }

        @Test func `interim responses come first and in order`() async throws {
            let recorder = InterimRecorder()
            var request = Request(.get, "/")
            request.native = recorder
            let (response, _) = try await ask(
                request,
                "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n"
                    + "Connection: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                    + "HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n"
                    + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(response.status == 200)
            #expect(!response.headers.contains(.link))
            #expect(
                recorder.responses.withLock { $0.map { "\($0.status.code) \($0.headers)" } }
                    == ["102 ", "103 Link: </a>", "100 ", "103 Link: </b>"])
        }

        // MARK: Connections

        @Test func `a connection is used again`() async throws {
            let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            try await withOrigin(Self.answerAll(text)) { origin in
                let upstream = try Upstream(origin.url)
                for _ in 0..<5 {
                    let response = try await upstream.respond(to: Request(.get, "/"))
                    #expect(try await response.body.collect(upTo: 9) == Array("ok".utf8))
                }
                #expect(origin.connectionCount == 1)
            }
        }

        @Test func `a request on a connection that the origin just closed is sent once more`()
            async throws
        {
            let asked = Mutex<[String]>([])
            try await withOrigin({ connection, number in
                asked.withLock { $0.append("opened") }
                while true {
                    let request = try connection.request()
                    asked.withLock { $0.append(request.lines[0]) }
                    // The first connection is lost with its second request unanswered.
                    if number == 1, asked.withLock({ $0.count }) == 3 { return }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }) { origin in
                let upstream = try Upstream(origin.url)
                for path in ["/1", "/2"] {
                    let response = try await upstream.respond(to: Request(.get, path))
                    #expect(response.status == 200)
                }
            }
            #expect(
                asked.withLock { $0 } == [
                    "opened", "GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "opened", "GET /2 HTTP/1.1",
                ])
        }

        @Test func `a request that an origin closes upon is sent twice at most`() async throws {
            let asked = Mutex(0)
            let barrier = Mutex(0)
            try await withOrigin({ connection, _ in
                while true {
                    let request = try connection.request()
                    if request.lines[0].hasPrefix("GET /last") {
                        asked.withLock { $0 += 1 }
                        return
                    }
                    barrier.withLock { $0 += 1 }
                    // Each of them has to have a connection of its own.
                    while barrier.withLock({ $0 < 4 }) { usleep(1000) }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }) { origin in
                let upstream = try Upstream(origin.url)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask { _ = try await upstream.respond(to: Request(.get, "/")) }
                    }
                    try await group.waitForAll()
                }
                let error = await #expect(throws: UpstreamError.self) {
                    try await upstream.respond(to: Request(.get, "/last"))
                }
                #expect(error?.reason == .lost)
            }
            #expect(asked.withLock { $0 } == 2)
        }

        @Test(arguments: ["POST", "PATCH", "X-Any"])
        func `a request that is not idempotent is never sent twice`(_ name: String) async throws {
            let method = try #require(Method(name))
            let asked = Mutex(0)
            try await withOrigin({ connection, _ in
                while true {
                    let request = try connection.request()
                    if request.lines[0].hasPrefix(name) {
                        asked.withLock { $0 += 1 }
                        return
                    }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }) { origin in
                let upstream = try Upstream(origin.url)
                for body in [RequestBody.empty, RequestBody([1, 2])] {
                    _ = try await upstream.respond(to: Request(.get, "/"))
                    let error = await #expect(throws: UpstreamError.self) {
                        try await upstream.respond(to: Request(method, "/", body: body))
                    }
                    #expect(error?.reason == .lost)
                }
            }
            #expect(asked.withLock { $0 } == 2)
        }

        @Test func `bytes behind a response never begin the next one`() async throws {
            for end in ["Content-Length: 2\r\n\r\nok", "Content-Length: 0\r\n\r\n"] {
                let stray = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
                try await withOrigin(Self.answerAll("HTTP/1.1 201 OK\r\n\(end)\(stray)")) {
                    let upstream = try Upstream($0.url)
                    for _ in 0..<3 {
                        let response = try await upstream.respond(to: Request(.get, "/"))
                        #expect(response.status == 201)
                        _ = try await response.body.collect(upTo: 9)
                    }
                }
            }
        }

        @Test func `what an origin sends unasked is never an answer`() async throws {
            let isSent = AsyncStream<Void>.makeStream()
            try await withOrigin({ connection, _ in
                while true {
                    _ = try connection.request()
                    try connection.send("HTTP/1.1 304 Not Modified\r\n\r\n")
                    usleep(30_000)
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
                    isSent.continuation.yield()
                }
            }) { origin in
                let upstream = try Upstream(origin.url)
                var sent = isSent.stream.makeAsyncIterator()
                for _ in 0..<3 {
                    let response = try await upstream.respond(to: Request(.get, "/"))
                    #expect(response.status == 304)
                    await sent.next()
                }
                #expect(origin.connectionCount == 3)
            }
        }

        // MARK: Flow

        @Test func `a response is held back while nobody takes it`() async throws {
            let sent = Mutex(0)
            let total = 32 << 20
            try await withOrigin({ connection, _ in
                _ = try connection.request()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
                let piece = [UInt8](repeating: 7, count: 1 << 16)
                while sent.withLock({ $0 }) < total {
                    try connection.send(piece)
                    sent.withLock { $0 += piece.count }
                }
            }) { origin in
                let response = try await Upstream(origin.url).respond(to: Request(.get, "/"))
                try await Task.sleep(for: .milliseconds(300))
                // What the kernel's buffers take is beyond the limit, but bounded, too.
                #expect(sent.withLock { $0 } < total / 2)
                #expect(response.body.length == total)
                let counter = CountingWriter()
                try await response.body.write(to: counter)
                #expect(counter.count == total)
            }
        }

        @Test(arguments: [(1_000_000, true), (64_000_000, false)])
        func `an origin may answer while it is sent content, within bounds`(
            size: Int, isAnswered: Bool
        ) async throws {
            try await withOrigin({ connection, _ in
                _ = try connection.head()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
                var rest = size
                while rest > 0 {
                    let piece = try connection.bytes(min(rest, 50_000))
                    try connection.send(piece)
                    rest -= piece.count
                }
            }) { origin in
                let source = Pieces([UInt8](repeating: 7, count: size), of: 100_000)
                let request = Request(.put, "/", body: RequestBody(length: size, source))
                do {
                    let response = try await Upstream(origin.url).respond(to: request)
                    #expect(try await response.body.collect(upTo: size).count == size)
                    #expect(isAnswered)
                } catch let error as UpstreamError {
                    #expect(error.reason == .lost && !isAnswered)
                }
            }
        }

        @Test func `cancelling the task ends the exchange`() async throws {
            let gone = Mutex(false)
            let isAsked = AsyncStream<Void>.makeStream()
            try await withOrigin({ connection, _ in
                _ = try connection.request()
                isAsked.continuation.yield()
                connection.waitForEnd()
                gone.withLock { $0 = true }
            }) { origin in
                let upstream = try Upstream(origin.url)
                let task = Task { try await upstream.respond(to: Request(.get, "/")) }
                for await _ in isAsked.stream { break }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                while !gone.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
            }
        }

        @Test func `a response that nobody wants is given up`() async throws {
            let gone = Mutex(false)
            try await withOrigin({ connection, _ in
                _ = try connection.request()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                connection.waitForEnd()
                gone.withLock { $0 = true }
            }) { origin in
                let upstream = try Upstream(origin.url)
                #expect(try await upstream.respond(to: Request(.get, "/")).status == 200)
                while !gone.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
            }
        }

        @Test func `many requests are under way at the same time`() async throws {
            try await withOrigin({ connection, _ in
                while true {
                    let request = try connection.request()
                    usleep(20_000)
                    let path = request.lines[0].split(separator: " ")[1]
                    try connection.send(
                        "HTTP/1.1 200 OK\r\nContent-Length: \(path.count)\r\n\r\n\(path)")
                }
            }) { origin in
                let upstream = try Upstream(origin.url)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<200 {
                        group.addTask {
                            let response = try await upstream.respond(
                                to: Request(.get, "/\(number)"))
                            let body = try await response.body.collect(upTo: 99)
                            #expect(String(decoding: body, as: UTF8.self) == "/\(number)")
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }

        @Test func `the content's own error is the request's`() async throws {
            struct Broken: Error {}
            struct Source: RequestBodySource {
                func next() async throws -> [UInt8]? { throw Broken() }
            }
            try await withOrigin({ connection, _ in connection.waitForEnd() }) { origin in
                let upstream = try Upstream(origin.url)
                await #expect(throws: Broken.self) {
                    try await upstream.respond(
                        to: Request(.put, "/", body: RequestBody(length: 9, Source())))
                }
            }
        }
    }

    /// Content in pieces.
    private final class Pieces: RequestBodySource {
        private let rest: Mutex<ArraySlice<UInt8>>
        private let size: Int
        private let onRead: @Sendable () -> Void

        init(_ bytes: [UInt8], of size: Int, onRead: @escaping @Sendable () -> Void = {}) {
            rest = Mutex(bytes[...])
            self.size = size
            self.onRead = onRead
        }

        func next() async throws -> [UInt8]? {
            onRead()
            return rest.withLock { rest in
                guard !rest.isEmpty else { return nil }
                defer { rest = rest.dropFirst(size) }
                return Array(rest.prefix(size))
            }
        }
    }

    private final class InterimRecorder: InterimResponding {
        let responses = Mutex<[Response]>([])
        func sendInterim(_ response: Response) async { responses.withLock { $0.append(response) } }
    }

    private final class CountingWriter: BodyWriter {
        var count = 0
        func write(_ chunk: borrowing RawSpan) async throws { count += chunk.byteCount }
    }
#endif
