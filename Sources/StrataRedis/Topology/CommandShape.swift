/// What has to be known of a command to send it to the right server: its keys, whether it only
/// reads, and whether it can be split by its keys.
///
/// Of commands that are not known here the first word after the name is taken for the key, as most
/// have it, and they are taken for writing: they go to a primary.
struct CommandShape {
    /// How a command over several keys is split, and its replies joined.
    enum Split: Hashable {
        /// The keys stand by themselves, and the replies are numbers to be added up.
        case sum
        /// The keys stand by themselves, and the replies are a value for each.
        case values
        /// Keys and values take turns, and the replies say `OK`.
        case pairs
    }

    /// A part of a split command, with the places of its keys among all.
    struct Part {
        let command: RedisCommand
        let slot: Int
        let places: [Int]
    }

    private let words: [ArraySlice<UInt8>]
    private let name: String

    init(_ command: RedisCommand) {
        words = command.words
        name = String(decoding: command.words.first ?? [], as: UTF8.self).uppercased()
    }

    /// Whether it changes nothing, so that a replica may answer it.
    var isReadOnly: Bool { Self.readOnly.contains(name) }

    /// The first key; nil where the command has none.
    var firstKey: ArraySlice<UInt8>? {
        if Self.keyless.contains(name) { return nil }
        let place: Int
        switch name {
        case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
            guard let count = number(at: 2), count > 0 else { return nil }
            place = 3
        case "ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "SINTERCARD", "LMPOP", "ZMPOP", "BITOP",
            "OBJECT", "XINFO", "XGROUP":
            place = 2
        case "MEMORY":
            guard words.count > 2 else { return nil }
            place = 2
        case "XREAD", "XREADGROUP":
            let index = words.firstIndex {
                String(decoding: $0, as: UTF8.self).uppercased() == "STREAMS"
            }
            guard let index else { return nil }
            place = index + 1
        default: place = 1
        }
        return place < words.count ? words[place] : nil
    }

    /// The slot of the first key; nil where there is none.
    var slot: Int? { firstKey.map { KeySlot.slot(of: $0) } }

    var split: Split? {
        switch name {
        case "DEL", "UNLINK", "EXISTS", "TOUCH": .sum
        case "MGET": .values
        case "MSET": .pairs
        default: nil
        }
    }

    /// The command's parts, one for each slot; empty where it need not or can't be split.
    func parts() -> [Part] {
        guard let split, words.count > 2 else { return [] }
        let step = split == .pairs ? 2 : 1
        guard (words.count - 1) % step == 0 else { return [] }
        var places: [Int: [Int]] = [:]
        var order: [Int] = []
        for place in 0..<((words.count - 1) / step) {
            let slot = KeySlot.slot(of: words[1 + place * step])
            if places[slot] == nil { order.append(slot) }
            places[slot, default: []].append(place)
        }
        guard order.count > 1 else { return [] }
        return order.map { slot in
            let places = places[slot] ?? []
            let operands = places.flatMap { words[(1 + $0 * step)..<(1 + ($0 + 1) * step)] }
            return Part(
                command: RedisCommand(([words[0]] + operands).map { .bytes(Array($0)) }),
                slot: slot, places: places)
        }
    }

    /// The reply that the whole command would have had.
    static func join(_ replies: [(Part, RedisValue)], _ split: Split) -> RedisValue {
        for case (_, .error(let error)) in replies { return .error(error) }
        switch split {
        // A server may name any number; the sum must not trap.
        case .sum: return .integer(replies.reduce(0) { $0 &+ ($1.1.integer ?? 0) })
        case .pairs: return .status("OK")
        case .values:
            var values = [RedisValue](
                repeating: .null, count: replies.reduce(0) { $0 + $1.0.places.count })
            for (part, reply) in replies {
                for (place, value) in zip(part.places, reply.array ?? []) { values[place] = value }
            }
            return .array(values)
        }
    }

    private func number(at place: Int) -> Int? {
        place < words.count ? Int(String(decoding: words[place], as: UTF8.self)) : nil
    }

    private static let keyless: Set<String> = [
        "PING", "ECHO", "TIME", "INFO", "SCRIPT", "CLIENT", "CONFIG", "CLUSTER", "COMMAND",
        "DBSIZE",
        "ACL", "AUTH", "PUBLISH", "PUBSUB", "WAIT", "LASTSAVE", "ROLE", "KEYS", "SCAN", "RANDOMKEY",
        "FLUSHALL", "FLUSHDB", "FUNCTION", "LATENCY", "SLOWLOG", "DEBUG", "MODULE", "SAVE",
        "BGSAVE",
        "READONLY", "READWRITE", "ASKING", "MULTI", "EXEC", "DISCARD", "UNWATCH", "SWAPDB", "HELLO",
        "LOLWUT", "SENTINEL",
    ]

    private static let readOnly: Set<String> = [
        "GET", "MGET", "GETRANGE", "SUBSTR", "STRLEN", "EXISTS", "TTL", "PTTL", "EXPIRETIME",
        "PEXPIRETIME", "TYPE", "DUMP", "GETBIT", "BITCOUNT", "BITPOS", "BITFIELD_RO", "LCS",
        "HGET", "HMGET", "HGETALL", "HLEN", "HEXISTS", "HKEYS", "HVALS", "HSTRLEN", "HSCAN",
        "HRANDFIELD", "LRANGE", "LLEN", "LINDEX", "LPOS", "SMEMBERS", "SISMEMBER", "SMISMEMBER",
        "SCARD", "SRANDMEMBER", "SSCAN", "SINTER", "SUNION", "SDIFF", "SINTERCARD", "ZRANGE",
        "ZRANGEBYSCORE", "ZRANGEBYLEX", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZREVRANGEBYLEX",
        "ZSCORE", "ZMSCORE", "ZCARD", "ZCOUNT", "ZLEXCOUNT", "ZRANK", "ZREVRANK", "ZSCAN",
        "ZRANDMEMBER", "ZUNION", "ZINTER", "ZDIFF", "ZINTERCARD", "XRANGE", "XREVRANGE", "XLEN",
        "XPENDING", "GEOPOS", "GEODIST", "GEOHASH", "GEOSEARCH", "SORT_RO", "EVAL_RO",
        "EVALSHA_RO", "FCALL_RO",
    ]
}

extension RedisCommand {
    /// The command's words, as they stand in its encoding.
    var words: [ArraySlice<UInt8>] {
        var place = 0
        func number() -> Int {
            var number = 0
            // Behind the star or dollar, up to the line's end.
            place += 1
            while bytes[place] != 0x0d {
                number = number * 10 + Int(bytes[place] - UInt8(ascii: "0"))
                place += 1
            }
            place += 2
            return number
        }
        let count = number()
        return (0..<count).map { _ in
            let length = number()
            defer { place += length + 2 }
            return bytes[place..<(place + length)]
        }
    }
}
