/// A request method (RFC 9110 §9).
///
/// An open set: any token a client sends is a method, and is compared byte for byte, because
/// methods are case-sensitive (RFC 9110 §9.1).
public struct Method: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The method as it stands on the request line.
    public let rawValue: String

    /// Makes a method from what a peer sent; nil where it is not a token (RFC 9110 §5.6.2).
    public init?(_ text: String) {
        guard text.isToken else { return nil }
        rawValue = text
    }

    /// Makes a method from a literal.
    ///
    /// - Precondition: the literal is a token.
    public init(stringLiteral literal: String) {
        precondition(literal.isToken, "A method is a token (RFC 9110 §9.1)")
        rawValue = literal
    }

    /// `GET` (RFC 9110 §9.3.1).
    public static let get: Method = "GET"
    /// `HEAD` (RFC 9110 §9.3.2).
    public static let head: Method = "HEAD"
    /// `POST` (RFC 9110 §9.3.3).
    public static let post: Method = "POST"
    /// `PUT` (RFC 9110 §9.3.4).
    public static let put: Method = "PUT"
    /// `DELETE` (RFC 9110 §9.3.5).
    public static let delete: Method = "DELETE"
    /// `CONNECT` (RFC 9110 §9.3.6).
    public static let connect: Method = "CONNECT"
    /// `OPTIONS` (RFC 9110 §9.3.7).
    public static let options: Method = "OPTIONS"
    /// `TRACE` (RFC 9110 §9.3.8).
    public static let trace: Method = "TRACE"
    /// `PATCH` (RFC 5789).
    public static let patch: Method = "PATCH"
    /// `QUERY`: safe, idempotent, with content that is part of the question (RFC 10008).
    public static let query: Method = "QUERY"

    /// Whether the method asks for nothing but a reading (RFC 9110 §9.2.1).
    ///
    /// False for methods this library does not know: they may change anything.
    public var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace, .query: true
        default: false
        }
    }

    /// Whether sending the request twice means the same as sending it once (RFC 9110 §9.2.2).
    public var isIdempotent: Bool { isSafe || self == .put || self == .delete }

    /// The method as it stands on the request line.
    public var description: String { rawValue }
}
