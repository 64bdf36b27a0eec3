import Glibc
import Strata
import StrataTesting
import Testing

/// One parser, texts that it knows well, and what must hold for any text at all.
struct Grammar: Sendable, CustomTestStringConvertible {
    let name: String
    let examples: [String]
    /// Parses the text, and says what is wrong with the outcome.
    let fault: @Sendable (String) -> String?

    var testDescription: String { name }

    /// A grammar where parsing what was printed must give what was printed.
    static func roundTrip<Value: Equatable & SendableMetatype>(
        _ name: String, _ examples: [String], parse: @escaping @Sendable (String) -> Value?,
        print: @escaping @Sendable (Value) -> String
    ) -> Grammar {
        Grammar(name: name, examples: examples) { text in
            guard let value = parse(text) else { return nil }
            let printed = print(value)
            guard let again = parse(printed) else { return "can't read its own \(printed)" }
            return again == value ? nil : "\(value) became \(again) through \(printed)"
        }
    }
}

/// Reading arbitrary bytes, as a peer may send them.
///
/// The environment variable `STRATA_FUZZ_SECONDS` makes each parser's run that long.
@Suite struct ArbitraryInputTests {
    @Test(arguments: Grammar.all)
    func `no text traps a parser, and what it prints it reads back the same`(grammar: Grammar) {
        var generator = SeededGenerator(for: grammar.name)
        let seconds = getenv("STRATA_FUZZ_SECONDS").flatMap { Double(String(cString: $0)) }
        let start = ContinuousClock.now
        var round = 0
        while seconds.map({ ContinuousClock.now - start < .seconds($0) }) ?? (round < 3000) {
            round += 1
            let text = mutated(grammar.examples, using: &generator)
            if let fault = grammar.fault(text) {
                Issue.record("\(text.debugDescription): \(fault)")
                return
            }
        }
    }

    /// Texts of 64 KiB on which a parser that looks back, or ahead, again and again takes minutes.
    static let tiresome = [
        "\"\\", "\"\\\",", "\"", "\\\"", ",", ";", " ", "\t,", "a,", "a=\"", "a=\"\\\";", "=", "<",
        "<,", ";a", "%", "&", "(", "((", "()", "a;", "0", "9", ":", "/", "../", "/.", "-", "é",
    ].map { String(repeating: $0, count: 65_536 / $0.utf8.count) }

    @Test(arguments: Grammar.all)
    func `no text takes longer than its length explains`(grammar: Grammar) {
        let start = ContinuousClock.now
        for prefix in ["", "\"", "a=\""] {
            for text in Self.tiresome {
                if let fault = grammar.fault(prefix + text) { Issue.record("\(fault.prefix(200))") }
            }
        }
        #expect(ContinuousClock.now - start < .seconds(60))
    }

    /// One of the texts, or several, with bytes put in, taken out and replaced.
    private func mutated(_ examples: [String], using generator: inout SeededGenerator) -> String {
        var bytes = Array((examples.randomElement(using: &generator) ?? "").utf8)
        let grammatical = Array(",;=\"\\ \t*/%+&<>()?:@#[]-._~0129aAzZqQwW'!$".utf8)
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            let place = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0...6, using: &generator) {
            case 0: bytes.insert(.random(in: .min ... .max, using: &generator), at: place)
            case 1, 2: bytes.insert(grammatical.randomElement(using: &generator) ?? 0, at: place)
            case 3 where place < bytes.count: bytes.remove(at: place)
            case 4 where place < bytes.count:
                bytes[place] = grammatical.randomElement(using: &generator) ?? 0
            case 5:
                let other = Array((examples.randomElement(using: &generator) ?? "").utf8)
                bytes.insert(contentsOf: other, at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        var headers = Headers()
        do { try headers.append("X", bytes: bytes) } catch {
            return String(decoding: bytes, as: UTF8.self)
        }
        return headers["X"] ?? ""
    }
}

extension Grammar {
    static let now = Timestamp(seconds: 1_750_000_000)

