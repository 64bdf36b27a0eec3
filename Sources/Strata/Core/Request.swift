/// A request, as a handler sees it.
public struct Request: Sendable {
    /// The method.
    public var method: Method
    /// The scheme the client used, in lower case: `http` or `https`.
    public var scheme: String
    /// The host and port the request is for, as the client wrote them; empty where it named none.
    public var authority: String
    /// The path as the client wrote it, percent-encoding and all; `*` for `OPTIONS *`.
    public var path: String
    /// What stands behind the `?` as the client wrote it; nil where there is no `?`.
    public var query: String?
    /// The header fields.
    public var headers: Headers
    /// The content.
    public var body: RequestBody
    /// The address of the peer on the connection, without its port; nil where the host knows none.
    public var peer: String?
    /// What layers hand to the handler and to each other.
    public var values: Values
    /// The host's own request, untouched: Hummingbird's, Vapor's, or nothing.
    public var native: (any Sendable)?

    /// Makes a request.
    public init(
        method: Method = .get, scheme: String = "http", authority: String = "",
        path: String = "/", query: String? = nil, headers: Headers = [:],
        body: RequestBody = .empty, peer: String? = nil, native: (any Sendable)? = nil
    ) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.peer = peer
        self.values = Values()
        self.native = native
    }

    /// Makes a request for a target in origin form: a path and, behind a `?`, a query
    /// (RFC 9112 §3.2.1).
    public init(
        _ method: Method, _ target: String, headers: Headers = [:], body: RequestBody = .empty
    ) {
        self.init(method: method, headers: headers, body: body)
        self.target = target
    }

    /// The path and the query as they stand on the request line in origin form (RFC 9112 §3.2.1).
    public var target: String {
        get { query.map { path + "?" + $0 } ?? path }
        set {
            if let mark = newValue.utf8.firstIndex(of: UInt8(ascii: "?")) {
                path = String(newValue[..<mark])
                query = String(newValue[newValue.utf8.index(after: mark)...])
            } else {
                path = newValue
                query = nil
            }
        }
    }
}
