public import Strata

extension RedisStore {
    // MARK: - Generations

    /// The current generations of the names, in their order.
    ///
    /// A name that has none, be it that it was never purged or that Redis evicted it, gets one that
    /// is unlike any before. It is kept for ``fillTime``, and from then on for as long as the longest
    /// of what is set that was filled under it (``StoreValue/generationNames``). Only the name of a
    /// single URI goes without as long as it was not purged: there are as many as URIs.
    public func generations(of names: [String]) async throws(StoreError) -> [Generation] {
        guard !names.isEmpty else { return [] }
        let fresh = names.map { name -> RedisArgument in
            PurgeName.isOfOneURI(name)
                ? "" : .text(RedisGeneration.text(of: .random(in: 1 ... .max)))
        }
        let reply = try await client.run(
            .readGenerations, keys: names.map(generationKey),
            arguments: [.integer(Self.expiry(Self.fillTime))] + fresh,
            within: timeLimit)
        // The script leaves none out; were one missing, nothing could have been filled under it.
        return try generations(in: reply, of: names).map {
            $0 ?? Generation(.random(in: 1 ... .max))
        }
    }

    /// For how long a generation is kept at the least before anything is set that was filled under
    /// it: what takes longer than these five minutes to be filled may not be kept.
    public static let fillTime = Duration.seconds(300)

    /// The command that reads generations and leaves them as they are.
    func read(_ names: [String]) -> RedisCommand {
        RedisCommand(["MGET"] + names.map { .text(generationKey($0)) })
    }

    /// The generations that Redis answered; nil for one that is missing.
    func generations(
        in reply: RedisValue, of names: [String]
    ) throws(StoreError) -> [Generation?] {
        if case .error(let error) = reply { throw StoreError(error) }
        guard let values = reply.array, values.count == names.count else {
            throw Self.unexpected("the question for generations")
        }
        return zip(names, values).map { name, value in
            if let bytes = value.bytes { return RedisGeneration.read(bytes) }
            return PurgeName.isOfOneURI(name) ? .first : nil
        }
    }

    // MARK: - Purges

    /// Gives each of the names a new generation, in the order of the names, one small command each,
    /// and one round trip for all.
    ///
    /// What stands under a single URI is removed as well, so that it stays away where Redis evicts
    /// the generation. A purge that fails is tried again until it is made, for an hour at most.
    public func advanceGenerations(
        of names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) async throws(StoreError) {
        guard timeToLive > .zero, !names.isEmpty else { return }
        let noted = note(names, purge, timeToLive: timeToLive)
        do throws(StoreError) {
            try await write(names, purge, noted, timeToLive: timeToLive)
            losses.purges.update { $0.settle(noted) }
        } catch {
            settlePurges()
            throw error
        }
    }

    /// Notes that the names are about to be purged, and returns how.
    private func note(
        _ names: [String], _ purge: PurgeKind, timeToLive: Duration
    ) -> [String: PurgeJournal.Purge] {
        let now = losses.purges.now
        let (end, overflow) = now.addingReportingOverflow(timeToLive.saturatedNanoseconds)
        return losses.purges.update {
            $0.note(names, purge, until: overflow ? .max : end, now: now) {
                .random(in: 1 ... .max)
            }
        }
    }

    private func write(
        _ names: [String], _ purge: PurgeKind, _ noted: [String: PurgeJournal.Purge],
        timeToLive: Duration
    ) async throws(StoreError) {
        switch purge {
        case .hard:
            let removals = names.compactMap { PurgeName.key(ofOneURI: $0) }.map {
                RedisCommand("UNLINK", .text(entryKey($0)))
            }
            try await advance(
                names.map { ($0, noted[$0]?.number ?? .random(in: 1 ... .max)) },
                timeToLive: timeToLive, along: removals)
        case .soft(let moment):
            for name in names {
                try await client.run(
                    .purgeSoftly, keys: [generationKey(name)],
                    arguments: [
                        .text(RedisGeneration.text(of: moment)),
                        .integer(Self.expiry(timeToLive)),
                        .text(
                            PurgeName.isOfOneURI(name)
                                ? "" : RedisGeneration.text(of: .random(in: 1 ... .max))),
                    ], within: timeLimit)
            }
        }
    }

