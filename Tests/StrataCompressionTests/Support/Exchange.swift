import Strata
import StrataCompression

/// A text that compresses well.
let longText = String(repeating: "All happy families are alike. ", count: 100)

/// The answer of a handler behind compression.
func answer(
    _ response: Response, to headers: Headers = ["Accept-Encoding": "gzip"],
    _ method: Method = .get, _ configuration: Compression.Configuration = .init()
) async throws -> Response {
    let app = wrap({ _ in response }) { Compression(configuration) }
    return try await app(Request(method, "/", headers: headers))
}

extension Response {
    /// A response of a compressible type.
    static func sample(
        _ fields: Headers = [:], status: Status = .ok, body: Body = .text(longText)
    ) -> Response {
        var response = Response(status: status, headers: ["Content-Type": "text/plain"], body: body)
        for field in fields { response.headers[field.name] = field.value }
        return response
    }

    func with(_ compression: ResponseCompression) -> Response {
        var copy = self
        copy.compression = compression
        return copy
    }
}
