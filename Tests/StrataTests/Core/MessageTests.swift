import Strata
import Testing

@Suite struct MethodTests {
    @Test(arguments: [
        // RFC 9110 §9.2.1, §9.2.2; RFC 5789; RFC 10008
        (Method.get, true, true), (.head, true, true), (.options, true, true),
        (.trace, true, true), (.query, true, true), (.put, false, true), (.delete, false, true),
        (.post, false, false), (.patch, false, false), (.connect, false, false),
        ("PURGE", false, false), ("get", false, false),
    ])
    func `methods are safe and idempotent as registered, unknown ones neither`(
        method: Strata.Method, isSafe: Bool, isIdempotent: Bool
    ) {
        #expect(method.isSafe == isSafe)
        #expect(method.isIdempotent == isIdempotent)
    }

    @Test func `a method is any token, with its case`() {
        #expect(Strata.Method("GET") == .get)
        #expect(Strata.Method("Get") != .get)
        let text = "M-SEARCH"
        #expect(Strata.Method(text)?.rawValue == text)
        for text in ["", "A B", "GET\r", "\u{e9}", "A/B"] { #expect(Strata.Method(text) == nil) }
    }
}

@Suite struct StatusTests {
    @Test(arguments: [
        (100, Status.Class.informational), (199, .informational), (200, .successful),
        (299, .successful), (304, .redirection), (404, .clientError), (599, .serverError),
        (600, .unassigned), (999, .unassigned),
    ])
    func `a code belongs to the class of its first digit`(code: Int, statusClass: Status.Class) {
        #expect(Status(code: code)?.statusClass == statusClass)
    }

    @Test(arguments: [Int.min, -200, 0, 99, 1000, .max])
    func `a number without three digits is no status`(code: Int) {
        #expect(Status(code: code) == nil)
    }

    @Test func `an unregistered code has the phrase of its class`() {
        #expect(Status(418).reasonPhrase == "Bad Request")
        #expect(Status(299).description == "299 OK")
        #expect(Status(700).reasonPhrase == "Unassigned")
        #expect(Status(429).reasonPhrase == "Too Many Requests")
    }

    @Test func `responses that never have content are those of RFC 9110 §6.4.1`() {
        let codes = (100...999).filter { Status(code: $0)?.forbidsContent == true }
        #expect(codes == Array(100...199) + [204, 304])
    }
}

@Suite struct RequestTests {
    @Test(arguments: [
        ("/", "/", nil), ("/a?b=c", "/a", "b=c"), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c"),
        ("*", "*", nil), ("", "", nil), ("?", "", ""), ("/%3f?\u{e9}", "/%3f", "\u{e9}"),
    ])
    func `a target is a path and what stands behind its first question mark`(
        target: String, path: String, query: String?
    ) {
        let request = Request(.get, target)
        #expect(request.path == path)
        #expect(request.query == query)
        #expect(request.target == target)
    }
}

@Suite struct ValuesTests {
    enum Name: ValueKey { typealias Value = String }
    enum Other: ValueKey { typealias Value = String }

    @Test func `a value is found under its own key and can be replaced and removed`() {
        var values = Values()
        #expect(values[Name.self] == nil)
        values[Name.self] = nil
        values[Name.self] = "a"
        values[Other.self] = "b"
        values[Name.self] = "c"
        #expect(values[Name.self] == "c")
        var copy = values
        copy[Name.self] = nil
        #expect(copy[Name.self] == nil && copy[Other.self] == "b" && values[Name.self] == "c")
    }
}
