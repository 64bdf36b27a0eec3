import StrataTesting
import Synchronization
import Testing

@testable import Strata

@Suite struct PaginationBodyTests {
    /// Hears what the layer tells.
    final class Listener: Sendable {
        private let heard = Mutex<[PaginationEvent]>([])
        var outcomes: [PaginationEvent.Outcome] { heard.withLock { $0.map(\.outcome) } }
        var events: Events {
            Events { event in
                if let event = event as? PaginationEvent {
                    self.heard.withLock { $0.append(event) }
                }
            }
        }
    }

    static func stream(_ pieces: [String], type: String = "application/json") -> Response {
        Response(
            headers: [.contentType: type],
            body: .stream(
                BodyStream { writer in
                    for piece in pieces { try await writer.write(piece) }
                }))
    }

    @Test(arguments: [false, true])
    func `a producer of 1,000,000 objects is stopped after the limit`(_ isEnvelope: Bool)
        async throws
    {
        let written = Atomic(0)
        let ended = Gate()
        var configuration = Pagination.Configuration()
        configuration.style.listPath = ["data", "items"]
        let shop = Shop(
            pagination: Pagination(
                defaultLimit: 20, maximumLimit: 100, configuration: configuration)
        ) { _ in
            Response(
                headers: [.contentType: "application/json"],
                body: .stream(
                    BodyStream { writer in
                        defer { ended.open() }
                        try await writer.write(isEnvelope ? #"{"data":{"items":["# : "[")
                        for number in 0..<1_000_000 {
                            try await writer.write(#"\#(number > 0 ? "," : ""){"id":\#(number)}"#)
                            written.add(1, ordering: .relaxed)
                        }
                        try await writer.write(isEnvelope ? "]}}" : "]")
                    }))
        }
        let answer = try await shop.get("/products")
        try await ended.pass()
        #expect(answer.ids == Array(0..<20))
        #expect(answer.text.hasSuffix(isEnvelope ? "}]}}" : "}]"))
        #expect(written.load(ordering: .relaxed) == 20)
        #expect(answer.link("next") != nil)
    }

    @Test func `a producer that ignores that it was stopped is cancelled`() async throws {
        let ended = Gate()
        let shop = Shop { _ in
            Response(
                headers: [.contentType: "application/json"],
                body: .stream(
                    BodyStream { writer in
                        defer { ended.open() }
                        try await writer.write("[")
                        while !Task.isCancelled { try? await writer.write("1,") }
                    }))
        }
        #expect(try await shop.get("/products?limit=3").text == "[1,1,1]")
        try await ended.pass()
    }

    @Test func `a stream is walked as a body that is all there`() async throws {
        let pieces = Shop.items(100).split(separator: ",", omittingEmptySubsequences: false)
        let shop = Shop(
            Self.stream(pieces.map { $0 + "," }.dropLast() + [String(pieces.last ?? "")]))
        var ids: [Int] = []
        var target: String? = "/products?limit=9"
        while let here = target {
            let answer = try await shop.get(here)
            ids += answer.ids
            target = answer.link("next")
        }
        #expect(ids == Array(0..<100))
    }

    @Test func `an error of the producer reaches the caller before anything is sent`() async throws
    {
        struct Broken: Error {}
        let shop = Shop { _ in
            Response(
                headers: [.contentType: "application/json"],
                body: .stream(
                    BodyStream { writer in
                        try await writer.write("[1,2")
                        throw Broken()
                    }))
        }
        await #expect(throws: Broken.self) { try await shop.get("/products") }
        #expect(try await shop.get("/products?limit=1").text == "[1]")
    }

    struct Uncut: Sendable {
        var type: String? = "application/json"
        var headers: Headers = [:]
        var text: String
        var obstacle: PaginationEvent.Obstacle
    }

    static let uncuttable: [Uncut] = [
        Uncut(type: "text/plain", text: "[1,2,3,4]", obstacle: .content),
        Uncut(type: nil, text: "[1,2,3,4]", obstacle: .content),
        Uncut(headers: [.contentEncoding: "gzip"], text: "[1,2,3,4]", obstacle: .encoded),
        Uncut(text: #"{"id":7,"list":[1,2,3,4]}"#, obstacle: .noList),
        Uncut(text: "7", obstacle: .noList),
        Uncut(text: "[1,x,3,4] and more behind it", obstacle: .malformed(.syntax, at: 3)),
        Uncut(text: "[1,2", obstacle: .malformed(.incomplete, at: 4)),
        Uncut(text: "", obstacle: .malformed(.incomplete, at: 0)),
        Uncut(
            text: "[\"" + String(repeating: "x", count: 300) + "\",2,3]", obstacle: .tooLarge),
    ]

    @Test(arguments: uncuttable.indices, [1, 2, 1000])
    func `what can't be cut is passed unchanged, reported or refused`(
        _ index: Int, _ size: Int
    ) async throws {
        let row = Self.uncuttable[index]
        for policy in [Pagination.Uncuttable.pass, .report, .refuse] {
            var configuration = Pagination.Configuration()
            configuration.maximumPageBytes = 256
            configuration.otherContent = policy
            configuration.encodedContent = policy
            configuration.noList = policy
            configuration.malformedList = policy
            configuration.oversizedList = policy
            let listener = Listener()
            let pagination = Pagination(
                defaultLimit: 3, maximumLimit: 10, configuration: configuration,
                events: listener.events)
            let pieces = stride(from: 0, to: row.text.utf8.count, by: size).map {
                String(row.text.dropFirst($0).prefix(size))
            }
            var responses = [Self.stream(pieces), Response.json(Array(row.text.utf8))]
            for index in responses.indices {
                responses[index].headers = row.headers
                responses[index].headers[.contentType] = row.type
                responses[index].headers[.etag] = "\"v1\""
            }
            for response in responses {
                let answer = try await Shop(response, pagination: pagination).get("/products")
                if policy == .refuse {
                    #expect(answer.status == .internalServerError)
                    #expect(answer.headers[.contentType] == "application/problem+json")
                } else {
                    #expect(answer.status == .ok)
                    #expect(answer.text == row.text)
                    #expect(answer.headers == response.headers)
                }
            }
            let told: [PaginationEvent.Outcome] =
                switch policy {
                case .pass: []
                case .report: [.uncut(row.obstacle), .uncut(row.obstacle)]
                case .refuse: [.failed(row.obstacle), .failed(row.obstacle)]
                }
            #expect(listener.outcomes == told)
        }
    }

    @Test func `whoever asks for a later page is never sent the list from its front`() async throws
    {
        let isBroken = Atomic(false)
        let shop = Shop { _ in
            isBroken.load(ordering: .relaxed)
                ? Self.stream([#"{"now":"#, #""an object"}"#]) : .json(Array(Shop.items(50).utf8))
        }
        let next = try #require(try await shop.get("/products").link("next"))
        isBroken.store(true, ordering: .relaxed)
        #expect(try await shop.get("/products").status == .ok)
        #expect(try await shop.get(next).status == .internalServerError)
    }

    @Test func `a stream that is passed but never sent is stopped`() async throws {
        let ended = Gate()
        do {
            let chain = wrap({ _ in
                Response(
                    headers: [.contentType: "application/json"],
                    body: .stream(
                        BodyStream { writer in
                            defer { ended.open() }
                            try await writer.write("{")
                            try await writer.write("}")
                        }))
            }) { Pagination(defaultLimit: 20, maximumLimit: 100) }
            let response = try await chain(Request(.get, "/one"))
            #expect(response.body.length == nil)
            #expect(ended.waiterCount == 0)
        }
        try await ended.pass()
    }

    @Test func `a stream that is passed is slowed down to its reader`() async throws {
        final class SlowWriter: BodyWriter {
            let gate = Gate()
            var text = ""
            func write(_ chunk: borrowing RawSpan) async throws {
                text += chunk.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                try await gate.pass()
            }
        }
        let written = Atomic(0)
        let chain = wrap({ _ in
            Response(
                headers: [.contentType: "application/json"],
                body: .stream(
                    BodyStream { writer in
                        for piece in ["{", "\"a\"", ":1", "}"] {
                            try await writer.write(piece)
                            written.add(1, ordering: .relaxed)
                        }
                    }))
        }) { Pagination(defaultLimit: 20, maximumLimit: 100) }
        let response = try await chain(Request(.get, "/one"))
        #expect(written.load(ordering: .relaxed) == 0)
        #expect(try await response.body.collect(upTo: 100) == Array(#"{"a":1}"#.utf8))
        // Sent again, it is made again.
        #expect(try await response.body.collect(upTo: 100) == Array(#"{"a":1}"#.utf8))
    }

    @Test func `other methods and statuses are left alone`() async throws {
        let text = Shop.items(50)
        let shop = Shop(.json(Array(text.utf8)))
        for method: Strata.Method in [.post, .put, .patch, .delete, .options, "FETCH"] {
            #expect(try await shop.get("/products?limit=x", method: method).text == text)
        }
        for status: Status in [201, 203, 404, 500] {
            #expect(
                try await Shop(.json(Array(text.utf8), status: status)).get("/products").text
                    == text)
        }
    }

    @Test func `a HEAD has the header of its GET where the handler gives the content`() async throws
    {
        var response = Response.json(Array(Shop.items(50).utf8))
        response.headers[.etag] = "\"v1\""
        let shop = Shop(response)
        let get = try await shop.get("/products")
        #expect(try await shop.get("/products", method: .head).headers == get.headers)

        response.body = .empty
        response.headers[.contentLength] = "1234"
        let head = try await Shop(response).get("/products", method: .head)
        #expect(head.status == .ok)
        #expect(head.headers.map(\.name) == [.contentType])
    }

    @Test func `a QUERY's content is a filter`() async throws {
        let shop = Shop { request in
            let content = try await request.body.collect(upTo: 100)
            #expect(content.count == 1)
            return .json(Array(Shop.items(50).utf8))
        }
        let next = try #require(
            try await shop.get("/find", method: .query, body: RequestBody([1])).link("next"))
        #expect(
            try await shop.get(next, method: .query, body: RequestBody([1])).ids.first == 20)
        #expect(
            try await shop.get(next, method: .query, body: RequestBody([2])).status == .badRequest)
        let large = RequestBody([UInt8](repeating: 0, count: 70_000))
        #expect(
            try await shop.get("/find", method: .query, body: large).status == .contentTooLarge)
    }

