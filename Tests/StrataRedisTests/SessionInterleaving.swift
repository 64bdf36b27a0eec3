import StrataTesting
import Synchronization

@testable import Strata

/// Requests on one session whose steps follow each other as a seed says. Each reads the session by
/// an id that was handed out so far, then changes, rotates or ends it, and then answers.
struct SessionInterleaving {
    private enum Kind: CaseIterable { case set, add, rotate, logOut }

    private struct Request {
        let kind: Kind
        var session: Session?
        var isChanged = false
    }

    private let context: SessionContext
    private let heard = Recorder<SessionEvent>()
    private var generator: SeededGenerator
    private var tokens: [String] = []
    private var additions = 0

    init(_ store: any SessionStore, key: SessionKey, isSealed: Bool, seed: UInt64) {
        var configuration = Sessions.Configuration()
        configuration.sealsValues = isSealed
        generator = SeededGenerator(seed: seed)
        context =
            Sessions(
                store: store, keys: [key], configuration: configuration, events: heard.events
            ).context
    }

    private var hasEnded: Bool {
        heard.all.contains { if case .destroyed = $0 { true } else { false } }
    }

    /// - Returns: what went wrong; nil where nothing did.
    mutating func run() async throws -> String? {
        let first = session(nil)
        try await first.set(true, for: "origin")
        try await finish(first)
        var requests = (0..<6).map { _ in
            Request(kind: Kind.allCases.randomElement(using: &generator) ?? .set)
        }
        while let index = requests.indices.randomElement(using: &generator) {
            let isDone = try await advance(&requests[index])
            if isDone { requests.remove(at: index) }
        }
        return try await verdict()
    }

    /// Takes a request's next step.
    ///
    /// - Returns: whether it was the last one.
    private mutating func advance(_ request: inout Request) async throws -> Bool {
        guard let session = request.session else {
            let session = session(tokens.randomElement(using: &generator))
            request.session = session
            // Without the session there is nothing to change.
            return try await session.get("origin", as: Bool.self) == nil
        }
        guard !request.isChanged else {
            try await finish(session)
            return true
        }
        request.isChanged = true
        switch request.kind {
        case .set: try await session.set(1, for: "a")
        case .add:
            try await session.increment("sum")
            additions += 1
        case .rotate: try await session.rotate()
        case .logOut: try await session.logOut()
        }
        return false
    }

    private mutating func verdict() async throws -> String? {
        let hasEnded = hasEnded
        for token in tokens {
            let isThere = try await session(token).get("origin", as: Bool.self) != nil
            if hasEnded, isThere { return "a session was revived" }
            if !hasEnded, !isThere { return "a session was lost" }
        }
        guard !hasEnded, let last = tokens.last else { return nil }
        let sum = try await session(last).get("sum") ?? 0
        if sum != additions { return "the sum is \(sum) and not \(additions)" }
        let hasLost = heard.all.contains { if case .changesLost = $0 { true } else { false } }
        return hasLost ? "changes were lost" : nil
    }

    private func session(_ token: String?) -> Session {
        var request = Strata.Request(.get, "/")
        request.headers[.cookie] = token.map { "__Host-session=" + $0 }
        return Session(request, context)
    }

    private mutating func finish(_ session: Session) async throws {
        guard case .set(let id, _) = try await session.finish() else { return }
        tokens.append(context.keyring.token(for: id))
    }
}
