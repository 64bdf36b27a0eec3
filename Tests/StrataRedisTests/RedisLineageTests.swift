import Strata
import StrataTesting
import Synchronization
import Testing

@testable import StrataRedis

@Suite struct `The lineage of Redis` {
    private static func moment(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1000 + seconds) }

    /// A lineage with one answer behind it, as seen at second 10.
    private static func lineage(then answers: String?...) -> RedisLineage {
        var lineage = RedisLineage()
        lineage.doubt(uptime: 0, moment: moment(0))
        lineage.note("a", since: 1)
        for answer in answers {
            lineage.doubt(uptime: 10_000_000_000, moment: moment(10))
            lineage.note(answer, since: lineage.doubts)
        }
        return lineage
    }

    @Test(
        arguments: [
            ([], false), (["a"], false), ([nil], false), (["b"], true), (["b", "b"], true),
            (["b", "a"], true), ([nil, "b"], true),
        ] as [([String?], Bool)])
    func `is doubted where the history is another`(answers: [String?], isAnother: Bool) {
        var lineage = Self.lineage()
        for answer in answers {
            lineage.doubt(uptime: 10_000_000_000, moment: Self.moment(10))
            lineage.note(answer, since: lineage.doubts)
        }
        #expect(lineage.suspects(filled: Self.moment(9), now: 10_000_000_001) == isAnother)
        #expect(!lineage.isDoubtful)
    }

    @Test func `makes what was filled before suspect for as long as purges may be missing`() {
        let lineage = Self.lineage(then: "b")
        let end = 10_000_000_000 + RedisLineage.grace
        #expect(lineage.suspects(filled: Self.moment(9), now: end - 1))
        #expect(!lineage.suspects(filled: Self.moment(9), now: end))
        #expect(!lineage.suspects(filled: Self.moment(10), now: end - 1))
    }

    @Test func `has to be asked for whenever it may be another, but for the first time`() {
        var lineage = RedisLineage()
        #expect(!lineage.isDoubtful)
        lineage.doubt(uptime: 0, moment: Self.moment(0))
        #expect(!lineage.isDoubtful)
        lineage.note("a", since: 1)
        lineage.doubt(uptime: 1, moment: Self.moment(1))
        #expect(lineage.isDoubtful)
        lineage.doubt(uptime: 2, moment: Self.moment(2))
        // The answer may be of the server from before.
        lineage.note("a", since: 2)
        #expect(lineage.isDoubtful)
        lineage.note("b", since: 3)
        #expect(!lineage.isDoubtful)
        #expect(lineage.suspects(filled: Self.moment(1), now: 3))
    }
}

