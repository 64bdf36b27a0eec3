public import Strata

extension RedisConfiguration {
    /// Makes a configuration of a URL.
    ///
    /// - `redis://[[user]:password@]host[:port][/database]`
    /// - `rediss://…`, the same with TLS, and these after a `?`: `ca`, the file of the authorities that
    ///   are trusted; `cert` and `key`, the files of the client's certificate and private key,
    ///   which may be one;
    ///   `name`, the server's name in its certificate
    /// - `unix://[[user]:password@]/path/of/socket[?db=database]`
    /// - `redis://…host[:port],host[:port]…`, a primary and its replicas, in any order
    /// - `redis+sentinel://…sentinel[:port],sentinel[:port]…/primary-name[/database]`, and these
    ///   after a `?`: `sentinel-user` and `sentinel-password`, who the client is at the sentinels.
    ///   Their port is 26379 where none is named
    /// - `redis+cluster://…host[:port],host[:port]…`, some nodes of a cluster
    ///
    /// The last two have forms with TLS as well, `rediss+sentinel` and `rediss+cluster`. Where there
    /// are several servers, `reads` says who answers commands that only read: `primary`,
    /// `round-robin`, `random`, `weighted`, `least-outstanding` or `quickest` of the replicas; behind
    /// it `max-lag`, in seconds, how far behind they may be, and `weights`, as in
    /// `reads=weighted&weights=10.0.0.5:6379*3,10.0.0.6:6379*0`, how often each is asked: from 0 to
    /// 1048576, and 1 for those not named.
    ///
    /// User and password are percent-encoded where they hold a character that has a meaning in a
    /// URL. The port is 6379 where none is named.
    ///
    /// - Throws: ``StoreError`` with `misconfigured` for anything else. The message does not
    ///   show the password.
    public init(url: String) throws(StoreError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw .badURL(
                "it must begin with redis://, rediss://, unix://, redis+sentinel:// or "
                    + "redis+cluster://")
        }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        var rest = url[schemeEnd.upperBound...]
        var query = Substring()
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let pathStart = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<pathStart]
        let path = rest[pathStart...]
        var credentials: Substring?
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            authority = authority[authority.index(after: at)...]
            guard credentials?.contains("@") == false else {
                throw .badURL(
                    "an @ in the user or password is written as %40, and both are named once, "
                        + "before the first host")
            }
        } else if scheme != "unix",
            path.contains("@") || query.prefix(while: { $0 != "=" }).contains("@")
        {
            throw .badURL("a / or ? in the user or password is written as %2F or %3F")
        }

        let kind = scheme.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        switch (kind[0], kind.dropFirst().first) {
        case ("redis", nil), ("rediss", nil):
            try self.init(authority, defaultPort: 6379, topology: .replicated)
            if otherEndpoints.isEmpty { topology = .standalone }
            if path.count > 1 { database = try Self.number(path.dropFirst(), "database") }
        case ("redis", "cluster"), ("rediss", "cluster"):
            guard ["", "/", "/0"].contains(path) else {
                throw .badURL("a cluster has no database but 0")
            }
            try self.init(authority, defaultPort: 6379, topology: .cluster)
        case ("redis", "sentinel"), ("rediss", "sentinel"):
            let parts = path.split(separator: "/")
            guard (1...2).contains(parts.count) else {
                throw .badURL(
                    "the sentinels' name of the primary is missing: "
                        + "redis+sentinel://host:26379/name")
            }
            let name = try Self.decoded(parts[0], "name")
            try self.init(
                authority, defaultPort: 26_379, topology: .sentinel(Sentinel(primaryName: name)))
            if parts.count == 2 { database = try Self.number(parts[1], "database") }
        case ("unix", nil):
            guard authority.isEmpty, path.count > 1 else {
                throw .badURL("a Unix socket is named as unix:///path/of/socket")
            }
            self.init(endpoint: .unix(path: try Self.decoded(path, "path")))
        default:
            throw .badURL(
                "the scheme must be redis, rediss, unix, redis+sentinel or redis+cluster")
        }
        if kind[0] == "rediss" { tls = TLS() }
        if let credentials {
            guard let colon = credentials.firstIndex(of: ":") else {
                throw .badURL("a user needs a password: user:password@, or :password@")
            }
            let name = try Self.decoded(credentials[..<colon], "user")
            username = name.isEmpty ? nil : name
            password = try Self.decoded(
                credentials[credentials.index(after: colon)...], "password")
        }
        for parameter in query.split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw .badURL("parameters have the form name=value") }
            try setParameter(parts[0], to: Self.decoded(parts[1], "parameter"))
        }
    }

    private mutating func setParameter(
        _ name: Substring, to value: String
    ) throws(StoreError) {
        switch name {
        case "db": database = try Self.number(value[...], "database")
        case "ca" where tls != nil: tls?.certificateAuthority = value
        case "name" where tls != nil: tls?.serverName = value
        case "cert" where tls != nil:
            let key = tls?.identity?.privateKey ?? value
            tls?.identity = TLS.Identity(certificate: value, privateKey: key)
        case "key" where tls != nil:
            let certificate = tls?.identity?.certificate ?? value
            tls?.identity = TLS.Identity(certificate: certificate, privateKey: value)
        case "sentinel-user", "sentinel-password":
            guard case .sentinel(var sentinel) = topology else {
                throw .badURL("\(name) is for redis+sentinel:// alone")
            }
            if name == "sentinel-user" {
                sentinel.username = value
            } else {
                sentinel.password = value
            }
            topology = .sentinel(sentinel)
        case "reads":
            var maximumLag = Duration.seconds(10)
            if case .replicas(_, let lag) = reads { maximumLag = lag }
            reads = try Self.reads(value, maximumLag: maximumLag)
        case "max-lag":
            let seconds = Duration.seconds(try Self.number(value[...], "lag"))
            guard case .replicas(let choice, _) = reads else {
                throw .badURL("max-lag stands behind a reads= that names replicas")
            }
            reads = .replicas(choice, maximumLag: seconds)
        case "weights":
            guard case .replicas(.weighted, let lag) = reads else {
                throw .badURL("weights stands behind reads=weighted")
            }
            reads = .replicas(.weighted(try Self.weights(value)), maximumLag: lag)
        default:
            throw .badURL(
                "the parameters are db, reads, max-lag, weights, sentinel-user, sentinel-password, and with "
                    + "rediss:// also ca, cert, key and name")
        }
    }

    private static func reads(
        _ text: String, maximumLag: Duration
    ) throws(StoreError) -> RedisReads {
        switch text {
        case "primary": .primary
        case "round-robin": .replicas(.roundRobin, maximumLag: maximumLag)
        case "random": .replicas(.random, maximumLag: maximumLag)
        case "weighted": .replicas(.weighted([:]), maximumLag: maximumLag)
        case "least-outstanding": .replicas(.leastOutstanding, maximumLag: maximumLag)
        case "quickest": .replicas(.quickest, maximumLag: maximumLag)
        default:
            throw .badURL(
                "reads is one of primary, round-robin, random, weighted, least-outstanding, "
                    + "quickest")
        }
    }

    private static func weights(_ text: String) throws(StoreError) -> [String: Int] {
        var weights: [String: Int] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let star = part.lastIndex(of: "*"),
                let weight = Int(part[part.index(after: star)...]),
                (0...RedisReads.maximumWeight).contains(weight)
            else {
                throw .badURL(
                    "weights has the form host:port*weight,…, each from 0 to "
                        + "\(RedisReads.maximumWeight)")
            }
            let endpoint = try tcpEndpoint(part[..<star], defaultPort: 6379)
            guard weights.updateValue(weight, forKey: endpoint.description) == nil else {
                throw .badURL("weights names \(endpoint) twice")
            }
        }
        return weights
    }

    private init(
        _ hosts: Substring, defaultPort: UInt16, topology: Topology
    ) throws(StoreError) {
        var endpoints: [Endpoint] = []
        for host in hosts.split(separator: ",", omittingEmptySubsequences: false) {
            endpoints.append(try Self.tcpEndpoint(host, defaultPort: defaultPort))
        }
        guard let first = endpoints.first else { throw .badURL("the host is missing") }
        self.init(endpoint: first)
        otherEndpoints = Array(endpoints.dropFirst())
        self.topology = topology
    }

    private static func tcpEndpoint(
        _ authority: Substring, defaultPort: UInt16
    ) throws(StoreError) -> Endpoint {
        var host = authority
        var port = defaultPort
        let colon =
            if authority.hasPrefix("[") {
                authority.firstIndex(of: "]").map(authority.index(after:))
            } else {
                authority.firstIndex(of: ":")
            }
        if let colon, colon < authority.endIndex {
            guard authority[colon] == ":" else { throw .badURL("the host can't be understood") }
            host = authority[..<colon]
            let text = authority[authority.index(after: colon)...]
            guard text.utf8.allSatisfy(\.isDigit), let number = UInt16(text), number > 0 else {
                throw .badURL("the port must be from 1 to 65535")
            }
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, !host.contains(where: { "[]@# ".contains($0) }) else {
            throw .badURL("the host is missing or can't be understood")
        }
        return .tcp(host: try decoded(host, "host"), port: port)
    }

    private static func number(_ text: Substring, _ what: String) throws(StoreError) -> Int {
        guard text.utf8.allSatisfy(\.isDigit), let number = Int(text) else {
            throw .badURL("the \(what) must be a number")
        }
        return number
    }

    private static func decoded(_ text: Substring, _ what: String) throws(StoreError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.allSatisfy(\.isHexDigit),
                digits.utf8.count == 2, let value = UInt8(digits, radix: 16), value > 0
            else { throw .badURL("the \(what) is not well percent-encoded") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badURL("the \(what) is not UTF-8")
        }
        return text
    }
}

extension StoreError {
    fileprivate static func badURL(_ reason: String) -> StoreError {
        StoreError(
            .misconfigured,
            "The URL of Redis can't be used: \(reason). "
                + "An example: redis://user:password@127.0.0.1:6379/0.")
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