    /// Gives the names those numbers, and has other commands carried out as well.
    ///
    /// A full server that evicts nothing refuses them. Of what it has, it takes others in their place;
    /// and of what it does not have, only the name of a single URI must be purged.
    private func advance(
        _ numbers: [(name: String, number: UInt64)], timeToLive: Duration,
        along others: [RedisCommand] = []
    ) async throws(StoreError) {
        let keys = numbers.map { generationKey($0.name) }
        let texts = numbers.map { RedisArgument.text(RedisGeneration.text(of: $0.number)) }
        let advances = zip(keys, texts).map { Self.set($0, $1, timeToLive: timeToLive) }
        let replies = try await client.pipeline(advances + others, within: timeLimit)
        let refusals = replies.compactMap { if case .error(let error) = $0 { error } else { nil } }
        guard let refusal = refusals.first else { return }
        guard refusals.allSatisfy({ $0.kind == "OOM" }) else { throw StoreError(refusal) }
        let outcome = try await client.run(
            .advanceGenerations, keys: keys,
            arguments: [.integer(Self.expiry(timeToLive))] + texts, within: timeLimit)
        guard let advanced = outcome.array, advanced.count == keys.count else {
            throw Self.unexpected("the script that purges")
        }
        for (name, outcome) in zip(numbers.map(\.name), advanced)
        where outcome.integer == 0 && PurgeName.isOfOneURI(name) { throw StoreError(refusal) }
    }

    /// Makes the purges that Redis does not have, in the background, until it has them all.
    func settlePurges() {
        guard losses.purges.begin() else { return }
        insist { store throws(StoreError) in
            while let doubtful = store.losses.purges.next() { try await store.settle(doubtful) }
        }
    }

    private func settle(_ doubtful: [String: PurgeJournal.Purge]) async throws(StoreError) {
        let names = Array(doubtful.keys)
        let reply = try await client.send(read(names), within: timeLimit, reads: .primary)
        let generations = try generations(in: reply, of: names)
        let now = SystemTime().uptime.saturatedNanoseconds
        var settled = doubtful
        var keys: [String] = []
        var arguments: [RedisArgument] = []
        var repetitions: [(name: String, purge: PurgeJournal.Purge, number: UInt64?)] = []
        for (index, name) in names.enumerated() {
            guard let purge = doubtful[name], let kind = purge.repetition(in: generations[index])
            else { continue }
            settled[name] = nil
            let former = reply.array?[index].bytes ?? []
            let number: UInt64? = kind == .hard ? .random(in: 1 ... .max) : nil
            repetitions.append((name, purge, number))
            keys.append(generationKey(name))
            arguments += [
                .bytes(former), .bytes(RedisGeneration.bytes(after: former, kind, number)),
                .integer(Self.expiry(.nanoseconds(purge.end - now))),
            ]
        }
        losses.purges.update { $0.settle(settled) }
        guard !keys.isEmpty else { return }
        // Whatever is being fetched may be of what is purged.
        try await advance(
            [(PurgeName.any, .random(in: 1 ... .max))], timeToLive: Self.fillTime)
        let outcome = try await client.run(
            .replaceGenerations, keys: keys, arguments: arguments, within: timeLimit)
        guard let replaced = outcome.array, replaced.count == keys.count else {
            throw Self.unexpected("the script that purges again")
        }
        // What somebody has purged meanwhile is looked at once more.
        let made = zip(repetitions, replaced).filter { $1.integer == 1 }.map(\.0)
        try await remove(
            made.filter { $0.number != nil }.compactMap { PurgeName.key(ofOneURI: $0.name) })
        for (name, purge, number) in made {
            losses.purges.update { $0.settle(name, purge, repeatedWith: number) }
        }
        if !made.isEmpty { events(RedisPurgesRepeated(count: made.count)) }
    }
}
