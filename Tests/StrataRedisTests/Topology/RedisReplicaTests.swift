import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataRedis

/// A primary and its replicas, in sync.
struct ReplicatedServers {
    let primary: RedisServer
    let replicas: [RedisServer]

    init(
        replicas count: Int, options: [String] = [], password: String? = nil
    ) async throws {
        let primary = try await RedisServer(options: options + ["--repl-diskless-sync-delay", "0"])
        self.primary = primary
        var replicas: [RedisServer] = []
        for _ in 0..<count {
            replicas.append(
                try await RedisServer(
                    options: options + [
                        "--replicaof", "127.0.0.1 \(primary.port)", "--repl-diskless-sync-delay",
                        "0",
                    ]))
        }
        self.replicas = replicas
        let client = try primary.client { $0.password = password }
        try await eventually {
            let text = try await client.send("INFO", "replication").text ?? ""
            return text.split(whereSeparator: \.isNewline).count { $0.contains("state=online") }
                == count
        }
        for replica in replicas {
            let client = try replica.client { $0.password = password }
            try await eventually {
                try await client.send("INFO", "replication").text?
                    .contains("master_link_status:up") == true
            }
        }
    }

    var all: [RedisServer] { [primary] + replicas }

    /// How many times each was asked for a value, the primary first.
    func reads() async throws -> [Int] {
        var counts: [Int] = []
        for server in all { counts.append(try await StrataRedisTests.reads(of: server)) }
        return counts
    }

    /// The replicas come first: which is the primary has to be found out.
    var url: String {
        "redis://" + (replicas + [primary]).map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    }
}

