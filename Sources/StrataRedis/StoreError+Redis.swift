import Strata

extension StoreError.Code {
    /// What kind of failure a refusal is.
    init(_ error: RedisError) {
        switch error.kind {
        case "NOAUTH", "WRONGPASS", "NOPERM", "DENIED": self = .misconfigured
        case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN": self = .unavailable
        default: self = error.isForWantOfRights ? .misconfigured : .refused
        }
    }
}

extension RedisError {
    /// Whether the user, or who runs a script, may not do that. What scripts are told has no kind of
    /// its own up to Redis 7.0.
    fileprivate var isForWantOfRights: Bool {
        kind == "NOPERM" || message.hasPrefix("ERR The user executing the script can't")
    }
}

extension RedisError {
    /// Whether the server does not know a command; scripts are told so in other words.
    fileprivate var isForUnknownCommand: Bool {
        message.hasPrefix("ERR unknown command")
            || message.hasPrefix("ERR Unknown Redis command")
    }

    /// What Redis said, without what it repeats of a command that it does not know: values are no
    /// matter for a log.
    fileprivate var messageWithoutArguments: Substring {
        guard isForUnknownCommand else { return message[...] }
        let mark = ", with args beginning with: "
        return message.firstRange(of: mark).map { message[..<$0.lowerBound] } ?? message[...]
    }
}

extension StoreError {
    /// Redis refused a command; the refusal itself is the underlying error.
    init(_ error: RedisError) {
        let advice =
            switch error.kind {
            case "NOAUTH": " Name a password in the configuration or URL."
            case "WRONGPASS": " Check the user and password in the configuration or URL."
            case _ where error.isForWantOfRights:
                " Give the user the right to do that (ACL SETUSER); ACL LOG tells which it lacks."
            case "OOM": " Raise Redis' maxmemory, or set maxmemory-policy to evict."
            case "READONLY": " This is a replica; connect to the primary."
            case "LOADING": " It is reading its data after a start; it is tried again."
            case "BUSY": " End what keeps it busy by SCRIPT KILL or FUNCTION KILL."
            case "MASTERDOWN": " The replica has no link to its primary."
            case "CLUSTERDOWN": " The cluster does not serve all slots; see CLUSTER INFO."
            case "MOVED", "ASK":
                " It is a node of a cluster and another one has the key; use redis+cluster://."
            case "CROSSSLOT": " Give the keys the same hash tag, as in {cart:7}:items."
            case "MISCONF": " Redis can't write to its disk; see its log."
            case _ where error.isForUnknownCommand:
                " Run a version that has the command, and don't rename it (rename-command)."
            default: ""
            }
        let message = error.messageWithoutArguments
        let end = message.hasSuffix(".") ? "" : "."
        self.init(Code(error), "Redis refused: \(message)\(end)\(advice)", underlying: error)
    }

    static let closed = StoreError(.unavailable, "The Redis client was closed.")

    /// Redis' own word, where it is the cause.
    package var redisError: RedisError? { underlying as? RedisError }
}
