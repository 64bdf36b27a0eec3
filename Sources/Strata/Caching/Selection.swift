/// Which of a URI's variants a request selects (RFC 9111 §4.1).
enum Selection {
    /// The request's fields of those names, each in its normal form.
    static func fields(_ names: [HeaderName], of request: Request) -> [SelectingField] {
        names.map { SelectingField(name: $0, value: normalized($0, of: request.headers)) }
    }

    /// A field in a form that is the same for values that can't be told apart: its lines joined,
    /// white space and the order of preferences made one (RFC 9111 §4.1).
    private static func normalized(_ name: HeaderName, of headers: Headers) -> String? {
        guard headers.contains(name) else { return nil }
        switch name {
        case .acceptEncoding, .acceptLanguage:
            let members = QualityList(headers, name).members.map {
                (token: $0.token.lowercased(), quality: $0.quality)
            }
            return members.sorted { ($1.quality, $0.token) < ($0.quality, $1.token) }
                .map { $0.quality == 1000 ? $0.token : "\($0.token);q=\($0.quality)" }
                .joined(separator: ",")
        default:
            return headers.lines(of: name).flatMap { $0.split(separator: ",") }
                .map { String($0.trimmingOptionalWhitespace) }
                .joined(separator: ",")
        }
    }
}

extension VariantIndex {
    /// The key of the variant that a request selects among those that vary by the names.
    func key(_ names: [HeaderName], of request: Request, base: CacheKey) -> CacheKey {
        let part = Selection.fields(names, of: request).reduce("vary \(epoch)") {
            "\($0)\n\($1.name.spelling.lowercased())" + ($1.value.map { "=" + $0 } ?? "")
        }
        return base.appending(part)
    }
}
