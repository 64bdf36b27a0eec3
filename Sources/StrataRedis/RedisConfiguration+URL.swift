public import Strata

extension RedisConfiguration {
    /// Makes a configuration of a URL.
    ///
    /// - `redis://[[user]:password@]host[:port][/database]`
    /// - `rediss://…`, the same with TLS, and these after a `?`: `ca`, the file of the authorities that
    ///   are trusted; `cert` and `key`, the files of the client's certificate and private key,
    ///   which may be one;
    ///   `name`, the server's name in its certificate
    /// - `unix://[[user]:password@]/path/of/socket[?db=database]`
    ///
    /// User and password are percent-encoded where they hold a character that has a meaning in a
    /// URL. The port is 6379 where none is named.
    ///
    /// - Throws: ``StoreError`` with `misconfigured` for anything else. The message does not
    ///   show the password.
    public init(url: String) throws(StoreError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw .badURL("it must begin with redis://, rediss:// or unix://")
        }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        var rest = url[schemeEnd.upperBound...]
        var query = Substring()
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let pathStart = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<pathStart]
        let path = rest[pathStart...]
        var credentials: Substring?
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            authority = authority[authority.index(after: at)...]
        }

        switch scheme {
        case "redis", "rediss":
            self.init(endpoint: try Self.tcpEndpoint(authority))
            if scheme == "rediss" { tls = TLS() }
            if path.count > 1 { database = try Self.number(path.dropFirst(), "database") }
        case "unix":
            guard authority.isEmpty, path.count > 1 else {
                throw .badURL("a Unix socket is named as unix:///path/of/socket")
            }
            self.init(endpoint: .unix(path: try Self.decoded(path, "path")))
        default:
            throw .badURL("the scheme must be redis, rediss or unix")
        }
        if let credentials {
            guard let colon = credentials.firstIndex(of: ":") else {
                throw .badURL("a user needs a password: user:password@, or :password@")
            }
            let name = try Self.decoded(credentials[..<colon], "user")
            username = name.isEmpty ? nil : name
            password = try Self.decoded(
                credentials[credentials.index(after: colon)...], "password")
        }
        for parameter in query.split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw .badURL("parameters have the form name=value") }
            try setParameter(parts[0], to: Self.decoded(parts[1], "parameter"))
        }
    }

    private mutating func setParameter(
        _ name: Substring, to value: String
    ) throws(StoreError) {
        switch name {
        case "db": database = try Self.number(value[...], "database")
        case "ca" where tls != nil: tls?.certificateAuthority = value
        case "name" where tls != nil: tls?.serverName = value
        case "cert" where tls != nil:
            let key = tls?.identity?.privateKey ?? value
            tls?.identity = TLS.Identity(certificate: value, privateKey: key)
        case "key" where tls != nil:
            let certificate = tls?.identity?.certificate ?? value
            tls?.identity = TLS.Identity(certificate: certificate, privateKey: value)
        default:
            throw .badURL("the parameters are db, and with rediss:// also ca, cert, key and name")
        }
    }

    private static func tcpEndpoint(_ authority: Substring) throws(StoreError) -> Endpoint {
        var host = authority
        var port: UInt16 = 6379
        let colon =
            if authority.hasPrefix("[") {
                authority.firstIndex(of: "]").map(authority.index(after:))
            } else {
                authority.firstIndex(of: ":")
            }
        if let colon, colon < authority.endIndex {
            guard authority[colon] == ":" else { throw .badURL("the host can't be understood") }
            host = authority[..<colon]
            let text = authority[authority.index(after: colon)...]
            guard let number = UInt16(text), number > 0 else {
                throw .badURL("the port must be from 1 to 65535")
            }
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, !host.contains(where: { "[]@ ".contains($0) }) else {
            throw .badURL("the host is missing or can't be understood")
        }
        return .tcp(host: String(host), port: port)
    }

    private static func number(_ text: Substring, _ what: String) throws(StoreError) -> Int {
        guard let number = Int(text), number >= 0 else {
            throw .badURL("the \(what) must be a number")
        }
        return number
    }

    private static func decoded(_ text: Substring, _ what: String) throws(StoreError) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), digits.utf8.count == 2,
                let value = UInt8(digits, radix: 16)
            else { throw .badURL("the \(what) is not well percent-encoded") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badURL("the \(what) is not UTF-8")
        }
        return text
    }
}

extension StoreError {
    fileprivate static func badURL(_ reason: String) -> StoreError {
        StoreError(
            .misconfigured,
            "The URL of Redis can't be used: \(reason). "
                + "An example: redis://user:password@127.0.0.1:6379/0.")
    }
}
