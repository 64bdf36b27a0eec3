import Strata

/// Finds the occurrences of secrets in content that comes piece by piece, wherever it is cut.
struct SecretFinder {
    /// A part of the content.
    enum Part: Hashable {
        case plain([UInt8])
        case secret([UInt8])
    }

    private let secrets: [[UInt8]]
    /// The end of what came so far, where a secret may have begun.
    private var held: [UInt8] = []

    /// Makes a finder; empty texts are no secrets.
    init(_ secrets: [String]) {
        // The longest of those that begin alike is found first.
        self.secrets = secrets.map { Array($0.utf8) }.filter { !$0.isEmpty }
            .sorted { $0.count > $1.count }
    }

    /// Whether there is nothing to find.
    var isEmpty: Bool { secrets.isEmpty }

    /// Takes the next piece, and gives all that it makes certain, in order.
    mutating func add(_ piece: UnsafeRawBufferPointer) -> [Part] {
        held.append(contentsOf: piece)
        return take(isAtEnd: false)
    }

    /// Gives what is left at the end of the content.
    mutating func finish() -> [Part] { take(isAtEnd: true) }

    private mutating func take(isAtEnd: Bool) -> [Part] {
        var parts: [Part] = []
        var start = 0
        var place = 0
        scan: while place < held.count {
            for secret in secrets {
                let rest = held[place...]
                if rest.starts(with: secret) {
                    if start < place { parts.append(.plain(Array(held[start..<place]))) }
                    parts.append(.secret(secret))
                    place += secret.count
                    start = place
                    continue scan
                }
                if !isAtEnd, rest.count < secret.count, secret.starts(with: rest) { break scan }
            }
            place += 1
        }
        if start < place { parts.append(.plain(Array(held[start..<place]))) }
        held.removeFirst(place)
        return parts
    }
}

/// Stands before an ``EncodingWriter`` and tells it what is secret.
final class SecretKeepingWriter: BodyWriter {
    private let inner: EncodingWriter
    private var finder: SecretFinder

    init(_ inner: EncodingWriter, _ finder: SecretFinder) {
        self.inner = inner
        self.finder = finder
    }

    func write(_ chunk: borrowing RawSpan) async throws {
        try await handOn(chunk.withUnsafeBytes { finder.add($0) })
    }

    /// Hands on what was held back.
    func finish() async throws { try await handOn(finder.finish()) }

    private func handOn(_ parts: [SecretFinder.Part]) async throws {
        for part in parts {
            switch part {
            case .plain(let bytes): try await inner.write(bytes)
            case .secret(let bytes): try await inner.write(secret: bytes)
            }
        }
    }
}
