import Strata
import Testing

@testable import StrataRedis

@Suite struct `The configuration of Redis` {
    typealias Endpoint = RedisConfiguration.Endpoint

    @Test(
        arguments: [
            ("redis://127.0.0.1", .tcp(host: "127.0.0.1", port: 6379), nil, nil, 0),
            ("REDIS://localhost:7000/", .tcp(host: "localhost", port: 7000), nil, nil, 0),
            ("redis://h:1/15", .tcp(host: "h", port: 1), nil, nil, 15),
            ("redis://[::1]:6380/2", .tcp(host: "::1", port: 6380), nil, nil, 2),
            ("redis://[fe80::1]", .tcp(host: "fe80::1", port: 6379), nil, nil, 0),
            ("redis://:secret@h", .tcp(host: "h", port: 6379), nil, "secret", 0),
            ("redis://app:s%40:%2F@h/3", .tcp(host: "h", port: 6379), "app", "s@:/", 3),
            ("redis://[fe80::1%25eth0]", .tcp(host: "fe80::1%eth0", port: 6379), nil, nil, 0),
            ("redis+cluster://h/0", .tcp(host: "h", port: 6379), nil, nil, 0),
            ("unix:///run/redis.sock", .unix(path: "/run/redis.sock"), nil, nil, 0),
            ("unix://u:p@/run/a%20b?db=4", .unix(path: "/run/a b"), "u", "p", 4),
        ] as [(String, Endpoint, String?, String?, Int)])
    func `is read from a URL`(
        url: String, endpoint: Endpoint, username: String?, password: String?, database: Int
    ) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.endpoint == endpoint)
        #expect(configuration.username == username)
        #expect(configuration.password == password)
        #expect(configuration.database == database)
        #expect(throws: Never.self) { try configuration.validate() }
    }

    @Test(arguments: [
        "", "127.0.0.1:6379", "http://h", "redis://", "redis://:0", "redis://h:0",
        "redis://h:65536", "redis://h:x", "redis://h/one", "redis://h/-1", "redis://secret@h",
        "redis://a:%4@h", "redis://a:%ff@h", "redis://h?retries=3", "unix://run/redis.sock",
        "unix:///", "redis://[::1", "redis://[::1]x", "redis://h:+6379", "redis://h/+1",
        "redis://a:%+1@h", "unix:///a%00b", "redis://h#1", "redis://a:b@h,a:b@i",
    ])
    func `a wrong URL is refused, with an example of a right one`(url: String) {
        do {
            _ = try RedisConfiguration(url: url)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .misconfigured)
            #expect(error.message.contains("redis://user:password@127.0.0.1:6379/0"))
            #expect(!error.message.contains("secret"))
        }
    }

    @Test(arguments: [
        ("redis://app:a/b@h", "%2F"), ("redis://app:a?b@h", "%3F"), ("redis://app:a@b@h", "%40"),
    ])
    func `a password that is not percent-encoded is told how it is`(
        url: String, hint: String
    ) async throws {
        let error = await storeError { _ = try RedisConfiguration(url: url) }
        #expect(error?.message.contains(hint) == true)
    }

    @Test func `its description does not show the password`() throws {
        let configuration = try RedisConfiguration(url: "redis://app:hunter2@h")
        #expect("\(configuration)" == "app@h:6379, database 0")
        let sentinels = try RedisConfiguration(
            url: "redis+sentinel://h/main?sentinel-user=app&sentinel-password=hunter2")
        #expect("\(sentinels.topology)" == "sentinel(app@main)")
    }

    @Test(
        arguments: [
            { $0.connections = 0 }, { $0.connections = 65 }, { $0.database = -1 },
            { $0.username = "app" }, { $0.commandTimeout = .zero }, { $0.connectTimeout = .zero },
            { $0.maximumReplyBytes = 0 }, { $0.maximumQueuedBytes = -1 },
            { $0.endpoint = .unix(path: String(repeating: "a", count: 108)) },
            { $0.reconnectDelay = .zero ... .seconds(1) },
        ] as [@Sendable (inout RedisConfiguration) -> Void])
    func `what can't work is refused before anything is opened`(
        change: @Sendable (inout RedisConfiguration) -> Void
    ) {
        var configuration = RedisConfiguration(endpoint: .tcp(host: "h", port: 1))
        change(&configuration)
        do {
            _ = try RedisClient(configuration)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .misconfigured)
        }
    }
}
