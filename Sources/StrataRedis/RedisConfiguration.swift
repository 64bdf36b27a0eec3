import Strata

/// Where Redis is, who the client is there, and its limits.
///
/// ```swift
/// var configuration = try RedisConfiguration(url: "redis://app:secret@10.0.0.5:6379/2")
/// configuration.commandTimeout = .milliseconds(100)
/// let client = try RedisClient(configuration)
/// ```
public struct RedisConfiguration: Sendable, CustomStringConvertible {
    /// Where a server listens.
    public enum Endpoint: Sendable, Hashable, CustomStringConvertible {
        /// At a port of a host, which is a name or an address.
        case tcp(host: String, port: UInt16)
        /// At a Unix socket.
        case unix(path: String)

        /// The host by its name or address; for a Unix socket, this one.
        var host: String {
            switch self {
            case .tcp(let host, _): host
            case .unix: "localhost"
            }
        }

        /// The endpoint as it stands in a URL.
        public var description: String {
            switch self {
            case .tcp(let host, let port):
                host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
            case .unix(let path): path
            }
        }
    }

    /// How a connection is kept from being read and changed on its way.
    ///
    /// TLS 1.2 is the least that is spoken.
    public struct TLS: Sendable, Hashable {
        /// How the server shows that it is the right one.
        public enum Verification: Sendable, Hashable {
            /// By a certificate of an authority that is trusted, for the server's name.
            case full
            /// Not at all: whoever stands in between can read and change everything. For tests.
            case off
        }

        /// A certificate that shows the server who the client is.
        public struct Identity: Sendable, Hashable {
            /// The file of the certificate, with those between it and the authority, in PEM.
            public var certificate: String
            /// The file of its private key, in PEM, not encrypted.
            public var privateKey: String

            /// Makes an identity of its files.
            public init(certificate: String, privateKey: String) {
                self.certificate = certificate
                self.privateKey = privateKey
            }
        }

        /// The file of the authorities that are trusted, in PEM; nil for the system's.
        public var certificateAuthority: String?
        /// Who the client is; nil where the server does not ask.
        public var identity: Identity?
        /// The name that the server's certificate must be for; nil for the host connected to.
        public var serverName: String?
        /// How the server is verified. Default ``Verification/full``.
        public var verification: Verification = .full

        /// Makes a configuration with the defaults.
        public init() {}
    }

    /// What kind of servers there are, and how they are found.
    public enum Topology: Sendable, Hashable {
        /// One server, at the one endpoint.
        case standalone
        /// A primary and its replicas, at the endpoints. Which is the primary each is asked once a
        /// second.
        case replicated
        /// A primary and its replicas, over which the sentinels at the endpoints watch.
        case sentinel(Sentinel)
        /// A cluster, of which some nodes are at the endpoints.
        case cluster
    }

    /// What sentinels are asked, and by whom.
    public struct Sentinel: Sendable, Hashable, CustomStringConvertible {
        /// The name of the primary in the sentinels' configuration (`sentinel monitor`).
        public var primaryName: String
        /// The ACL user at the sentinels; nil for their `default` user.
        public var username: String?
        /// The password at the sentinels; nil where none is needed.
        public var password: String?

        /// Makes what sentinels are asked.
        public init(primaryName: String, username: String? = nil, password: String? = nil) {
            self.primaryName = primaryName
            self.username = username
            self.password = password
        }

        /// The primary's name, and as whom; the password is not shown.
        public var description: String { "\(username.map { $0 + "@" } ?? "")\(primaryName)" }
    }

    /// Where the server listens, or the first of several.
    public var endpoint: Endpoint
    /// Where others listen: replicas, sentinels, or nodes of a cluster.
    public var otherEndpoints: [Endpoint] = []
    /// What is at the endpoints. Default ``Topology/standalone``.
    public var topology = Topology.standalone
    /// Which servers answer commands that only read. Default ``RedisReads/primary``.
    public var reads = RedisReads.primary
    /// TLS; nil for none.
    public var tls: TLS?
    /// The ACL user; nil for Redis' `default` user.
    public var username: String?
    /// The password; nil where none is needed.
    public var password: String?
    /// The number of the database. Default 0.
    public var database = 0
    /// What the connections are called in Redis' `CLIENT LIST`, the one for large values with
    /// `-large` behind it; nil for nothing. Default `strata`.
    public var clientName: String? = "strata"
    /// How many connections the tasks share, beside the one for large values. Default 1, which is
    /// the quickest: Redis serves one at a time, and the more commands share a connection, the
    /// fewer system calls there are.
    public var connections = 1
    /// How long connecting may take, greeting included. Default 2 s.
    public var connectTimeout: Duration = .seconds(2)
    /// How long a command may take that names no time of its own. Default 500 ms.
    public var commandTimeout: Duration = .milliseconds(500)
    /// How long a reply may take before it counts as slow; nil for half of `commandTimeout`.
    ///
    /// When half of the replies of a second, and at least 20, are slow, no commands are sent until
    /// a ping is answered within that time, just as after time-outs: a server that answers late
    /// would hold up every request. Counted are single commands and small values; pipelines and
    /// the connection for large values may take as long as they like. Default nil.
    public var slowReply: Duration?
    /// How long commands may wait without a single reply coming to its end, before the connection
    /// is taken for dead and opened anew. A large value on a slow link must arrive within it.
    /// Default 5 s.
    public var stallTimeout: Duration = .seconds(5)
    /// The pauses between attempts to connect: the first one, doubled with each failure up to the
    /// last one; each is shortened at random by up to a half. Default 50 ms to 500 ms.
    public var reconnectDelay: ClosedRange<Duration> = .milliseconds(50) ... .milliseconds(500)
    /// How many bytes of commands may be unanswered on one connection, counting 128 extra for
    /// each; more are refused at once. Default 64 MiB.
    public var maximumQueuedBytes = 64 << 20
    /// How long one reply may be; a longer one closes the connection. Default 64 MiB.
    public var maximumReplyBytes = 64 << 20

