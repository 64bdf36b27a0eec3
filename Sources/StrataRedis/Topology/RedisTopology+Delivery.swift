import Strata
import Synchronization

/// How commands get to the servers that carry them out.
extension RedisTopology {
    /// Has the operation carried out by the server that has the slot, wherever that leads.
    private func deliver<Value: Sendable>(
        slot: Int?, reads: RedisReads, by deadline: Duration, after failed: Failure? = nil,
        _ operation: (Destination, Duration) async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        var redirection = Redirection()
        var failure = failed
        var reads = reads
        var redirected: Destination?
        while true {
            if let failure {
                switch redirection.step(
                    after: failure.error, asked: failure.endpoint, isReplica: failure.isReplica)
                {
                case .fail: throw failure.error
                case .follow(let endpoint, let isAsking, let pause):
                    if pause > .zero { try await wait(pause, by: deadline, failure.error) }
                    redirected = Destination(
                        node: try redirectedNode(at: endpoint), isAsking: isAsking)
                    if isAsking {
                        listen(at: endpoint)
                    } else if let slot {
                        note(slot, at: endpoint)
                    }
                case .askPrimary:
                    state.withLock { $0.lags.forget(failure.endpoint) }
                    reads = .primary
                    redirected = nil
                case .retry(let pause): try await wait(pause, by: deadline, failure.error)
                case .refresh(let pause):
                    redirected = nil
                    try await wait(pause, by: deadline, failure.error)
                    try? await refreshed(by: deadline)
                    guard time.uptime < deadline else {
                        throw StoreError(
                            .timedOut,
                            "Redis' servers were not found out in time after this: "
                                + failure.error.message,
                            underlying: failure.error)
                    }
                }
            }
            var destination: Destination
            if let known = redirected {
                destination = known
            } else {
                destination = try await self.destination(for: slot, reads: reads, by: deadline)
            }
            var left = deadline - time.uptime
            // So that there is time left to ask the primary.
            if destination.isReplica { left = left / 2 }
            destination.node.load.begin()
            let start = time.uptime
            defer {
                let now = time.uptime
                destination.node.load.end(after: now - start, now: now)
            }
            do {
                return try await operation(destination, left)
            } catch {
                if error.code == .unavailable || error.redisError?.kind == "MOVED" {
                    refreshes.request()
                }
                failure = Failure(error, destination)
            }
        }
    }

    /// A command that was not carried out, and by whom not.
    private struct Failure {
        let error: StoreError
        let endpoint: Endpoint
        let isReplica: Bool

        init(_ error: StoreError, _ destination: Destination) {
            self.error = error
            endpoint = destination.node.configuration.endpoint
            isReplica = destination.isReplica
        }
    }

    private func note(_ slot: Int, at endpoint: Endpoint) {
        state.withLock { $0.deployment?.move(slot, to: endpoint) }
    }

    /// Has those who are told of changed keys told by a server, too, that keys are on their way to:
    /// one that gets its first slot is not among those that are known, and what is read there would
    /// be kept without a word of its changes.
    private func listen(at endpoint: Endpoint) {
        let (primaries, subscriptions) = state.withLock { state in
            guard !state.subscriptions.isEmpty, state.deployment?.adopt(endpoint) == true else {
                return ([Endpoint](), [TopologySubscription]())
            }
            return (state.deployment?.primaries ?? [], Array(state.subscriptions.values))
        }
        for subscription in subscriptions { subscription.follow(primaries, of: self) }
    }

