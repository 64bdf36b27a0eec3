import Strata
import Testing

@Suite struct TokenListTests {
    @Test(arguments: [
        (["close"], "close"), (["keep-alive, Upgrade"], "keep-alive Upgrade"),
        (["a", ",, b ,"], "a b"), (["a b, c, \"d\", e;f"], "c"), ([""], ""),
    ])
    func `tokens are read as RFC 9110 §5.6.1 has them`(lines: [String], expected: String) {
        #expect(TokenList(lines: lines).tokens.joined(separator: " ") == expected)
    }

    @Test func `a token is found whatever its case`() {
        #expect(TokenList("Close").contains("close"))
        #expect(!TokenList("Closed").contains("close"))
    }

    @Test func `fields of the connection are removed, and those that Connection names`() {
        var headers: Headers = [
            .connection: "close, X-Secret", "x-secret": "1", .keepAlive: "timeout=5",
            .transferEncoding: "chunked", .upgrade: "h2c", .te: "trailers",
            .proxyConnection: "close", .date: "now", "X-Other": "2", .connection: "date",
        ]
        headers.removeConnectionFields()
        #expect(headers.map(\.name) == ["X-Other"])
    }

    @Test func `Connection can't name away what the message means by itself`() {
        var headers: Headers = [
            .connection: "host, content-length, content-type", .host: "a", .contentLength: "1",
            .contentType: "text/plain",
        ]
        headers.removeConnectionFields()
        #expect(headers.map(\.name) == [.host, .contentLength, .contentType])
    }
}
