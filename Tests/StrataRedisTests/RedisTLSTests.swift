import Strata
import StrataRedis
import StrataTesting
import Testing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

@Suite(.enabled(if: RedisServer.isInstalled, "redis-server is not installed"))
struct `Redis behind TLS` {
    /// A server that listens for TLS alone, with its files.
    struct Setup {
        let files: PEMFiles
        let server: RedisServer
        var address: String { "127.0.0.1:\(server.tlsPort)" }

        init(asksForCertificate: Bool = false) async throws {
            files = try PEMFiles()
            server = try await RedisServer(
                options: [
                    "--tls-cert-file", files.path("server.crt"),
                    "--tls-key-file", files.path("server.key"),
                    "--tls-ca-cert-file", files.path("ca.crt"),
                    "--tls-auth-clients", asksForCertificate ? "yes" : "no",
                ], isTLSEnabled: true)
        }

        func error(_ parameters: String) async -> StoreError? {
            await storeError {
                var configuration = try RedisConfiguration(url: "rediss://\(address)?\(parameters)")
                configuration.commandTimeout = .seconds(10)
                try await RedisClient(configuration).send("PING")
            }
        }
    }

    @Test(arguments: ["", "&name=redis.test", "&name=localhost"])
    func `a server of a trusted authority is spoken to`(name: String) async throws {
        let setup = try await Setup()
        var configuration = try RedisConfiguration(
            url: "rediss://\(setup.address)?ca=\(setup.files.path("ca.crt"))\(name)")
        configuration.commandTimeout = .seconds(10)
        let client = try RedisClient(configuration)
        let value = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 167) }
        try await client.send("SET", "large", .bytes(value))
        try await withThrowingTaskGroup { group in
            for index in 0..<64 {
                group.addTask {
                    let reply = try await client.send("ECHO", .integer(index))
                    #expect(reply.integer == Int64(index))
                }
            }
            try await group.waitForAll()
        }
        let reply = try await client.send(RedisCommand("GET", "large"), lane: .large)
        #expect(reply.bytes == value)
    }

    @Test func `a server of an unknown authority is refused, with what to do`() async throws {
        let setup = try await Setup()
        let error = await setup.error("")
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("(ca)") == true)
    }

    @Test(arguments: ["other.test", "127.0.0.2"])
    func `a certificate for another name is refused`(name: String) async throws {
        let setup = try await Setup()
        let error = await setup.error("ca=\(setup.files.path("ca.crt"))&name=\(name)")
        #expect(error?.code == .misconfigured)
        #expect(error?.message.contains("mismatch") == true)
    }

    @Test(arguments: ["", "redis.test\0.other.test"])
    func `a name that OpenSSL would take for another, or for any, is refused`(
        name: String
    ) async throws {
        var configuration = RedisConfiguration(endpoint: .tcp(host: "h", port: 1))
        configuration.tls = .init()
        configuration.tls?.serverName = name
        let error = await storeError { _ = try RedisClient(configuration) }
        #expect(error?.code == .misconfigured)
    }

    @Test func `a server that wants TLS is told as such`() async throws {
        let setup = try await Setup()
        let error = await storeError {
            try await RedisClient(RedisConfiguration(url: "redis://\(setup.address)")).send("PING")
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("rediss://") == true)
    }

    @Test func `a server that asks for a certificate gets it`() async throws {
        let setup = try await Setup(asksForCertificate: true)
        let ca = "ca=\(setup.files.path("ca.crt"))"
        let identity =
            "&cert=\(setup.files.path("client.crt"))&key=\(setup.files.path("client.key"))"
        #expect(await setup.error(ca + identity)?.description == nil)
        let refusal = await setup.error(ca)
        #expect(refusal?.code == .unavailable)
        #expect(refusal?.message.contains("(cert, key)") == true)
    }

    @Test func `files that can't be used are an error at once`() async throws {
        let files = try PEMFiles()
        for (parameters, reason) in [
            ("ca=/no/such/file", "No such file"),
            ("cert=\(files.path("ca.crt"))&key=/no/such/file", "No such file"),
            ("cert=\(files.path("client.crt"))&key=\(files.path("server.key"))", "mismatch"),
            ("ca=\(files.path("server.key"))", "no certificate"),
        ] {
            let error = await storeError {
                _ = try RedisClient(RedisConfiguration(url: "rediss://h?\(parameters)"))
            }
            #expect(error?.code == .misconfigured)
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        }
    }

    @Test func `a server without TLS at that port is told as such`() async throws {
        let server = try await RedisServer()
        let error = await storeError {
            var configuration = try RedisConfiguration(url: "rediss://127.0.0.1:\(server.port)")
            configuration.commandTimeout = .seconds(10)
            try await RedisClient(configuration).send("PING")
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("TLS") == true)
    }
}

/// An authority and certificates for localhost, 127.0.0.1 and redis.test, in a directory of their
/// own. They are good for a hundred years, and for tests alone.
final class PEMFiles: Sendable {
    private let directory: String

