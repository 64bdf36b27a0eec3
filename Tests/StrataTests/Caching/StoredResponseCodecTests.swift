import Glibc
import StrataTesting
import Testing

@testable import Strata

struct StoredResponseCodecTests {
    private static let full: CacheRecord = {
        var headers: Headers = [.contentType: "text/plain", .etag: "\"1\""]
        try? headers.append("X-Bytes", bytes: [0xE9, 0xFF])
        var head = StoredHead.test(
            headers: headers,
            terms: ReuseTerms(
                lifetime: .seconds(60), staleWhileRevalidate: .seconds(1),
                staleIfError: .seconds(2), requiresValidation: true, forbidsStale: true))
        head.cost = .milliseconds(7)
        head.selection = [
            SelectingField(name: .acceptLanguage, value: "de"),
            SelectingField(name: "X-None", value: nil),
        ]
        return .response(StoredResponse(head: head, content: [0, 1, 2, 255]))
    }()

    static let records: [CacheRecord] = [
        full,
        .uncacheable,
        .variants(
            VariantIndex(
                epoch: 7, nameSets: [[.acceptLanguage], [.acceptEncoding, "X-Other"]],
                variants: [
                    .init(key: "a\nvary", etag: "\"1\""), .init(key: "b\nvary", etag: nil),
                ])),
        .variants(
            VariantIndex(
                epoch: 8, nameSets: [[.acceptLanguage]],
                variants: [
                    .init(
                        key: "a", etag: nil,
                        fields: [
                            SelectingField(name: .acceptLanguage, value: "de"),
                            SelectingField(name: "X-None", value: nil),
                        ], language: "de", coding: "identity")
                ])),
        .encoded(.bytes([1, 2, 3])),
        .encoded(.notSmaller),
        .searches([
            SearchVariance(.only(["a b", "c"]), isOrderSignificant: true),
            SearchVariance(.allExcept(["\u{e9}"]), isOrderSignificant: false),
        ]),
        .encoded(.densest([1, 2, 3])),
        compressed(.never),
        compressed(.always),
    ]

    private static func compressed(_ compression: ResponseCompression) -> CacheRecord {
        var head = StoredHead.test()
        head.compression = compression
        return .response(StoredResponse(head: head, content: [1]))
    }

    @Test(arguments: records)
    func `a record survives its wire form`(record: CacheRecord) {
        #expect(CacheRecord(storeBytes: record.storeBytes) == record)
    }

    @Test(arguments: records)
    func `a record that is cut short is no record`(record: CacheRecord) {
        let bytes = record.storeBytes
        for count in 0..<bytes.count {
            #expect(CacheRecord(storeBytes: Array(bytes[..<count])) == nil)
        }
        #expect(CacheRecord(storeBytes: bytes + [0]) == nil)
    }

    @Test func `a record of another version is no record`() {
        for version: UInt8 in [0, 4, 255] {
            var bytes = Self.full.storeBytes
            bytes[0] = version
            #expect(CacheRecord(storeBytes: bytes) == nil)
        }
    }

