#if Server
    import Strata
    import StrataServer
    import Synchronization

    /// A server of handlers without a layer: what a hit of the proxy is held against, and a slow
    /// origin.
    ///
    /// `/1k` and `/64k` are answered at once, with content that is always the same; `/slow` after
    /// 100 ms, and may be stored; `/private` after 100 ms, and is for one client. `/calls` tells how
    /// often one of the slow ones was called since the last time it was asked.
    enum BareServer {
        static func run(port: Int) async throws {
            let contents = [
                "/1k": [UInt8](repeating: 120, count: 1 << 10),
                "/64k": [UInt8](repeating: 120, count: 64 << 10),
            ]
            let calls = Calls()
            try await Server.run(
                { request in
                    if let content = contents[request.path] {
                        return Response(
                            headers: [.contentType: "text/plain"], body: .bytes(content))
                    }
                    switch request.path {
                    case "/slow", "/private":
                        calls.count.add(1, ordering: .relaxed)
                        try await SystemTime().sleep(for: .milliseconds(100))
                        var response = Response.text("slow\n")
                        response.headers[.cacheControl] =
                            request.path == "/slow" ? "max-age=60" : "private"
                        return response
                    case "/calls":
                        return .text(String(calls.count.exchange(0, ordering: .relaxed)))
                    default: throw Problem(.notFound)
                    }
                }, on: "127.0.0.1:\(port)")
        }

        private final class Calls: Sendable {
            let count = Atomic(0)
        }
    }
#else
    /// The server needs the trait `Server`.
    enum BareServer {
        static func run(port: Int) async throws {
            throw Unavailable(message: "build it with --traits Server")
        }
    }
#endif
