/// What a cache did for a response, as the member it adds to `Cache-Status` (RFC 9211).
public struct CacheStatus: Sendable, Hashable, CustomStringConvertible {
    /// Why a request went on to the handler (RFC 9211 §2.2).
    public enum Forward: String, Sendable, Hashable {
        /// The cache was told not to handle the request.
        case bypass
        /// The method's semantics require it.
        case method
        /// Nothing was stored for the URI.
        case uriMiss = "uri-miss"
        /// Something was stored for the URI, but nothing for what `Vary` selects.
        case varyMiss = "vary-miss"
        /// Nothing stored could be used.
        case miss
        /// The request's own directives wanted it.
        case request
        /// What was stored was stale.
        case stale
        /// What was stored covered only part of what was asked for.
        case partial
    }

    /// Why the request went on; nil where it didn't.
    public var forward: Forward?
    /// Whether the request neither went on nor was answered with something stored.
    public private(set) var isRefused = false
    /// The status of the handler's response, where it isn't the one sent.
    public var forwardStatus: Status?
    /// For how many seconds what was stored is fresh; negative once it is stale.
    public var timeToLive: Int?
    /// Whether the handler's response was stored.
    public var isStored = false
    /// Whether the request shared another one's call of the handler.
    public var isCollapsed = false
    /// The reason, for people.
    public var detail: String?

    /// Makes the status of a hit, or of a forwarded request.
    public init(forward: Forward? = nil, detail: String? = nil) {
        self.forward = forward
        self.detail = detail
    }

    /// The status of a request that was refused, such as one with `only-if-cached`.
    static func refused(detail: String) -> CacheStatus {
        var status = CacheStatus(detail: detail)
        status.isRefused = true
        return status
    }

    /// Whether the cache answered with something stored, without the handler.
    public var isHit: Bool { forward == nil && !isRefused }

    /// The parameters as they stand behind the cache's name.
    public var description: String { member(named: "") }

    /// The member as it stands in the field.
    func member(named name: String) -> String {
        var text = ""
        text.reserveCapacity(64)
        text += name
        if forward == nil, forwardStatus == nil, let timeToLive {
            // What nearly every hit says.
            text += "; hit; ttl="
            text += String(timeToLive)
        } else {
            addForward(to: &text)
        }
        if isStored { text += "; stored" }
        if isCollapsed { text += "; collapsed" }
        if let detail {
            text += "; detail="
            text += detail
        }
        return text
    }

    private func addForward(to text: inout String) {
        if let forward {
            text += "; fwd="
            text += forward.rawValue
        } else if !isRefused {
            text += "; hit"
        }
        if let forwardStatus { text += "; fwd-status=\(forwardStatus.code)" }
        if let timeToLive {
            text += "; ttl="
            text += String(timeToLive)
        }
    }
}
