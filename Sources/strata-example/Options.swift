#if Server
    import StrataServer

    /// What the command line and the environment say.
    struct Options: Sendable {
        var address = ListenAddress(host: "127.0.0.1", port: 8080)
        var redis: String?
        /// The file of the database; nil for one in memory.
        var database: String?
        /// The token that may purge; nobody may where there is none.
        var adminToken: String?
        /// What cookies and cursors are signed with: the first one signs, all are accepted.
        var secrets: [String] = []

        enum Reading {
            case run(Options)
            case help
            case invalid(String)
        }

        static let help = """
            strata-example [--listen HOST:PORT] [--redis URL] [--database FILE]

              --listen HOST:PORT   where to listen; 127.0.0.1:8080 by default
              --redis URL          where to keep the cache and the sessions, such as
                                   redis://127.0.0.1:6379; in memory by default
              --database FILE      the products, in a database of SQLite that instances can
                                   share; made and filled where it isn't there; in memory by
                                   default
              --help               this

            Environment:
              STRATA_REDIS_URL     as --redis
              STRATA_SECRET        what cookies and cursors are signed with, the same on all
                                   instances; make one with: openssl rand -base64 32
                                   Several stand with commas between them: the first one signs,
                                   all are accepted
              STRATA_ADMIN_TOKEN   the bearer token that POST /purge asks for
            """

        static func read(
            _ arguments: some Sequence<String>, _ environment: [String: String]
        ) -> Reading {
            var options = Options()
            let environment = environment.filter { !$0.value.isEmpty }
            options.redis = environment["STRATA_REDIS_URL"]
            options.secrets =
                environment["STRATA_SECRET"]?.split(separator: ",").map(String.init) ?? []
            options.adminToken = environment["STRATA_ADMIN_TOKEN"]
            var rest = Array(arguments)[...]
            while let argument = rest.popFirst() {
                // Both `--name value` and `--name=value` are understood.
                let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
                let name = argument.hasPrefix("--") ? parts[0] : argument
                switch name {
                case "--help": return .help
                case "--listen", "--redis", "--database":
                    guard let value = name == argument ? rest.popFirst() : parts.dropFirst().first
                    else { return .invalid("\(name) needs a value.") }
                    switch name {
                    case "--redis": options.redis = value
                    case "--database": options.database = value
                    default:
                        do {
                            options.address = try ListenAddress(value)
                        } catch {
                            return .invalid(error.description)
                        }
                    }
                default: return .invalid("Unknown option: \(argument).")
                }
            }
            return .run(options)
        }
    }

    extension ListenAddress {
        /// Whether only this machine can reach it.
        var isLoopback: Bool {
            host == "localhost" || host == "::1" || host.hasPrefix("127.")
        }
    }
#endif
