import Strata
import Synchronization
import Testing

@Suite struct ChainTests {
    /// Writes its name on the way in and on the way out.
    struct Layer: Middleware {
        let name: String

        func respond(to request: Request, next: Next) async throws -> Response {
            var request = request
            request.path += "/" + name
            var response = try await next(request)
            response.headers["Out"] = [response.headers["Out"], name].compactMap { $0 }
                .joined(separator: " ")
            return response
        }
    }

    /// Hands the rest of its chain out.
    struct Detaching: Middleware {
        let take: @Sendable (Handler?) -> Void

        func respond(to request: Request, next: Next) async throws -> Response {
            take(next.detached)
            return .text("at once")
        }
    }

    static let handler: Handler = { .text($0.path) }

    static func text(_ response: Response) async throws -> String {
        String(decoding: try await response.body.collect(upTo: 1000), as: UTF8.self)
    }

    @Test func `the layer listed first is the outermost`() async throws {
        let app = wrap(Self.handler) {
            Layer(name: "a")
            Layer(name: "b")
            Layer(name: "c")
        }
        let response = try await app(Request(.get, ""))
        #expect(try await Self.text(response) == "/a/b/c")
        #expect(response.headers["Out"] == "c b a")
    }

    @Test func `a handler without layers answers by itself`() async throws {
        let app = wrap(Self.handler) {}
        #expect(try await Self.text(app(Request(.get, "/x"))) == "/x")
    }

    @Test(arguments: [true, false])
    func `lists of layers are built with conditions and loops`(condition: Bool) async throws {
        let app = wrap(Self.handler) {
            if condition { Layer(name: "if") }
            if condition { Layer(name: "then") } else { Layer(name: "else") }
            for index in 0..<3 { Layer(name: "\(index)") }
        }
        let text = try await Self.text(app(Request(.get, "")))
        #expect(text == (condition ? "/if/then/0/1/2" : "/else/0/1/2"))
    }

    @Test func `several layers serve as one, inside other layers`() async throws {
        let app = wrap(Self.handler) {
            Layer(name: "a")
            Layers {
                Layer(name: "b")
                Layers { Layer(name: "c") }
                Layer(name: "d")
            }
            Layers {}
            Layer(name: "e")
        }
        let response = try await app(Request(.get, ""))
        #expect(try await Self.text(response) == "/a/b/c/d/e")
        #expect(response.headers["Out"] == "e d c b a")
    }

    @Test func `the rest of the chain can be called after the response was returned`()
        async throws
    {
        let rest = Mutex<Handler?>(nil)
        let app = wrap(Self.handler) {
            Layer(name: "a")
            Layers { Detaching { handler in rest.withLock { $0 = handler } } }
            Layer(name: "b")
        }
        #expect(try await Self.text(app(Request(.get, ""))) == "at once")
        let detached = try #require(rest.withLock { $0 })
        #expect(try await Self.text(detached(Request(.get, "/later"))) == "/later/b")
    }

    @Test func `where the host forbids it, no layer can call the rest later`() async throws {
        let layers = Layers {
            Layer(name: "a")
            Layers { Detaching { handler in #expect(handler == nil) } }
        }
        _ = try await layers.respond(
            to: Request(.get, ""), next: Next(Self.handler, isDetachable: false))
    }

    @Test func `an error passes through every layer`() async {
        let app = wrap({ _ in throw Problem(.notFound) }) {
            Layer(name: "a")
            Layer(name: "b")
        }
        await #expect(throws: Problem.self) { try await app(Request()) }
    }

    @Test func `who listens to some types of events is told of no others`() {
        struct Wanted: Event { let description = "wanted" }
        struct Other: Event { let description = "other" }
        func other() -> Other {
            Issue.record("The event was made.")
            return Other()
        }
        let heard = Mutex<[String]>([])
        let events = Events(of: [Wanted.self]) { event in
            heard.withLock { $0.append(event.description) }
        }
        events(other())
        events(Wanted())
        #expect(heard.withLock { $0 } == ["wanted"])
    }

    @Test func `an event isn't made where nobody listens`() {
        struct Told: Event { let description = "told" }
        func make() -> Told {
            Issue.record("The event was made.")
            return Told()
        }
        Events.ignored(make())
        let heard = Mutex<[String]>([])
        Events { event in heard.withLock { $0.append(event.description) } }(Told())
        #expect(heard.withLock { $0 } == ["told"])
    }
}