    private func wait(
        _ pause: Duration, by deadline: Duration, _ error: StoreError
    ) async throws(StoreError) {
        guard time.uptime + pause < deadline else { throw error }
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw StoreError(.cancelled, "The task was cancelled before Redis answered.")
        }
    }

    /// A command on its way.
    private struct Parcel: Sendable {
        let command: RedisCommand
        let slot: Int?
        let reads: RedisReads

        init(_ command: RedisCommand, slot: Int?, _ shape: CommandShape, _ reads: RedisReads) {
            self.command = command
            self.slot = slot
            self.reads = shape.isReadOnly ? reads : .primary
        }
    }

    private func deliver(
        _ parcel: Parcel, lane: RedisLane, by deadline: Duration, after failure: Failure? = nil
    ) async throws(StoreError) -> RedisValue {
        try await deliver(
            slot: parcel.slot, reads: parcel.reads, by: deadline, after: failure
        ) { destination, limit throws(StoreError) in
            guard destination.isAsking else {
                return try await destination.node.submit(
                    parcel.command.bytes, replies: nil, within: limit, lane: lane)
            }
            // Both in one piece, so that nothing comes in between.
            let reply = try await destination.node.submit(
                RedisCommand.joined([RedisCommand("ASKING"), parcel.command]), replies: 2,
                within: limit, lane: lane)
            guard let value = reply.array?.last else { return .null }
            if case .error(let error) = value { throw StoreError(error) }
            return value
        }
    }

    /// Sends a command; in parts, where its keys belong to several slots of a cluster.
    func send(
        _ command: RedisCommand, within limit: Duration, lane: RedisLane, reads: RedisReads
    ) async throws(StoreError) -> RedisValue {
        let deadline = time.uptime + limit
        let shape = CommandShape(command)
        guard isCluster else {
            return try await deliver(
                Parcel(command, slot: nil, shape, reads), lane: lane, by: deadline)
        }
        let parts = shape.parts()
        guard !parts.isEmpty, let split = shape.split else {
            return try await deliver(
                Parcel(command, slot: shape.slot, shape, reads), lane: lane, by: deadline)
        }
        let replies = try await deliver(
            parts.map { Parcel($0.command, slot: $0.slot, shape, reads) }, lane: lane, by: deadline)
        let joined = CommandShape.join(Array(zip(parts, replies)), split)
        if case .error(let error) = joined { throw StoreError(error) }
        return joined
    }

    /// Sends commands, those for one server together.
    func pipeline(
        _ commands: [RedisCommand], within limit: Duration, lane: RedisLane, reads: RedisReads
    ) async throws(StoreError) -> [RedisValue] {
        let deadline = time.uptime + limit
        var parcels: [Parcel] = []
        /// What each command has become of: so many parcels, to be joined like that.
        var pieces: [(parts: [CommandShape.Part], split: CommandShape.Split?)] = []
        for command in commands {
            let shape = CommandShape(command)
            let parts = isCluster ? shape.parts() : []
            pieces.append((parts, shape.split))
            if parts.isEmpty {
                parcels.append(
                    Parcel(command, slot: isCluster ? shape.slot : nil, shape, reads))
            } else {
                parcels += parts.map { Parcel($0.command, slot: $0.slot, shape, reads) }
            }
        }
        var replies = try await deliver(parcels, lane: lane, by: deadline)[...]
        return pieces.map { parts, split in
            guard !parts.isEmpty, let split else { return replies.popFirst() ?? .null }
            defer { replies = replies.dropFirst(parts.count) }
            return CommandShape.join(Array(zip(parts, replies)), split)
        }
    }

    /// Delivers parcels, those for one server together; a refusal stands in its place.
    private func deliver(
        _ parcels: [Parcel], lane: RedisLane, by deadline: Duration
    ) async throws(StoreError) -> [RedisValue] {
        // Who was a replica may be the primary by now: what only reads, and may be asked of somebody
        // else when the connection is lost, must not take along what writes.
        struct Recipient: Hashable {
            let node: ObjectIdentifier
            let isReplica: Bool
        }
        var groups: [Recipient: (destination: Destination, places: [Int])] = [:]
        for (place, parcel) in parcels.enumerated() {
            let destination = try await destination(
                for: parcel.slot, reads: parcel.reads, by: deadline)
            let recipient = Recipient(
                node: ObjectIdentifier(destination.node), isReplica: destination.isReplica)
            groups[recipient, default: (destination, [])].places.append(place)
        }
        let outcome = await withTaskGroup(
            of: Result<[(Int, RedisValue)], StoreError>.self
        ) { group in
            for (destination, places) in groups.values {
                group.addTask {
                    do throws(StoreError) {
                        return .success(
                            try await self.deliver(
                                places.map { ($0, parcels[$0]) }, to: destination, lane: lane,
                                by: deadline))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            var replies = [RedisValue](repeating: .null, count: parcels.count)
            var failure: StoreError?
            for await result in group {
                switch result {
                case .success(let values): for (place, value) in values { replies[place] = value }
                case .failure(let error): failure = failure ?? error
                }
            }
            return (replies, failure)
        }
        if let failure = outcome.1 { throw failure }
        return outcome.0
    }

    /// Delivers parcels to one server, and those on that it does not carry out.
    private func deliver(
        _ parcels: [(place: Int, parcel: Parcel)], to destination: Destination, lane: RedisLane,
        by deadline: Duration
    ) async throws(StoreError) -> [(Int, RedisValue)] {
        var values: [RedisValue] = []
        var failure: StoreError?
        let left = deadline - time.uptime
        destination.node.load.begin()
        let start = time.uptime
        do {
            values =
                try await destination.node.submit(
                    RedisCommand.joined(parcels.map(\.parcel.command)), replies: parcels.count,
                    within: destination.isReplica ? left / 2 : left, lane: lane
                ).array ?? []
        } catch {
            failure = error
            if error.code == .unavailable { refreshes.request() }
        }
        let now = time.uptime
        destination.node.load.end(after: now - start, now: now)
        var outcome: [(Int, RedisValue)] = []
        for (index, (place, parcel)) in parcels.enumerated() {
            var error = failure
            if failure == nil {
                guard index < values.count else { break }
                guard case .error(let refusal) = values[index] else {
                    outcome.append((place, values[index]))
                    continue
                }
                error = StoreError(refusal)
            }
            guard let error else { continue }
            do {
                let value = try await deliver(
                    parcel, lane: lane, by: deadline, after: Failure(error, destination))
                outcome.append((place, value))
            } catch {
                guard let refusal = error.redisError else { throw error }
                outcome.append((place, .error(refusal)))
            }
        }
        return outcome
    }

    /// Has commands carried out together, by the server of the first one's key.
    func transaction(
        _ commands: [RedisCommand], within limit: Duration
    ) async throws(StoreError) -> [RedisValue] {
        let slot = isCluster ? commands.lazy.compactMap { CommandShape($0).slot }.first : nil
        return try await deliver(
            slot: slot, reads: .primary, by: time.uptime + limit
        ) { destination, limit throws(StoreError) in
            try await destination.node.transaction(
                commands, within: limit, isAsking: destination.isAsking)
        }
    }
}
