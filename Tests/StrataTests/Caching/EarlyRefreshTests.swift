import StrataTesting
import Synchronization
import Testing

@testable import Strata

@Suite struct `Early refresh` {
    @Test(
        arguments: [
            // (milliseconds left, cost, beta, draw, whether it is due); -ln(0.5) is 0.69
            (60, 100, 1, 0.5, true), (70, 100, 1, 0.5, false), (70, 100, 2, 0.5, true),
            (70, 100, 1, 0.1, true), (0, 100, 1, 0.999, true), (3_600, 100, 1, 0, true),
            (3_800, 100, 1, 0, false), (1, 0, 1, 0, false), (1, 100, 0, 0, false),
        ] as [(Int, Int, Double, Double, Bool)])
    func `is drawn by what is left and what a fill costs`(
        left: Int, cost: Int, beta: Double, draw: Double, isDue: Bool
    ) {
        let isRefreshed = EarlyRefresh.isDue(
            timeToLive: .milliseconds(left), cost: .milliseconds(cost), beta: beta
        ) { draw }
        #expect(isRefreshed == isDue)
    }

    @Test func `draws only where it may matter`() {
        let isDue = EarlyRefresh.isDue(
            timeToLive: .seconds(60), cost: .milliseconds(1), beta: 1
        ) {
            Issue.record("it drew")
            return 0
        }
        #expect(!isDue)
    }

    /// The body of a response that takes time until it begins, or until it ends.
    private static func body(_ isStream: Bool, _ time: ManualTime) -> Body {
        guard isStream else {
            time.advance(by: .milliseconds(100))
            return .bytes([1])
        }
        return .stream(
            BodyStream { writer in
                time.advance(by: .milliseconds(100))
                try await writer.write("1")
            })
    }

    @Test(arguments: [false, true])
    func `a hit refreshes in the background and is answered at once`(isStream: Bool) async throws {
        let time = ManualTime()
        let store = MemoryStore(time: time)
        let calls = Mutex(0)
        let draws = Mutex(0.999)
        let app = wrap({ _ in
            calls.withLock { $0 += 1 }
            return Response(
                headers: [.cacheControl: "max-age=1"], body: Self.body(isStream, time))
        }) {
            Caching(store: store, time: time, draw: { draws.withLock(\.self) })
        }
        _ = try await app(Request(path: "/a")).body.collect(upTo: 10)
        while store.entryCount == 0 { await Task.yield() }
        time.advance(by: .milliseconds(800))
        _ = try await app(Request(path: "/a"))
        for _ in 0..<100 { await Task.yield() }
        #expect(calls.withLock(\.self) == 1)
        draws.withLock { $0 = 0.1 }
        let response = try await app(Request(path: "/a"))
        #expect(response.headers.first("Cache-Status")?.contains("hit") == true)
        while calls.withLock(\.self) < 2 { await Task.yield() }
    }
}
