#if Server
    import Foundation
    import Strata
    import StrataServer
    import StrataTesting
    import Synchronization
    import Testing

    /// Clients that go away, and servers that stop.
    @Suite(.timeLimit(.minutes(1))) struct LifecycleTests {
        @Test func `a client that goes away cancels its handler`() async throws {
            let started = Gate()
            let cancelled = Gate()
            try await withServer({ _ in
                started.open()
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    cancelled.open()
                    throw error
                }
                return .text("")
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    usleep(50_000)
                }
                try await started.pass()
                try await cancelled.pass()
            }
        }

        @Test func `a client that goes away ends the stream to it`() async throws {
            let ended = Gate()
            let wasCancelled = Atomic(false)
            try await withServer({ _ in
                Response(
                    body: .stream(
                        BodyStream { writer in
                            defer { ended.open() }
                            let block = [UInt8](repeating: 1, count: 100_000)
                            do {
                                while true { try await writer.write(block) }
                            } catch {
                                wasCancelled.store(
                                    error is CancellationError, ordering: .relaxed)
                                throw error
                            }
                        }))
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    _ = try client.bytes(1_000_000)
                }
                try await ended.pass()
            }
            let isCancelled = wasCancelled.load(ordering: .relaxed)
            #expect(isCancelled)
        }

        @Test func `a client that goes away amid its content ends the reading of it`() async throws
        {
            let ended = Gate()
            try await withServer({ request in
                defer { ended.open() }
                _ = try await request.body.collect(upTo: 100)
                return .text("")
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na")
                    usleep(50_000)
                }
                try await ended.pass()
            }
        }

        @Test func `a client that is gone soon makes room for another`() async throws {
            try await withServer({ _ in .text("ok") }, { $0.maximumConnections = 1 }) { port in
                try await onThread {
                    for _ in 0..<3 {
                        // The end of the connection arrives along with the request.
                        try RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    }
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    #expect(try client.answer().text == "ok")
                }
            }
        }

        /// A client that has said all and one that is gone look alike, until something is sent.
        @Test(arguments: [0, 1400])
        func `a client that closes its side behind its request gets its answer`(
            milliseconds: Int
        ) async throws {
            try await withServer({ _ in
                try await Task.sleep(for: .milliseconds(milliseconds))
                return Response(
                    body: .stream(
                        BodyStream { writer in
                            try await writer.write("a")
                            try await Task.sleep(for: .milliseconds(milliseconds))
                            try await writer.write("b")
                        }))
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    client.closeWriting()
                    var answer = try client.answer()
                    if answer.status == 100 { answer = try client.answer() }
                    #expect(answer.status == 200)
                    #expect(answer.text == "ab")
                }
            }
        }

        @Test func `a client that has closed its side only still gets an answer`() async throws {
            let answer = try await withServer({ request in
                await Task.yield()
                return .text("\(try await request.body.collect(upTo: 10).count)")
            }) { port in
                try await onThread {
                    let client = try RawClient(port)
                    try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                    client.closeWriting()
                    let answer = try client.answer()
                    // A slow server asks first whether the client is still there.
                    return answer.status == 100 ? try client.answer() : answer
                }
            }
            #expect(answer.text == "3")
        }

        @Test func `stopping lets requests in progress finish and takes no new ones`() async throws
        {
            let gate = Gate()
            var configuration = Server.Configuration(
                address: ListenAddress(host: "127.0.0.1", port: 0))
            configuration.gracePeriod = .seconds(20)
            let server = try Server(configuration).start { _ in
                try await gate.pass()
                return .text("done")
            }
            let port = server.address.port
            async let answer = onThread {
                let client = try RawClient(port)
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                let answer = try client.answer()
                #expect(try client.rest().isEmpty)
                return answer
            }
            try await gate.waitForWaiters(1)
            async let stopped: Void = server.stop()
            var isRefused = false
            while !isRefused {
                isRefused = await (try? onThread { _ = try RawClient(port) }) == nil
                try await Task.sleep(for: .milliseconds(10))
            }
            gate.open()
            await stopped
            let got = try await answer
            #expect(got.text == "done")
            #expect(got.field("Connection") == "close")
        }

        @Test func `what is not done within the grace is cancelled`() async throws {
            let started = Gate()
            let cancelled = Gate()
            var configuration = Server.Configuration(
                address: ListenAddress(host: "127.0.0.1", port: 0))
            configuration.gracePeriod = .milliseconds(100)
            let server = try Server(configuration).start { _ in
                Response(
                    body: .stream(
                        BodyStream { writer in
                            try await writer.write("a")
                            started.open()
                            defer { cancelled.open() }
                            try await Task.sleep(for: .seconds(60))
                        }))
            }
            let port = server.address.port
            async let outcome = onThread {
                let client = try RawClient(port)
                try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                return (try? client.answer()) == nil
            }
            try await started.pass()
            await server.stop()
            try await cancelled.pass()
            #expect(try await outcome)
        }

        @Test func `a run ends when its task is cancelled`() async throws {
            let listening = Gate()
            let task = Task {
                try await Server(
                    Server.Configuration(address: ListenAddress(host: "127.0.0.1", port: 0))
                ).run({ _ in .text("") }, until: .cancelled, isListening: { _ in listening.open() })
            }
            try await listening.pass()
            task.cancel()
            try await task.value
        }

        @Test func `a thousand connections are served at the same time`() async throws {
            let gate = Gate()
            let answers = try await withServer({ request in
                try await gate.pass()
                return .text(request.path)
            }) { port in
                let clients = try await onThread {
                    try UncheckedSendable(
                        (0..<1000).map { number in
                            let client = try RawClient(port)
                            try client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                            return client
                        })
                }
                try await gate.waitForWaiters(1000)
                gate.open()
                return try await onThread { try clients.value.map { try $0.answer().text } }
            }
            #expect(answers == (0..<1000).map { "/\($0)" })
        }

        @Test func `more connections than the limit wait for their turn`() async throws {
            try await withServer({ _ in .text("ok") }, { $0.maximumConnections = 2 }) { port in
                try await onThread {
                    var clients = try (0..<3).map { _ in try RawClient(port) }
                    for client in clients {
                        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    }
                    #expect(try clients[0].answer().text == "ok")
                    #expect(try clients[1].answer().text == "ok")
                    clients.removeFirst()
                    #expect(try clients[1].answer().text == "ok")
                }
            }
        }
    }
#endif
