import Strata

/// What a client's `Accept-Encoding` comes to, given the codings that are offered
/// (RFC 9110 §12.5.3).
enum Negotiation: Sendable, Hashable {
    /// This coding is the best liked.
    case coding(ContentCoding)
    /// The content is to go as it is.
    case identity(IdentityReason)
    /// The client refuses everything that is offered, and the content as it is too.
    case nothingAcceptable

    /// Why the content is to go as it is.
    enum IdentityReason: Sendable, Hashable {
        /// The client said nothing. It would have to accept anything, but those that say nothing
        /// are those that know no coding.
        case notAsked
        /// The client likes it better than what is offered.
        case preferred
        /// The client accepts nothing else that is offered.
        case onlyAcceptable
    }

    /// Decides by weight, and among equal weights by the order of the offers.
    ///
    /// The content as it is has the weight that the client gives to `identity`, or else to `*`;
    /// where it gives none, it is acceptable, and less liked than anything named. A member that
    /// can't be understood is left out, and the first of several with the same name counts.
    init(accepting list: QualityList, offering offers: [ContentCoding]) {
        guard list.isPresent else {
            self = .identity(.notAsked)
            return
        }
        let identity = list.quality(of: "identity") ?? list.wildcardQuality
        var best: (coding: ContentCoding, quality: Int)?
        for coding in offers {
            let quality = list.quality(of: coding)
            if quality > best?.quality ?? 0 { best = (coding, quality) }
        }
        if let best {
            self = best.quality < identity ?? 0 ? .identity(.preferred) : .coding(best.coding)
        } else {
            self = identity == 0 ? .nothingAcceptable : .identity(.onlyAcceptable)
        }
    }
}

extension QualityList {
    /// The weight of a coding: its own, or else that of `*`.
    func quality(of coding: ContentCoding) -> Int {
        quality(of: coding.rawValue) ?? coding.alias.flatMap { quality(of: $0) }
            ?? wildcardQuality ?? 0
    }
}
