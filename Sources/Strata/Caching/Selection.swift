/// Which of a URI's variants a request selects (RFC 9111 §4.1).
package enum Selection {
    /// The request's fields of those names, each in its normal form.
    package static func fields(_ names: [HeaderName], of request: Request) -> [SelectingField] {
        names.map { SelectingField(name: $0, value: normalized($0, of: request.headers)) }
    }

    /// The request's fields that a response is likely to vary by, each in its normal form, for a
    /// store that follows an index of variants: none that are of the connection or of the conditions
    /// on the answer, none that are secret, since a store may log what it is asked, and none that are
    /// too long to be sent along with every question.
    static func fields(of request: Request) -> [SelectingField] {
        var fields: [SelectingField] = []
        for field in request.headers where !unlikely.contains(field.name) {
            if fields.contains(where: { $0.name == field.name }) { continue }
            let value = normalized(field.name, of: request.headers)
            if let value, value.utf8.count > 256 { continue }
            fields.append(SelectingField(name: field.name, value: value))
        }
        return fields
    }

    private static let unlikely: [HeaderName] = [
        .host, .connection, .contentLength, .ifNoneMatch, .ifModifiedSince, .range, .cacheControl,
        .authorization, .proxyAuthorization, .cookie,
    ]

    /// A field in a form that is the same for values that can't be told apart: its lines joined,
    /// white space and the order of preferences made one (RFC 9111 §4.1).
    private static func normalized(_ name: HeaderName, of headers: Headers) -> String? {
        guard headers.contains(name) else { return nil }
        switch name {
        case .acceptEncoding, .acceptLanguage: return NormalForms.shared.form(of: name, in: headers)
        default:
            if headers.count(of: name) == 1, let line = headers.first(name),
                !line.utf8.contains(UInt8(ascii: ","))
            {
                return String(line.trimmingOptionalWhitespace)
            }
            let lines = headers.lines(of: name)
            // A comma in a quoted string or a comment divides nothing (RFC 9110 §5.6.4, §5.6.5).
            let members =
                lines.contains { $0.utf8.contains(where: \.opensText) }
                ? lines.map { $0[...] } : lines.flatMap { $0.split(separator: ",") }
            return
                members
                .map { String($0.trimmingOptionalWhitespace) }
                .joined(separator: ",")
        }
    }
}

extension UInt8 {
    /// Whether it begins a quoted string or a comment.
    fileprivate var opensText: Bool { self == UInt8(ascii: "\"") || self == UInt8(ascii: "(") }
}

/// Whether a variant that was made for another request is what this one would get, too
/// (RFC 9111 §4.1: of stored responses the preferred one may be chosen where the field ranks them).
extension Selection {
    /// Whether the variant answers the request: all that it was selected by is the same, but for
    /// languages and codings, where it has to be what the client likes best.
    static func isAnswered(_ request: Request, by variant: VariantIndex.Variant) -> Bool {
        guard !variant.fields.isEmpty else { return false }
        return variant.fields.allSatisfy { field in
            if normalized(field.name, of: request.headers) == field.value { return true }
            switch field.name {
            case .acceptLanguage:
                return variant.language.map { isBest($0, of: request.headers) } ?? false
            case .acceptEncoding:
                return variant.coding.map { isBest($0, of: request.headers, field.value) } ?? false
            default: return false
            }
        }
    }

    /// Whether the client likes no language as much as this one. Of several that it likes equally,
    /// the handler may have another, so that none of them is the best.
    private static func isBest(_ language: String, of headers: Headers) -> Bool {
        let preferred = QualityList(headers, .acceptLanguage).byPreference
        guard let best = preferred.first, best.token.equalsIgnoringASCIICase(language) else {
            return false
        }
        return preferred.dropFirst().first.map { $0.quality < best.quality } ?? true
    }

    /// Whether content in the coding is as good as any to the client: it likes none better. What
    /// was not coded, though the handler had the choice of all that this client offers, would not
    /// be coded for it either.
    private static func isBest(
        _ coding: String, of headers: Headers, _ offeredBefore: String?
    ) -> Bool {
        let list = QualityList(headers, .acceptEncoding)
        let accepted = list.byPreference
        guard coding == "identity" else {
            return accepted.contains {
                $0.token.equalsIgnoringASCIICase(coding) && $0.quality == accepted[0].quality
            }
        }
        let isRefused = (list.quality(of: coding) ?? list.wildcardQuality) == 0
        let offered = Set(accepted.map { $0.token.lowercased() }).subtracting(["identity"])
        let before = (offeredBefore ?? "").split(separator: ",")
            .filter { !$0.hasSuffix(";q=0") }.map { $0.prefix { $0 != ";" } }
        return !isRefused && !offered.contains("*") && offered.isSubset(of: before.map(String.init))
    }
}

extension VariantIndex.Variant {
    /// The variant that a response is.
    init(_ head: StoredHead, key: String) {
        self.init(
            key: key, etag: head.headers.first(.etag), fields: head.selection,
            language: Self.only(head.headers, "Content-Language"),
            coding: head.headers.contains(.contentEncoding)
                ? Self.only(head.headers, .contentEncoding) : "identity")
    }

    /// The one member of a list, in lower case; nil where there is none, or more.
    private static func only(_ headers: Headers, _ name: HeaderName) -> String? {
        let members = headers.lines(of: name).flatMap { $0.split(separator: ",") }
        guard members.count == 1 else { return nil }
        return members[0].trimmingOptionalWhitespace.lowercased()
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
