import StrataTesting
import Testing

@testable import Strata
@testable import StrataRedis

/// Ends of sessions that Redis acknowledged and lost.
@Suite(
    .enabled(if: RedisServer.isInstalled, "redis-server is not installed"),
    .timeLimit(.minutes(2)))
struct `The end of a session that Redis has lost` {
    private static let principal = SessionDigest(of: Array("ann".utf8), kind: "principal")
    private static func digest(_ name: String) -> SessionDigest {
        SessionDigest(of: Array(name.utf8), kind: "session")
    }
    /// Two of one principal, and one of nobody's.
    private static let (phone, desk, cart) = (digest("phone"), digest("desk"), digest("cart"))
    private static let all = [phone, desk, cart]

    private static func create(
        _ session: SessionDigest, of principal: SessionDigest?, _ store: RedisStore
    ) async throws {
        let signIn = principal.map { SessionSignIn(principal: $0, limit: 10) }
        try await store.create(NewSession(lifetime: .aal2, signIn: signIn), as: session)
    }

    private static func createAll(_ store: RedisStore) async throws {
        try await create(phone, of: principal, store)
        try await create(desk, of: principal, store)
        try await create(cart, of: nil, store)
    }

    /// Those of the sessions that are found.
    private static func found(_ store: RedisStore) async throws -> [SessionDigest] {
        var found: [SessionDigest] = []
        for session in all {
            if case .found = try await store.load(session) { found.append(session) }
        }
        return found
    }

    @Test(
        arguments: [
            (.session(phone), [desk, cart]),
            (.member(phone, of: principal), [desk, cart]),
            (.everywhere(from: phone), [cart]),
            (.others(than: phone), [phone, cart]),
            (.others(than: desk), [desk, cart]),
            (.principal(principal), [cart]),
            (.session(cart), [phone, desk]),
        ] as [(SessionTarget, [SessionDigest])])
    func `comes again after a restart from a snapshot`(
        target: SessionTarget, left: [SessionDigest]
    ) async throws {
        let server = try await RedisServer()
        let ended = Recorder<RedisSessionsEndedAgain>()
        let store = RedisStore(client: try server.client(), events: ended.events)
        try await Self.createAll(store)
        try await store.client.send("SAVE")
        #expect(try await store.end(target))
        #expect(try await Self.found(store) == left)
        server.kill()
        try await server.start()
        let other = RedisStore(client: try server.client())
        try await eventually { try await Self.found(other) == left }
        try await eventually { ended.all.map(\.count) == [3 - left.count] }
    }

    @Test func `comes again though the session was rotated since`() async throws {
        let server = try await RedisServer()
        let store = RedisStore(client: try server.client())
        try await Self.createAll(store)
        try await store.client.send("SAVE")
        let rotated = Self.digest("rotated")
        let rotation = SessionUpdate.Rotation(to: rotated, grace: .milliseconds(1))
        #expect(
            try await store.apply(SessionUpdate(rotation: rotation), to: Self.phone)
                == .applied(rotated: true))
        #expect(try await store.end(.session(rotated)))
        server.kill()
        try await server.start()
        let other = RedisStore(client: try server.client())
        try await eventually { try await Self.found(other) == [Self.desk, Self.cart] }
    }

    @Test func `ends no session that began since`() async throws {
        let server = try await RedisServer()
        let ended = Recorder<RedisSessionsEndedAgain>()
        let store = RedisStore(client: try server.client(), events: ended.events)
        try await Self.createAll(store)
        try await store.client.send("SAVE")
        #expect(try await store.end(.principal(Self.principal)))
        server.kill()
        try await server.start()
        let other = RedisStore(client: try server.client())
        let new = Self.digest("new")
        try await Self.create(new, of: Self.principal, other)
        try await eventually { try await Self.found(other) == [Self.cart] }
        try await eventually { ended.all.map(\.count) == [2] }
        guard case .found = try await other.load(new) else {
            Issue.record("The new session was ended.")
            return
        }
    }

    @Test func `comes again at a replica that was promoted without it`() async throws {
        let servers = try await ReplicatedServers(replicas: 1)
        let store = RedisStore(client: try patientClient(url: servers.url))
        try await Self.createAll(store)
        let new = RedisStore(client: try servers.replicas[0].client())
        try await eventually { try await new.client.send("DBSIZE").integer == 4 }
        try await new.client.send("REPLICAOF", "NO", "ONE")
        // The former primary is believed as long as it is there.
        #expect(try await store.end(.session(Self.phone)))
        #expect(try await Self.found(new) == Self.all)
        servers.primary.kill()
        try await eventually { try await Self.found(new) == [Self.desk, Self.cart] }
    }
}
