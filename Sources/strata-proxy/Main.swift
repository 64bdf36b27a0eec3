import Foundation

#if Server
    import Strata
    import StrataCompression
    import StrataRedis
    import StrataServer

    /// A caching reverse proxy: the layers in front of any HTTP origin.
    @main struct StrataProxy {
        static func main() async {
            switch Options.read(CommandLine.arguments.dropFirst()) {
            case .help: print(Options.help)
            case .invalid(let message): end(2, message + " See --help.")
            case .run(let options):
                do {
                    try await run(options)
                } catch let error as StoreError where error.code == .misconfigured {
                    end(2, "\(error)")
                } catch {
                    end(1, "\(error)")
                }
            }
        }

        static func run(_ options: Options) async throws {
            let lines = EventLines()
            let events = Events(
                of: [StoreFault.self, HandlerFailed.self, OriginFailed.self]
            ) { event in
                if let line = lines.line(for: event) { note(line) }
            }
            let store: any CacheStore
            if let url = options.redis {
                let redis = try await RedisStore(url: url, events: events)
                store = TieredStore(
                    memory: MemoryStore(maximumBytes: options.memory), shared: redis,
                    events: events)
            } else {
                store = MemoryStore(maximumBytes: options.memory)
            }
            let handler = options.handler(for: options.upstream, store, events)
            try await Server(options.server(events)).run(handler) { address in
                note("strata-proxy listens on http://\(address)")
            }
        }
    }

    extension Options {
        /// The layers around the origin.
        func handler(
            for upstream: Upstream, _ store: any CacheStore, _ events: Events = .ignored
        ) -> Handler {
            var caching = Caching.Configuration()
            caching.targetFields = targetFields
            caching.storesSetCookie = storesSetCookie
            caching.explains = explains
            return wrap(upstream.handler) {
                Gateway(events: events)
                if compresses { Compression(events: events) }
                Caching(
                    store: store,
                    rules: lifetimes.map { .path($0.pattern).fresh(for: $0.lifetime) },
                    configuration: caching, events: events)
            }
        }

        /// A server that lets requests of any size through: what is too large is the origin's to
        /// say.
        func server(_ events: Events = .ignored) -> Server.Configuration {
            var configuration = Server.Configuration(address: address)
            configuration.maximumContentBytes = nil
            configuration.events = events
            return configuration
        }
    }
#else
    @main struct StrataProxy {
        static func main() {
            end(2, "strata-proxy runs with: swift run --traits Server strata-proxy")
        }
    }
#endif

/// Writes a line to the standard error output.
func note(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

/// Says why, and ends the process.
func end(_ status: Int32, _ reason: String) -> Never {
    note(reason)
    exit(status)
}
