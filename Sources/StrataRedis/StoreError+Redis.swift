import Strata

extension StoreError.Code {
    /// What kind of failure a refusal is.
    init(_ error: RedisError) {
        switch error.kind {
        case "NOAUTH", "WRONGPASS", "NOPERM": self = .misconfigured
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
            case "MISCONF": " Redis can't write to its disk; see its log."
            default: ""
            }
        self.init(Code(error), "Redis refused: \(error.message).\(advice)", underlying: error)
    }

    /// Redis' own word, where it is the cause.
    package var redisError: RedisError? { underlying as? RedisError }
}
