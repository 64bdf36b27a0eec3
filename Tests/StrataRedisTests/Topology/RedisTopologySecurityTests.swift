import Strata
import StrataTesting
import Testing

@testable import StrataRedis

/// What servers are started with that speak TLS alone and know their clients by name.
struct SecuredServers {
    let files: PEMFiles

    init() throws { files = try PEMFiles() }

    private var certificates: [(String, String)] {
        [
            ("tls-cert-file", files.path("server.crt")), ("tls-key-file", files.path("server.key")),
            ("tls-ca-cert-file", files.path("ca.crt")), ("tls-auth-clients", "no"),
            ("tls-replication", "yes"),
        ]
    }

    /// The options of a server with data. The user `app` has what an application needs; `copier`
    /// is for replicas, `watcher` for sentinels, and `admin` for the test.
    var options: [String] {
        certificates.flatMap { ["--" + $0, $1] } + [
            "--port", "0", "--repl-diskless-sync-delay", "0",
            "--masteruser", "copier", "--masterauth", "copies",
            "--user", "default", "off",
            "--user", "admin", "on", ">admin", "~*", "&*", "+@all",
            "--user", "app", "on", ">s@cret", "~*", "&*", "+@all", "-@admin", "-@dangerous",
            "+info",
            "--user", "copier", "on", ">copies", "+psync", "+replconf", "+ping",
            "--user", "watcher", "on", ">watches", "&*", "+multi", "+exec", "+slaveof", "+ping",
            "+subscribe", "+config|rewrite", "+role", "+publish", "+info", "+client|setname",
            "+client|kill", "+script|kill",
        ]
    }

    /// The lines of a sentinel, which has users and a password of its own.
    func sentinelLines(of primary: RedisServer) -> [String] {
        certificates.map { "\($0) \($1)" } + [
            "sentinel monitor shop 127.0.0.1 \(primary.tlsPort) 2",
            "sentinel down-after-milliseconds shop 1000", "sentinel failover-timeout shop 3000",
            "sentinel auth-user shop watcher", "sentinel auth-pass shop watches",
            "user default off", "user peer on >peers &* +@all",
            "user asker on >asks resetchannels &+switch-master +ping +subscribe +sentinel",
            "sentinel sentinel-user peer", "sentinel sentinel-pass peers",
        ]
    }

    /// A client that may do everything, by a way of its own.
    func admin(
        _ server: RedisServer, as user: String = "admin:admin"
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: "unix://\(user)@\(server.socketPath)")
        configuration.commandTimeout = .seconds(10)
        return try RedisClient(configuration)
    }

    /// The URL of servers, over TLS.
    func url(
        _ scheme: String, _ servers: [RedisServer], as user: String = "app:s%40cret",
        path: String = "",
        _ parameters: String = ""
    ) -> String {
        let hosts = servers.map { "127.0.0.1:\($0.tlsPort)" }.joined(separator: ",")
        return "\(scheme)://\(user)@\(hosts)\(path)?ca=\(files.path("ca.crt"))\(parameters)"
    }

    func client(_ url: String, events: Events = .ignored) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: url)
        configuration.commandTimeout = .seconds(10)
        return try RedisClient(configuration, events: events)
    }

    /// Why the URL can't be used.
    func error(_ url: String) async -> StoreError? {
        await storeError { try await client(url).send("GET", "key") }
    }

    /// A primary and its replica, in sync.
    func replicatedServers() async throws -> (primary: RedisServer, replica: RedisServer) {
        let primary = try await RedisServer(options: options, isTLSEnabled: true)
        let replica = try await RedisServer(
            options: options + ["--replicaof", "127.0.0.1 \(primary.tlsPort)"], isTLSEnabled: true)
        for (server, sign) in [(primary, "state=online"), (replica, "link_status:up")] {
            let admin = try admin(server)
            try await eventually {
                try await admin.send("INFO", "replication").text?.contains(sign) == true
            }
        }
        return (primary, replica)
    }
}

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"), .serialized,
    .timeLimit(.minutes(2)))
