import Strata
import StrataTesting
import Testing

@testable import StrataCompression

@Suite struct `Remembered negotiations` {
    @Test func `are what is negotiated anew`() {
        let table = NegotiationTable(offers: [.gzip, .deflate])
        for _ in 0..<2 {
            for row in `Negotiation of codings`.rows {
                var headers = Headers()
                for line in row.lines { try? headers.append(.acceptEncoding, line) }
                let outcome = table.outcome(for: headers)
                #expect(outcome.negotiation == row.expected, "\(row.lines): \(row.why)")
                #expect(outcome.accepted == QualityList(headers, .acceptEncoding))
            }
        }
    }

    @Test func `are bounded in number and length`() {
        let table = NegotiationTable(offers: [.gzip])
        for number in 0..<1000 {
            _ = table.outcome(for: [.acceptEncoding: "gzip, x\(number)"])
            #expect(table.count <= NegotiationTable.maximumCount)
        }
        let count = table.count
        let long = "gzip, " + String(repeating: "x", count: NegotiationTable.maximumBytes)
        #expect(table.outcome(for: [.acceptEncoding: long]).negotiation == .coding(.gzip))
        #expect(table.count == count)
    }

    @Test func `of texts that only look alike are kept apart`() {
        let table = NegotiationTable(offers: [.gzip])
        #expect(
            table.outcome(for: [.acceptEncoding: "gzip\u{37E}q=0"]).negotiation
                == .identity(.onlyAcceptable))
        #expect(
            table.outcome(for: [.acceptEncoding: "gzip;q=0, *"]).negotiation
                == .identity(.onlyAcceptable))
        #expect(table.outcome(for: [.acceptEncoding: "gzip;q=1"]).negotiation == .coding(.gzip))
        #expect(
            table.outcome(for: [.acceptEncoding: "gzip\u{37E}q=1"]).negotiation
                == .identity(.onlyAcceptable))
    }
}