    @Test func `what the first version wrote is still read`() {
        // A head with one generation, and the content "x".
        let bytes: [UInt8] =
            [1, 0, 200, 0, 0, 0, 0, 0]
            + [UInt8](repeating: 0, count: 5 * 8) + [0]
            + [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 103, 9, 0, 0, 0, 0, 0, 0, 0]
            + [UInt8](repeating: 0, count: 3 * 8) + [1, 0, 0, 0, 120]
        guard case .response(let response)? = CacheRecord(storeBytes: bytes) else {
            Issue.record("not read")
            return
        }
        #expect(response.head.status == .ok)
        #expect(response.content == [120])
        #expect(
            response.head.generations == [NamedGeneration(name: "g", generation: Generation(9))])
    }

    @Test func `what the second version wrote is still read`() {
        let bytes: [UInt8] =
            [2, 0, 200, 0, 0, 0, 0, 0]
            + [UInt8](repeating: 0, count: 5 * 8) + [0]
            + [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 103, 9, 0, 0, 0, 0, 0, 0, 0]
            + [5, 0, 0, 0, 0, 0, 0, 0]
            + [UInt8](repeating: 0, count: 3 * 8) + [1, 0, 0, 0, 120]
        guard case .response(let response)? = CacheRecord(storeBytes: bytes) else {
            Issue.record("not read")
            return
        }
        let generation = Generation(9, staleSince: Timestamp(nanoseconds: 5))
        #expect(response.head.cost == .zero)
        #expect(response.head.generations == [NamedGeneration(name: "g", generation: generation)])
    }

    /// Instances of this version and of a later one share a store, and a script in Redis follows
    /// from record to record by these bytes.
    @Test func `each record is written as the third version writes it`() {
        for (record, golden) in zip(Self.records, Self.golden) {
            let text = record.storeBytes.map {
                ($0 < 16 ? "0" : "") + String($0, radix: 16)
            }.joined()
            #expect(text == golden)
        }
        #expect(Self.golden.count == Self.records.count)
    }

    private static let golden: [String] = [
        "0300c800030000000c000000436f6e74656e742d547970650a000000746578742f706c61696e0400"
            + "0000455461670300000022312207000000582d427974657302000000e9ff000064a7b3b6e00d0000"
            + "64a7b3b6e00d005847f80d00000000ca9a3b00000000009435770000000003020000000f00000041"
            + "63636570742d4c616e67756167650102000000646506000000582d4e6f6e6500010000000a000000"
            + "65766572797468696e67000000000000000000000000000000800000000000000000000000000000"
            + "00000000000000000000c0cf6a000000000004000000000102ff",
        "0302",
        "0301070000000000000002000000010000000f0000004163636570742d4c616e6775616765020000"
            + "000f0000004163636570742d456e636f64696e6707000000582d4f74686572020000000600000061"
            + "0a76617279010300000022312200000000000006000000620a7661727900000000000000",
        "0301080000000000000001000000010000000f0000004163636570742d4c616e6775616765010000"
            + "00010000006100020000000f0000004163636570742d4c616e677561676501020000006465060000"
            + "00582d4e6f6e65000102000000646501080000006964656e74697479",
        "030303000000010203",
        "0304",
        "0305020000001c000000706172616d732c206578636570743d282261253230622220226322291c00"
            + "00006b65792d6f726465722c20706172616d733d28222543332541392229",
        "030603000000010203",
        "0300c80000000000000064a7b3b6e00d000064a7b3b6e00d005847f80d0000000000000000000000"
            + "00000000000000000400000000010000000a00000065766572797468696e67000000000000000000"
            + "00000000000080000000000000000000000000000000000000000000000000000000000000000001"
            + "00000001",
        "0300c80000000000000064a7b3b6e00d000064a7b3b6e00d005847f80d0000000000000000000000"
            + "00000000000000000800000000010000000a00000065766572797468696e67000000000000000000"
            + "00000000000080000000000000000000000000000000000000000000000000000000000000000001"
            + "00000001",
    ]

    @Test func `the wire form stays what it is`() {
        let index = CacheRecord.variants(
            VariantIndex(
                epoch: 1, nameSets: [["A"]], variants: [.init(key: "k", etag: "e")]))
        #expect(
            index.storeBytes == [
                3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 65, 1, 0, 0, 0,
                1, 0, 0, 0, 107, 1, 1, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0,
            ])
        // As the second version wrote it.
        let second = [2] + index.storeBytes.dropFirst().dropLast(6)
        #expect(CacheRecord(storeBytes: second) == index)
    }

    /// The environment variable `STRATA_FUZZ_SECONDS` makes it run that long.
    @Test func `damaged bytes never trap`() {
        var generator = SeededGenerator()
        let seconds = getenv("STRATA_FUZZ_SECONDS").flatMap { Double(String(cString: $0)) }
        let start = ContinuousClock.now
        var round = 0
        while seconds.map({ ContinuousClock.now - start < .seconds($0) }) ?? (round < 20_000) {
            round += 1
            let bytes = Self.damaged(using: &generator)
            guard let record = CacheRecord(storeBytes: bytes) else { continue }
            guard CacheRecord(storeBytes: record.storeBytes) == record else {
                Issue.record("seed \(generator.seed): \(bytes) reads otherwise the second time")
                return
            }
        }
    }

    /// A record's bytes, or those of two, with some put in, taken out and replaced.
    private static func damaged(using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = records.randomElement(using: &generator)?.storeBytes ?? []
        for _ in 0..<Int.random(in: 0...5, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            let end = min(bytes.count, place + Int.random(in: 0...8, using: &generator))
            let byte: UInt8 =
                [0, 1, 2, 127, 128, 255, .random(in: .min ... .max, using: &generator)]
                .randomElement(using: &generator) ?? 0
            switch Int.random(in: 0...5, using: &generator) {
            case 0: bytes.insert(byte, at: place)
            case 1: bytes.removeSubrange(place..<end)
            case 2, 3:
                bytes.replaceSubrange(place..<end, with: repeatElement(byte, count: end - place))
            case 4:
                let other = records.randomElement(using: &generator)?.storeBytes ?? []
                bytes.replaceSubrange(place..., with: other.suffix(max(0, other.count - place)))
            default: bytes.removeSubrange(end...)
            }
        }
        return bytes
    }
}
