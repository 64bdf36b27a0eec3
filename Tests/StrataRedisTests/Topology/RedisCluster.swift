import Strata
import StrataRedis
import StrataTesting
import Testing

/// A cluster of three primaries, each with a third of the slots.
struct RedisCluster {
    let nodes: [RedisServer]
    /// A client of each node by itself.
    let clients: [RedisClient]
    private let secured: SecuredServers?

    /// - Parameter secured: what the nodes are started with where they speak TLS alone.
    init(secured: SecuredServers? = nil) async throws {
        var nodes: [RedisServer] = []
        var busPorts: [UInt16] = []
        for _ in 0..<3 {
            busPorts.append(try RedisServer.unusedPort())
            nodes.append(
                try await RedisServer(
                    options: Self.options(busPort: busPorts[busPorts.count - 1])
                        + (secured.map { $0.options + ["--tls-cluster", "yes"] } ?? []),
                    isTLSEnabled: secured != nil))
        }
        self.nodes = nodes
        self.secured = secured
        clients = try nodes.map { try secured?.admin($0) ?? $0.client() }
        let bounds = [0, 5461, 10_923, 16_384]
        for (index, client) in clients.enumerated() {
            try await client.send("CLUSTER", "SET-CONFIG-EPOCH", .integer(index + 1))
            try await client.send(
                "CLUSTER", "ADDSLOTSRANGE", .integer(bounds[index]),
                .integer(bounds[index + 1] - 1))
            try await clients[0].send(
                "CLUSTER", "MEET", "127.0.0.1", .integer(Self.port(nodes[index])),
                .integer(busPorts[index]))
        }
        for client in clients {
            try await eventually {
                let text = try await client.send("CLUSTER", "INFO").text ?? ""
                let slots = try await client.send("CLUSTER", "SLOTS").array ?? []
                return text.contains("cluster_state:ok") && slots.count == 3
            }
        }
    }

    private static func port(_ node: RedisServer) -> UInt16 {
        node.tlsPort == 0 ? node.port : node.tlsPort
    }

    var url: String {
        "redis+cluster://" + nodes.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
    }

    func client(
        events: Events = .ignored, _ change: (inout RedisConfiguration) -> Void = { _ in }
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: url)
        configuration.commandTimeout = .seconds(10)
        change(&configuration)
        return try RedisClient(configuration, events: events)
    }

    /// What the node is called in the cluster.
    func name(_ node: Int) async throws -> RedisArgument {
        .text(try await clients[node].send("CLUSTER", "MYID").text ?? "")
    }

    /// A further node that copies one of the primaries, and is in sync with it.
    func addReplica(of primary: Int) async throws -> RedisServer {
        let busPort = try RedisServer.unusedPort()
        let replica = try await RedisServer(
            options: Self.options(busPort: busPort) + ["--repl-diskless-sync-delay", "0"])
        let client = try replica.client()
        for client in clients {
            try await client.send(
                "CLUSTER", "MEET", "127.0.0.1", .integer(replica.port), .integer(busPort))
        }
        let name = try await name(primary)
        try await eventually {
            (try? await client.send("CLUSTER", "REPLICATE", name)) != nil
        }
        for client in clients + [client] {
            try await eventually {
                let shards = try await client.send("CLUSTER", "SLOTS").array ?? []
                return shards.contains { ($0.array?.count ?? 0) == 4 }
            }
        }
        try await eventually {
            try await client.send("INFO", "replication").text?
                .contains("master_link_status:up") == true
        }
        return replica
    }

    /// A replica is named as one when it has been sent something: a ping, if nothing else.
    private static func options(busPort: UInt16) -> [String] {
        [
            "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
            "--cluster-port", "\(busPort)", "--repl-ping-replica-period", "1",
        ]
    }

    /// Begins to move the slot; its keys are still where they were.
    func beginMoving(_ slot: Int, from source: Int, to target: Int) async throws {
        let (sourceName, targetName) = (try await name(source), try await name(target))
        try await clients[target].send(
            "CLUSTER", "SETSLOT", .integer(slot), "IMPORTING", sourceName)
        try await clients[source].send(
            "CLUSTER", "SETSLOT", .integer(slot), "MIGRATING", targetName)
    }

    func moveKeys(_ keys: [String], from source: Int, to target: Int) async throws {
        let port = RedisArgument.integer(Self.port(nodes[target]))
        let user: [RedisArgument] = secured == nil ? [] : ["AUTH2", "admin", "admin"]
        try await clients[source].send(
            RedisCommand(
                ["MIGRATE", "127.0.0.1", port, "", "0", "5000"] + user + ["KEYS"]
                    + keys.map(RedisArgument.text)))
    }

    /// Gives the slot to the target, and waits until all nodes know whose word counts most.
    ///
    /// A node that has not heard of the target's new epoch yet may take the slot back from it by an
    /// older word of the source, whose epoch is higher than the one it knows. Then two nodes name
    /// each other as the owner, and nobody ends that: neither claims the slot any more.
    func finishMoving(_ slot: Int, to target: Int) async throws {
        let targetName = try await name(target)
        for node in [target] + clients.indices.filter({ $0 != target }) {
            try await clients[node].send("CLUSTER", "SETSLOT", .integer(slot), "NODE", targetName)
        }
        try await eventually {
            var views: Set<[String: String]> = []
            for client in clients { views.insert(try await epochs(knownTo: client)) }
            guard views.count == 1, let view = views.first else { return false }
            return Set(view.values).count == nodes.count
        }
    }

    /// The nodes' configuration epochs, by the nodes' names.
    private func epochs(knownTo client: RedisClient) async throws -> [String: String] {
        let text = try await client.send("CLUSTER", "NODES").text ?? ""
        var epochs: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count > 6 { epochs[String(fields[0])] = String(fields[6]) }
        }
        return epochs
    }
}
