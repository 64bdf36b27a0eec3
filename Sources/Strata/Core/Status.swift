/// The status code of a response (RFC 9110 §15).
///
/// An open set: codes that are not registered are kept as they came and mean what the `x00` code
/// of their class means.
public struct Status: Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// The three-digit code, 100 to 999.
    public let code: Int

    /// Makes a status from a number a peer sent; nil outside 100 to 999.
    public init?(code: Int) {
        guard (100...999).contains(code) else { return nil }
        self.code = code
    }

    /// Makes a status from a literal.
    ///
    /// - Precondition: the literal lies within 100 to 999.
    public init(integerLiteral code: Int) {
        precondition((100...999).contains(code), "A status code has three digits")
        self.code = code
    }

    /// The classes of status codes, by their first digit.
    public enum Class: Sendable, Hashable {
        /// 1xx: an interim answer.
        case informational
        /// 2xx: the request was understood and done.
        case successful
        /// 3xx: more is needed from the client.
        case redirection
        /// 4xx: the client's fault.
        case clientError
        /// 5xx: the server's fault.
        case serverError
        /// 6xx to 9xx: outside what HTTP defines.
        case unassigned
    }

    /// The class that the code belongs to.
    public var statusClass: Class {
        switch code {
        case ..<200: .informational
        case ..<300: .successful
        case ..<400: .redirection
        case ..<500: .clientError
        case ..<600: .serverError
        default: .unassigned
        }
    }

    /// Whether a response with this status never has content (RFC 9110 §6.4.1).
    public var forbidsContent: Bool { code < 200 || code == 204 || code == 304 }

    /// `200 OK`.
    public static let ok: Status = 200
    /// `201 Created`.
    public static let created: Status = 201
    /// `202 Accepted`.
    public static let accepted: Status = 202
    /// `204 No Content`.
    public static let noContent: Status = 204
    /// `206 Partial Content`.
    public static let partialContent: Status = 206
    /// `301 Moved Permanently`.
    public static let movedPermanently: Status = 301
    /// `302 Found`.
    public static let found: Status = 302
    /// `303 See Other`.
    public static let seeOther: Status = 303
    /// `304 Not Modified`.
    public static let notModified: Status = 304
    /// `400 Bad Request`.
    public static let badRequest: Status = 400
    /// `401 Unauthorized`.
    public static let unauthorized: Status = 401
    /// `403 Forbidden`.
    public static let forbidden: Status = 403
    /// `404 Not Found`.
    public static let notFound: Status = 404
    /// `405 Method Not Allowed`.
    public static let methodNotAllowed: Status = 405
    /// `406 Not Acceptable`.
    public static let notAcceptable: Status = 406
    /// `409 Conflict`.
    public static let conflict: Status = 409
    /// `410 Gone`.
    public static let gone: Status = 410
    /// `412 Precondition Failed`.
    public static let preconditionFailed: Status = 412
    /// `413 Content Too Large`.
    public static let contentTooLarge: Status = 413
    /// `414 URI Too Long`.
    public static let uriTooLong: Status = 414
    /// `415 Unsupported Media Type`.
    public static let unsupportedMediaType: Status = 415
    /// `416 Range Not Satisfiable`.
    public static let rangeNotSatisfiable: Status = 416
    /// `422 Unprocessable Content`.
    public static let unprocessableContent: Status = 422
    /// `431 Request Header Fields Too Large` (RFC 6585 §5).
    public static let requestHeaderFieldsTooLarge: Status = 431
    /// `500 Internal Server Error`.
    public static let internalServerError: Status = 500
    /// `501 Not Implemented`.
    public static let notImplemented: Status = 501
    /// `502 Bad Gateway`.
    public static let badGateway: Status = 502
    /// `503 Service Unavailable`.
    public static let serviceUnavailable: Status = 503
    /// `504 Gateway Timeout`.
    public static let gatewayTimeout: Status = 504

    /// The phrase registered for the code, or that of its class for one that is not registered.
    public var reasonPhrase: String {
        Status.phrases[code] ?? Status.phrases[code / 100 * 100] ?? "Unassigned"
    }

    /// The code and its phrase.
    public var description: String { "\(code) \(reasonPhrase)" }

    /// IANA's registry of status codes; `x00` codes serve for their class.
    private static let phrases: [Int: String] = [
        100: "Continue", 101: "Switching Protocols", 102: "Processing", 103: "Early Hints",
        200: "OK", 201: "Created", 202: "Accepted", 203: "Non-Authoritative Information",
        204: "No Content", 205: "Reset Content", 206: "Partial Content", 207: "Multi-Status",
        208: "Already Reported", 226: "IM Used",
        300: "Multiple Choices", 301: "Moved Permanently", 302: "Found", 303: "See Other",
        304: "Not Modified", 305: "Use Proxy", 307: "Temporary Redirect",
        308: "Permanent Redirect",
        400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden",
        404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
        407: "Proxy Authentication Required", 408: "Request Timeout", 409: "Conflict",
        410: "Gone", 411: "Length Required", 412: "Precondition Failed",
        413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
        416: "Range Not Satisfiable", 417: "Expectation Failed", 421: "Misdirected Request",
        422: "Unprocessable Content", 423: "Locked", 424: "Failed Dependency",
        425: "Too Early", 426: "Upgrade Required", 428: "Precondition Required",
        429: "Too Many Requests", 431: "Request Header Fields Too Large",
        451: "Unavailable For Legal Reasons",
        500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
        503: "Service Unavailable", 504: "Gateway Timeout",
        505: "HTTP Version Not Supported", 506: "Variant Also Negotiates",
        507: "Insufficient Storage", 508: "Loop Detected",
        511: "Network Authentication Required",
    ]
}