    @Test func `rules change limits and lists, or lift them for a reason`() async throws {
        let pagination = Pagination(
            defaultLimit: 20, maximumLimit: 100,
            rules: [
                .path("/export/**").unlimited(because: "A contract with the warehouse."),
                .path("/v1/**").list(at: "items").limit(default: 2, maximum: 3),
            ])
        let text = Shop.items(50)
        let shop = Shop(pagination: pagination) { request in
            request.path.hasPrefix("/v1")
                ? .json(Array(#"{"items":\#(text),"n":50}"#.utf8)) : .json(Array(text.utf8))
        }
        #expect(try await shop.get("/export/all?limit=x").text == text)
        #expect(try await shop.get("/v1/products").ids.count == 2)
        #expect(try await shop.get("/v1/products?limit=9").ids.count == 3)
        #expect(try await shop.get("/other").ids.count == 20)
    }

    // MARK: - Handlers that help

    static func helper(_ request: Request, by count: Int = 0) -> Response {
        let page = request.page ?? PageRequest(limit: 1)
        let from: Int
        var end = 50
        switch page.position {
        case .after(let key):
            guard case .integer(let id)? = key.first else { return Response(status: 500) }
            from = Int(id) + 1
        case .before(let key):
            guard case .integer(let id)? = key.first else { return Response(status: 500) }
            from = max(0, Int(id) - page.limit)
            end = Int(id)
        default: from = 0
        }
        let ids = Array(from..<min(end, from + page.limit + count))
        let text = "[" + ids.map { #"{"id":\#($0)}"# }.joined(separator: ",") + "]"
        var response = Response.json(Array(text.utf8))
        response.headers[.etag] = "\"made\""
        response.page = PageBounds(
            next: ids.last.flatMap { $0 < 49 ? .after([.integer(Int64($0))]) : nil },
            previous: ids.first.flatMap { $0 > 0 ? .before([.integer(Int64($0))]) : nil })
        return response
    }

    @Test func `a handler that helps is walked by its keys, both ways`() async throws {
        let shop = Shop { Self.helper($0) }
        var ids: [Int] = []
        var target: String? = "/products?limit=8"
        var last: Answer?
        while let here = target {
            let answer = try await shop.get(here)
            #expect(answer.headers[.etag] == "\"made\"")
            ids += answer.ids
            last = answer
            target = answer.link("next")
        }
        #expect(ids == Array(0..<50))
        #expect(last?.headers["Pagination"] == "limit=8, count=2")
        let previous = try #require(last?.link("prev"))
        #expect(try await shop.get(previous).ids == Array(40..<48))
    }

    @Test func `a handler that helps with more than was asked for is refused`() async throws {
        let answer = try await Shop { Self.helper($0, by: 1) }.get("/products")
        #expect(answer.status == .internalServerError)
    }

    @Test func `a cursor of a handler's former ways gives a 410`() async throws {
        let helps = Atomic(true)
        let shop = Shop {
            helps.load(ordering: .relaxed) ? Self.helper($0) : .json(Array(Shop.items(50).utf8))
        }
        let key = try #require(try await shop.get("/products").link("next"))
        helps.store(false, ordering: .relaxed)
        let offset = try #require(try await shop.get("/products").link("next"))
        #expect(try await shop.get(key).status == .gone)
        helps.store(true, ordering: .relaxed)
        #expect(try await shop.get(offset).status == .gone)
    }
}
