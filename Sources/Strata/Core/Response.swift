/// A response, as a handler makes it.
public struct Response: Sendable {
    /// The status code.
    public var status: Status
    /// The header fields. Framing (`Content-Length`, `Transfer-Encoding`, `Connection`) is the
    /// host's; a handler need not set it.
    public var headers: Headers
    /// The content.
    public var body: Body
    /// What the handler and the layers hand outwards to each other.
    public var values: Values
    /// The encoded forms of what the body was when they were put here; see ``encodedSiblings``.
    var heldSiblings: (any EncodedSiblings)?

    /// Makes a response.
    public init(status: Status = .ok, headers: Headers = [:], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
        self.values = Values()
    }

    /// A response whose content is a text.
    public static func text(_ text: String, status: Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8"],
            body: .text(text))
    }

    /// A response whose content is JSON that is there as bytes.
    public static func json(_ bytes: [UInt8], status: Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"], body: .bytes(bytes))
    }
}
