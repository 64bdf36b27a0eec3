import Strata
import StrataTesting
import Testing

@testable import StrataRedis

private typealias Endpoint = RedisConfiguration.Endpoint

private func endpoint(_ port: UInt16) -> Endpoint { .tcp(host: "h", port: port) }

@Suite struct `Decisions among several servers` {
    // The check value of CRC-16/XMODEM, and the examples of the cluster's specification.
    @Test(arguments: [
        ("123456789", 0x31c3), ("foo", 12182), ("{user1000}.following", 3443),
        ("{user1000}.followers", 3443), ("user1000", 3443), ("foo{}{bar}", 8363),
        ("{bar", 4015), ("foo{{bar}}zap", 4015), ("bar", 5061), ("foo{bar}{zap}", 5061), ("", 0),
    ])
    func `keys have the slots of the specification`(key: String, slot: Int) {
        #expect(KeySlot.slot(of: Array(key.utf8)) == slot)
    }

    @Test(
        arguments: [
            (["GET", "k"], "k", true), (["SET", "k", "v"], "k", false), (["PING"], nil, false),
            (["EVAL", "return", "1", "k", "a"], "k", false), (["EVAL", "return", "0"], nil, false),
            (["EVAL", "return", "x"], nil, false), (["evalsha_ro", "d", "1", "k"], "k", true),
            (["XREAD", "COUNT", "1", "STREAMS", "k", "0"], "k", false),
            (["xread", "count", "1", "streams", "k", "0"], "k", false), (["XREAD"], nil, false),
            (["OBJECT", "ENCODING", "k"], "k", false), (["MEMORY", "USAGE", "k"], "k", false),
            (["MEMORY", "DOCTOR"], nil, false), (["NEW.COMMAND", "k"], "k", false),
            (["BITOP", "AND", "k", "a"], "k", false), (["GET"], nil, true),
            (["ZUNION", "2", "k", "j"], "k", true),
        ] as [([String], String?, Bool)])
    func `a command shows its key, and whether it only reads`(
        words: [String], key: String?, isReadOnly: Bool
    ) {
        let shape = CommandShape(RedisCommand(words.map(RedisArgument.text)))
        #expect(shape.firstKey.map { String(decoding: $0, as: UTF8.self) } == key)
        #expect(shape.isReadOnly == isReadOnly)
    }

