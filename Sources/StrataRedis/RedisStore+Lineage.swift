import Strata
import Synchronization

/// The lineage of a store's Redis.
final class LineageKeeper: Sendable {
    /// Guarded by the mutex: what is known of the lineage, by readers and by who tells of renewals.
    private let lineage = Mutex(RedisLineage())
    private let time = SystemTime()

    var doubts: Int { lineage.withLock(\.doubts) }
    var isDoubtful: Bool { lineage.withLock(\.isDoubtful) }

    func doubt() {
        let (uptime, moment) = (time.uptime.saturatedNanoseconds, time.now)
        lineage.withLock { $0.doubt(uptime: uptime, moment: moment) }
    }

    func note(_ identifier: String?, since doubts: Int) {
        lineage.withLock { $0.note(identifier, since: doubts) }
    }

    func suspects(filled moment: Timestamp) -> Bool {
        let now = time.uptime.saturatedNanoseconds
        return lineage.withLock { $0.suspects(filled: moment, now: now) }
    }
}

extension RedisStore {
    /// Whether a value that was read is no older than what Redis may have lost.
    func isTrusted(_ value: some StoreValue) async throws(StoreError) -> Bool {
        guard let moment = (value as? any FilledValue)?.filled else { return true }
        if lineage.isDoubtful { try await findLineage() }
        return !lineage.suspects(filled: moment)
    }

    /// Asks who has the generations for its replication ID.
    func findLineage() async throws(StoreError) {
        let doubts = lineage.doubts
        let reply: RedisValue?
        do throws(StoreError) {
            reply = try await client.run(
                .describeReplication, keys: [generationKey("")], within: timeLimit)
        } catch  where error.redisError != nil && error.code != .unavailable {
            // It may not be asked.
            reply = nil
        }
        lineage.note(reply.flatMap(ReplicationReport.init)?.identifier, since: doubts)
    }
}

extension RedisScript {
    /// What the server with a key says of replication.
    fileprivate static let describeReplication = RedisScript(
        "return redis.call('INFO', 'replication')")
}
