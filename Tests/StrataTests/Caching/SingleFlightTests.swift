import Testing

@testable import Strata

@Suite struct SingleFlightTests {
    private struct Broken: Error {}

    @Test func `who asks again after a failure gets an answer of its own`() async throws {
        let flights = SingleFlight<Int, Int>(maximumWaiting: 8)
        for number in 0..<5_000 {
            await #expect(throws: Broken.self) {
                try await flights.value(for: number) { _ in throw Broken() }
            }
            let again = try await flights.value(for: number) { $0(number) }
            #expect(again.value == number)
        }
    }
}