/// Pages that somebody has purged who is not there any more, where Redis has lost that.
@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `A page whose purge Redis has lost` {
    /// An instance whose pages are the version that there is.
    private final class Instance: Sendable {
        let version = Atomic<UInt8>(1)
        let redis: RedisStore
        private let store: any CacheStore
        let isCoherent: @Sendable () -> Bool

        init(_ client: RedisClient, isTiered: Bool) {
            redis = RedisStore(client: client)
            if isTiered {
                let tiered = TieredStore(memory: MemoryStore(), shared: redis)
                (store, isCoherent) = (tiered, { tiered.isCoherent })
            } else {
                (store, isCoherent) = (redis, { true })
            }
        }

        func isConnected() async throws -> Bool {
            do throws(StoreError) {
                try await redis.client.send("PING")
                return true
            } catch {
                return false
            }
        }

        /// The version that is answered, and whether from what is stored.
        func get() async throws -> (version: UInt8?, isHit: Bool) {
            let handler = wrap({ [self] _ in
                var response = Response(
                    headers: [.cacheControl: "max-age=600"],
                    body: .bytes([version.load(ordering: .relaxed)]))
                response.cacheTags = ["news"]
                return response
            }) { Caching(store: store) }
            let response = try await handler(Request(path: "/a"))
            let content = try await response.body.collect(upTo: 1)
            return (content.first, response.cacheStatus.contains("; hit"))
        }
    }

    /// Purges, as an instance that does not live to see that Redis has lost it.
    private static func purge(_ client: RedisClient) async throws {
        try await Caching(store: RedisStore(client: client)).purge(.tag("news"))
        client.close()
    }

    /// Has an instance store a page that is then purged, and Redis lose the purge.
    private static func check(
        _ instance: Instance, purge: () async throws -> Void, lose: () async throws -> Void
    ) async throws {
        try await eventually { instance.isCoherent() }
        try await eventually { try await instance.get() == (1, true) }
        try await purge()
        instance.version.store(2, ordering: .relaxed)
        try await eventually { try await instance.get().version == 2 }
        try await lose()
        try await eventually {
            let (version, isHit) = try await instance.get()
            #expect(version == 2)
            return isHit
        }
    }

    @Test(arguments: [false, true])
    func `is not used after a restart from a snapshot`(isTiered: Bool) async throws {
        let server = try await RedisServer()
        let instance = Instance(try server.client(), isTiered: isTiered)
        try await Self.check(instance) {
            let client = try server.client()
            try await client.send("SAVE")
            try await Self.purge(client)
        } lose: {
            server.kill()
            try await server.start()
        }
    }

    @Test(arguments: [false, true])
    func `is not used after the promotion of a replica without it`(isTiered: Bool) async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let instance = Instance(try patientClient(url: servers.url), isTiered: isTiered)
        let new = try servers.replicas[0].client()
        try await Self.check(instance) {
            try await eventually {
                try await new.send("KEYS", "strata:e:*").array?.isEmpty == false
            }
            try await new.send("REPLICAOF", "NO", "ONE")
            // The former primary is believed as long as it is there.
            try await Self.purge(try servers.primary.client())
        } lose: {
            servers.primary.kill()
        }
    }

    @Test func `is not used after a failover within a cluster`() async throws {
        let cluster = try await RedisCluster()
        // All generations are on one node.
        let slot = KeySlot.slot(of: Array("strata:g:{strata:}".utf8))
        let primary = [5461, 10_923, 16_384].count { $0 <= slot }
        let replica = try await cluster.addReplica(of: primary)
        let instance = Instance(try cluster.client(), isTiered: false)
        try await eventually { try await instance.get() == (1, true) }
        let copy = try replica.client()
        try await eventually {
            let count = try await cluster.clients[primary].send("DBSIZE")
            return try await copy.send("DBSIZE") == count
        }
        replica.suspend()
        // What was sent to it would be in its socket.
        try await cluster.clients[primary].send("CLIENT", "KILL", "TYPE", "replica")
        try await Self.purge(try cluster.client())
        instance.version.store(2, ordering: .relaxed)
        cluster.nodes[primary].kill()
        replica.resume()
        // It takes over when the others have agreed that the primary is gone.
        try await eventually {
            (try? await instance.redis.generations(of: [PurgeName.everything])) != nil
        }
        #expect(try await instance.get() == (2, false))
        try await eventually { try await instance.get() == (2, true) }
    }

    @Test func `is used after the loss of nothing but connections`() async throws {
        let server = try await RedisServer()
        let instance = Instance(try server.client(), isTiered: false)
        try await eventually { try await instance.get() == (1, true) }
        instance.version.store(2, ordering: .relaxed)
        let admin = try server.client()
        for _ in 0..<4 {
            try await admin.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            try await eventually { try await instance.isConnected() }
            #expect(try await instance.get() == (1, true))
        }
    }

    @Test func `is not used before it is known whether Redis is another`() async throws {
        let server = try await RedisServer()
        let instance = Instance(try server.client(), isTiered: false)
        let losses = instance.redis.losses
        try await instance.redis.findLineage()
        losses.doubt()
        losses.lineage.withLock { $0.note("that of a former Redis", since: $0.doubts) }
        try await eventually { try await instance.get() == (1, true) }
        // Nobody asks but who reads.
        losses.doubt()
        #expect(try await !instance.get().isHit)
    }

    @Test func `does not keep others from being used where nobody may ask`() async throws {
        let server = try await RedisServer()
        let admin = try server.client()
        try await admin.send("ACL", "SETUSER", "app", "on", "nopass", "~*", "&*", "+@all")
        let client = try server.client {
            $0.username = "app"; $0.password = "any"
        }
        let instance = Instance(client, isTiered: false)
        try await instance.redis.findLineage()
        try await eventually { try await instance.get() == (1, true) }
        try await admin.send("ACL", "SETUSER", "app", "-info")
        try await admin.send("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        try await eventually { try await instance.isConnected() }
        #expect(try await instance.get() == (1, true))
    }
}
