import Strata
import Synchronization

/// What values of `Accept-Encoding` come to.
///
/// Nearly all clients send one of a few values, so each is read and negotiated once. A value has one
/// place, by a few of its bytes; one that finds another there takes its place. So the table is
/// bounded, and asking it takes the comparison of one text.
final class NegotiationTable: Sendable {
    /// What a client accepts, and what that comes to.
    final class Outcome: Sendable {
        /// What the client accepts.
        let accepted: QualityList
        /// What that comes to.
        let negotiation: Negotiation
        fileprivate let value: String

        fileprivate init(_ headers: Headers, value: String, offers: [ContentCoding]) {
            accepted = QualityList(headers, .acceptEncoding)
            negotiation = Negotiation(accepting: accepted, offering: offers)
            self.value = value
        }
    }

    /// How many values are remembered at most.
    static let maximumCount = 64
    /// How many bytes a value that is remembered has at most.
    static let maximumBytes = 256

    private let offers: [ContentCoding]
    /// What comes of requests that say nothing.
    private let silent: Outcome
    /// Guarded by the mutex: ``maximumCount`` places.
    private let known: Mutex<[Outcome?]>

    init(offers: [ContentCoding]) {
        self.offers = offers
        silent = Outcome([:], value: "", offers: offers)
        known = Mutex(Array(repeating: nil, count: Self.maximumCount))
    }

    /// How many values are remembered now.
    var count: Int { known.withLock { $0.count { $0 != nil } } }

    /// What a request's fields come to.
    func outcome(for headers: Headers) -> Outcome {
        guard let value = headers.first(.acceptEncoding) else { return silent }
        guard value.utf8.count <= Self.maximumBytes, headers.count(of: .acceptEncoding) == 1 else {
            return Outcome(headers, value: value, offers: offers)
        }
        let place = Self.place(of: value.utf8.span)
        if let outcome = known.withLock({ $0[place] }), outcome.value.hasSameBytes(as: value) {
            return outcome
        }
        let outcome = Outcome(headers, value: value, offers: offers)
        known.withLock { $0[place] = outcome }
        return outcome
    }

    private static func place(of value: Span<UInt8>) -> Int {
        guard value.count > 0 else { return 0 }
        // The last bytes of a list, and how long it is, tell most lists apart.
        let (last, middle) = (value[value.count - 1], value[value.count / 2])
        return (value.count &* 7 &+ Int(last) &* 5 &+ Int(middle)) & (maximumCount - 1)
    }
}
