import Strata

/// What Redis may have lost is done again: purges, and the ends of sessions.
extension RedisStore {
    /// Has all purges and ends of late looked after whenever Redis may have lost some.
    func watchRenewals() {
        client.renewals.listen { [background] in
            guard let store = background() else { return false }
            store.losses.doubt()
            store.insist { store throws(StoreError) in try await store.findLineage() }
            store.settlePurges()
            store.settleEnds()
            return true
        }
    }

    /// Makes attempts in the background until one succeeds.
    func insist(_ body: @escaping @Sendable (RedisStore) async throws(StoreError) -> Void) {
        let attempt = { @Sendable [background] () async -> Bool in
            guard let store = background() else { return true }
            do throws(StoreError) {
                try await body(store)
                return true
            } catch {
                return false
            }
        }
        Task {
            // The request that it began with may have no time left.
            await Deadline.without {
                while !(await attempt()) { try? await Task.sleep(for: Self.pauseBetweenAttempts) }
            }
        }
    }

    /// While Redis is away an attempt costs nothing, and when it is back they must not be long.
    private static var pauseBetweenAttempts: Duration { .milliseconds(50) }

    /// The store, as long as somebody else has its client and that is open: what is done in the
    /// background must not keep it alive.
    private var background: @Sendable () -> RedisStore? {
        {
            [
                weak client, weak losses, prefix, timeLimit, maximumValueBytes, events
            ] in
            guard let client, !client.isClosed, let losses else { return nil }
            return RedisStore(
                client: client, prefix: prefix, timeLimit: timeLimit,
                maximumValueBytes: maximumValueBytes, events: events, losses: losses)
        }
    }

    // MARK: - Ends of sessions

    /// The commands that end once more what an end has ended, by what its script has answered: a
    /// session's key, or that of a principal and the ages of its sessions, from and to.
    static func repetition(of reply: RedisValue) -> [RedisCommand]? {
        guard let words = reply.array?.map(\.bytes), let key = words.first ?? nil else {
            return nil
        }
        if words.count == 1 { return [RedisCommand("UNLINK", .bytes(key))] }
        guard words.count % 2 == 1 else { return nil }
        return stride(from: 1, to: words.count, by: 2).map { place in
            RedisCommand(
                "ZREMRANGEBYSCORE", .bytes(key), .bytes(words[place] ?? []),
                .bytes(words[place + 1] ?? []))
        }
    }

    /// Remembers ends that Redis has acknowledged; it was told when there had been so many doubts.
    func remember(_ commands: [RedisCommand], since doubts: Int) {
        let now = losses.sessionEnds.now
        losses.sessionEnds.update { $0.note(commands, since: doubts, now: now) }
        settleEnds()
    }

    /// Sends those again that Redis may not have, in the background, until it has them all.
    private func settleEnds() {
        guard losses.sessionEnds.begin() else { return }
        insist { store throws(StoreError) in
            while let batch = store.losses.sessionEnds.next() { try await store.settle(batch) }
        }
    }

    private func settle(_ batch: SessionEnds.Batch) async throws(StoreError) {
        let replies = try await client.pipeline(batch.commands, within: timeLimit)
        let count = replies.reduce(0) { $0 &+ Int($1.integer ?? 0) }
        if count > 0 { events(RedisSessionsEndedAgain(count: count)) }
        // What somebody else has put under the key is no session.
        for case .error(let error) in replies where error.kind != "WRONGTYPE" {
            throw StoreError(error)
        }
        losses.sessionEnds.update { $0.settle(batch) }
    }
}