/// How many times the server was asked for a value.
func reads(of server: RedisServer) async throws -> Int {
    let client = try server.client()
    let text = try await client.send("INFO", "commandstats").text ?? ""
    let line = text.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_get:") } ?? ""
    return Int(line.split(separator: "=").dropFirst().first?.split(separator: ",").first ?? "") ?? 0
}

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `A primary with replicas` {
    @Test(arguments: ["round-robin", "random", "least-outstanding", "quickest"])
    func `is written to, and its replicas are read`(reads policy: String) async throws {
        let servers = try await ReplicatedServers(replicas: 2)
        let client = try patientClient(url: servers.url + "?reads=\(policy)&max-lag=30")
        try await client.send("SET", "key", "value")
        let replicas = servers.replicas
        for replica in replicas {
            let client = try replica.client()
            try await eventually { try await client.send("EXISTS", "key").integer == 1 }
        }
        for _ in 0..<60 { #expect(try await client.send("GET", "key").text == "value") }
        #expect(try await reads(of: servers.primary) == 0)
        let counts = [try await reads(of: replicas[0]), try await reads(of: replicas[1])]
        #expect(counts[0] + counts[1] == 60)
        #expect(counts.allSatisfy { $0 > 0 })
        // One that asks for the last write gets it.
        _ = try await client.send(RedisCommand("GET", "key"), reads: .primary)
        #expect(try await reads(of: servers.primary) == 1)
    }

    @Test func `is read as often as the URL says`() async throws {
        let servers = try await ReplicatedServers(replicas: 2)
        let names = servers.replicas.map { "127.0.0.1:\($0.port)" }
        func counts(_ weights: String) async throws -> [Int] {
            let before = try await servers.reads()
            let client = try patientClient(
                url: servers.url + "?reads=weighted&weights=\(weights)&max-lag=30")
            for _ in 0..<60 { try await client.send("GET", "key") }
            return zip(try await servers.reads(), before).map { $0 - $1 }
        }
        // The primary, and the replicas.
        #expect(try await counts("\(names[0])*1,\(names[1])*0") == [0, 60, 0])
        #expect(try await counts("\(names[0])*0,\(names[1])*7") == [0, 0, 60])
        #expect(try await counts("\(names[0])*0,\(names[1])*0") == [60, 0, 0])
        let uneven = try await counts("\(names[0])*5")
        #expect(uneven[1] > uneven[2] && uneven[2] > 0)
    }

    @Test func `a subscription may be cancelled by its own handler`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let client = try patientClient(url: servers.url)
        let recorder = PushRecorder()
        let held = Mutex<RedisSubscription?>(nil)
        let handler: @Sendable (RedisPush) -> Void = { push in
            if case .message = push { held.withLock { $0.take() }?.cancel() }
            recorder.append(push)
        }
        let subscription = try client.subscribe(
            to: RedisInterest(channels: ["a"]), handler: handler)
        held.withLock { $0 = subscription }
        try await eventually { try await client.publish("1", to: "a") == 1 }
        try await eventually { if case .lost = recorder.last { true } else { false } }
        let count = recorder.count
        try await eventually { try await client.publish("2", to: "a") == 0 }
        #expect(recorder.count == count)
    }

    @Test func `answers itself when no replica does`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let client = try patientClient(url: servers.url + "?reads=round-robin")
        try await client.send("SET", "key", "value")
        let replica = try servers.replicas[0].client()
        try await eventually { try await replica.send("EXISTS", "key").integer == 1 }
        #expect(try await client.send("GET", "key").text == "value")
        servers.replicas[0].suspend()
        for _ in 0..<10 {
            let command = RedisCommand("GET", "key")
            #expect(try await client.send(command, within: .seconds(2)).text == "value")
        }
        servers.replicas[0].kill()
        for _ in 0..<10 { #expect(try await client.send("GET", "key").text == "value") }
        #expect(try await reads(of: servers.primary) >= 20)
    }

    @Test func `is found anew when another one is promoted`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let changes = Recorder<RedisTopologyChange>()
        let client = try patientClient(url: servers.url, events: changes.events)
        try await client.send("SET", "key", "1")
        let (old, new) = (try servers.primary.client(), try servers.replicas[0].client())
        try await new.send("REPLICAOF", "NO", "ONE")
        try await old.send("REPLICAOF", "127.0.0.1", .integer(servers.replicas[0].port))
        // READONLY at the old one leads to the new one within the command's time.
        try await client.send(RedisCommand("SET", "key", "2"), within: .seconds(10))
        #expect(try await new.send("GET", "key").text == "2")
        #expect(
            changes.all.last?.primaries.map(\.description) == [
                "127.0.0.1:\(servers.replicas[0].port)"
            ])
    }

    @Test func `where the new one hangs a write says that the old one refused it`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let client = try patientClient(url: servers.url)
        try await client.send("SET", "key", "1")
        let old = try servers.primary.client()
        servers.replicas[0].suspend()
        defer { servers.replicas[0].resume() }
        try await old.send("REPLICAOF", "127.0.0.1", .integer(servers.replicas[0].port))
        let error = await storeError {
            _ = try await client.send(
                RedisCommand("SET", "key", "2"), within: .milliseconds(100))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("READONLY") == true, "\(error?.message ?? "")")
    }

    @Test func `one that is a primary no more is not asked, though the new one hangs`()
        async throws
    {
        let servers = try await ReplicatedServers(replicas: 1)
        let client = try patientClient(url: servers.url)
        try await client.send("SET", "key", "1")
        let recorder = PushRecorder()
        let confirmed = Mutex(Duration.zero)
        var interest = RedisInterest(trackedPrefixes: ["k"])
        interest.heartbeat = .milliseconds(200)
        let subscription = try client.subscribe(to: interest) { (push: RedisPush) -> Void in
            recorder.append(push)
            if case .current(let moment) = push { confirmed.withLock { $0 = max($0, moment) } }
        }
        defer { subscription.cancel() }
        try await eventually { if case .current = recorder.last { true } else { false } }
        let (old, new) = (try servers.primary.client(), try servers.replicas[0].client())
        try await eventually { try await new.send("EXISTS", "key").integer == 1 }
        try await new.send("REPLICAOF", "NO", "ONE")
        servers.replicas[0].suspend()
        defer { servers.replicas[0].resume() }
        try await old.send("REPLICAOF", "127.0.0.1", .integer(servers.replicas[0].port))
        let demotion = SystemTime().uptime
        let time = try await elapsed {
            try await eventually { if case .lost = recorder.last { true } else { false } }
        }
        #expect(time < .seconds(1))
        // What the old one told of was all there was only as long as it was the primary.
        #expect(confirmed.withLock { $0 } <= demotion)
        let command = RedisCommand("GET", "key")
        let error = await storeError {
            _ = try await client.send(command, within: .milliseconds(100), reads: .primary)
        }
        #expect(error?.code == .unavailable || error?.code == .timedOut)
        servers.replicas[0].resume()
        try await eventually { (try? await client.send(command))?.text == "1" }
        try await eventually { if case .current = recorder.last { true } else { false } }
    }

    @Test func `nobody who is a primary is told as such`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let port = servers.replicas[0].port
        let client = try patientClient(url: "redis://127.0.0.1:\(port),127.0.0.1:\(port)")
        let error = await storeError { try await client.send("GET", "key") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("says that it is a primary") == true)
    }
}

