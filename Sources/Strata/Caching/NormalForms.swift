import Synchronization

/// What lists of preferences look like when those that mean the same are made one.
///
/// Nearly all clients send one of a few values, so each is read and sorted once. How many are
/// remembered is bounded, and so is how long they are; when there are too many, all are forgotten.
final class NormalForms: Sendable {
    /// Those of the whole process: a form depends on nothing but the value.
    static let shared = NormalForms()

    /// How many values are remembered.
    static let maximumCount = 256
    /// How many bytes a value that is remembered has at most.
    static let maximumBytes = 256

    /// Guarded by the mutex.
    private let known = Mutex<[ByteKey: String]>([:])

    /// How many values are remembered now.
    var count: Int { known.withLock { $0.count } }

    /// The normal form of the field of that name, which is a ``QualityList``.
    func form(of name: HeaderName, in headers: Headers) -> String {
        guard headers.count(of: name) == 1, let value = headers.first(name),
            value.utf8.count <= Self.maximumBytes
        else { return Self.form(of: QualityList(headers, name)) }
        let key = ByteKey(text: value)
        if let form = known.withLock({ $0[key] }) { return form }
        let form = Self.form(of: QualityList(value))
        known.withLock { known in
            if known.count >= Self.maximumCount { known.removeAll(keepingCapacity: true) }
            known[key] = form
        }
        return form
    }

    /// The members in lower case, best liked first, those of equal weight by their names.
    private static func form(of list: QualityList) -> String {
        var members = list.members.map {
            (token: $0.token.asciiLowercased, quality: $0.quality)
        }
        members.sort { ($1.quality, $0.token) < ($0.quality, $1.token) }
        var text = ""
        text.reserveCapacity(64)
        for member in members {
            if !text.isEmpty { text += "," }
            text += member.token
            if member.quality != 1000 { text += ";q=\(member.quality)" }
        }
        return text
    }
}
