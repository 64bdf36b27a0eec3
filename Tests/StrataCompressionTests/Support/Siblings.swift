import Strata
import Synchronization

/// What a cache would put beside an entry.
final class Siblings: EncodedSiblings {
    let identity: [UInt8]
    let name: String
    /// What was offered, and how often: whoever sees the one finds the other to match.
    private let state = Mutex((kept: [String: EncodedSibling](), offers: 0))

    init(of identity: [UInt8], name: String = "entry") {
        self.identity = identity
        self.name = name
    }

    var offerCount: Int { state.withLock { $0.offers } }

    /// A hit that these stand beside.
    var hit: Response {
        var hit = Response.sample(body: .bytes(identity))
        hit.encodedSiblings = self
        return hit
    }

    func hash(into hasher: inout Hasher) { hasher.combine(name) }

    func sibling(in coding: String) async -> EncodedSibling? { state.withLock { $0.kept[coding] } }

    func ready(in coding: String) -> (fields: EncodedFields, sibling: EncodedSibling)? { nil }

    func keep(_ fields: EncodedFields, in coding: String) {}

    func offer(_ sibling: EncodedSibling, in coding: String) async {
        state.withLock {
            $0.kept[coding] = sibling
            $0.offers += 1
        }
    }
}
