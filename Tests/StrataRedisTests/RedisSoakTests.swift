import StrataTesting
import Testing

@testable import Strata
@testable import StrataRedis

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// How long the soak lasts: `STRATA_SOAK_SECONDS`, and not at all without it.
private let soakSeconds = getenv("STRATA_SOAK_SECONDS").flatMap { Int(String(cString: $0)) } ?? 0

/// The resident memory of this process in bytes.
private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = fread(&bytes, 1, bytes.count, file)
    let fields = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}

@Suite(.enabled(if: soakSeconds > 0, "set STRATA_SOAK_SECONDS"))
struct `While Redis fails again and again` {
    @Test func `no value is wrong, no error unexpected, memory stays flat, and every key ends`()
        async throws
    {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var servers = try await ReplicatedServers(replicas: 1).all
        let url = "redis://" + servers.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
        var configuration = try RedisConfiguration(url: url + "?reads=quickest")
        configuration.commandTimeout = .milliseconds(200)
        let client = try RedisClient(configuration)
        let store = RedisStore(client: client, timeLimit: .milliseconds(40))
        let clock = ContinuousClock()
        let end = clock.now + .seconds(soakSeconds)
        let middle = clock.now + .seconds(soakSeconds / 3)
        var early = 0

        try await withThrowingTaskGroup(of: (hits: Int, failures: Int).self) { group in
            for task in 0..<32 {
                group.addTask {
                    var (hits, failures) = (0, 0)
                    var generator = SeededGenerator(seed: seed &+ UInt64(task))
                    while clock.now < end {
                        let number = Int.random(in: 0..<500, using: &generator)
                        let key = "key-\(number)"
                        let content = [UInt8](
                            repeating: UInt8(number % 251), count: 100 + number * 37 % 9000)
                        do throws(StoreError) {
                            switch Int.random(in: 0..<10, using: &generator) {
                            case 0..<6:
                                let value = try await store.value(for: key, as: [UInt8].self)
                                if let value {
                                    #expect(value == content, "seed \(seed)")
                                    hits += 1
                                }
                            case 6..<8:
                                try await store.set(
                                    content, for: key, timeToLive: .seconds(600))
                            case 8:
                                _ = try await store.generations(of: ["a", key])
                            default:
                                try await store.advanceGenerations(
                                    of: [key], .hard, timeToLive: .seconds(600))
                            }
                        } catch {
                            failures += 1
                            let expected: [StoreError.Code] = [.unavailable, .timedOut, .refused]
                            #expect(expected.contains(error.code), "seed \(seed): \(error)")
                            // As long as nothing answers, the tasks need not spin.
                            try? await Task.sleep(for: .milliseconds(2))
                        }
                    }
                    return (hits, failures)
                }
            }
            while clock.now < end {
                try await Task.sleep(
                    for: .milliseconds(Int.random(in: 100...600, using: &generator)))
                if early == 0, clock.now > middle { early = residentBytes() }
                let victim = servers[0]
                switch Int.random(in: 0..<5, using: &generator) {
                case 0:
                    victim.kill()
                    try await Task.sleep(for: .milliseconds(200))
                    try await victim.start()
                case 1:
                    victim.suspend()
                    try await Task.sleep(for: .milliseconds(300))
                    victim.resume()
                case 2: _ = try? await client.send("FLUSHALL")
                case 3:
                    // A failover: the other one is promoted, and this one copies it.
                    _ = try? await servers[1].client().send("REPLICAOF", "NO", "ONE")
                    _ = try? await victim.client().send(
                        "REPLICAOF", "127.0.0.1", .integer(servers[1].port))
                    servers.swapAt(0, 1)
                default: _ = try? await client.send("CLIENT", "KILL", "TYPE", "normal")
                }
            }
            var (hits, failures) = (0, 0)
            for try await result in group {
                hits += result.hits
                failures += result.failures
            }
            print("soak: \(hits) hits, \(failures) failures, seed \(seed)")
            #expect(hits > soakSeconds * 100)
        }
        // All is well again, and nothing is left that does not end.
        try await eventually {
            (try? await store.set([1], for: "last", timeToLive: .seconds(60))) != nil
        }
        for server in servers {
            let own = try server.client()
            for key in try await own.send("KEYS", "*").array ?? [] {
                let life = try await own.send("PTTL", .bytes(key.bytes ?? [])).integer ?? 0
                #expect(life > 0 || life == -2, "\(key.text ?? "")")
            }
        }
        let late = residentBytes()
        print("soak: \(early) bytes resident after a third, \(late) at the end")
        #expect(late < early + (32 << 20))
    }
}
