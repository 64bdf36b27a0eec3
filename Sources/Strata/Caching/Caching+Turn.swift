extension Caching {
    /// What a flight does when it begins.
    enum Turn: Sendable {
        /// It takes what was stored since its request looked.
        case stored(StoredResponse)
        /// It fills, with a lease where the store lends one.
        case fill(FillLease?)
    }

    /// Waits until it is this process' turn to fill, or until another has filled.
    func turn(_ request: Request, _ target: Target, _ found: Found) async throws -> Turn {
        func newer() async -> Turn? {
            await self.newer(than: found, request, target).map(Turn.stored)
        }
        let name = flightKey(request, target, found).text
        guard let store = store as? any LeasingStore, let leases = store.leases,
            let watch = store.watchLease(of: name), target.directives.noCache == .absent
        else { return await newer() ?? .fill(nil) }
        defer { watch.end() }
        let token = LeaseToken()
        let start = time.uptime
        while true {
            let decision = FillTurn(
                await store.takeLease(of: name, token: token), waited: time.uptime - start,
                limit: configuration.maximumSharedWait)
            switch decision {
            case .fill:
                let lease = FillLease(leases, name: name, token: token, time: time)
                // Whoever had the lease before may have filled since the request looked.
                guard let stored = await newer() else { return .fill(lease) }
                lease.release()
                return stored
            case .fillAlone: return await newer() ?? .fill(nil)
            case .wait(let limit):
                await watch.wait(atMost: limit, time)
                try Task.checkCancellation()
                let current = await lookUp(request, target)
                if let stored = self.newer(current, than: found, target) { return .stored(stored) }
                // What can't be shared is nothing to wait for.
                if case .uncacheable = current { return .fill(nil) }
                if await isForEachAlone(request, target) { return .fill(nil) }
            }
        }
    }
}
