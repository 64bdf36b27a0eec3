/// What a cache does with a request, and why, step by step: for people who wonder why something
/// wasn't answered from the cache.
///
/// ```swift
/// print(await caching.explain(request))
/// // rule: 1, path /products/**; fresh for 60 s
/// // key: http://shop.example/products/7
/// // stored: status 200, fresh for 60 s (a rule), 75 s old
/// // reuse: validate first: stale (RFC 9111 §4.2)
/// ```
public struct CacheExplanation: Sendable, Hashable, CustomStringConvertible {
    /// One thing that was decided.
    public struct Step: Sendable, Hashable {
        /// What about: `rule`, `key`, `stored`, `reuse`, `request` or `store`.
        public let subject: String
        /// What was found, in words.
        public let finding: String
        /// Where the reason is written, such as `RFC 9111 §3`; nil where it is the cache's own.
        public let section: String?

        init(_ subject: String, _ finding: String, _ section: String? = nil) {
            self.subject = subject
            self.finding = finding
            self.section = section
        }

        /// The finding and where its reason is written.
        var text: String { finding + (section.map { " (\($0))" } ?? "") }
    }

    /// What was decided, in order.
    public internal(set) var steps: [Step] = []

    /// A line for each step.
    public var description: String {
        steps.map { "\($0.subject): \($0.text)" }.joined(separator: "\n")
    }

    /// The steps on one line, in characters that a field can carry.
    var fieldValue: String {
        let line = steps.map { "\($0.subject): \($0.text)" }.joined(separator: "; ")
        return String(
            decoding: line.replacing("§", with: "section ").utf8.map {
                (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?")
            }, as: UTF8.self)
    }
}

extension CacheExplanation {
    /// What was decided about reusing a stored response.
    static func step(_ reuse: Reuse, _ head: StoredHead, now: Timestamp) -> Step {
        switch reuse {
        case .fresh: Step("reuse", "as it is: fresh", "RFC 9111 §4.2")
        case .staleAsRequested:
            Step("reuse", "as it is: stale within the request's max-stale", "RFC 9111 §5.2.1.2")
        case .staleWhileRevalidate:
            Step(
                "reuse",
                "as it is while it is revalidated: stale within "
                    + head.terms.staleWhileRevalidate.inSeconds, "RFC 5861 §3")
        case .validate(let reason):
            Step("reuse", "validate first: \(reason.rawValue)", reason.section)
        }
    }

    /// What was decided about storing a response.
    static func step(_ storability: Storability, source: String) -> Step {
        switch storability {
        case .skip(let reason):
            return Step("store", "no: \(reason.rawValue)", reason.section)
        case .store(let terms):
            return Step("store", "yes: \(terms.text(source: source))", "RFC 9111 §3")
        }
    }

    /// What a stored response is.
    static func step(_ head: StoredHead, source: String, now: Timestamp) -> Step {
        var text = "status \(head.status.code), \(head.terms.text(source: source)), "
        text += "\(head.age(at: now).inSeconds) old"
        if !head.selection.isEmpty {
            text += ", selected by " + head.selection.map(\.name.spelling).joined(separator: ", ")
        }
        if let part = head.part {
            text +=
                ", bytes \(part.range.lowerBound)-\(part.range.upperBound - 1)"
                + " of \(part.completeLength)"
        }
        return Step("stored", text, "RFC 9111 §4.2.3")
    }
}

extension ReuseTerms {
    fileprivate func text(source: String) -> String {
        var text = "fresh for \(lifetime.inSeconds) by \(source)"
        if staleWhileRevalidate > .zero {
            text += ", stale-while-revalidate \(staleWhileRevalidate.inSeconds)"
        }
        if staleIfError > .zero { text += ", stale-if-error \(staleIfError.inSeconds)" }
        if requiresValidation { text += ", no-cache" }
        if forbidsStale { text += ", never stale" }
        return text
    }
}

extension Duration {
    /// The time in seconds, for people.
    var inSeconds: String { "\(wholeSeconds) s" }
}

extension Reuse.Reason {
    /// The section that the reason comes from.
    var section: String {
        switch self {
        case .stale: "RFC 9111 §4.2"
        case .noCache: "RFC 9111 §5.2.2.4"
        case .requestNoCache: "RFC 9111 §5.2.1.4"
        case .requestMaxAge: "RFC 9111 §5.2.1.1"
        case .requestMinFresh: "RFC 9111 §5.2.1.3"
        }
    }
}

extension Storability.Reason {
    /// The section that the reason comes from; nil where it is the cache's own.
    var section: String? {
        switch self {
        case .method: "RFC 9110 §9.2.3"
        case .status: "RFC 9111 §3"
        case .range: "RFC 9111 §3.3"
        case .requestNoStore: "RFC 9111 §5.2.1.5"
        case .noStore: "RFC 9111 §5.2.2.5"
        case .isPrivate: "RFC 9111 §5.2.2.7"
        case .authorization: "RFC 9111 §3.5"
        case .varyWildcard: "RFC 9111 §4.1"
        case .notUnderstood: "RFC 9111 §5.2.2.3"
        case .withoutFreshness: "RFC 9111 §3"
        case .setCookie: "RFC 9111 §7.3"
        case .rule, .cookie, .session, .secret, .tooLarge: nil
        }
    }
}
