import Strata
import Synchronization

/// What values of `Accept-Encoding` come to.
///
/// Nearly all clients send one of a few values, so each is read and negotiated once. How many are
/// remembered is bounded, and so is how long they are; when there are too many, all are forgotten.
final class NegotiationTable: Sendable {
    /// What a client accepts, and what that comes to.
    typealias Outcome = (accepted: QualityList, negotiation: Negotiation)

    /// How many values are remembered.
    static let maximumCount = 64
    /// How many bytes a value that is remembered has at most.
    static let maximumBytes = 256

    private let offers: [ContentCoding]
    /// Guarded by the mutex.
    private let known = Mutex<[ByteKey: Outcome]>([:])

    init(offers: [ContentCoding]) { self.offers = offers }

    /// How many values are remembered now.
    var count: Int { known.withLock { $0.count } }

    /// What a request's fields come to.
    func outcome(for headers: Headers) -> Outcome {
        guard headers.count(of: .acceptEncoding) == 1, let value = headers.first(.acceptEncoding),
            value.utf8.count <= Self.maximumBytes
        else { return negotiate(headers) }
        let key = ByteKey(text: value)
        if let outcome = known.withLock({ $0[key] }) { return outcome }
        let outcome = negotiate(headers)
        known.withLock { known in
            if known.count >= Self.maximumCount { known.removeAll(keepingCapacity: true) }
            known[key] = outcome
        }
        return outcome
    }

    private func negotiate(_ headers: Headers) -> Outcome {
        let accepted = QualityList(headers, .acceptEncoding)
        return (accepted, Negotiation(accepting: accepted, offering: offers))
    }
}
