import Foundation
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

    /// What a version writes: a file is never changed, and a new version brings one of its own.
    private static func golden(version: Int) throws -> [[UInt8]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Golden/records-\(version).hex")
        let text = try String(contentsOf: file, encoding: .utf8)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            stride(from: 0, to: line.utf8.count, by: 2).compactMap { offset in
                UInt8(line.dropFirst(offset).prefix(2), radix: 16)
            }
        }
    }

    @Test func `what the first version wrote is still read`() throws {
        let records = try Self.golden(version: 1).map { CacheRecord(storeBytes: $0) }
        guard records.count == 1, case .response(let response)? = records[0] else {
            Issue.record("not read")
            return
        }
        #expect(response.head.status == .ok)
        #expect(response.content == [120])
        #expect(
            response.head.generations == [NamedGeneration(name: "g", generation: Generation(9))])
    }

    @Test func `what the second version wrote is still read`() throws {
        let records = try Self.golden(version: 2).map { CacheRecord(storeBytes: $0) }
        guard records.count == 2, case .response(let response)? = records[0] else {
            Issue.record("not read")
            return
        }
        let generation = Generation(9, staleSince: Timestamp(nanoseconds: 5))
        #expect(response.head.cost == .zero)
        #expect(response.head.generations == [NamedGeneration(name: "g", generation: generation)])
        let index = VariantIndex(
            epoch: 1, nameSets: [["A"]], variants: [.init(key: "k", etag: "e")])
        #expect(records[1] == .variants(index))
    }

    /// Instances of this version and of a later one share a store, and a script in Redis follows
    /// from record to record by these bytes.
    @Test func `each record is written as the third version writes it`() throws {
        let golden = try Self.golden(version: 3)
        #expect(golden.count == Self.records.count)
        for (record, golden) in zip(Self.records, golden) { #expect(record.storeBytes == golden) }
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
