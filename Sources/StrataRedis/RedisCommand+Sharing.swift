import Strata

/// Which commands a connection that many tasks share can't have: those after which Redis takes what
/// others send for something else, answers it out of turn, or not at all for a while.
extension RedisCommand {
    /// - Parameter isInTransaction: whether it stands between `MULTI` and `EXEC`, where nothing
    ///   waits.
    /// - Throws: ``StoreError`` with `misconfigured` for such a command, and what to do instead.
    func requireShareable(isInTransaction: Bool = false) throws(StoreError) {
        guard let rule = Self.rules[Self.fold(name)] else { return }
        let name = String(decoding: name, as: UTF8.self).uppercased()
        guard rule.name == name else { return }
        switch rule.kind {
        case .waits where isInTransaction: return
        case .waits where name.hasPrefix("X"):
            // BLOCK stands before the streams.
            let options = words.map { String(decoding: $0, as: UTF8.self).uppercased() }
                .prefix { $0 != "STREAMS" }
            guard options.contains("BLOCK") else { return }
        case .configures where name == "CLIENT":
            let words = words
            guard words.count > 1, Self.fold(words[1]) == Self.fold("REPLY".utf8) else { return }
        default: break
        }
        throw StoreError(
            .misconfigured,
            "\(name) can't be sent over a connection that all tasks share: \(rule.kind.rawValue)")
    }

    private enum Kind: String {
        case configures = "who the client is, and where, stands in its configuration."
        case transacts =
            "there is transaction(_:), and a script where what is written depends on what is read."
        case subscribes = "there are subscribe(to:handler:) and pushes(of:)."
        case waits = "nobody's command would be answered meanwhile; ask now and then, or be told."
    }

    /// By what their names come to in a number, so that all others cost next to nothing.
    private static let rules: [UInt64: (name: String, kind: Kind)] = {
        let names: [(Kind, [String])] = [
            (
                .configures,
                [
                    "AUTH", "SELECT", "HELLO", "RESET", "QUIT", "MONITOR", "SYNC", "PSYNC",
                    "ASKING", "READONLY", "READWRITE", "CLIENT",
                ]
            ), (.transacts, ["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"]),
            (
                .subscribes,
                [
                    "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE",
                    "SUNSUBSCRIBE",
                ]
            ),
            (
                .waits,
                [
                    "BLPOP", "BRPOP", "BRPOPLPUSH", "BLMOVE", "BLMPOP", "BZPOPMIN", "BZPOPMAX",
                    "BZMPOP", "WAIT", "WAITAOF", "XREAD", "XREADGROUP",
                ]
            ),
        ]
        var rules: [UInt64: (String, Kind)] = [:]
        for (kind, names) in names {
            for name in names { rules[fold(name.utf8)] = (name, kind) }
        }
        return rules
    }()

    /// A number of the word, the same for small letters and capitals.
    private static func fold(_ word: some Sequence<UInt8>) -> UInt64 {
        word.reduce(0) { $0 &* 31 &+ UInt64($1 & 0xdf) }
    }

    /// The first word.
    private var name: ArraySlice<UInt8> {
        // Behind the line that says how many words there are, and the dollar.
        var place = 1
        while bytes[place] != 0x0d { place += 1 }
        place += 3
        var length = 0
        while bytes[place] != 0x0d {
            length = length * 10 + Int(bytes[place] - UInt8(ascii: "0"))
            place += 1
        }
        place += 2
        return bytes[place..<(place + length)]
    }
}
