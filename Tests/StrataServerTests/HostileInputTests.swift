#if Server
    import Foundation
    import Strata
    import StrataServer
    import StrataTesting
    import Synchronization
    import Testing

    /// What a client must not be able to do.
    @Suite struct HostileInputTests {
        private static let ok: Handler = { request in
            .text("\(try await request.body.collect(upTo: 1 << 20).count)")
        }

        @Test(arguments: [
            // RFC 9112 §3: request lines.
            ("GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
            ("GET /\r\n\r\n", 400),
            ("GET\r\n\r\n", 400),
            (" / HTTP/1.1\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GE\u{1}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            // RFC 9112 §5: fields.
            ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX : x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX\u{7F}: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n\0\r\nX: y\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\nY: z\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            // RFC 9112 §6 and §7: content.
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                400
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                501
            ),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
                400
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "fffffffffffffffff\r\n", 413
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3;" + String(repeating: "a", count: 70_000) + "\r\n", 400
            ),
        ])
        func `a malformed request is answered with a problem, and never seen by the handler`(
            request: String, status: Int
        ) async throws {
            let handled = Atomic(0)
            try await withServer({ request in
                _ = try await request.body.collect(upTo: 1 << 20)
                handled.add(1, ordering: .relaxed)
                return .text("ok")
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send(request)
                    let answer = try client.answer()
                    #expect(answer.status == status)
                    #expect(answer.field("Content-Type") == "application/problem+json")
                    #expect(answer.field("Connection") == "close")
                    #expect(answer.text.contains("\"status\":\(status)"))
                    #expect(try client.rest().isEmpty)
                }
                let count = handled.load(ordering: .relaxed)
                #expect(count == 0)
                // The server lives on.
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try client.answer().status == 200)
                }
            }
        }

        @Test(arguments: [
            ("GET / HTTP/1.1\r\nHost: a\r\nX: ", 20_000, "\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: ", 3_000_000, "\r\n\r\n", 431),
            ("GET /", 20_000, " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("GET /", 3_000_000, " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ])
        func `a head that is too large is answered with a problem`(
            start: String, size: Int, end: String, status: Int
        ) async throws {
            try await withServer(Self.ok) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try? client.send(start + String(repeating: "x", count: size) + end)
                    let answer = try client.answer()
                    #expect(answer.status == status)
                    #expect(answer.field("Content-Type") == "application/problem+json")
                }
            }
        }

        @Test(arguments: [
            "GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "a:b\r\n", count: 3_000))\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nCookie: \(String(repeating: "a;", count: 7_000))\r\n\r\n",
        ])
        func `a head of very many parts is answered with a problem`(request: String) async throws {
            let answer = try await exchange(request, with: Self.ok)
            #expect(answer.status == 431)
            #expect(answer.field("Content-Type") == "application/problem+json")
        }

        @Test func `a query of very many parts is let through`() async throws {
            let query = String(repeating: "a=b&", count: 3_500)
            let answer = try await exchange(
                "GET /?\(query) HTTP/1.1\r\nHost: a\r\n\r\n", with: { .text($0.query ?? "") })
            #expect(answer.text == query)
        }

        @Test func `content beyond the limit is answered with 413`() async throws {
            try await withServer(Self.ok, { $0.maximumContentBytes = 100_000 }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
                    try client.send([UInt8](repeating: 1, count: 100_000))
                    #expect(try client.answer().text == "100000")
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n")
                    let answer = try client.answer()
                    #expect(answer.status == 413)
                    #expect(answer.field("Content-Type") == "application/problem+json")
                }
                try await onThread {
                    let client = try RawClient(port)
                    try client.send(
                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                    let chunk =
                        Array("2710\r\n".utf8) + [UInt8](repeating: 1, count: 10_000) + [13, 10]
                    for _ in 0..<300 { guard (try? client.send(chunk)) != nil else { break } }
                    #expect(try client.answer().status == 413)
                }
            }
        }

        @Test func `a head that dribbles in is cut off`() async throws {
            let time = ManualTime()
            try await withServer(Self.ok, { $0.time = time }) { port in
                let client = UncheckedSendable(try RawClient(port))
                try await onThread { try client.value.send("GET / HTTP/1.1\r\nX: a\r\n") }
                try await Task.sleep(for: .milliseconds(300))
                for _ in 0..<5 {
                    time.advance(by: .milliseconds(1_900))
                    try await onThread { try client.value.send("a") }
                }
                time.advance(by: .seconds(1))
                let answer = try await onThread { try client.value.answer() }
                #expect(answer.status == 408)
                #expect(answer.field("Content-Type") == "application/problem+json")
            }
        }

        @Test func `content that dribbles in is cut off`() async throws {
            let time = ManualTime()
            let failed = Gate()
            try await withServer(
                { request in
                    do {
                        _ = try await request.body.collect(upTo: 100)
                    } catch {
                        failed.open()
                        throw error
                    }
                    return .text("")
                }, { $0.time = time }
            ) { port in
                let client = UncheckedSendable(try RawClient(port))
                try await onThread {
                    try client.value.send(
                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\na")
                }
                try await Task.sleep(for: .milliseconds(300))
                for _ in 0..<4 {
                    time.advance(by: .seconds(7))
                    try await onThread { try client.value.send("a") }
                    try await Task.sleep(for: .milliseconds(50))
                }
                time.advance(by: .seconds(7))
                let answer = try await onThread { try client.value.answer() }
                #expect(answer.status == 408)
                try await failed.pass()
            }
        }

        @Test func `an idle connection is closed`() async throws {
            let time = ManualTime()
            try await withServer(Self.ok, { $0.time = time }) { port in
                let client = UncheckedSendable(try RawClient(port))
                try await onThread {
                    try client.value.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try client.value.answer().status == 200)
                }
                // The connection becomes idle some time after its answer has come.
                let clock = Task {
                    while true {
                        time.advance(by: .seconds(61))
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
                defer { clock.cancel() }
                let rest = try await onThread { try client.value.rest() }
                #expect(rest.isEmpty)
            }
        }
    }
#endif
