/// An error that a client can read: a problem document (RFC 9457).
///
/// Layers answer with it, and a handler may throw it: a host answers with ``response``.
///
/// ```swift
/// throw Problem(.notFound, detail: "There is no product 7.")
/// ```
public struct Problem: Error, Sendable {
    /// The status of the response.
    public var status: Status
    /// A URI that names the kind of problem; nil stands for `about:blank` (RFC 9457 §4.2.1).
    public var type: String?
    /// What kind of problem it is, in few words; by default the status' phrase.
    public var title: String
    /// What happened this time, and what the client can do about it.
    public var detail: String?
    /// A URI of this one occurrence.
    public var instance: String?
    /// Further members, in order (RFC 9457 §3.2).
    public var extensions: [(name: String, value: Extension)]
    /// Further header fields of the response, such as `Retry-After` or `Allow`.
    public var headers: Headers

    /// The value of a further member.
    public enum Extension: Sendable, Hashable {
        /// A JSON string.
        case string(String)
        /// A JSON number.
        case integer(Int)
        /// A JSON boolean.
        case boolean(Bool)
    }

    /// Makes a problem.
    public init(
        _ status: Status, type: String? = nil, title: String? = nil, detail: String? = nil,
        instance: String? = nil, extensions: [(name: String, value: Extension)] = [],
        headers: Headers = [:]
    ) {
        self.status = status
        self.type = type
        self.title = title ?? status.reasonPhrase
        self.detail = detail
        self.instance = instance
        self.extensions = extensions
        self.headers = headers
    }

    /// The problem as a response of the media type `application/problem+json`, which no cache
    /// may keep unless ``headers`` says so.
    public var response: Response {
        var response = Response(status: status, headers: headers, body: .bytes(json))
        response.headers[.contentType] = "application/problem+json"
        if !headers.contains(.cacheControl) { response.headers[.cacheControl] = "no-store" }
        return response
    }

    private var json: [UInt8] {
        var json = "{"
        func add(_ name: String, _ value: String) {
            if json.utf8.count > 1 { json += "," }
            json += name.jsonQuoted + ":" + value
        }
        if let type { add("type", type.jsonQuoted) }
        add("title", title.jsonQuoted)
        add("status", String(status.code))
        if let detail { add("detail", detail.jsonQuoted) }
        if let instance { add("instance", instance.jsonQuoted) }
        for (name, value) in extensions {
            switch value {
            case .string(let text): add(name, text.jsonQuoted)
            case .integer(let number): add(name, String(number))
            case .boolean(let flag): add(name, flag ? "true" : "false")
            }
        }
        return Array((json + "}").utf8)
    }
}

extension String {
    /// The text as a JSON string (RFC 8259 §7).
    package var jsonQuoted: String {
        var quoted = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{8}": quoted += "\\b"
            case "\u{C}": quoted += "\\f"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case ..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
