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
    /// Asked is the primary that has the sessions, by a script; an ACL user needs `+info` for it. The
    /// store asks by itself when a `Sessions` layer is made with it, or where Redis did not answer
    /// then, when a session is used. The answer is told as an event; where it may not ask, that is told
    /// as a ``StoreFault``.
    public func sessionEvictionRisk() async -> SessionEvictionRisk? {
        try? await evictionRisk(within: client.configuration.commandTimeout)
    }

    private func evictionRisk(
        within limit: Duration
    ) async throws(StoreError) -> SessionEvictionRisk? {
        let reply = try await client.run(
            .describeMemory, keys: [sessionPrefix + "s:"], within: limit)
        return reply.text.flatMap { SessionEvictionRisk(memory: $0) }
    }

    /// Tells once whether Redis may evict sessions.
    func tellOfEvictionRisk() {
        guard firstSession.take() else { return }
        Task {
            // The request that it may have begun with may have no time left.
            await Deadline.without {
                do throws(StoreError) {
                    // The first command waits for the outcome of the first attempt to connect.
                    let limit = client.configuration.connectTimeout
                    if let risk = try await evictionRisk(within: limit) { events(risk) }
                } catch
                    where ["ERR", "NOPERM"].contains(error.redisError?.kind)
                    && error.code == error.redisError.map(StoreError.Code.init)
                {
                    // Redis' answer to this very question, not to a connection that it refuses.
                    // To ask again with each session would not change it.
                    events(
                        StoreFault(
                            StoreError(
                                .misconfigured,
                                "Redis does not say whether it may evict sessions. Give the user "
                                    + "+info, and see that maxmemory-policy is noeviction.",
                                underlying: error)))
                } catch {
                    firstSession.giveBack()
                }
            }
        }
    }
}

extension RedisScript {
    /// What the server with a key says of its memory.
    fileprivate static let describeMemory = RedisScript("return redis.call('INFO', 'memory')")
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
