import Glibc
import Strata
import StrataTesting
import Testing

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

    /// Texts of 16 KiB on which a parser that looks back, or ahead, again and again takes minutes.
    static let tiresome = [
        "\"\\", "\"\\\",", "\"", "\\\"", ",", ";", " ", "\t,", "a,", "a=\"", "a=\"\\\";", "=", "<",
        "<,", ";a", "%", "&", "(", "((", "()", "a;", "0", "9", ":", "/", "../", "/.", "-", "é",
    ].map { String(repeating: $0, count: 16_384 / $0.utf8.count) }

    @Test(arguments: Grammar.all)
    func `no text takes longer than its length explains`(grammar: Grammar) {
        let start = ContinuousClock.now
        for prefix in ["", "\"", "a=\""] {
            for text in Self.tiresome {
                if let fault = grammar.fault(prefix + text) { Issue.record("\(fault.prefix(200))") }
            }
        }
        #expect(ContinuousClock.now - start < .seconds(10))
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
