#if Server
    import Strata
    import Testing

    @testable import StrataServer

    @Suite struct ResponseContentTests {
        /// What can be told apart of a decision.
        private func outcome(_ response: Response, to method: Method = .get) -> String {
            switch ResponseContent(of: response, to: method) {
            case .none: "none"
            case .withheld(let length): "withheld \(length.map(String.init) ?? "?")"
            case .bytes(let bytes): "bytes \(bytes.count)"
            case .stream(let stream): "stream \(stream.length.map(String.init) ?? "?")"
            }
        }

        private static let stream = BodyStream { _ in }

        @Test(
            arguments: [
                (200, Body.empty, [:], Method.get, "bytes 0"),
                (200, .bytes([1, 2]), [:], .get, "bytes 2"),
                (200, .bytes([1, 2]), [.contentLength: "9"], .get, "bytes 2"),
                (200, .stream(stream), [:], .get, "stream ?"),
                (200, .stream(BodyStream(length: 3) { _ in }), [:], .get, "stream 3"),
                // RFC 9110 §9.3.2
                (200, .bytes([1, 2]), [:], .head, "withheld 2"),
                (200, .empty, [.contentLength: "9"], .head, "withheld 9"),
                (200, .empty, [.contentLength: "x"], .head, "withheld 0"),
                (200, .stream(stream), [:], .head, "withheld ?"),
                // RFC 9110 §15.3.5
                (204, .bytes([1, 2]), [.contentLength: "2"], .get, "none"),
                // RFC 9110 §15.4.5 and §8.6
                (304, .empty, [:], .get, "withheld ?"),
                (304, .bytes([1, 2]), [:], .get, "withheld ?"),
                (304, .empty, [.contentLength: "9"], .get, "withheld 9"),
            ] as [(Int, Body, Headers, Method, String)])
        func `what follows a head depends on the method, the status and the body`(
            code: Int, body: Body, headers: Headers, method: Method, expected: String
        ) throws {
            let status = try #require(Status(code: code))
            let response = Response(status: status, headers: headers, body: body)
            #expect(outcome(response, to: method) == expected)
        }

        @Test(arguments: [
            ("close", true), ("keep-alive, Close", true), ("keep-alive", false), ("closed", false),
        ])
        func `a handler can have the connection closed`(value: String, closes: Bool) {
            let headers: Headers = [.connection: value]
            #expect(headers.askToClose == closes)
        }
    }
#endif
