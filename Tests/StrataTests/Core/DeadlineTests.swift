import Strata
import Synchronization
import Testing

@Suite struct `A deadline` {
    @Test func `is the earliest of those around, and over with its body`() async {
        #expect(Deadline.timeLeft == nil)
        await Deadline.within(.seconds(60)) {
            let minute = Duration.seconds(30) ... .seconds(60)
            #expect(Deadline.timeLeft.map(minute.contains) == true)
            await Deadline.within(.seconds(600)) {
                #expect(Deadline.timeLeft.map(minute.contains) == true)
            }
            await Deadline.within(.zero) {
                #expect(Deadline.timeLeft == .zero)
                await Deadline.within(.seconds(1)) { #expect(Deadline.timeLeft == .zero) }
            }
        }
        #expect(Deadline.timeLeft == nil)
    }

    @Test func `is a request's own, and not that of what is made for others as well`() async throws
    {
        let seen = Mutex<[String: Bool]>([:])
        let app = wrap({ request in
            seen.withLock { $0[request.path] = Deadline.timeLeft != nil }
            return Response(headers: [.cacheControl: "max-age=60"], body: .bytes([1]))
        }) { Caching(store: MemoryStore(), rules: [.path("/own").never]) }
        try await Deadline.within(.seconds(60)) {
            for path in ["/own", "/shared"] { _ = try await app(Request(path: path)) }
        }
        #expect(seen.withLock(\.self) == ["/own": true, "/shared": false])
    }
}
