import Foundation
import Strata
import StrataCompression
import StrataTesting

extension Suite {
    /// A server that compresses, beside nginx that compresses for the same server.
    static let compressionServer = Suite(
        name: "compression-server",
        summary: "strata-example's gzip at level 6, against nginx' in front of the same handlers"
    ) {
        let directory = try TemporaryDirectory()
        let port = try Peer.freePort()
        let example = try await Peer(
            "strata-example", ["--listen", "127.0.0.1:\(port)"], port: port,
            package: "swift build -c release --traits Server")
        let front = try Peer.freePort()
        let file = try directory.write(
            "nginx.conf",
            """
            daemon off; master_process off; pid \(directory.path)/pid; error_log /dev/null;
            events { worker_connections 512; }
            http {
                access_log off; keepalive_requests 1000000;
                client_body_temp_path \(directory.path); proxy_temp_path \(directory.path);
                fastcgi_temp_path \(directory.path); uwsgi_temp_path \(directory.path);
                scgi_temp_path \(directory.path);
                gzip on; gzip_comp_level 6; gzip_types application/json text/plain;
                gzip_proxied any; gzip_http_version 1.0;
                upstream shop { server 127.0.0.1:\(port); keepalive 32; }
                server {
                    listen 127.0.0.1:\(front);
                    location / {
                        proxy_pass http://shop; proxy_http_version 1.1;
                        proxy_set_header Connection ""; proxy_set_header Accept-Encoding "";
                    }
                }
            }
            """)
        let nginx = try await Peer(
            "nginx", ["-c", file], port: front, package: "apt-get install nginx-light")

        var rows: [Measurement] = []
        for (name, path) in [
            ("made anew", "/report?kb=20"), ("out of the cache", "/products?limit=100"),
        ] {
            var pairs: [(own: Load, nginx: Load)] = []
            for _ in 0..<5 {
                let fields = ["Accept-Encoding: gzip"]
                pairs.append(
                    (
                        try Load(path, on: example, fields: fields),
                        try Load(path, on: nginx, with: [example], fields: fields)
                    ))
            }
            let (own, theirs) = (try size(of: path, example), try size(of: path, nginx))
            rows.append(
                Measurement(
                    name: name,
                    values: [
                        ("per second", median(pairs.map(\.own.perSecond))),
                        ("behind nginx", median(pairs.map(\.nginx.perSecond))),
                        ("ratio", median(pairs.map { $0.own.perSecond / $0.nginx.perSecond })),
                        ("µs CPU", median(pairs.map(\.own.microsecondsOfCPU))),
                        ("behind nginx", median(pairs.map(\.nginx.microsecondsOfCPU))),
                        ("bytes to nginx'", Double(own) / Double(theirs)),
                    ]))
        }
        return rows
    }

    /// Hits end to end, as they are and in a coding.
    static let compressionProxy = Suite(
        name: "compression-proxy",
        summary: "hits of 20 KB of JSON in strata-proxy, as they are and in gzip, in turn"
    ) {
        let directory = try TemporaryDirectory()
        let origin = try await ProxyPeers.nginx(
            "origin", in: directory,
            server: """
                root \(directory.path)/www; default_type application/json;
                add_header Cache-Control max-age=3600;
                """)
        try directory.makeFolder("www")
        let content = String(decoding: JSONSample.content(count: 20_000), as: UTF8.self)
        _ = try directory.write("www/json", content)
        let port = try Peer.freePort()
        let proxy = try await Peer(
            "strata-proxy",
            [
                "--listen", "127.0.0.1:\(port)", "--upstream", "http://127.0.0.1:\(origin.port)",
                "--compress",
            ], port: port, package: ProxyPeers.package)
        let accepted = ["identity", "gzip"].map { ["Accept-Encoding: \($0)"] }
        for fields in accepted { _ = try Load("/json", on: proxy, fields: fields, seconds: 1) }
        let before = origin.processorTime
        var rounds: [[Load]] = []
        for _ in 0..<9 {
            rounds.append(try accepted.map { try Load("/json", on: proxy, fields: $0, seconds: 1) })
        }
        guard origin.processorTime - before < .milliseconds(100) else {
            throw Unavailable(message: "the origin was asked: these are no hits")
        }
        return try accepted.enumerated().map { index, fields in
            Measurement(
                name: index == 0 ? "as it is" : "gzip",
                values: [
                    ("per second", median(rounds.map { $0[index].perSecond })),
                    ("µs CPU", median(rounds.map { $0[index].microsecondsOfCPU })),
                    ("rate", median(rounds.map { $0[index].perSecond / $0[0].perSecond })),
                    (
                        "CPU",
                        median(
                            rounds.map { $0[index].microsecondsOfCPU / $0[0].microsecondsOfCPU })
                    ),
                    ("bytes", Double(try size(of: "/json", proxy, fields[0]))),
                ])
        }
    }

    /// How many bytes the answer's content has on the wire.
    private static func size(
        of path: String, _ peer: Peer, _ field: String = "Accept-Encoding: gzip"
    ) throws -> Int {
        try Peer.output(
            of: "curl",
            ["-s", "-H", field, "http://127.0.0.1:\(peer.port)\(path)"],
            package: "apt-get install curl"
        ).count
    }
}

/// A directory that goes with the object.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("strata-bench-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a directory in it.
    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(
            atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    }

    /// Writes a file; gives its path.
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }
}