    @Test func `a command over keys of several slots is split and joined`() {
        let command = RedisCommand("MGET", "{a}1", "{b}1", "{a}2", "{c}1")
        let shape = CommandShape(command)
        let parts = shape.parts()
        #expect(parts.map(\.places) == [[0, 2], [1], [3]])
        #expect(parts[0].command == RedisCommand("MGET", "{a}1", "{a}2"))
        let replies: [RedisValue] = [
            .array([.integer(1), .integer(3)]), .array([.integer(2)]), .array([.null]),
        ]
        let joined = CommandShape.join(Array(zip(parts, replies)), .values)
        #expect(joined == .array([.integer(1), .integer(2), .integer(3), .null]))

        let pairs = CommandShape(RedisCommand("MSET", "{a}1", "1", "{b}1", "2")).parts()
        #expect(
            pairs.map(\.command) == [
                RedisCommand("MSET", "{a}1", "1"), RedisCommand("MSET", "{b}1", "2"),
            ])
        #expect(
            CommandShape.join(Array(zip(pairs, [.integer(1), .integer(2)])), .sum) == .integer(3))
        // No server adds up to so much, and none may end the process.
        let all = RedisValue.integer(.max)
        #expect(CommandShape.join(Array(zip(pairs, [all, all])), .sum).integer != nil)
        let refused = RedisValue.error(RedisError("OOM"))
        #expect(CommandShape.join(Array(zip(pairs, [.status("OK"), refused])), .pairs) == refused)
        for words in [
            ["MSET", "a", "1", "b"], ["MGET", "{a}1", "{a}2"], ["DEL"], ["GET", "a", "b"],
        ] {
            #expect(CommandShape(RedisCommand(words.map(RedisArgument.text))).parts().isEmpty)
        }
    }

    private static func node(
        _ host: String, _ port: Int64, _ details: [String] = []
    ) -> RedisValue {
        let details = details.map { RedisValue.bytes(Array($0.utf8)) }
        return .array([.bytes(Array(host.utf8)), .integer(port), .bytes([]), .array(details)])
    }

    @Test func `the slots are understood, and a server that does not know its name`() throws {
        let reply = RedisValue.array([
            .array([.integer(0), .integer(99), Self.node("h", 1), Self.node("h", 2)]),
            .array([.integer(100), .integer(16_382), Self.node("", 3), Self.node("?", 4)]),
            // It is to be called by its name, and has none.
            .array([
                .integer(16_383), .integer(16_383),
                Self.node("?", 5, ["hostname", "x", "ip", "i"]),
            ]),
        ])
        var deployment = try #require(Deployment(clusterSlots: reply, asked: endpoint(9)))
        #expect(deployment.shard(for: 99)?.primary == endpoint(1))
        #expect(deployment.shard(for: 99)?.replicas == [endpoint(2)])
        #expect(deployment.shard(for: 100)?.primary == endpoint(3))
        #expect(deployment.shard(for: 100)?.replicas == [])
        #expect(deployment.shard(for: 16_383)?.primary == .tcp(host: "i", port: 5))
        deployment.move(16_383, to: endpoint(1))
        deployment.move(100, to: endpoint(1))
        #expect(deployment.shard(for: 100)?.primary == endpoint(1))
        deployment.move(100, to: endpoint(7))
        #expect(deployment.shard(for: 100)?.primary == endpoint(7))
        #expect(
            deployment.endpoints
                == Set([1, 2, 3, 7].map(endpoint) + [.tcp(host: "i", port: 5)]))
    }

    @Test(
        arguments: [
            .null, .array([]), .array([.null]), .integer(1), .error(RedisError("ERR")),
            .array(
                [RedisValue](
                    repeating: .array([.integer(0), .integer(1), node("h", 1)]), count: 16_385)),
            .array([.array([.integer(0), .integer(1), .array([.null, .integer(.max)])])]),
            .array([.array([.integer(.min), .integer(.max), node("h", 1)])]),
            .array([.array([.integer(5), .integer(1), node("h", 1)])]),
            .array([.array([.integer(0), .integer(16_384), node("h", 1)])]),
            .array([.array([.integer(-1), .integer(1), node("h", 1)])]),
            .array([.array([.integer(0), .integer(1), node("h", 0)])]),
            .array([.array([.integer(0), .integer(1), .null])]),
        ] as [RedisValue])
    func `slots that make no sense are refused`(reply: RedisValue) {
        #expect(Deployment(clusterSlots: reply, asked: endpoint(9)) == nil)
    }

    @Test func `a command that Redis does not know is named without its values`() {
        let error = StoreError(
            RedisError(
                "ERR unknown command 'SET', with args beginning with: 'key' 'a secret' 'PX' "))
        #expect(
            error.message
                == "Redis refused: ERR unknown command 'SET'. Run a version that has the command, "
                + "and don't rename it (rename-command).")
        let inScript = StoreError(RedisError("ERR Unknown Redis command called from script"))
        #expect(inScript.message.hasSuffix("(rename-command)."))
    }

    private static func refusal(_ message: String) -> StoreError { StoreError(RedisError(message)) }
    private static let gone = StoreError(.unavailable, "gone")

    private static let steps: [(StoreError, Bool, Redirection.Step)] = [
        (refusal("MOVED 7 h:1"), false, .follow(endpoint(1), asking: false)),
        (refusal("ASK 7 h:1"), false, .follow(endpoint(1), asking: true)),
        (refusal("MOVED 7 :1"), false, .follow(endpoint(1), asking: false)),
        (refusal("MOVED 7 ::1:6379"), false, .follow(.tcp(host: "::1", port: 6379), asking: false)),
        (refusal("MOVED"), false, .fail), (refusal("MOVED 16384 h:1"), false, .fail),
        (refusal("MOVED 7 h:0"), false, .fail), (refusal("MOVED 7 h"), false, .fail),
        (refusal("MOVED 7 ?:1"), false, .refresh(after: .milliseconds(2))),
        (refusal("ASK -1 h:1"), false, .fail), (refusal("MOVED 7 h:65536"), false, .fail),
        (refusal("MOVED 7 h:+x"), false, .fail),
        (refusal("MOVED 99999999999999999999 h:1"), false, .fail),
        (refusal("TRYAGAIN x"), false, .retry(after: .milliseconds(2))),
        (refusal("CLUSTERDOWN x"), false, .refresh(after: .milliseconds(2))),
        (refusal("READONLY x"), false, .refresh(after: .milliseconds(2))),
        (refusal("LOADING x"), false, .fail), (refusal("LOADING x"), true, .askPrimary),
        (refusal("MASTERDOWN x"), true, .askPrimary), (refusal("WRONGTYPE x"), true, .fail),
        (gone, false, .fail), (gone, true, .askPrimary),
        (StoreError(.timedOut, ""), true, .askPrimary),
        (StoreError(.timedOut, ""), false, .fail), (StoreError(.cancelled, ""), true, .fail),
    ]

    @Test(arguments: steps.indices)
    func `what was not carried out goes on, or not`(row: Int) {
        let (error, isReplica, expected) = Self.steps[row]
        var redirection = Redirection()
        let step = redirection.step(after: error, asked: endpoint(9), isReplica: isReplica)
        #expect(step == expected)
    }

    @Test func `a command is sent on sixteen times and no more`() {
        var redirection = Redirection()
        for _ in 0..<16 {
            let step = redirection.step(
                after: Self.refusal("ASK 7 h:1"), asked: endpoint(9), isReplica: false)
            #expect(step != .fail)
        }
        let last = redirection.step(
            after: Self.refusal("ASK 7 h:1"), asked: endpoint(9), isReplica: false)
        #expect(last == .fail)
    }

    @Test(
        arguments: [
            (.roundRobin, [0.25, 0.25, 0.25, 0.25]), (.random, [0.25, 0.25, 0.25, 0.25]),
            (.weighted(["a": 3, "b": 0]), [0.6, 0, 0.2, 0.2]),
            (.leastOutstanding, [0, 0.5, 0.5, 0]),
            // The slowest never wins a pair, the quickest always: 1/2, 1/3, 1/6, 0.
            (.quickest, [0, 0.5, 0.3333, 0.1667]),
        ] as [(RedisReads.Choice, [Double])])
    func `reads are spread as the policy says`(choice: RedisReads.Choice, shares: [Double]) {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var selector = ReadSelector()
        let candidates: [ReadSelector.Candidate] = [
            .init(name: "a", outstanding: 2, latency: .milliseconds(9)),
            .init(name: "b", outstanding: 0, latency: .milliseconds(1)),
            .init(name: "c", outstanding: 0, latency: .milliseconds(2)),
            .init(name: "d", outstanding: 1, latency: .milliseconds(3)),
        ]
        var counts = [0, 0, 0, 0]
        for _ in 0..<12_000 {
            if let index = selector.choose(choice, among: candidates, using: &generator) {
                counts[index] += 1
            }
        }
        for (count, share) in zip(counts, shares) {
            #expect(abs(Double(count) / 12_000 - share) < 0.03, "\(counts), seed \(seed)")
        }
        #expect(selector.choose(choice, among: [], using: &generator) == nil)
    }

    @Test func `one whose speed nobody knows is asked by one at a time`() {
        var generator = SystemRandomNumberGenerator()
        var selector = ReadSelector()
        func chosen(_ outstanding: Int) -> Set<Int> {
            let candidates: [ReadSelector.Candidate] = [
                .init(name: "a", outstanding: 5, latency: .milliseconds(9)),
                .init(name: "b", outstanding: outstanding),
            ]
            return Set(
                (0..<100).compactMap { _ in
                    selector.choose(.quickest, among: candidates, using: &generator)
                })
        }
        #expect(chosen(0) == [1])
        #expect(chosen(1) == [0])
    }

    @Test func `one that was slow once is not taken for slow for good`() {
        let load = NodeLoad()
        #expect(load.latency(now: .seconds(1)) == nil)
        func answer(after duration: Duration, at now: Duration) {
            load.begin()
            load.end(after: duration, now: now)
        }
        answer(after: .milliseconds(80), at: .seconds(1))
        answer(after: .milliseconds(160), at: .seconds(2))
        #expect(load.latency(now: .seconds(3)) == .milliseconds(90))
        #expect(load.latency(now: .seconds(4)) == nil)
        answer(after: .milliseconds(1), at: .seconds(4))
        #expect(load.latency(now: .seconds(4)) == .milliseconds(1))
        #expect(load.outstanding == 0)
    }

    @Test func `an address that was of no use is tried last the next time`() {
        var addresses = AddressQueue<Int>()
        func next(_ count: Int) -> [Int?] { (0..<count).map { _ in addresses.next() } }
        addresses.begin([1, 2, 3])
        #expect(next(4) == [1, 2, 3, nil])
        addresses.begin([1, 2, 3])
        #expect(next(1) == [1])
        addresses.shun()
        addresses.begin([1, 2, 3])
        #expect(next(4) == [2, 3, 1, nil])
    }

    @Test func `lag is the age of what the replica has`() {
        var tracker = LagTracker()
        #expect(tracker.lag(ofOffset: 100, now: .zero) == nil)
        for second in 1...5 {
            tracker.record(offset: Int64(second * 100), at: .seconds(second))
        }
        #expect(tracker.lag(ofOffset: 500, now: .seconds(5)) == .zero)
        #expect(tracker.lag(ofOffset: 700, now: .seconds(5)) == .zero)
        #expect(tracker.lag(ofOffset: 399, now: .seconds(5)) == .seconds(2))
        #expect(tracker.lag(ofOffset: 99, now: .seconds(5)) == nil)
        // After a failover the offsets begin anew.
        tracker.record(offset: 10, at: .seconds(6))
        #expect(tracker.lag(ofOffset: 9, now: .seconds(6)) == nil)
    }

    private static func report(_ text: String) -> ReplicationReport? {
        ReplicationReport(.bytes(Array(text.utf8)))
    }

    @Test func `of several that say they are the primary one is taken`() throws {
        let stale = Self.report("role:master\r\nconnected_slaves:0\r\nmaster_repl_offset:900")
        let new = Self.report("role:master\r\nconnected_slaves:1\r\nmaster_repl_offset:500")
        let replica = Self.report(
            "role:slave\r\nmaster_link_status:up\r\nslave_repl_offset:499\r\nmaster_sync_in_progress:0"
        )
        #expect(replica?.isLinked == true)
        #expect(Self.report("nonsense") == nil)
        let reports = [endpoint(1): stale, endpoint(2): new, endpoint(3): replica]
            .compactMapValues { $0 }
        let order = [1, 2, 3].map(endpoint)
        let deployment = try #require(Deployment(reports, order: order, former: endpoint(1)))
        #expect(deployment.shards[0].primary == endpoint(2))
        #expect(deployment.shards[0].replicas == [endpoint(3)])
        #expect(Deployment([:], order: order, former: nil) == nil)
        #expect(
            Deployment(reports, order: [endpoint(3)], former: endpoint(1)) == nil)
    }

    private static func word(_ push: RedisPush) -> String {
        switch push {
        case .established: "established"
        case .current(let moment): "current \(moment.components.seconds)"
        case .lost: "lost"
        default: "other"
        }
    }

    @Test func `one channel of several stands while all do`() {
        var quorum = SubscriptionQuorum<Int>()
        func told(_ push: RedisPush, _ member: Int) -> [String] {
            quorum.receive(push, from: member).map(Self.word)
        }
        func members(_ members: Set<Int>) -> [String] {
            quorum.setMembers(members).pushes.map(Self.word)
        }
        #expect(members([1, 2]) == [])
        #expect(told(.established, 1) == [])
        #expect(told(.current(asOf: .seconds(1)), 1) == [])
        #expect(told(.established, 2) == ["established"])
        #expect(told(.current(asOf: .seconds(5)), 1) == [])
        #expect(told(.current(asOf: .seconds(3)), 2) == ["current 3"])
        #expect(told(.lost(Self.gone), 1) == ["lost"])
        #expect(told(.current(asOf: .seconds(9)), 2) == [])
        #expect(told(.invalidatedAll, 2) == ["other"])
        #expect(told(.established, 1) == ["established"])
        #expect(members([1, 2]) == [])
        #expect(members([1, 2, 3]) == ["lost"])
        #expect(told(.established, 3) == ["established"])
        #expect(members([1, 2]) == ["lost", "established"])
        #expect(told(.invalidatedAll, 3) == [])
    }

    @Test(arguments: [
        ("redis://a,b:7,[::1]:8/2", "a:6379,b:7,[::1]:8, database 2"),
        ("redis+cluster://u:p@a,b", "u@a:6379,b:6379, database 0"),
        ("redis+sentinel://a,b:7/shop/3", "a:26379,b:7, database 3"),
        ("rediss+cluster://a", "a:6379, database 0"),
    ])
    func `a URL names several servers`(url: String, description: String) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.description == description)
        #expect((configuration.tls != nil) == url.hasPrefix("rediss"))
        #expect(configuration.topology != .standalone)
    }

    @Test func `a URL says who is read`() throws {
        let url =
            "redis+sentinel://a/shop?sentinel-user=u&sentinel-password=p&reads=quickest&max-lag=3"
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.reads == .replicas(.quickest, maximumLag: .seconds(3)))
        let sentinel = RedisConfiguration.Sentinel(
            primaryName: "shop", username: "u", password: "p")
        #expect(configuration.topology == .sentinel(sentinel))
    }

    @Test func `a URL says how often each is read`() throws {
        let url = "redis://a,b:7,[::1]?reads=weighted&weights=a*3,b:7*0,[::1]:6379*2&max-lag=3"
        let configuration = try RedisConfiguration(url: url)
        let weights = ["a:6379": 3, "b:7": 0, "[::1]:6379": 2]
        #expect(configuration.reads == .replicas(.weighted(weights), maximumLag: .seconds(3)))
    }

    @Test(arguments: ["a", "a*", "a*-1", "a*1048577", "a*1,", "a*1,a:6379*2", "*1", "a:0*1"])
    func `weights that make no sense are refused`(weights: String) {
        #expect(throws: StoreError.self) {
            try RedisConfiguration(url: "redis://a,b?reads=weighted&weights=\(weights)")
        }
    }

    @Test(arguments: [
        "redis://a,b?weights=a*1", "redis://a,b?reads=random&weights=a*1",
        "redis://a,", "redis+cluster://a/1", "redis+sentinel://a", "redis+sentinel://a/b/c",
        "redis+other://a", "redis+cluster://a?reads=none", "redis+cluster://a?max-lag=1",
        "redis+cluster://a?sentinel-user=x", "redis+unix://a", "redis://a,b?max-lag=x",
    ])
    func `a URL that makes no sense is refused`(url: String) {
        #expect(throws: StoreError.self) { try RedisConfiguration(url: url) }
    }

    @Test(arguments: ["redis://a?reads=random", "redis+sentinel://a/b?sentinel-user=x"])
    func `what can't work is refused with the client`(url: String) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(throws: StoreError.self) { try RedisClient(configuration) }
    }
}