@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `Behind sentinels` {
    static func sentinels(
        of primary: RedisServer, options: [String] = [], password: String? = nil
    ) async throws -> [RedisServer] {
        var sentinels: [RedisServer] = []
        for _ in 0..<3 {
            sentinels.append(
                try await RedisServer(
                    sentinel: [
                        "sentinel monitor shop 127.0.0.1 \(primary.port) 2",
                        "sentinel down-after-milliseconds shop 1000",
                        "sentinel failover-timeout shop 3000",
                    ] + options))
        }
        for sentinel in sentinels {
            let client = try sentinel.client { $0.password = password }
            try await eventually {
                let others = try await client.send("SENTINEL", "SENTINELS", "shop").array?.count
                let replicas = try await client.send("SENTINEL", "REPLICAS", "shop").array?.count
                return others == 2 && (replicas ?? 0) >= 1
            }
        }
        return sentinels
    }

    static func url(_ sentinels: [RedisServer], _ rest: String = "/shop") -> String {
        "redis+sentinel://" + sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") + rest
    }

    @Test func `the primary is found, and found again after it died`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let sentinels = try await Self.sentinels(of: servers.primary)
        let client = try patientClient(url: Self.url(sentinels, "/shop?reads=round-robin"))
        try await client.send("SET", "key", "1")
        #expect(try await servers.primary.client().send("GET", "key").text == "1")
        var pushes = try client.pushes(of: RedisInterest(trackedPrefixes: ["k"]))
            .makeAsyncIterator()
        #expect(await `A subscription`.next(&pushes) == "established")
        sentinels[0].kill()
        servers.primary.kill()
        try await eventually {
            (try? await client.send("SET", "key", "2")) != nil
        }
        #expect(try await servers.replicas[0].client().send("GET", "key").text == "2")
        var push = await `A subscription`.next(&pushes)
        while push.hasPrefix("lost") { push = await `A subscription`.next(&pushes) }
        #expect(push == "established")
    }

    @Test func `a switch is followed at once`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let sentinels = try await Self.sentinels(of: servers.primary)
        let changes = Recorder<RedisTopologyChange>()
        let client = try patientClient(url: Self.url(sentinels), events: changes.events)
        try await client.send("SET", "key", "1")
        try await eventually {
            let command = RedisCommand("SENTINEL", "FAILOVER", "shop")
            return (try? await sentinels[1].client().send(command)) != nil
        }
        try await eventually { changes.all.count >= 2 }
        try await client.send(RedisCommand("SET", "key", "2"), within: .seconds(10))
        #expect(try await servers.replicas[0].client().send("GET", "key").text == "2")
    }

    @Test func `a name that no sentinel knows is told as such`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let sentinels = try await Self.sentinels(of: servers.primary)
        let client = try patientClient(url: Self.url(sentinels, "/shopp"))
        let error = await storeError { try await client.send("GET", "key") }
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("shopp") == true)
    }

    @Test func `sentinels and servers may each want a password`() async throws {
        let servers = try await ReplicatedServers(
            replicas: 1, options: ["--requirepass", "pw", "--masterauth", "pw"], password: "pw")
        let sentinels = try await Self.sentinels(
            of: servers.primary, options: ["sentinel auth-pass shop pw", "requirepass watch"],
            password: "watch")
        let url =
            "redis+sentinel://:pw@"
            + sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",") + "/shop/2"
        let client = try patientClient(url: url + "?sentinel-password=watch")
        try await client.send("SET", "key", "1")
        let wrong = try patientClient(url: url + "?sentinel-password=wrong")
        let error = await storeError { try await wrong.send("GET", "key") }
        #expect(error?.code == .misconfigured)
    }
}
