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
        .encoded(.bytes([1, 2, 3])),
        .encoded(.notSmaller),
    ]

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
        for version: UInt8 in [0, 2, 255] {
            var bytes = Self.full.storeBytes
            bytes[0] = version
            #expect(CacheRecord(storeBytes: bytes) == nil)
        }
    }

    @Test func `the first version's wire form stays what it is`() {
        let index = CacheRecord.variants(
            VariantIndex(
                epoch: 1, nameSets: [["A"]], variants: [.init(key: "k", etag: "e")]))
        #expect(
            index.storeBytes == [
                1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 65, 1, 0, 0, 0,
                1, 0, 0, 0, 107, 1, 1, 0, 0, 0, 101,
            ])
    }

    @Test func `damaged bytes never trap`() {
        var generator = SeededGenerator()
        for _ in 0..<20_000 {
            var bytes = Self.records.randomElement(using: &generator)?.storeBytes ?? []
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(
                    in: .min ... .max, using: &generator)
            }
            if let record = CacheRecord(storeBytes: bytes) {
                #expect(CacheRecord(storeBytes: record.storeBytes) == record)
            }
        }
    }
}
