#if Server
    import Strata
    import StrataTesting
    import Testing

    @testable import StrataServer

    @Suite struct ResponseHeadTests {
        private func read(
            _ lines: [String], limit: Int = 1000
        ) throws -> [ResponseHead] {
            var reader = ResponseHeadReader(limit: limit)
            var heads: [ResponseHead] = []
            for line in lines {
                let bytes = Array((line + "\r\n").utf8)
                if let head = try bytes.withUnsafeBytes({ try reader.take($0) }) {
                    heads.append(head)
                }
            }
            return heads
        }

        @Test func `interim heads come one by one, and trailers are none`() throws {
            let heads = try read([
                "HTTP/1.1 103 Hints", "A: 1", "", "HTTP/1.0 200", "B: 2", "", "C: 3", "",
            ])
            #expect(heads.map(\.status.code) == [103, 200])
            #expect(heads.map(\.isInterim) == [true, false])
            #expect(heads.map(\.minorVersion) == [1, 0])
            #expect(heads.map(\.headers) == [["A": "1"], ["B": "2"]])
        }

        @Test func `all heads of a response share one limit`() throws {
            let lines = ["HTTP/1.1 103 Hints", "", "HTTP/1.1 200 OK", ""]
            #expect(try read(lines, limit: 41).count == 2)
            #expect(throws: UpstreamError.self) { try read(lines, limit: 40) }
        }

        @Test(arguments: [
            (Method.head, 200, ["Content-Length": "9"], ResponseFraming.none),
            (.get, 304, ["Content-Length": "9"], .none),
            (.get, 204, [:], .none),
            (.get, 200, ["Content-Length": "9"], .length(9)),
            (.get, 200, ["Transfer-Encoding": "Chunked"], .chunked),
            (.get, 200, ["Transfer-Encoding": "chunked", "Content-Length": "9"], .chunked),
            (.post, 500, [:], .untilClose),
        ])
        func `content is framed as RFC 9112 §6.3 says`(
            method: Method, status: Int, fields: [String: String], framing: ResponseFraming
        ) throws {
            let headers = try Headers(fields.map { (try #require(HeaderName($0)), $1) })
            let head = ResponseHead(
                status: try #require(Status(code: status)), minorVersion: 1, headers: headers)
            #expect(try ResponseFraming(of: head, to: method) == framing)
        }

        @Test func `arbitrary lines are read or refused, and never trap`() {
            var generator = SeededGenerator()
            let pieces = [
                "HTTP/1.1 200 OK", "HTTP/1.1 103", "HTTP/1.", " ", "\t", ":", "a: b", ",",
                "Content-Length: 1", "Transfer-Encoding: chunked", "\r", "\0", "\u{FF}", "",
            ]
            for _ in 0..<2_000 {
                let lines = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                    (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                        pieces.randomElement(using: &generator) ?? ""
                    }.joined()
                }
                guard let heads = try? read(["HTTP/1.1 200 OK"] + lines) else { continue }
                for head in heads {
                    for field in head.headers {
                        let isSafe = field.value.utf8.allSatisfy { $0 != 13 && $0 != 10 && $0 != 0 }
                        #expect(isSafe, "\(lines)")
                    }
                }
            }
        }
    }
#endif
