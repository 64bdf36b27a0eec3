import Strata
import StrataCompression
import StrataTesting
import Synchronization
import Testing

@Suite struct `Compression of a response` {
    @Test(arguments: [("gzip", "gzip"), ("x-gzip", "gzip"), ("deflate", "deflate")])
    func `content comes back whole`(asked: String, coding: String) async throws {
        let response = try await answer(.sample(), to: ["Accept-Encoding": asked])
        #expect(response.headers[.contentEncoding] == coding)
        #expect(response.headers[.vary] == "Accept-Encoding")
        let encoded = try await response.body.collect(upTo: 1 << 20)
        #expect(encoded.count < longText.utf8.count / 4)
        #expect(Inflated(encoded) == Inflated(bytes: Array(longText.utf8), isWhole: true))
    }

    @Test func `what doesn't get smaller goes as it is`() async throws {
        var generator = SeededGenerator()
        let noise = (0..<5000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let response = try await answer(.sample(["ETag": "\"a\""], body: .bytes(noise)))
        #expect(response.headers[.contentEncoding] == nil)
        #expect(response.headers[.etag] == "\"a\"")
        #expect(response.headers[.vary] == "Accept-Encoding")
        #expect(try await response.body.collect(upTo: 5000) == noise)
    }

    @Test func `content too long to be held is compressed while it is sent`() async throws {
        var configuration = Compression.Configuration()
        configuration.maximumBufferedBytes = 1000
        let response = try await answer(
            .sample(["Content-Length": "3000"]), to: ["Accept-Encoding": "gzip"], .get,
            configuration)
        #expect(response.body.length == nil)
        #expect(response.headers[.contentLength] == nil)
        #expect(Inflated(try await response.body.collect(upTo: 5000)).text == longText)
    }

    @Test func `fields that were true of the identity are gone`() async throws {
        let fields: Headers = [
            "Content-Length": "3000", "Accept-Ranges": "bytes", "Content-Digest": "sha-256=:AA==:",
            "Repr-Digest": "sha-256=:AA==:", "Digest": "sha-256=AA", "content-md5": "AA==",
        ]
        let encoded = try await answer(.sample(fields))
        for field in fields { #expect(!encoded.headers.contains(field.name)) }
        let identity = try await answer(.sample(fields), to: [:])
        for field in fields { #expect(identity.headers[field.name] == field.value) }
    }

    static let varyFields: [(Headers, String)] = [
        ([:], "Accept-Encoding"),
        (["Vary": "Cookie"], "Cookie, Accept-Encoding"),
        (["Vary": "cookie, accept-encoding"], "cookie, accept-encoding"),
        (["Vary": "*"], "*"),
    ]

    @Test(arguments: varyFields)
    func `Vary tells of the choice, also where the choice is identity`(
        fields: Headers, vary: String
    ) async throws {
        for asked: Headers in [[:], ["Accept-Encoding": "gzip"], ["Accept-Encoding": "gzip;q=0"]] {
            #expect(try await answer(.sample(fields), to: asked).headers[.vary] == vary)
        }
    }

    @Test func `where there is no choice, there is no Vary`() async throws {
        let image = Response.sample(["Content-Type": "image/png"])
        #expect(try await answer(image).headers[.vary] == nil)
        #expect(try await answer(.sample().with(.never)).headers[.vary] == nil)
    }

    @Test func `HEAD has the fields of GET`() async throws {
        let fields: Headers = ["ETag": "\"a\""]
        let get = try await answer(.sample(fields))
        let head = try await answer(.sample(fields), to: ["Accept-Encoding": "gzip"], .head)
        #expect(head.headers == get.headers)
        #expect(head.body.length == get.body.length)

        let bare = try await answer(
            .sample(["ETag": "\"a\"", "Content-Length": "3000"], body: .empty),
            to: ["Accept-Encoding": "gzip"], .head)
        #expect(bare.headers == get.headers)
    }

    @Test func `a client that refuses everything gets identity, or 406 where configured`()
        async throws
    {
        let refusing: Headers = ["Accept-Encoding": "compress, *;q=0"]
        let identity = try await answer(.sample(), to: refusing)
        #expect(identity.status == .ok)
        #expect(identity.headers[.contentEncoding] == nil)
        #expect(identity.headers[.vary] == "Accept-Encoding")

        var configuration = Compression.Configuration()
        configuration.whenNothingIsAcceptable = .notAcceptable
        let calls = Mutex(0)
        let app = wrap({ _ in
            calls.withLock { $0 += 1 }
            return .sample()
        }) { Compression(configuration) }
        let refused = try await app(Request(.get, "/", headers: refusing))
        #expect(refused.status == .notAcceptable)
        #expect(refused.headers[.vary] == "Accept-Encoding")
        #expect(calls.withLock { $0 } == 0)
        #expect(try await app(Request(.get, "/", headers: [:])).status == .ok)
    }

    @Test func `each decision is an event`() async throws {
        let heard = Mutex<[String]>([])
        let events = Events { event in heard.withLock { $0.append(event.description) } }
        let app = wrap({ _ in .sample() }) { Compression(events: events) }
        _ = try await app(Request(.get, "/", headers: ["Accept-Encoding": "gzip"]))
        _ = try await app(Request(.get, "/", headers: ["Accept-Encoding": "identity"]))
        #expect(
            heard.withLock { $0 } == [
                "compression: gzip", "compression: identity (onlyAcceptable)",
            ])
    }

    @Test func `many at once don't disturb each other`() async throws {
        let app = wrap({ request in
            .sample(body: .text(longText + (request.query ?? "")))
        }) { Compression() }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let request = Request(
                        .get, "/?\(number)", headers: ["Accept-Encoding": "gzip"])
                    let body = try await app(request).body.collect(upTo: 1 << 16)
                    return Inflated(body).text == longText + "\(number)"
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }
}

@Suite struct `Encoded siblings` {
    @Test func `a hit is compressed once for each coding`() async throws {
        let siblings = Siblings(of: Array(longText.utf8))
        var hit = Response.sample(body: .bytes(siblings.identity))
        hit.encodedSiblings = siblings
        for coding in ["gzip", "deflate", "gzip", "deflate"] {
            let response = try await answer(hit, to: ["Accept-Encoding": coding])
            #expect(Inflated(try await response.body.collect(upTo: 5000)).text == longText)
        }
        #expect(siblings.offerCount == 2)
    }

    @Test func `what doesn't get smaller is tried once`() async throws {
        let noise = Array(UInt8.min ... .max)
        let siblings = Siblings(of: noise)
        var hit = Response.sample(body: .bytes(noise))
        hit.encodedSiblings = siblings
        for _ in 0..<3 {
            #expect(try await answer(hit).headers[.contentEncoding] == nil)
        }
        #expect(siblings.offerCount == 1)
    }

    @Test func `a body that was changed on the way is not mistaken for the kept one`() async throws
    {
        let siblings = Siblings(of: Array(longText.utf8))
        var hit = Response.sample(body: .bytes(siblings.identity))
        hit.encodedSiblings = siblings
        #expect(hit.encodedSiblings != nil)
        var changed = siblings.identity
        changed[0] = UInt8(ascii: "B")
        hit.body = .bytes(changed)
        let response = try await answer(hit)
        #expect(Inflated(try await response.body.collect(upTo: 5000)).bytes == changed)
        #expect(siblings.offerCount == 0)
    }
}
