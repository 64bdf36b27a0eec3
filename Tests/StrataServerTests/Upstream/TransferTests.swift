#if Server
    import Strata
    import Testing

    @testable import StrataServer

    @Suite struct TransferTests {
        /// A transfer of which nobody tells libcurl.
        private func transfer() -> Transfer {
            var configuration = Upstream.Configuration()
            configuration.maximumBufferedBytes = 1
            let request = OutgoingRequest(
                method: .put, target: "/", host: "a", fields: [:], content: .length(9),
                expectsContinue: false)
            return Transfer(request, configuration, CurlLoop(base: "http://a", configuration))
        }

        @Test func `a head that can't be read wakes everybody who waits`() async throws {
            let transfer = transfer()
            let receiving = Task.immediate { try await transfer.next() }
            let sending = Task.immediate { try await transfer.send([1]) }
            let (waiters, isOver) = Array("nonsense\r\n".utf8).withUnsafeBytes {
                transfer.received(headLine: $0)
            }
            try #require(isOver && waiters.count == 2)
            for waiter in waiters { waiter.resume() }
            await #expect(throws: UpstreamError.self) { try await receiving.value }
            _ = await sending.result
        }

        @Test func `a response that overtakes its request wakes who sends`() async throws {
            let transfer = transfer()
            let sending = Task.immediate { try await transfer.send([1]) }
            var woken: [Transfer.Waiter]?
            for _ in 0..<99 where woken == nil {
                if case .over(let waiters) = [0].withUnsafeBytes({ transfer.received($0) }) {
                    woken = waiters
                }
            }
            let waiters = try #require(woken)
            try #require(waiters.count == 1)
            for waiter in waiters { waiter.resume() }
            _ = await sending.result
            await #expect(throws: CancellationError.self) { try await transfer.send([2]) }
        }
    }
#endif
