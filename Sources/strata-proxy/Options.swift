#if Server
    import Strata
    import StrataServer

    /// What the command line says.
    struct Options: Sendable {
        var address = ListenAddress(host: "127.0.0.1", port: 8080)
        var upstream: Upstream
        var redis: String?
        /// In bytes.
        var memory = 256 << 20
        var targetFields: [HeaderName] = []
        var compresses = false
        var storesSetCookie = false
        var explains = false
        var lifetimes: [Lifetime] = []

        /// How long responses are fresh whose path the pattern fits.
        struct Lifetime: Sendable, Hashable {
            var pattern: String
            var lifetime: Duration
        }

        enum Reading {
            case run(Options)
            case help
            case invalid(String)
        }

        static let help = """
            strata-proxy --upstream URL [--listen HOST:PORT] [--redis URL] [--memory SIZE]
                         [--target-field NAME]… [--compress] [--ttl PATTERN=SECONDS]…
                         [--upstream-timeout SECONDS] [--store-set-cookie] [--explain]

              --upstream URL         the origin: http://HOST:PORT or https://HOST:PORT
              --listen HOST:PORT     where to listen; 127.0.0.1:8080 by default
              --redis URL            where to keep what is cached for all instances, such
                                     as redis://127.0.0.1:6379; in memory alone by default
              --memory SIZE          how much memory the cache, or the copies of what is in
                                     Redis, may take, in B, KiB, MiB or GiB; 256MiB by default
              --target-field NAME    a field that stands above Cache-Control for this cache,
                                     such as CDN-Cache-Control (RFC 9213); may be repeated,
                                     the first counting most
              --compress             compress responses
              --ttl PATTERN=SECONDS  how long responses are fresh that say nothing about it,
                                     such as --ttl '/images/**=3600'; may be repeated, the
                                     first pattern that fits counting
              --upstream-timeout SECONDS
                                     how long the origin may be silent, before its response
                                     and amid it; 60 by default
              --store-set-cookie     store responses that set a cookie like any other, and give
                                     the cookie to everybody; they are never stored otherwise
              --explain              say in Strata-Explain what was stored, what wasn't, and why;
                                     for development only, because it shows keys and rules
              --help                 this
            """

        static func read(_ arguments: some Sequence<String>) -> Reading {
            var url: String?
            var upstream = Upstream.Configuration()
            var change: [(inout Options) -> Void] = []
            var rest = Array(arguments)[...]
            do {
                while let argument = rest.popFirst() {
                    // Both `--name value` and `--name=value` are understood.
                    let mark = argument.hasPrefix("--") ? argument.firstIndex(of: "=") : nil
                    let name = String(argument[..<(mark ?? argument.endIndex)])
                    func value() throws(Invalid) -> String {
                        if let mark { return String(argument[argument.index(after: mark)...]) }
                        guard let value = rest.popFirst() else {
                            throw Invalid("\(name) needs a value.")
                        }
                        return value
                    }
                    switch name {
                    case "--help" where mark == nil: return .help
                    case "--compress" where mark == nil: change.append { $0.compresses = true }
                    case "--store-set-cookie" where mark == nil:
                        change.append { $0.storesSetCookie = true }
                    case "--explain" where mark == nil: change.append { $0.explains = true }
                    case "--upstream": url = try value()
                    case "--upstream-timeout":
                        let timeout = Duration.seconds(try seconds(value()))
                        upstream.firstByteTimeout = timeout
                        upstream.idleTimeout = timeout
                    case "--listen":
                        let address = try ListenAddress(value())
                        change.append { $0.address = address }
                    case "--redis":
                        let url = try value()
                        change.append { $0.redis = url }
                    case "--memory":
                        let size = try size(value())
                        change.append { $0.memory = size }
                    case "--target-field":
                        let field = try field(value())
                        change.append { $0.targetFields.append(field) }
                    case "--ttl":
                        let lifetime = try lifetime(value())
                        change.append { $0.lifetimes.append(lifetime) }
                    default: throw Invalid("Unknown option: \(argument).")
                    }
                }
                guard let url else { throw Invalid("--upstream URL is missing.") }
                var options = Options(upstream: try Upstream(url, upstream))
                for change in change { change(&options) }
                return .run(options)
            } catch let error as Invalid {
                return .invalid(error.message)
            } catch {
                return .invalid("\(error)")
            }
        }

        private struct Invalid: Error {
            let message: String
            init(_ message: String) { self.message = message }
        }

        private static func size(_ text: String) throws(Invalid) -> Int {
            let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1), ("", 1)]
            for (unit, bytes) in units where text.hasSuffix(unit) {
                guard let number = Int(text.dropLast(unit.count)), number > 0 else { break }
                let (size, isTooLarge) = number.multipliedReportingOverflow(by: bytes)
                if !isTooLarge { return size }
            }
            throw Invalid("“\(text)” is no size; write one such as 256MiB.")
        }

        private static func seconds(_ text: String) throws(Invalid) -> Int {
            guard let seconds = Int(text), (1...86_400).contains(seconds) else {
                throw Invalid("“\(text)” is no time; write seconds, from 1 to 86400.")
            }
            return seconds
        }

        private static func field(_ text: String) throws(Invalid) -> HeaderName {
            guard let name = HeaderName(text) else {
                throw Invalid("“\(text)” is no name of a field.")
            }
            return name
        }

        private static func lifetime(_ text: String) throws(Invalid) -> Lifetime {
            guard let mark = text.lastIndex(of: "="),
                let seconds = Int(text[text.index(after: mark)...]), seconds >= 0
            else { throw Invalid("“\(text)” is no lifetime; write PATTERN=SECONDS.") }
            let pattern = String(text[..<mark])
            let inner = pattern.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            guard pattern.hasPrefix("/"), !inner.contains("**") else {
                throw Invalid(
                    "“\(pattern)” is no pattern; it begins with /, and ** stands at its end only.")
            }
            return Lifetime(pattern: pattern, lifetime: .seconds(seconds))
        }
    }
#endif
