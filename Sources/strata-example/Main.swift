import Foundation

#if Server
    import Strata
    import StrataRedis
    import StrataServer

    /// A small shop, as a service whose instances keep no state of their own.
    @main struct StrataExample {
        static func main() async {
            switch Options.read(
                CommandLine.arguments.dropFirst(), ProcessInfo.processInfo.environment)
            {
            case .help: print(Options.help)
            case .invalid(let message): end(2, message + " See --help.")
            case .run(let options):
                do {
                    try await run(options)
                } catch let error as StoreError where error.code == .misconfigured {
                    end(2, "\(error)")
                } catch let error as SessionError where error.code == .invalidKey {
                    end(2, "STRATA_SECRET: \(error)")
                } catch {
                    end(1, "\(error)")
                }
            }
        }

        static func run(_ options: Options) async throws {
            let statistics = Statistics()
            let store: any CacheStore & SessionStore
            if let url = options.redis {
                let redis = try await RedisStore(url: url, events: statistics.events)
                store = TieredStore(
                    memory: MemoryStore(), shared: redis, events: statistics.events)
            } else {
                store = MemoryStore()
            }
            let shop = try Shop(options, store, statistics)
            for route in shop.pagination.unlimitedRoutes {
                note("strata-example gives lists of any length at \(route)")
            }
            var configuration = Server.Configuration(address: options.address)
            configuration.events = statistics.events
            try await Server(configuration).run(shop.handler) { address in
                note("strata-example listens on http://\(address)")
            }
        }
    }
#else
    @main struct StrataExample {
        static func main() {
            end(2, "strata-example runs with: swift run --traits Server strata-example")
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
