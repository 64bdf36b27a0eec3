import Strata
import Synchronization

/// What a cache would put beside an entry.
final class Siblings: EncodedSiblings {
    let identity: [UInt8]
    let name: String
    private let kept = Mutex<[String: EncodedSibling]>([:])
    private let offers = Mutex(0)

    init(of identity: [UInt8], name: String = "entry") {
        self.identity = identity
        self.name = name
    }

    var offerCount: Int { offers.withLock { $0 } }

    /// A hit that these stand beside.
    var hit: Response {
        var hit = Response.sample(body: .bytes(identity))
        hit.encodedSiblings = self
        return hit
    }

    func hash(into hasher: inout Hasher) { hasher.combine(name) }

    func sibling(in coding: String) async -> EncodedSibling? { kept.withLock { $0[coding] } }

    func offer(_ sibling: EncodedSibling, in coding: String) async {
        kept.withLock { $0[coding] = sibling }
        offers.withLock { $0 += 1 }
    }
}
