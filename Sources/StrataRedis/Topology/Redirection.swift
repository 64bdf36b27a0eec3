import Strata

/// What to do after a server did not carry a command out: a decision without I/O.
///
/// Only what was certainly not carried out is sent again by itself, and reads; so nothing is done
/// twice. How often is bounded, and by the command's deadline.
struct Redirection {
    typealias Endpoint = RedisConfiguration.Endpoint

    enum Step: Hashable {
        /// Nothing helps.
        case fail
        /// Another server has the key: for good, or just this once (`ASKING` must go ahead). There
        /// is a pause where servers send it to and fro: while a slot changes hands they disagree.
        case follow(Endpoint, asking: Bool, after: Duration = .zero)
        /// The primary will know what the replica did not.
        case askPrimary
        /// The same once more, after a pause.
        case retry(after: Duration)
        /// What is known of the servers is wrong: once more after it was found out anew, or after
        /// the pause.
        case refresh(after: Duration)
    }

    /// How often a command is sent on before it fails.
    static let maximumHops = 16
    private(set) var hops = 0

    /// - Parameters:
    ///   - error: how it failed.
    ///   - asked: who was asked.
    ///   - isReplica: whether that was a replica, which was asked to read.
    mutating func step(after error: StoreError, asked: Endpoint, isReplica: Bool) -> Step {
        guard hops < Self.maximumHops else { return .fail }
        let step = Self.step(after: error, asked: asked, isReplica: isReplica, hops: hops)
        hops += 1
        return step
    }

    private static func step(
        after error: StoreError, asked: Endpoint, isReplica: Bool, hops: Int
    ) -> Step {
        let pause = Duration.milliseconds(2) * (1 << min(hops, 5))
        guard let refusal = error.redisError else {
            let isGone = error.code == .unavailable || error.code == .timedOut
            return isGone && isReplica ? .askPrimary : .fail
        }
        switch refusal.kind {
        case "MOVED", "ASK":
            guard let target = target(of: refusal, asked: asked) else { return .fail }
            // That is how a node says that it does not know the other one's name.
            if target.endpoint.host == "?" { return .refresh(after: pause) }
            return .follow(
                target.endpoint, asking: refusal.kind == "ASK", after: hops < 2 ? .zero : pause)
        case "TRYAGAIN": return .retry(after: pause)
        case "CLUSTERDOWN", "READONLY": return .refresh(after: pause)
        case "LOADING", "MASTERDOWN": return isReplica ? .askPrimary : .fail
        default: return .fail
        }
    }

    /// The slot and the server that a `MOVED` or `ASK` names.
    static func target(of refusal: RedisError, asked: Endpoint) -> (slot: Int, endpoint: Endpoint)?
    {
        let words = refusal.message.split(separator: " ")
        guard words.count >= 3, let slot = Int(words[1]), (0..<KeySlot.count).contains(slot),
            let colon = words[2].lastIndex(of: ":"),
            let port = UInt16(words[2][words[2].index(after: colon)...]), port > 0
        else { return nil }
        let host = String(words[2][..<colon])
        return (slot, .tcp(host: host.isEmpty ? asked.host : host, port: port))
    }
}