    /// Makes a configuration with the defaults.
    public init(endpoint: Endpoint) { self.endpoint = endpoint }

    /// Where the server is, and as whom; the password is not shown.
    public var description: String {
        let all = ([endpoint] + otherEndpoints).map(\.description).joined(separator: ",")
        return "\(username.map { $0 + "@" } ?? "")\(all), database \(database)"
    }

    /// - Throws: ``StoreError`` with `misconfigured` for what can't work.
    func validate() throws(StoreError) {
        func require(_ condition: Bool, _ message: String) throws(StoreError) {
            guard condition else { throw StoreError(.misconfigured, message) }
        }
        try require((1...64).contains(connections), "connections must be from 1 to 64.")
        try require(database >= 0, "The database must be 0 or greater.")
        try require(
            username == nil || password != nil, "A Redis user needs a password: user:password@.")
        try require(
            connectTimeout > .zero && commandTimeout > .zero && stallTimeout > .zero
                && slowReply ?? commandTimeout > .zero,
            "The time limits must be greater than zero.")
        try require(
            reconnectDelay.lowerBound > .zero, "reconnectDelay must be greater than zero.")
        try require(
            maximumQueuedBytes > 0 && maximumReplyBytes > 0,
            "maximumQueuedBytes and maximumReplyBytes must be greater than zero.")
        switch topology {
        case .standalone:
            try require(
                otherEndpoints.isEmpty && reads == .primary,
                "Several endpoints and reads from replicas need a topology other than standalone.")
        case .replicated: break
        case .sentinel(let sentinel):
            try require(
                !sentinel.primaryName.isEmpty, "The sentinels' name of the primary is missing.")
            try require(
                sentinel.username == nil || sentinel.password != nil,
                "A user at the sentinels needs a password.")
        case .cluster:
            try require(database == 0, "A cluster has no database but 0.")
        }
        for case .unix(let path) in [endpoint] + otherEndpoints {
            try require(
                (1...107).contains(path.utf8.count),
                "The path of a Unix socket must have from 1 to 107 bytes.")
        }
    }

    /// The configuration of one of the servers.
    func node(at endpoint: Endpoint) -> RedisConfiguration {
        var node = self
        node.endpoint = endpoint
        node.otherEndpoints = []
        return node
    }

    /// The configuration of one of the sentinels.
    func node(at endpoint: Endpoint, asked sentinel: Sentinel) -> RedisConfiguration {
        var node = node(at: endpoint)
        node.topology = .standalone
        node.reads = .primary
        node.database = 0
        node.username = sentinel.username
        node.password = sentinel.password
        node.connections = 1
        return node
    }

    /// What the state machine of a connection is told.
    func settings(
        for lane: RedisLane
    ) -> ConnectionMachine<RedisConnection.Waiter>.Settings {
        if lane == .large { return settings(suffix: "-large") }
        var settings = settings(suffix: "")
        let limit = slowReply ?? commandTimeout / 2
        settings.breaker.slowReply = limit
        settings.breaker.pingLimit = min(settings.breaker.pingLimit, limit)
        return settings
    }

    /// What the state machine of a connection is told whose name ends like that.
    ///
    /// - Parameter pingFailure: what it means that it may not ping; nil where it does not matter.
    func settings(
        suffix: String, pingFailure: String? = nil
    ) -> ConnectionMachine<RedisConnection.Waiter>.Settings {
        var settings = ConnectionMachine<RedisConnection.Waiter>.Settings(
            greeting: greeting(suffix: suffix, pingFailure: pingFailure),
            connectTimeout: connectTimeout, stallTimeout: stallTimeout,
            reconnectDelay: reconnectDelay,
            maximumQueuedBytes: maximumQueuedBytes)
        settings.breaker.pingLimit = commandTimeout
        return settings
    }

    /// What a connection sends first.
    private func greeting(
        suffix: String, pingFailure: String?
    ) -> [Greeting.Step] {
        var greeting: [Greeting.Step] = []
        if let password {
            let words = [username, password].compactMap { $0.map(RedisArgument.text) }
            greeting.append(
                .init(
                    command: RedisCommand(["AUTH"] + words),
                    failure: "Redis refuses the user or password; check the URL"))
        }
        if let clientName {
            let name = RedisArgument.text(clientName + suffix)
            greeting.append(
                .init(command: RedisCommand("CLIENT", "SETNAME", name), failure: nil))
        }
        if database != 0 {
            greeting.append(
                .init(
                    command: RedisCommand("SELECT", .integer(database)),
                    failure: "Redis has no database \(database)"))
        }
        if topology == .cluster, reads != .primary {
            // Without it a replica of a cluster sends readers to its primary.
            greeting.append(.init(command: RedisCommand("READONLY"), failure: nil))
        }
        // That something answers shows that a server is there, and not merely its kernel; and
        // one that is loading its data answers all but this.
        greeting.append(.init(command: RedisCommand("PING"), failure: pingFailure))
        return greeting
    }
}
