/// What is different about the lists of certain routes, in code.
///
/// ```swift
/// let rules: [PaginationRule] = [
///     .path("/export").unlimited(because: "Nightly job; streams the whole table by contract."),
///     .path("/v1/**").list(at: "data", "items").limit(default: 50, maximum: 500),
/// ]
/// ```
public struct PaginationRule: Sendable {
    enum Effect: Sendable {
        case limited
        case unlimited(reason: String)
    }

    /// The pattern as it stands in code.
    private let text: String
    private let pattern: PathPattern
    private(set) var effect = Effect.limited
    private(set) var listPath: [String]?
    private(set) var limits: Pagination.Limits?

    private init(_ text: String) {
        self.text = text
        pattern = PathPattern(text)
    }

    /// A rule for the paths of a pattern: literal segments, `*` or `{name}` for any one segment,
    /// and at the end `**` for any number of them.
    ///
    /// - Precondition: the pattern begins with `/`.
    public static func path(_ pattern: String) -> PaginationRule {
        PaginationRule(pattern)
    }

    /// Lets these routes return lists of any length.
    ///
    /// - Parameter reason: why that is right, for whoever reads the code or the report.
    /// - Precondition: the reason is not empty.
    public func unlimited(because reason: String) -> PaginationRule {
        precondition(
            reason.utf8.contains { $0 > 0x20 }, "An unlimited route needs a reason in words")
        return with { $0.effect = .unlimited(reason: reason) }
    }

    /// The names of the members that lead from a JSON object at the top to its list.
    public func list(at path: String...) -> PaginationRule { with { $0.listPath = path } }

    /// Other limits.
    ///
    /// - Precondition: `1 <= default <= maximum`.
    public func limit(default standard: Int, maximum: Int) -> PaginationRule {
        with { $0.limits = Pagination.Limits(standard: standard, maximum: maximum) }
    }

    /// The route and the reason, where the rule lifts the limit.
    var unlimitedRoute: Pagination.UnlimitedRoute? {
        guard case .unlimited(let reason) = effect else { return nil }
        return Pagination.UnlimitedRoute(pattern: text, reason: reason)
    }

    func matches(_ request: Request) -> Bool { pattern.matches(request.path) }

    private func with(_ change: (inout PaginationRule) -> Void) -> PaginationRule {
        var rule = self
        change(&rule)
        return rule
    }
}
