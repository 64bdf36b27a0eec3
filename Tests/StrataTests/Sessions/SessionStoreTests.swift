import StrataTesting
import Testing

@testable import Strata

@Suite struct MemorySessionsTests {
    @Test(arguments: SessionStoreConformance.checks)
    func `sessions in memory keep the contract`(check: SessionStoreConformance.Check) async {
        let time = ManualTime()
        let failures = await check.failures(of: MemorySessions(time: time)) {
            time.advance(by: $0)
        }
        #expect(failures.isEmpty)
    }

    @Test func `what expired is forgotten, so that memory does not grow`() async throws {
        let time = ManualTime()
        let store = MemorySessions(time: time)
        for number in 0..<20_000 {
            try await store.create(
                NewSession(lifetime: SessionLifetime(idle: .seconds(1), absolute: .seconds(10))),
                as: digest(number))
            time.advance(by: .milliseconds(10))
        }
        #expect(store.usage.entries <= 1_024)
        #expect(store.usage.bytes == store.usage.entries * 512)
    }

    @Test func `no session begins above the bound, and none is pushed out by it`() async throws {
        let time = ManualTime()
        let store = MemorySessions(maximumBytes: 10_000, time: time)
        var refused = 0
        for number in 0..<40 {
            do {
                try await store.create(
                    NewSession(lifetime: .aal2, values: ["a": [1]]), as: digest(number))
            } catch {
                #expect(error.code == .refused)
                refused += 1
            }
        }
        #expect(refused > 0 && store.usage.bytes <= 10_000)
        guard case .found = try await store.load(digest(0)) else {
            Issue.record("The first session is gone")
            return
        }
        let growth = SessionUpdate(changes: ["b": .set([UInt8](repeating: 0, count: 10_000))])
        await #expect(throws: StoreError.self) { try await store.apply(growth, to: digest(0)) }
        time.advance(by: .seconds(1_801))
        try await store.create(NewSession(lifetime: .aal2), as: digest(100))
        #expect(store.usage.entries == 1)
    }

    private func digest(_ number: Int) -> SessionDigest {
        SessionDigest(of: Array(String(number).utf8), kind: "test")
    }
}

@Suite struct SessionLifecycleTests {
    @Test(arguments: [
        (0, 160, 1_000, SessionExpiry.current), (9, 160, 1_000, .current),
        (10, 160, 1_000, .slides(to: .seconds(170))), (159, 160, 1_000, .slides(to: .seconds(319))),
        (160, 160, 1_000, .expiredIdle), (500, 160, 1_000, .expiredIdle),
        (995, 999, 1_000, .current), (900, 989, 1_000, .slides(to: .seconds(1_000))),
        (999, 1_000, 1_000, .current), (1_000, 1_000, 1_000, .expiredAbsolute),
        (1_000, 2_000, 1_000, .expiredAbsolute),
    ])
    func `time ends a session, or puts its end off`(
        now: Int, end: Int, absoluteEnd: Int, expected: SessionExpiry
    ) {
        let expiry = SessionLifetime.expiry(
            idle: .seconds(160), end: .seconds(end), absoluteEnd: .seconds(absoluteEnd),
            now: .seconds(now))
        #expect(expiry == expected)
    }
}
