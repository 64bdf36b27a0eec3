import Strata

/// Which servers there are, and which keys are whose.
struct Deployment: Sendable, Hashable {
    typealias Endpoint = RedisConfiguration.Endpoint

    /// A primary, and the replicas that copy it.
    struct Shard: Sendable, Hashable {
        var primary: Endpoint
        var replicas: [Endpoint]
    }

    private(set) var shards: [Shard]
    /// The number of the shard that serves each slot; empty where one serves all.
    private var owners: [UInt16] = []
    private static let nobody = UInt16.max

    /// One primary with its replicas.
    init(primary: Endpoint, replicas: [Endpoint]) {
        shards = [Shard(primary: primary, replicas: replicas)]
    }

    /// What `CLUSTER SLOTS` answers; nil where it can't be understood or nobody serves any slot.
    ///
    /// - Parameter asked: who was asked; a server that does not know its own name leaves it out.
    init?(clusterSlots reply: RedisValue, asked: Endpoint) {
        guard let ranges = reply.array, ranges.count <= KeySlot.count else { return nil }
        shards = []
        owners = [UInt16](repeating: Self.nobody, count: KeySlot.count)
        var numbers: [Endpoint: UInt16] = [:]
        for range in ranges {
            guard let parts = range.array, parts.count >= 3, let first = parts[0].integer,
                let last = parts[1].integer, first >= 0, first <= last, last < KeySlot.count,
                let primary = Self.endpoint(parts[2], asked: asked)
            else { return nil }
            let replicas = parts[3...].compactMap { Self.endpoint($0, asked: asked) }
            let number: UInt16
            if let known = numbers[primary] {
                number = known
            } else {
                guard shards.count < Int(Self.nobody) else { return nil }
                number = UInt16(shards.count)
                numbers[primary] = number
                shards.append(Shard(primary: primary, replicas: replicas))
            }
            for slot in Int(first)...Int(last) { owners[slot] = number }
        }
        if shards.isEmpty { return nil }
    }

    private static func endpoint(_ value: RedisValue, asked: Endpoint) -> Endpoint? {
        guard let parts = value.array, parts.count >= 2, let port = parts[1].integer,
            let port = UInt16(exactly: port), port > 0
        else { return nil }
        var host = parts[0].text ?? ""
        if host == "?" {
            // It is to be called by its name and has none; its address stands behind its id.
            let details = parts.count > 3 ? parts[3].array ?? [] : []
            guard let label = details.firstIndex(where: { $0.text == "ip" }),
                label + 1 < details.count, let address = details[label + 1].text, !address.isEmpty
            else { return nil }
            host = address
        }
        return .tcp(host: host.isEmpty ? asked.host : host, port: port)
    }

    /// The shard that serves the slot; any one for commands without a key.
    func shard(for slot: Int?) -> Shard? {
        guard !owners.isEmpty else { return shards.first }
        guard let slot else { return shards.randomElement() }
        let owner = owners[slot]
        return owner == Self.nobody ? nil : shards[Int(owner)]
    }

    /// Takes note of where a slot was moved.
    mutating func move(_ slot: Int, to endpoint: Endpoint) {
        guard owners.indices.contains(slot) else { return }
        if let number = shards.firstIndex(where: { $0.primary == endpoint }) {
            owners[slot] = UInt16(number)
        } else if shards.count < Int(Self.nobody) {
            owners[slot] = UInt16(shards.count)
            shards.append(Shard(primary: endpoint, replicas: []))
        }
    }

    /// Takes note of a primary that has no slot yet; whether it was not known as one.
    mutating func adopt(_ endpoint: Endpoint) -> Bool {
        guard !primaries.contains(endpoint) else { return false }
        shards.append(Shard(primary: endpoint, replicas: []))
        return true
    }

    /// The primaries.
    var primaries: [Endpoint] { shards.map(\.primary) }

    /// All servers.
    var endpoints: Set<Endpoint> {
        shards.reduce(into: []) { set, shard in
            set.insert(shard.primary)
            set.formUnion(shard.replicas)
        }
    }
}
