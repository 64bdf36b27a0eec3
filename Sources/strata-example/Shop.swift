#if Server
    import Strata
    import StrataCompression

    /// Has all requests count as those for one site, whatever name the client reached it by.
    ///
    /// The host is part of what an entry of the cache goes by; without this, each instance that is
    /// asked by its own address would have entries of its own.
    struct OneSite: Middleware {
        static let name = "shop"

        func respond(to request: Request, next: Next) async throws -> Response {
            var request = request
            request.authority = Self.name
            return try await next(request)
        }
    }

    /// The service: its layers, and the routes behind them.
    struct Shop: Sendable {
        let catalogue: Catalogue
        let store: any CacheStore & SessionStore
        let statistics: Statistics
        let caching: Caching
        let sessions: Sessions
        let pagination: Pagination
        let adminToken: String?

        init(
            _ options: Options, _ store: any CacheStore & SessionStore, _ statistics: Statistics
        ) throws {
            self.store = store
            self.statistics = statistics
            adminToken = options.adminToken
            catalogue = try Catalogue(path: options.database)
            let events = statistics.events

            let secrets = Self.secrets(options)
            var cookies = Sessions.Configuration()
            if options.address.isLoopback {
                // For trying it out without TLS: a cookie that is kept for plain HTTP.
                cookies.cookie = .insecureLoopback
            }
            sessions = Sessions(
                store: store, keys: try secrets.map(SessionKey.init), configuration: cookies,
                events: events)
            caching = Caching(
                store: store,
                rules: [
                    .path("/products").fresh(for: .seconds(30)).tagged("products"),
                    .path("/catalog").fresh(for: .seconds(30)).tagged("products"),
                    .path("/products/{id}").status(.notFound).fresh(for: .seconds(5)),
                    .path("/products/{id}").fresh(for: .seconds(60))
                        .staleWhileRevalidate(for: .seconds(30))
                        .tagged("products", "product-{id}"),
                    .path("/slow").fresh(for: .seconds(5)),
                    // Known to be private, so that no request waits for another to find out.
                    .path("/private-slow").never,
                    .path("/stats").never,
                    .path("/healthz").never,
                    .path("/readyz").never,
                ], events: events)
            var pages = Pagination.Configuration()
            pages.style.total = "total"
            pagination = Pagination(
                defaultLimit: 20, maximumLimit: 100, keys: secrets.compactMap(CursorKey.init),
                configuration: pages, events: events)
        }

        /// Everything together; the layer listed first is outermost.
        var handler: Handler {
            wrap(router.handler) {
                Compression(events: statistics.events)
                sessions
                OneSite()
                caching
                pagination
            }
        }

        private var router: Router {
            var router = Router(statistics)
            addProducts(to: &router)
            addCatalogue(to: &router)
            addDemonstrations(to: &router)
            addAccount(to: &router)
            addOperations(to: &router)
            return router
        }

        /// What cookies and cursors are signed with. Instances that share their clients need the
        /// same, so there is one for those who just try it out.
        private static func secrets(_ options: Options) -> [[UInt8]] {
            if !options.secrets.isEmpty { return options.secrets.map { Array($0.utf8) } }
            note("STRATA_SECRET is not set; using one that everybody knows.")
            return [Array("strata-example: this secret is everybody's".utf8)]
        }
    }
#endif