    init() throws {
        var template = Array("/tmp/strata-tls-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        directory = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        for (name, text) in Self.contents {
            let descriptor = open(path(name), O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
            let bytes = Array(text.utf8)
            try #require(write(descriptor, bytes, bytes.count) == bytes.count)
            close(descriptor)
        }
    }

    deinit {
        for (name, _) in Self.contents { unlink(path(name)) }
        rmdir(directory)
    }

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    private static let contents = [
        (
            "ca.crt",
            """
            -----BEGIN CERTIFICATE-----
            MIIBlzCCAT2gAwIBAgIUZG+trJBv5dt62QC1sHxAQWdzjoAwCgYIKoZIzj0EAwIw
            IDEeMBwGA1UEAwwVU3RyYXRhIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyNDAyNTI1
            M1oYDzIxMjYxMDMxMDI1MjUzWjAgMR4wHAYDVQQDDBVTdHJhdGEgdGVzdCBhdXRo
            b3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAR52nDpOC0OX3CUvYWl/a9B
            9AiDFYZTJfVejOZCRrG7dQY5yscqj2buRlCOxVXg/jRDaBfFvdiaSvn12QatkzgV
            o1MwUTAdBgNVHQ4EFgQU7Ets3nhqeJ3vGoH4bdt0SwS1VsswHwYDVR0jBBgwFoAU
            7Ets3nhqeJ3vGoH4bdt0SwS1VsswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
            AgNIADBFAiAuYj1+FNv8651T+rYrjxojIQgUUMWDobdzRKG1sUMDTQIhAM8rykLj
            lJrK2hvb9/yZ/PF5J7vrBJ1jxlO2D5i+6N45
            -----END CERTIFICATE-----

            """
        ),
        (
            "server.crt",
            """
            -----BEGIN CERTIFICATE-----
            MIIBoDCCAUWgAwIBAgIUfvzB6MZ8JEpv7ig8H0WWchXVZmwwCgYIKoZIzj0EAwIw
            IDEeMBwGA1UEAwwVU3RyYXRhIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyNDAyNTI1
            M1oYDzIxMjYxMDMxMDI1MjUzWjARMQ8wDQYDVQQDDAZzZXJ2ZXIwWTATBgcqhkjO
            PQIBBggqhkjOPQMBBwNCAASIdfbVyVIyhmntVUXhcgaj/oMF4f6GTzPXC+D4Izkl
            /5I6k5YDcjPU2yuJ9Y1Vt4BYyJEDkZdl/dEJFcmFUhrVo2owaDAmBgNVHREEHzAd
            gglsb2NhbGhvc3SCCnJlZGlzLnRlc3SHBH8AAAEwHQYDVR0OBBYEFOED9/RbUuEm
            jDvHZRia2vnEcIZPMB8GA1UdIwQYMBaAFOxLbN54anid7xqB+G3bdEsEtVbLMAoG
            CCqGSM49BAMCA0kAMEYCIQCC8KnX97Lf0YFHrDqt6yC61evcpMFRPcsyiHKHEPA2
            SwIhAJ97RSsvBuH+yIGUq90DoC5tS4b97yHpXmHmtUH1P2wW
            -----END CERTIFICATE-----

            """
        ),
        (
            "server.key",
            """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdhdLR4BOlIByR7mf
            YfNo/SWrBu/0AVmL3tibw9WB492hRANCAASIdfbVyVIyhmntVUXhcgaj/oMF4f6G
            TzPXC+D4Izkl/5I6k5YDcjPU2yuJ9Y1Vt4BYyJEDkZdl/dEJFcmFUhrV
            -----END PRIVATE KEY-----

            """
        ),
        (
            "client.crt",
            """
            -----BEGIN CERTIFICATE-----
            MIIBnzCCAUWgAwIBAgIUfvzB6MZ8JEpv7ig8H0WWchXVZm0wCgYIKoZIzj0EAwIw
            IDEeMBwGA1UEAwwVU3RyYXRhIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTEyNDAyNTI1
            M1oYDzIxMjYxMDMxMDI1MjUzWjARMQ8wDQYDVQQDDAZjbGllbnQwWTATBgcqhkjO
            PQIBBggqhkjOPQMBBwNCAAQ1syyIU0Qg7Sets4vspp8YIdE9MeKxWzKeeJ3Syztm
            QYOYXGMsIkjt8jCL5pDfHvV9ccsFuYek6bF/m37vSAdio2owaDAmBgNVHREEHzAd
            gglsb2NhbGhvc3SCCnJlZGlzLnRlc3SHBH8AAAEwHQYDVR0OBBYEFBa3Qkta3j95
            05w1WIdAnziZxWhYMB8GA1UdIwQYMBaAFOxLbN54anid7xqB+G3bdEsEtVbLMAoG
            CCqGSM49BAMCA0gAMEUCIQCtQUIuXUKQgBDdADFFWumY7fMN9fpN4Vgf6swW7tOG
            lAIgLbtWHlkVJPo2ECevQ/aDMe0SRgbCzKiXqdE+Dl94qBo=
            -----END CERTIFICATE-----

            """
        ),
        (
            "client.key",
            """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2qUkibA3IXax5xcL
            e/8Yx7xd4IVY7waeh3gVHXuaO0+hRANCAAQ1syyIU0Qg7Sets4vspp8YIdE9MeKx
            WzKeeJ3SyztmQYOYXGMsIkjt8jCL5pDfHvV9ccsFuYek6bF/m37vSAdi
            -----END PRIVATE KEY-----

            """
        ),
    ]
}
