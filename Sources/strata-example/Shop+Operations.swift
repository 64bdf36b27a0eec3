#if Server
    import Strata

    // What those who run the service need.

    extension Shop {
        func addOperations(to router: inout Router) {
            router.on(.post, "/purge") { request, _ in
                try checkAdministrator(request)
                let (what, name) = try purgeTarget(of: request)
                do {
                    try await caching.purge(what, isSoft: request.parameter("soft") != nil)
                } catch {
                    throw Problem(
                        .serviceUnavailable, detail: "The cache could not be purged: \(error)")
                }
                return try .encoded(["purged": name])
            }

            router.on(.get, "/stats") { _, _ in try .encoded(statistics.counts) }

            // Alive, whatever else is down.
            router.on(.get, "/healthz") { _, _ in .text("ok\n") }

            // Ready even without the store: the layers then do without it, as well as they can.
            // Were it otherwise, one store that fails would take all instances out at once.
            router.on(.get, "/readyz") { _, _ in
                let shared: any CacheStore =
                    if let tiered = store as? TieredStore { tiered.shared } else { store }
                let isStoreThere = (try? await shared.generations(of: ["readyz"])) != nil
                return try .encoded(["store": isStoreThere ? "available" : "unavailable"])
            }
        }

        /// What a request wants purged, and its name.
        private func purgeTarget(of request: Request) throws -> (Caching.Purge, String) {
            let names: [(String, (String) -> Caching.Purge)] = [
                ("tag", { .tag($0) }), ("prefix", { .prefix($0) }),
                ("path", { .uri("http://\(OneSite.name)\($0)") }),
            ]
            for (parameter, purge) in names {
                if let name = request.parameter(parameter), !name.isEmpty {
                    return (purge(name), name)
                }
            }
            if request.parameter("everything") != nil { return (.everything, "everything") }
            throw Problem(
                .badRequest,
                detail: "Say what to purge: /purge?tag=products, prefix=/products/, "
                    + "path=/products/7 or everything; with &soft it becomes stale.")
        }

        /// - Throws: a 401 where there is no token, and a 403 where it isn't the right one.
        private func checkAdministrator(_ request: Request) throws {
            guard let expected = adminToken else {
                throw Problem(
                    .forbidden, detail: "Purging is off: STRATA_ADMIN_TOKEN is not set.")
            }
            let field = request.headers.first(.authorization) ?? ""
            guard field.lowercased().hasPrefix("bearer ") else {
                throw Problem(
                    .unauthorized, detail: "Purging needs the administrator's token.",
                    headers: [.wwwAuthenticate: #"Bearer realm="shop""#])
            }
            guard isEqual(field.dropFirst("bearer ".count), expected) else {
                throw Problem(.forbidden, detail: "That isn't the administrator's token.")
            }
        }

        /// Compares in a time that tells only the length.
        private func isEqual(_ left: some StringProtocol, _ right: some StringProtocol) -> Bool {
            guard left.utf8.count == right.utf8.count else { return false }
            return zip(left.utf8, right.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
        }
    }
#endif
