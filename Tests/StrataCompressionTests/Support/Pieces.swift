import Strata
import Synchronization

/// Gives its pieces one by one, and counts how many were asked for.
final class Pieces: RequestBodySource {
    private let pieces: Mutex<[[UInt8]]>
    init(_ pieces: [[UInt8]]) { self.pieces = Mutex(pieces) }
    var left: Int { pieces.withLock { $0.count } }
    func next() async throws -> [UInt8]? {
        pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}
