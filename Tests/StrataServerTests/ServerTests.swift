#if Server
    import Foundation
    import Strata
    import StrataServer
    import StrataTesting
    import Synchronization
    import Testing

    @Suite struct ServerTests {
        // MARK: Requests

        @Test func `a handler sees the request as it came`() async throws {
            let seen = Mutex<Request?>(nil)
            let answer = try await exchange(
                "PUT /a%2Fb%20/+?x=%41&y=+&z HTTP/1.1\r\nHost: example.com:81\r\n"
                    + "x-TWICE: 1\r\nX-Twice:   2 \t\r\nEmpty:\r\nCookie: a=b; c=\"d\"\r\n\r\n",
                with: { request in
                    seen.withLock { $0 = request }
                    return .text("ok")
                })
            #expect(answer.status == 200)
            let request = try #require(seen.withLock { $0.take() })
            #expect(request.method == .put)
            #expect(request.scheme == "http")
            #expect(request.authority == "example.com:81")
            #expect(request.path == "/a%2Fb%20/+")
            #expect(request.query == "x=%41&y=+&z")
            #expect(request.peer == "127.0.0.1")
            #expect(
                request.headers.map(\.name.spelling) == [
                    "Host", "x-TWICE", "X-Twice", "Empty", "Cookie",
                ])
            #expect(request.headers.lines(of: "X-Twice") == ["1", "2"])
            #expect(request.headers["Empty"] == "")
            #expect(request.headers[.cookie] == "a=b; c=\"d\"")
            #expect(request.body.isEmpty)
        }

        @Test func `field values pass byte for byte, and repeated lines stay apart`() async throws {
            let answer = try await withServer({ request in
                var response = Response(body: .text(request.headers["X-In"] ?? ""))
                for field in request.headers where field.name == "X-In" {
                    response.headers.append(field)
                }
                try response.headers.append(.setCookie, "a=1, 2")
                try response.headers.append(.setCookie, "b=3")
                try response.headers.append("X-Empty", "")
                try response.headers.append("x-CASE", "é")
                return response
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send(
                        Array("GET / HTTP/1.1\r\nHost: a\r\nX-In: ".utf8) + [0xFF, 0x20, 0xFE]
                            + Array("\r\n\r\n".utf8))
                    return try client.answer()
                }
            }
            #expect(answer.text == "\u{FF} \u{FE}")
            #expect(answer.field("X-In") == "\u{FF} \u{FE}")
            #expect(answer.fields("Set-Cookie") == ["a=1, 2", "b=3"])
            #expect(answer.fields("X-Empty") == [""])
            #expect(answer.lines.contains("x-CASE: Ã©"))
        }

        @Test func `a connection serves many requests, and pipelined ones in order`() async throws {
            let answers = try await withServer({ request in
                if request.path == "/1" { try await Task.sleep(for: .milliseconds(30)) }
                return .text(request.path)
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    for path in ["/0", "/1", "/2", "/3"] {
                        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                    }
                    return try (0..<4).map { _ in try client.answer().text }
                }
            }
            #expect(answers == ["/0", "/1", "/2", "/3"])
        }

        @Test(arguments: [
            ("HTTP/1.1", "", false), ("HTTP/1.1", "Connection: close\r\n", true),
            ("HTTP/1.0", "", true), ("HTTP/1.0", "Connection: keep-alive\r\n", false),
        ])
        func `a connection persists as RFC 9112 section 9_3 has it`(
            version: String, field: String, closes: Bool
        ) async throws {
            try await withServer({ _ in .text("ok") }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / \(version)\r\nHost: a\r\n\(field)\r\n")
                    let answer = try client.answer()
                    #expect((answer.field("Connection") == "close") == closes)
                    if closes {
                        #expect(try client.rest().isEmpty)
                    } else {
                        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                        #expect(try client.answer().text == "ok")
                    }
                }
            }
        }

        // MARK: Content of requests

        private static let echo: Handler = { request in
            Response(body: .bytes(try await request.body.collect(upTo: 1 << 24)))
        }

        @Test func `content of known length and in chunks reaches the handler`() async throws {
            let content = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try await withServer(Self.echo) { port in
                try await onThread {
                    let client = try RawClient(port)
                    for _ in 0..<2 {
                        try client.send(
                            Array(
                                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n".utf8
                            )
                                + content)
                        #expect(try client.answer().body == content)
                    }
                    try client.send(
                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                    var rest = content[...]
                    var size = 1
                    while !rest.isEmpty {
                        let chunk = rest.prefix(size)
                        rest = rest.dropFirst(size)
                        size = min(size * 3, 100_000)
                        try client.send(
                            Array("\(String(chunk.count, radix: 16));x=y\r\n".utf8) + chunk
                                + [13, 10])
                    }
                    try client.send("0\r\nTrailer: yes\r\n\r\n")
                    #expect(try client.answer().body == content)
                }
            }
        }

        @Test(arguments: [nil, 9])
        func `a stream that fails ends its connection at once, whenever it fails`(
            length: Int?
        ) async throws {
            struct Broken: Error {}
            let slowest = try await withServer({ request in
                let delay = Int(request.path.dropFirst()) ?? 0
                return Response(
                    body: .stream(
                        BodyStream(length: length) { writer in
                            try await writer.write("abc")
                            try await Task.sleep(for: .microseconds(delay))
                            throw Broken()
                        }))
            }) { port in
                try await onThread {
                    var slowest = Duration.zero
                    for delay in 0..<200 where slowest < .seconds(5) {
                        let client = try RawClient(port)
                        let time = try ContinuousClock().measure {
                            try client.send("GET /\(delay * 10) HTTP/1.1\r\nHost: a\r\n\r\n")
                            // Where nothing was sent yet, the client is told.
                            let answer = try? client.answer()
                            #expect(answer.map { $0.status == 500 } ?? true)
                        }
                        slowest = max(slowest, time)
                    }
                    return slowest
                }
            }
            #expect(slowest < .seconds(5))
        }

        @Test func `a slow handler holds its client back`() async throws {
            let gate = Gate()
            let sent = try await withServer(
                { request in
                    var count = 0
                    for try await piece in request.body {
                        count += piece.count
                        if count == piece.count { try await gate.pass() }
                    }
                    return .text("\(count)")
                }, { $0.maximumContentBytes = nil }
            ) { port in
                let client = UncheckedSendable(try RawClient(port))
                let length = 64 << 20
                let sent = try await onThread {
                    let client = client.value
                    try client.send(
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n")
                    let block = [UInt8](repeating: 1, count: 1 << 16)
                    var sent = 0
                    var stalls = 0
                    // What both kernels hold is finite; beyond that nothing can be sent.
                    while stalls < 5, sent < length {
                        let count = client.sendWithoutWaiting(block)
                        if count > 0 {
                            sent += count
                            stalls = 0
                        } else {
                            stalls += 1
                            usleep(50_000)
                        }
                    }
                    return sent
                }
                gate.open()
                let answer = try await onThread {
                    try client.value.send([UInt8](repeating: 1, count: length - sent))
                    return try client.value.answer()
                }
                #expect(answer.text == "\(length)")
                return sent
            }
            #expect(sent < 32 << 20)
        }

        @Test func `leave to send is given when the handler first reads`() async throws {
            let gate = Gate()
            try await withServer({ request in
                try await gate.pass()
                return .text("\(try await request.body.collect(upTo: 10).count)")
            }) { port in
                let client = UncheckedSendable(try RawClient(port))
                try await onThread {
                    try client.value.send(
                        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
                    )
                }
                try await gate.waitForWaiters(1)
                gate.open()
                try await onThread {
                    #expect(try client.value.head().status == 100)
                    try client.value.send("abc")
                    #expect(try client.value.answer().text == "3")
                }
            }
        }

        @Test func `an answer without reading comes in the place of leave to send`() async throws {
            let answer = try await exchange(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
                with: { _ in throw Problem(.forbidden) })
            #expect(answer.status == 403)
            #expect(answer.field("Connection") == "close")
        }

        @Test func `content that nobody read is thrown away, and the connection kept`() async throws
        {
            try await withServer({ _ in .text("no") }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    for _ in 0..<3 {
                        try client.send(
                            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
                        try client.send([UInt8](repeating: 65, count: 100_000))
                        #expect(try client.answer().text == "no")
                    }
                }
            }
        }

        @Test(arguments: ["", "ab"])
        func `an answer reaches a client that has stopped amid its content`(_ beginning: String)
            async throws
        {
            let answer = try await exchange(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n" + beginning,
                with: { request in
                    if !beginning.isEmpty { for try await _ in request.body { break } }
                    throw Problem(.unprocessableContent)
                })
            #expect(answer.status == 422)
            #expect(answer.field("Connection") == "close")
            #expect(answer.text.contains("422"))
        }

        @Test func `an answer amid a long upload reaches the client`() async throws {
            let answer = try await withServer({ request in
                for try await _ in request.body { break }
                throw Problem(.unprocessableContent)
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n")
                    try? client.send([UInt8](repeating: 65, count: 4_000_000))
                    return try client.answer()
                }
            }
            #expect(answer.status == 422)
            #expect(answer.field("Connection") == "close")
        }

        // MARK: Content of responses

        @Test func `a stream of unknown length is chunked, or ends with the connection`()
            async throws
        {
            let handler: Handler = { _ in
                Response(
                    body: .stream(
                        BodyStream { writer in
                            for number in 0..<3 {
                                try await writer.write("\(number)")
                                try await Task.sleep(for: .milliseconds(5))
                            }
                        }))
            }
            let new = try await exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n", with: handler)
            #expect(new.field("Transfer-Encoding") == "chunked")
            #expect(new.field("Content-Length") == nil)
            #expect(new.text == "012")
            let old = try await exchange("GET / HTTP/1.0\r\nHost: a\r\n\r\n", with: handler)
            #expect(old.field("Transfer-Encoding") == nil)
            #expect(old.text == "012")
        }

        @Test func `a large stream arrives whole`() async throws {
            let block = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            for length in [nil, 30 * block.count] {
                let answer = try await exchange(
                    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                    with: { _ in
                        Response(
                            body: .stream(
                                BodyStream(length: length) { writer in
                                    for _ in 0..<30 { try await writer.write(block) }
                                }))
                    })
                #expect(answer.body == Array(repeatElement(block, count: 30).joined()))
                #expect((answer.field("Content-Length") != nil) == (length != nil))
            }
        }

        @Test func `a slow client holds the producer back`() async throws {
            let written = Atomic(0)
            let length = 64 << 20
            try await withServer({ _ in
                Response(
                    body: .stream(
                        BodyStream(length: length) { writer in
                            let block = [UInt8](repeating: 1, count: 1 << 16)
                            for _ in 0..<(length / block.count) {
                                try await writer.write(block)
                                written.add(block.count, ordering: .relaxed)
                            }
                        }))
            }) { port in
                try await onThread {
                    let client = try RawClient(port, receiveBuffer: 64 * 1024)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try client.head().status == 200)
                    var last = -1
                    while written.load(ordering: .relaxed) != last {
                        last = written.load(ordering: .relaxed)
                        usleep(200_000)
                    }
                    #expect(last < 16 << 20)
                    #expect(try client.bytes(length).count == length)
                }
            }
        }

        @Test(arguments: [nil, 10, 3])
        func `a producer that fails cuts the connection off`(length: Int?) async throws {
            struct Failed: Error {}
            for version in ["HTTP/1.1", "HTTP/1.0"] {
                await #expect(throws: RawClient.Failure.self) {
                    try await exchange(
                        "GET / \(version)\r\nHost: a\r\n\r\n",
                        with: { _ in
                            Response(
                                body: .stream(
                                    BodyStream(length: length) { writer in
                                        try await Task.sleep(for: .milliseconds(20))
                                        try await writer.write("ab")
                                        try await Task.sleep(for: .milliseconds(20))
                                        throw Failed()
                                    }))
                        })
                }
            }
        }

        @Test(arguments: [1, 3])
        func `a stream of another length than announced closes the connection`(
            length: Int
        ) async throws {
            try await withServer({ _ in
                Response(
                    body: .stream(
                        BodyStream(length: length) { writer in
                            try await Task.sleep(for: .milliseconds(20))
                            try await writer.write("a")
                            try await Task.sleep(for: .milliseconds(20))
                            try await writer.write("b")
                        }))
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try client.head()
                    let rest = try? client.rest()
                    #expect((rest?.count ?? 0) <= 2)
                }
            }
        }

        @Test func `a producer that fails before anything was sent is answered for`() async throws {
            struct Failed: Error {}
            let answer = try await exchange(
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                with: { _ in
                    Response(
                        body: .stream(
                            BodyStream { writer in
                                try await writer.write("ab")
                                throw Failed()
                            }))
                })
            #expect(answer.status == 500)
        }

        @Test func `content that is sent again goes with the fields and status of each answer`()
            async throws
        {
            let content = [[UInt8](repeating: 97, count: 20), [UInt8](repeating: 98, count: 20)]
            let texts = try await withServer({ request in
                let query = request.query ?? ""
                var response = Response(
                    status: query.contains("missing") ? .notFound : .ok,
                    headers: ["X-Query": query],
                    body: .bytes(content[query.hasPrefix("a") ? 0 : 1]))
                if query.contains("close") { response.headers[.connection] = "close" }
                return response
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    return try ["a", "a", "b", "a", "a1", "a1", "a1missing", "a-close"].map {
                        try client.send("GET /?\($0) HTTP/1.1\r\nHost: a\r\n\r\n")
                        let answer = try client.answer()
                        return "\(answer.status) \(answer.field("X-Query") ?? "") "
                            + "\(answer.text.prefix(1)) \(answer.field("Connection") ?? "")"
                    }
                }
            }
            #expect(
                texts == [
                    "200 a a ", "200 a a ", "200 b b ", "200 a a ", "200 a1 a ", "200 a1 a ",
                    "404 a1missing a ", "200 a-close a close",
                ])
        }

        @Test func `HEAD, 204 and 304 have no content, and lengths where they are true`()
            async throws
        {
            let handler: Handler = { request in
                switch request.path {
                case "/204": Response(status: .noContent, body: .text("no"))
                case "/304": Response(status: .notModified, headers: [.contentLength: "9"])
                case "/304-unknown": Response(status: .notModified)
                case "/stream":
                    Response(body: .stream(BodyStream { try await $0.write("no") }))
                default: .text("hello")
                }
            }
            try await withServer(handler) { port in
                try await onThread {
                    let client = try RawClient(port)
                    func answer(_ method: String, _ path: String) throws -> RawClient.Answer {
                        try client.send("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                        return try client.answer(to: method)
                    }
                    #expect(try answer("HEAD", "/").field("Content-Length") == "5")
                    let noContent = try answer("GET", "/204")
                    #expect(noContent.status == 204)
                    #expect(noContent.field("Content-Length") == nil)
                    #expect(try answer("GET", "/304").field("Content-Length") == "9")
                    #expect(try answer("GET", "/").text == "hello")
                    let unknown = try answer("GET", "/304-unknown")
                    #expect(unknown.status == 304)
                    #expect(unknown.field("Content-Length") == nil)
                    #expect(unknown.field("Transfer-Encoding") == nil)
                    #expect(unknown.field("Date") != nil)
                    let streamed = try answer("HEAD", "/stream")
                    #expect(streamed.field("Content-Length") == nil)
                    #expect(streamed.field("Transfer-Encoding") == nil)
                    // Neither has cost the connection.
                    #expect(try answer("GET", "/").text == "hello")
                }
            }
        }

        @Test func `an answer without content or length is one among others on its connection`()
            async throws
        {
            let handler: Handler = { request in
                if request.path == "/late" { try await Task.sleep(for: .milliseconds(20)) }
                return request.path == "/" ? .text("hello") : Response(status: .notModified)
            }
            try await withServer(handler) { port in
                try await onThread {
                    let client = try RawClient(port)
                    let paths = (0..<60).map { ["/", "/now", "/late"][$0 % 3] }
                    for path in paths { try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n") }
                    for path in paths {
                        #expect(try client.answer().status == (path == "/" ? 200 : 304))
                    }
                    for version in ["1.0", "1.1"] {
                        let last = try RawClient(port)
                        try last.send(
                            "GET /now HTTP/\(version)\r\nHost: a\r\nConnection: close\r\n\r\n")
                        #expect(try last.answer().field("Connection") == "close")
                        #expect(try last.rest().isEmpty)
                    }
                }
            }
        }

        @Test func `framing is the server's, whatever the handler says`() async throws {
            let answer = try await exchange(
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                with: { _ in
                    Response(
                        headers: [
                            .contentLength: "99", .transferEncoding: "gzip", .keepAlive: "x",
                            .connection: "close, X",
                        ], body: .text("hello"))
                })
            #expect(answer.fields("Content-Length") == ["5"])
            #expect(answer.field("Transfer-Encoding") == nil)
            #expect(answer.field("Keep-Alive") == nil)
            #expect(answer.fields("Connection") == ["close"])
            #expect(answer.fields("Date").count == 1)
        }

        // MARK: Errors

        @Test func `a problem is answered, and any other error is a 500 that tells nothing`()
            async throws
        {
            struct Secret: Error {}
            let heard = Mutex<[String]>([])
            let handler: Handler = { request in
                switch request.path {
                case "/problem": throw Problem(409, detail: "no")
                case "/interim": return Response(status: 103)
                case "/large": throw BodyTooLarge(limit: 1)
                default: throw Secret()
                }
            }
            try await withServer(
                handler,
                {
                    $0.events = Events { event in heard.withLock { $0.append("\(event)") } }
                }
            ) { port in
                try await onThread {
                    let client = try RawClient(port)
                    for (path, status) in [
                        ("/problem", 409), ("/interim", 500), ("/large", 413), ("/x", 500),
                    ] {
                        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                        let answer = try client.answer()
                        #expect(answer.status == status)
                        #expect(answer.field("Content-Type") == "application/problem+json")
                        #expect(!answer.text.contains("Secret"))
                    }
                }
            }
            #expect(heard.withLock { $0.filter { $0.contains("Secret") }.count } == 1)
        }
    }

    /// Lets a value be used on one thread after another.
    struct UncheckedSendable<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
#endif
