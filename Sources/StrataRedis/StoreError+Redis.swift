import Strata

extension StoreError.Code {
    /// What kind of failure a refusal is.
    init(_ error: RedisError) {
        switch error.kind {
        case "NOAUTH", "WRONGPASS", "NOPERM", "DENIED": self = .misconfigured
        case "LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN": self = .unavailable
        default: self = .refused
        }
    }
}

extension StoreError {
    /// Redis refused a command; the refusal itself is the underlying error.
    init(_ error: RedisError) {
        let advice =
            switch error.kind {
            case "NOAUTH": " Name a password in the configuration or URL."
            case "WRONGPASS": " Check the user and password in the configuration or URL."
            case "NOPERM": " Give the user the right to run the command (ACL SETUSER)."
            case "OOM": " Raise Redis' maxmemory, or set maxmemory-policy to evict."
            case "READONLY": " This is a replica; connect to the primary."
            case "LOADING": " It is reading its data after a start; it is tried again."
            case "MASTERDOWN": " The replica has no link to its primary."
            case "CLUSTERDOWN": " The cluster does not serve all slots; see CLUSTER INFO."
            case "MOVED", "ASK":
                " It is a node of a cluster and another one has the key; use redis+cluster://."
            case "CROSSSLOT": " Give the keys the same hash tag, as in {cart:7}:items."
            case "MISCONF": " Redis can't write to its disk; see its log."
            default: ""
            }
        let end = error.message.hasSuffix(".") ? "" : "."
        self.init(Code(error), "Redis refused: \(error.message)\(end)\(advice)", underlying: error)
    }

    static let closed = StoreError(.unavailable, "The Redis client was closed.")

    /// Redis' own word, where it is the cause.
    package var redisError: RedisError? { underlying as? RedisError }
}
