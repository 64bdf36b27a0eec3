#if Server
    import Strata
    import Testing

    @testable import StrataServer

    @Suite struct ClientTimeTests {
        private let allowed = Duration.seconds(30)

        @Test func `time runs only while somebody waits`() {
            var time = ClientTime()
            #expect(!time.isOver(allowed, at: .seconds(1000)))
            time.start(at: .seconds(1000))
            #expect(!time.isOver(allowed, at: .seconds(1030)))
            #expect(time.isOver(allowed, at: .seconds(1031)))
            time.pause(at: .seconds(1020))
            #expect(!time.isOver(allowed, at: .seconds(5000)))
            time.start(at: .seconds(5000))
            #expect(!time.isOver(allowed, at: .seconds(5010)))
            #expect(time.isOver(allowed, at: .seconds(5011)))
        }

        @Test func `a byte now and then gains no time, and a stretch of content does`() {
            var time = ClientTime()
            time.start(at: .zero)
            time.received(1, at: .seconds(29))
            #expect(time.isOver(allowed, at: .seconds(31)))
            time.received(ClientTime.stretch - 1, at: .seconds(29))
            #expect(!time.isOver(allowed, at: .seconds(59)))
            #expect(time.isOver(allowed, at: .seconds(60)))
        }
    }

    @Suite struct OutgoingBytesTests {
        @Test func `bytes come out as they went in, and never more wait than the limit`() {
            var waiting = OutgoingBytes()
            var expected: [UInt8] = []
            var taken: [UInt8] = []
            var generator = SystemRandomNumberGenerator()
            for round in 0..<2000 {
                let size = Int.random(in: 0...20_000, using: &generator)
                let chunk = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ round) }
                let count = waiting.append(chunk.span.bytes, from: 0)
                expected += chunk.prefix(count)
                #expect(waiting.count <= OutgoingBytes.limit)
                var room = [UInt8](repeating: 0, count: Int.random(in: 0...30_000))
                let moved = room.withUnsafeMutableBytes { waiting.take(into: $0) }
                taken += room.prefix(moved)
            }
            taken += waiting.takeAll()
            #expect(taken == expected)
            #expect(waiting.count == 0)
        }
    }

    @Suite struct ListenAddressTests {
        @Test(arguments: [
            ("127.0.0.1:8080", "127.0.0.1", 8080), ("localhost:0", "localhost", 0),
            ("[::1]:80", "::1", 80),
        ])
        func `an address is read and written`(text: String, host: String, port: Int) throws {
            let address = try ListenAddress(text)
            #expect(address.host == host)
            #expect(address.port == port)
            #expect(address.description == text)
        }

        @Test(arguments: ["", "8080", ":8080", "a:", "a:b", "a:65536", "a:-1", "::1:80", "[]:1"])
        func `what is no address is refused`(text: String) {
            #expect(throws: ServerError.self) { try ListenAddress(text) }
        }

        @Test func `an address that is taken is an error that names it`() async throws {
            try await withServer({ _ in .text("") }) { port in
                let configuration = Server.Configuration(
                    address: ListenAddress(host: "127.0.0.1", port: port))
                let error = #expect(throws: ServerError.self) {
                    try Server(configuration).start { _ in .text("") }
                }
                #expect(error?.description.contains("127.0.0.1:\(port)") == true)
            }
        }
    }
#endif
