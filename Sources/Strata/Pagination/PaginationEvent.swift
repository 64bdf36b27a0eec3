/// What ``Pagination`` did with a request, and why.
public struct PaginationEvent: Event, Hashable {
    /// Why a request was refused.
    public enum Reason: String, Sendable, Hashable {
        /// The limit is no whole number from one on, or there are several.
        case invalidLimit = "invalid limit"
        /// The limit is above the maximum, and that is to be refused.
        case limitAboveMaximum = "limit above the maximum"
        /// The cursor was changed, or made for another list or by a key that isn't known.
        case invalidCursor = "invalid cursor"
        /// The page ends deeper in the list than is allowed.
        case tooDeep = "page too deep"
        /// Two ends of a page were named at the same time.
        case rangeNotSupported = "two cursors"
        /// The total is asked for in a way that there isn't.
        case invalidTotal = "invalid total"
        /// The cursor was good once.
        case expiredCursor = "expired cursor"
    }

    /// Why a response can't be cut.
    public enum Obstacle: Sendable, Hashable, CustomStringConvertible {
        /// The content is of a type that isn't JSON.
        case content
        /// The content was compressed by the handler.
        case encoded
        /// There is no list where it should be.
        case noList
        /// The list is no valid JSON from that byte on.
        case malformed(JSONFault, at: Int)
        /// One item is larger than a page may be.
        case tooLarge
        /// The handler made a page by itself, of more items than were asked for.
        case overrun
        /// The handler's key can't be written into a link: it is too long for a cursor, or pages
        /// have numbers.
        case unwritableKey

        /// The reason in words.
        public var description: String {
            switch self {
            case .content: "the content isn't JSON"
            case .encoded: "the content is compressed"
            case .noList: "there is no list where it should be"
            case .malformed(let fault, let place): "malformed at byte \(place): \(fault)"
            case .tooLarge: "an item is larger than a page may be"
            case .overrun: "the handler's page is longer than the limit"
            case .unwritableKey: "the handler's key can't be written into a link"
            }
        }
    }

    /// What was done.
    public enum Outcome: Sendable, Hashable {
        /// A page was given, with that many items where they could be counted.
        case page(count: Int?, hasMore: Bool)
        /// The response was passed on as it was.
        case uncut(Obstacle)
        /// The response was replaced by a 500.
        case failed(Obstacle)
        /// The request was answered with a 4xx.
        case refused(Reason)
    }

    /// The path of the request.
    public let path: String
    /// What was done.
    public let outcome: Outcome

    /// One line on it.
    public var description: String {
        switch outcome {
        case .page(let count, let hasMore):
            "pagination \(path): \(count.map { "\($0) items" } ?? "a page"), "
                + (hasMore ? "more to come" : "the last")
        case .uncut(let obstacle): "pagination \(path): passed on, \(obstacle)"
        case .failed(let obstacle): "pagination \(path): refused to pass on, \(obstacle)"
        case .refused(let reason): "pagination \(path): refused the request, \(reason.rawValue)"
        }
    }
}
