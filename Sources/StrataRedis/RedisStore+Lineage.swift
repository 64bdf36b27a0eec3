import Strata
import Synchronization

extension RedisStore {
    /// Whether a value that was read is no older than what Redis may have lost.
    func isTrusted(_ value: some StoreValue) async throws(StoreError) -> Bool {
        guard let moment = (value as? any FilledValue)?.filled else { return true }
        if losses.lineage.withLock(\.isDoubtful) { try await findLineage() }
        let now = SystemTime().uptime.saturatedNanoseconds
        return !losses.lineage.withLock { $0.suspects(filled: moment, now: now) }
    }

    /// Asks who has the generations for its replication ID.
    func findLineage() async throws(StoreError) {
        let doubts = losses.lineage.withLock(\.doubts)
        let reply: RedisValue?
        do throws(StoreError) {
            reply = try await client.run(
                .describeReplication, keys: [generationKey("")], within: timeLimit)
        } catch  where error.redisError != nil && error.code != .unavailable {
            // It may not be asked.
            reply = nil
        }
        let identifier = reply.flatMap(ReplicationReport.init)?.identifier
        losses.lineage.withLock { $0.note(identifier, since: doubts) }
    }
}

extension RedisScript {
    /// What the server with a key says of replication.
    fileprivate static let describeReplication = RedisScript(
        "return redis.call('INFO', 'replication')")
}