    static let all: [Grammar] = [
        roundTrip(
            "QualityList",
            ["gzip, deflate;q=0.5, *;q=0", "en-GB;q=1.000,de;Q=0.001", "identity; q=0", ""],
            parse: { QualityList($0).members }, print: { QualityList(members: $0).fieldValue }),
        roundTrip(
            "EntityTag", ["\"abc\"", "W/\"\"", "\"a,b\\\""],
            parse: { EntityTag($0) }, print: { $0.fieldValue }),
        roundTrip(
            "EntityTagList", ["*", "\"a\", W/\"b,c\" ,, \"\"", "\"a\" \"b\", c"],
            parse: { EntityTagList($0).tags },
            print: { $0.map(\.fieldValue).joined(separator: ",") }),
        roundTrip(
            "CacheControl",
            [
                "max-age=60, public, S-MaxAge=\"30\"", "no-cache=\"Set-Cookie, X\", private",
                "max-stale, min-fresh=5, only-if-cached, no-transform, x=\"a\\\"b\", y",
                "stale-while-revalidate=30, stale-if-error=99999999999999999999, immutable",
            ],
            parse: { CacheControl($0) }, print: { $0.fieldValue }),
        roundTrip(
            "VaryField", ["Accept-Encoding, Cookie", "*", "a,,A ,b c"],
            parse: { VaryField($0) }, print: { $0.fieldValue }),
        roundTrip(
            "HTTPDate",
            [
                "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun Nov  6 08:49:37 1994", "Tue, 29 Feb 2028 23:59:60 GMT",
            ],
            parse: { text in
                Timestamp(httpDate: text, now: now).flatMap { $0.isAtAnEnd ? nil : $0 }
            }, print: { $0.httpDate }),
        roundTrip(
            "MediaType",
            [
                "text/html; charset=utf-8", "Application/Problem+JSON ;; A=\"b\\\"c\";d=\"\"",
                "a/b; x; y=z",
            ],
            parse: { MediaType($0) }, print: { $0.fieldValue }),
        roundTrip(
            "Cookie", ["a=b; c=\"d\"; a=e", "=x; y; ; z==", "sid = 1 ;t=;"],
            parse: { Cookie.all(in: [.cookie: $0]) },
            print: { $0.map { $0.name + "=" + $0.value }.joined(separator: "; ") }),
        roundTrip(
            "QueryString", ["a=1&b=%20+&a=%zz&&c", "=&=", "%61=%C3%A9&\u{e9}=x"],
            parse: { QueryString($0) }, print: { $0.text ?? "" }),
        Grammar(name: "QueryString, edited", examples: ["a=1&b=2&a=3", "&&a&%61=1", "x"]) { text in
            var query = QueryString(text)
            query.replace("a", with: "\u{e9} &=+%")
            guard query.all("a") == ["\u{e9} &=+%"] else { return "replace: \(query)" }
            query.remove("a")
            guard query.first("a") == nil else { return "remove: \(query)" }
            let sorted = query.sorted
            guard sorted.sorted == sorted else { return "sorted: \(sorted)" }
            return nil
        },
        Grammar(name: "SetCookie", examples: ["abc", "\"a\"", "/", "__Host-x", "example.com"]) {
            text in
            var attributes = SetCookie.Attributes()
            attributes.path = text
            attributes.isSecure = true
            let cookie =
                (try? SetCookie(name: "n", value: text, attributes: .init()))
                ?? (try? SetCookie(name: text, value: "", attributes: attributes))
            return cookie?.fieldValue.utf8.contains { $0 < 0x20 || $0 >= 0x7F } == true
                ? "would split a header" : nil
        },
    ]
}

extension Timestamp {
    fileprivate var isAtAnEnd: Bool { nanoseconds == .max || nanoseconds == .min }
}
