/// Which differences between the queries of two URIs matter, as a response says in
/// `No-Vary-Search` (draft-ietf-httpbis-no-vary-search).
///
/// Queries are compared as names and values of a form, decoded (WHATWG URL §5.1). A field that
/// breaks the syntax, or says what can't be meant, counts as if it weren't there.
package struct SearchVariance: Sendable, Hashable {
    /// The parameters that matter.
    package enum Parameters: Sendable, Hashable {
        /// All but these.
        case allExcept(Set<String>)
        /// These alone.
        case only(Set<String>)
    }

    /// The parameters that matter.
    package var parameters: Parameters
    /// Whether the order of names matters; that of the values of one name always does.
    package var isOrderSignificant: Bool

    /// The longest field that is read: what a cache remembers of a path must have a bound.
    private static let maximumBytes = 1024

    /// Makes a variance.
    package init(_ parameters: Parameters, isOrderSignificant: Bool) {
        self.parameters = parameters
        self.isOrderSignificant = isOrderSignificant
    }

    /// What a response's fields say; nil where there is no such field, or where it makes no
    /// difference, so that URIs are compared byte for byte.
    package init?(_ headers: Headers) {
        guard headers.contains(.noVarySearch) else { return nil }
        self.init(headers.lines(of: .noVarySearch).joined(separator: ", "))
    }

    /// Reads the value of the field; nil where it makes no difference.
    package init?(_ value: String) {
        guard value.utf8.count <= Self.maximumBytes,
            let members = StructuredField.Dictionary(value)
        else { return nil }
        isOrderSignificant = true
        if let member = members["key-order"] {
            guard case .boolean(let isIgnored)? = member.item?.value else { return nil }
            isOrderSignificant = !isIgnored
        }
        parameters = .allExcept([])
        var areAllIgnored = false
        switch members["params"] {
        case nil: break
        case .item(let item):
            guard case .boolean(let flag) = item.value else { return nil }
            areAllIgnored = flag
            if flag { parameters = .only([]) }
        case .innerList(let list):
            guard let names = Self.names(list) else { return nil }
            parameters = .allExcept(names)
        }
        if let member = members["except"] {
            guard areAllIgnored, case .innerList(let list) = member,
                let names = Self.names(list)
            else { return nil }
            parameters = .only(names)
        }
        if isOrderSignificant, parameters == .allExcept([]) { return nil }
    }

    /// The names in a list, which stand there as in a query; nil where another value is among
    /// them.
    private static func names(_ list: StructuredField.InnerList) -> Set<String>? {
        var names: Set<String> = []
        for item in list.items {
            guard case .string(let name) = item.value else { return nil }
            let decoded = PercentEncoding.decode(name[...], plusIsSpace: true)
            names.insert(String(decoding: decoded, as: UTF8.self))
        }
        return names
    }

    /// The one text of the variance, which reads as itself.
    package var fieldValue: String {
        var members: StructuredField.Dictionary = .init([:])
        if !isOrderSignificant {
            members.members.set(.item(.init(.boolean(true))), for: "key-order")
        }
        func list(_ names: Set<String>) -> StructuredField.Member {
            .innerList(
                .init(names.sorted().map { .init(.string(PercentEncoding.encode($0))) }))
        }
        switch parameters {
        case .allExcept(let names):
            if !names.isEmpty { members.members.set(list(names), for: "params") }
        case .only(let names):
            members.members.set(.item(.init(.boolean(true))), for: "params")
            if !names.isEmpty { members.members.set(list(names), for: "except") }
        }
        return members.fieldValue ?? ""
    }

    /// The text that is the same for all queries between which no difference matters.
    package func canonical(_ query: String?) -> String {
        var parameters = QueryString(query)
        parameters.removeAll { item in
            guard !item.text.isEmpty else { return true }
            return switch self.parameters {
            case .allExcept(let names): names.contains(item.name)
            case .only(let names): !names.contains(item.name)
            }
        }
        return (isOrderSignificant ? parameters : parameters.sorted).items
            .map { PercentEncoding.encode($0.name) + "=" + PercentEncoding.encode($0.value) }
            .joined(separator: "&")
    }
}
