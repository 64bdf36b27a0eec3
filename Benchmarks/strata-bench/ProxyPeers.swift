import Strata

/// nginx as an origin of files, and the proxies in front of it.
struct ProxyPeers {
    static let package = "swift build -c release --traits Server"

    /// Each beside the name that it goes by.
    let fronts: [(name: String, peer: Peer)]
    let origin: Peer
    private let directory: TemporaryDirectory

    /// Starts all of them; each is the only one of its kind, with as many workers or threads as it
    /// takes by itself.
    init() async throws {
        directory = try TemporaryDirectory()
        origin = try await Self.nginx(
            "origin", in: directory,
            server: "root \(directory.path)/www; add_header Cache-Control max-age=3600;")
        try directory.makeFolder("www")
        for (name, count) in [("1k", 1 << 10), ("64k", 64 << 10)] {
            _ = try directory.write("www/\(name)", String(repeating: "x", count: count))
        }
        let upstream = "127.0.0.1:\(origin.port)"
        let (own, varnish, bare) = (
            try Peer.freePort(), try Peer.freePort(), try Peer.freePort()
        )
        fronts = [
            (
                "strata-proxy",
                try await Peer(
                    "strata-proxy",
                    ["--listen", "127.0.0.1:\(own)", "--upstream", "http://\(upstream)"],
                    port: own, package: Self.package)
            ),
            (
                "nginx",
                try await Self.nginx(
                    "cache", in: directory, workers: "auto",
                    http: "proxy_cache_path \(directory.path)/cache keys_zone=zone:10m;",
                    server: "location / { proxy_pass http://\(upstream); proxy_cache zone; }")
            ),
            (
                "Varnish",
                try await Peer(
                    "varnishd",
                    [
                        "-F", "-n", "\(directory.path)/varnish", "-a", "127.0.0.1:\(varnish)",
                        "-b", upstream, "-s", "malloc,256m",
                    ], port: varnish, package: "apt-get install varnish")
            ),
            (
                "bare handler",
                try await Peer(
                    "strata-bench", ["--serve", "\(bare)"], port: bare, package: Self.package)
            ),
        ]
    }

    /// Starts nginx.
    static func nginx(
        _ name: String, in directory: TemporaryDirectory, workers: String = "1", http: String = "",
        server: String
    ) async throws -> Peer {
        let port = try Peer.freePort()
        let path = directory.path
        let file = try directory.write(
            "\(name).conf",
            """
            daemon off; worker_processes \(workers); pid \(path)/\(name).pid; error_log /dev/null;
            user root; events { worker_connections 1024; }
            http {
                access_log off; sendfile on; keepalive_requests 100000000;
                client_body_temp_path \(path)/\(name)-1; proxy_temp_path \(path)/\(name)-2;
                fastcgi_temp_path \(path)/\(name)-3; uwsgi_temp_path \(path)/\(name)-4;
                scgi_temp_path \(path)/\(name)-5; \(http)
                server { listen 127.0.0.1:\(port); \(server) }
            }
            """)
        return try await Peer(
            "nginx", ["-c", file], port: port, package: "apt-get install nginx-light")
    }
}
