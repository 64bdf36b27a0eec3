import StrataTesting
import Testing

@testable import Strata

@Suite struct `Encoded forms beside a stored response` {
    static let gzip: Headers = [.acceptEncoding: "gzip"]

    static func harness() -> CachingHarness {
        CachingHarness { request in
            var response = Response(
                headers: [.cacheControl: "max-age=60"], body: .text("the content"))
            if request.path == "/varied" { response.headers[.vary] = "Accept-Language" }
            if request.path == "/never" { response.compression = .never }
            if request.path == "/always" { response.compression = .always }
            return response
        }
    }

    @Test func `what the first request made is there for the next`() async throws {
        let harness = Self.harness()
        let first = try await harness.send(.get, "/", Self.gzip)
        let siblings = try #require(first.response.encodedSiblings)
        #expect(await siblings.sibling(in: "gzip") == nil)
        await siblings.offer(.bytes([1, 2]), in: "gzip")
        await siblings.offer(.notSmaller, in: "br")

        let second = try await harness.send(.get, "/", Self.gzip)
        #expect(second.isHit)
        let found = try #require(second.response.encodedSiblings)
        let hashes = [siblings, found].map { siblings in
            var hasher = Hasher()
            siblings.hash(into: &hasher)
            return hasher.finalize()
        }
        #expect(hashes[0] == hashes[1])
        #expect(await found.sibling(in: "gzip") == .bytes([1, 2]))
        #expect(await found.sibling(in: "br") == .notSmaller)
        #expect(await found.sibling(in: "zstd") == nil)
    }

    @Test func `in memory they count with their response, and go with it`() async throws {
        let store = MemoryStore()
        let app = wrap({ _ in
            Response(headers: [.cacheControl: "max-age=60"], body: .text("the content"))
        }) { Caching(store: store) }
        let request = Request(.get, "/", headers: Self.gzip)
        _ = try await app(request)
        let siblings = try #require(try await app(request).encodedSiblings)
        let before = (bytes: store.byteCount, entries: store.entryCount)
        await siblings.offer(.bytes(Array(repeating: 1, count: 1000)), in: "gzip")
        #expect(store.entryCount == before.entries)
        #expect((1000...1100).contains(store.byteCount - before.bytes))
        // One in the place of another, and in another coding.
        await siblings.offer(.densest(Array(repeating: 1, count: 500)), in: "gzip")
        await siblings.offer(.notSmaller, in: "br")
        let hit = try #require(try await app(request).encodedSiblings)
        #expect(await hit.sibling(in: "gzip") == .densest(Array(repeating: 1, count: 500)))
        #expect(await hit.sibling(in: "br") == .notSmaller)
        #expect((500...700).contains(store.byteCount - before.bytes))
        #expect(store.inconsistencies == [])

        // What comes too late is not kept.
        let key = CacheKey(request, query: .exact).text
        try await store.remove([key])
        await hit.offer(.bytes([1]), in: "gzip")
        #expect(store.entryCount == 0)
    }

    @Test func `they outlive a validation`() async throws {
        let harness = CachingHarness { request in
            guard request.headers.contains(.ifNoneMatch) else {
                return Response(
                    headers: [.cacheControl: "max-age=60", .etag: "\"1\""],
                    body: .text("the content"))
            }
            return Response(status: .notModified, headers: [.etag: "\"1\""])
        }
        let first = try await harness.send(.get, "/", Self.gzip)
        await first.response.encodedSiblings?.offer(.bytes([1, 2]), in: "gzip")
        harness.time.advance(by: .seconds(61))
        _ = try await harness.send(.get, "/", Self.gzip)
        let hit = try await harness.send(.get, "/", Self.gzip)
        #expect(hit.isHit)
        #expect(await hit.response.encodedSiblings?.sibling(in: "gzip") == .bytes([1, 2]))
    }

    @Test func `each variant has its own`() async throws {
        let harness = Self.harness()
        for language in ["de", "en"] {
            let headers: Headers = [.acceptEncoding: "gzip", .acceptLanguage: language]
            _ = try await harness.send(.get, "/varied", headers)
            let hit = try await harness.send(.get, "/varied", headers)
            let siblings = try #require(hit.response.encodedSiblings)
            #expect(await siblings.sibling(in: "gzip") == nil)
            await siblings.offer(.bytes(Array(language.utf8)), in: "gzip")
            #expect(await siblings.sibling(in: "gzip") == .bytes(Array(language.utf8)))
        }
    }

    @Test func `those of what was there before are not found`() async throws {
        let harness = Self.harness()
        let first = try await harness.send(.get, "/", Self.gzip)
        await first.response.encodedSiblings?.offer(.bytes([1]), in: "gzip")
        try await harness.caching.purge(.everything)
        harness.time.advance(by: .milliseconds(1))
        for _ in 0..<2 {
            let next = try await harness.send(.get, "/", Self.gzip)
            #expect(await next.response.encodedSiblings?.sibling(in: "gzip") == nil)
        }
    }

    @Test func `there are none for who asks for no coding, and none beside a part or a 304`()
        async throws
    {
        let harness = Self.harness()
        for _ in 0..<2 {
            #expect(try await harness.send().response.encodedSiblings == nil)
            let part = try await harness.send(
                .get, "/", [.acceptEncoding: "gzip", .range: "bytes=0-1"])
            #expect(part.response.encodedSiblings == nil)
        }
    }

    @Test(arguments: [
        ("/never", ResponseCompression.never), ("/always", .always), ("/", .automatic),
    ])
    func `what the handler wants of its compression holds for hits`(
        path: String, expected: ResponseCompression
    ) async throws {
        let harness = Self.harness()
        for isHit in [false, true] {
            let reply = try await harness.send(.get, path, Self.gzip)
            #expect(reply.isHit == isHit)
            #expect(reply.response.compression == expected)
        }
    }
}