struct `With TLS and users` {
    /// The error of an expectation about who is refused, by whom.
    static func expect(
        _ error: StoreError?, names server: RedisServer,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(error?.code == .misconfigured, sourceLocation: sourceLocation)
        #expect(
            error?.message.contains("password") == true, "\(error as Any)",
            sourceLocation: sourceLocation)
        #expect(
            error?.message.contains("127.0.0.1:\(server.tlsPort)") == true, "\(error as Any)",
            sourceLocation: sourceLocation)
    }

    @Test func `a primary and its replica are found, and wrong passwords are told`() async throws {
        let secured = try SecuredServers()
        let (primary, replica) = try await secured.replicatedServers()
        let servers = [replica, primary]
        let client = try secured.client(
            secured.url("rediss", servers, "&reads=round-robin&max-lag=30"))
        try await client.send("SET", "key", "value")
        try await eventually { try await client.send("GET", "key").text == "value" }
        #expect(try await client.send("ACL", "WHOAMI").text == "app")
        let error = await secured.error(secured.url("rediss", servers, as: "app:wrong"))
        Self.expect(error, names: replica)
    }

    @Test func `sentinels lead to the primary, before and after a failover`() async throws {
        let secured = try SecuredServers()
        let (primary, replica) = try await secured.replicatedServers()
        var sentinels: [RedisServer] = []
        for _ in 0..<3 {
            sentinels.append(
                try await RedisServer(
                    sentinel: secured.sentinelLines(of: primary), isTLSEnabled: true))
        }
        for sentinel in sentinels {
            let peer = try secured.admin(sentinel, as: "peer:peers")
            try await eventually {
                let others = try await peer.send("SENTINEL", "SENTINELS", "shop").array?.count
                let replicas = try await peer.send("SENTINEL", "REPLICAS", "shop").array?.count
                return others == 2 && replicas == 1
            }
        }
        func url(
            user: String = "app:s%40cret", asker: String = "asks", _ rest: String = ""
        ) -> String {
            secured.url(
                "rediss+sentinel", sentinels, as: user, path: "/shop/2",
                "&sentinel-user=asker&sentinel-password=\(asker)\(rest)")
        }

        let changes = Recorder<RedisTopologyChange>()
        let client = try secured.client(
            url("&reads=round-robin&max-lag=30"), events: changes.events)
        try await client.send("SET", "key", "1")
        try await eventually { try await client.send("GET", "key").text == "1" }
        var pushes = try client.pushes(of: RedisInterest(trackedPrefixes: ["k"]))
            .makeAsyncIterator()
        #expect(await `A subscription`.next(&pushes) == "established")

        let peer = try secured.admin(sentinels[1], as: "peer:peers")
        try await eventually { (try? await peer.send("SENTINEL", "FAILOVER", "shop")) != nil }
        try await eventually {
            changes.all.last?.primaries.map(\.description) == ["127.0.0.1:\(replica.tlsPort)"]
        }
        try await client.send(RedisCommand("SET", "key", "2"), within: .seconds(10))
        let admin = try secured.admin(replica)
        let read = RedisScript("redis.call('SELECT', 2) return redis.call('GET', KEYS[1])")
        #expect(try await admin.run(read, keys: ["key"]).text == "2")
        var push = await `A subscription`.next(&pushes)
        while push.hasPrefix("lost") { push = await `A subscription`.next(&pushes) }
        #expect(push == "established")

        // The password at the sentinels is another than that at their servers.
        Self.expect(await secured.error(url(asker: "s%40cret")), names: sentinels[0])
        Self.expect(await secured.error(url(user: "app:asks")), names: replica)
        let untrusted = url().split(separator: "?ca=").joined(separator: "?name=other.test&ca=")
        let error = await secured.error(untrusted)
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("mismatch") == true)
    }

    @Test func `a cluster's keys are found, and followed where they move`() async throws {
        let secured = try SecuredServers()
        let cluster = try await RedisCluster(secured: secured)
        let url = secured.url("rediss+cluster", [cluster.nodes[2]])
        let client = try secured.client(url)
        for index in 0..<100 {
            try await client.send("SET", .text("key-\(index)"), .integer(index))
        }
        let keys = (0..<100).map { RedisArgument.text("key-\($0)") }
        let values = try await client.send(RedisCommand(["MGET"] + keys)).array
        #expect(values?.map(\.integer) == (0..<100).map { Int64($0) })
        for node in cluster.clients { #expect(try await node.send("DBSIZE").integer ?? 0 > 10) }

        let slot = KeySlot.slot(of: Array("{tag}".utf8))
        let source = slot < 5461 ? 0 : slot < 10_923 ? 1 : 2
        let target = (source + 1) % 3
        #expect(try await client.send("INCR", "{tag}a").integer == 1)
        try await cluster.beginMoving(slot, from: source, to: target)
        // What is not there yet is asked of the other one (ASK), over TLS as well.
        #expect(try await client.send("INCR", "{tag}new").integer == 1)
        try await cluster.moveKeys(["{tag}a"], from: source, to: target)
        #expect(try await client.send("INCR", "{tag}a").integer == 2)
        try await cluster.finishMoving(slot, to: target)
        // One that has not looked at the slots since is sent on (MOVED).
        for count in 3...5 {
            #expect(try await client.send("INCR", "{tag}a").integer == Int64(count))
        }

        let error = await secured.error(
            secured.url("rediss+cluster", [cluster.nodes[2]], as: "app:wrong"))
        Self.expect(error, names: cluster.nodes[2])
    }
}
