public import Strata
import Synchronization

/// Redis may evict sessions when its memory is full, and people would be logged out.
public struct SessionEvictionRisk: Event, Hashable {
    /// The server's `maxmemory-policy`.
    public let policy: String

    /// What is the matter, and what to do.
    public var description: String {
        "Redis holds sessions, and may evict them when its memory is full: its maxmemory-policy is "
            + "\(policy). Set it to noeviction, or keep sessions on a server of their own."
    }

    /// What `INFO memory` says; nil where nothing is ever evicted.
    init?(memory text: String) {
        var fields: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1] }
        }
        guard let policy = fields["maxmemory_policy"], policy != "noeviction",
            fields["maxmemory"] != "0"
        else { return nil }
        self.policy = String(policy)
    }
}

extension RedisStore {
    /// Whether Redis may evict sessions, which all have a time to live and so are in the way of
    /// every `maxmemory-policy` but `noeviction`; nil where it can't, or does not say.
    ///
    /// The store asks this by itself when a `Sessions` layer is made with it, or where Redis did not
    /// answer then, when a session is used, and tells the answer as an event.
    public func sessionEvictionRisk() async -> SessionEvictionRisk? {
        let reply = try? await client.send(RedisCommand("INFO", "memory"), reads: .primary)
        return reply?.text.flatMap { SessionEvictionRisk(memory: $0) }
    }

    /// Tells once whether Redis may evict sessions.
    func tellOfEvictionRisk() {
        guard firstSession.take() else { return }
        Task {
            let command = RedisCommand("INFO", "memory")
            // The first command waits for the outcome of the first attempt to connect.
            let reply = try? await Deadline.without {
                try await client.send(
                    command, within: client.configuration.connectTimeout, reads: .primary)
            }
            guard let text = reply?.text else { return firstSession.giveBack() }
            if let risk = SessionEvictionRisk(memory: text) { events(risk) }
        }
    }
}

extension RedisStore: SessionStoreAtStart {
    package func beginKeepingSessions() { tellOfEvictionRisk() }
}

/// Whether the store has held sessions before; shared by its copies.
final class FirstUse: Sendable {
    private let isOver = Atomic<Bool>(false)

    /// Whether this is the first time that it is asked.
    func take() -> Bool {
        // A look first: this is asked for each session, and once in a lifetime written.
        !isOver.load(ordering: .relaxed) && !isOver.exchange(true, ordering: .relaxed)
    }

    /// The next time is the first one again.
    func giveBack() { isOver.store(false, ordering: .relaxed) }
}
