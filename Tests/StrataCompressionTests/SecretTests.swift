import Strata
import StrataTesting
import Testing

@testable import StrataCompression

@Suite struct `Secrets in compressed content` {
    static let digits = Array("0123456789abcdef")

    static func secret(using generator: inout some RandomNumberGenerator) -> String {
        String((0..<16).map { _ in digits.randomElement(using: &generator) ?? "0" })
    }

    /// A page that reflects text from the request beside a token, long enough to get smaller
    /// whatever it reflects.
    static func page(reflecting guess: String, token: String) -> String {
        """
        <html><body><h1>Search</h1><p>Nothing was found for "\(guess)".</p>
        <form method="post"><input name="q"><input type="hidden" name="csrf" value="\(token)">
        </form><p>Search for something else, or go back to the beginning.</p>
        <ul><li><a href="/search/help">Help for searching</a></li>
        <li><a href="/search/all">Everything there is to search for</a></li></ul></body></html>
        """
    }

    static func length(
        _ guess: String, _ token: String, isMarked: Bool, accepting: String = "gzip"
    ) async throws -> Int {
        var response = Response.sample(
            ["Content-Type": "text/html"], body: .text(page(reflecting: guess, token: token)))
        if isMarked { response.secrets = [token] }
        let encoded = try await answer(response, to: ["Accept-Encoding": accepting])
        #expect(encoded.headers[.contentEncoding] == accepting)
        return try #require(encoded.body.length)
    }

    /// The attack of Gluck, Harris and Prado: guess the next digit behind those that are known;
    /// with and without filler between them, so that the coding of the digit itself cancels out.
    /// Gives the digit that compressed best, where there is one.
    static func guessedDigit(behind known: String, of token: String, isMarked: Bool) async throws
        -> Character?
    {
        var scores: [(digit: Character, score: Int)] = []
        for digit in digits {
            let right = try await length(
                "value=\"\(known)\(digit){}{}{}", token, isMarked: isMarked)
            let apart = try await length(
                "value=\"\(known){}{}{}\(digit)", token, isMarked: isMarked)
            scores.append((digit, right - apart))
        }
        let best = scores.map(\.score).min()
        let found = scores.filter { $0.score == best }
        return found.count == 1 ? found.first?.digit : nil
    }

    @Test func `the reference attack reads a token that isn't marked, and none that is`()
        async throws
    {
        var generator = SeededGenerator(seed: 7)
        var found = (plain: 0, marked: 0)
        var guesses: [[Character?]] = []
        for _ in 0..<4 {
            let token = Self.secret(using: &generator)
            var guessed: [Character?] = []
            for count in 4..<12 {
                let known = String(token.prefix(count))
                let next = Array(token)[count]
                let plain = try await Self.guessedDigit(behind: known, of: token, isMarked: false)
                let marked = try await Self.guessedDigit(behind: known, of: token, isMarked: true)
                found.plain += plain == next ? 1 : 0
                found.marked += marked == next ? 1 : 0
                guessed.append(marked)
            }
            guesses.append(guessed)
        }
        #expect(found.plain >= 12, "of 32 digits; chance finds two")
        #expect(found.marked <= 6, "of 32 digits")
    }

    @Test func `what the attack sees doesn't depend on the token`() async throws {
        var generator = SeededGenerator()
        let one = Self.secret(using: &generator)
        let other = Self.secret(using: &generator)
        for digit in Self.digits {
            let guess = "value=\"\(one.prefix(8))\(digit)"
            let seen = try await Self.length(guess, one, isMarked: true)
            #expect(
                try await Self.length(guess, other, isMarked: true) == seen,
                "seed \(generator.seed)")
        }
    }

    @Test(arguments: ["gzip", "deflate"])
    func `over 10,000 tokens there is one length`(coding: String) async throws {
        var generator = SeededGenerator()
        var lengths: Set<Int> = []
        for _ in 0..<10_000 {
            let token = Self.secret(using: &generator)
            lengths.insert(
                try await Self.length("nothing", token, isMarked: true, accepting: coding))
        }
        #expect(lengths.count == 1, "seed \(generator.seed)")
    }

    @Test(arguments: ["gzip", "deflate"], [1, 6])
    func `content with secrets comes back whole, wherever it is cut`(
        coding: String, level: Int
    ) async throws {
        let secrets = ["aab", "secret", "secretive", "é"]
        let text = Array("aaab secret aab aab secretiv secretive é\(longText) secret".utf8)
        var configuration = Compression.Configuration()
        configuration.level = level
        for cut in 0...80 {
            var response = Response.sample(
                body: .stream(
                    BodyStream { writer in
                        try await writer.write(text[..<cut])
                        try await writer.write(text[cut...])
                    }))
            response.secrets = secrets
            let encoded = try await answer(
                response, to: ["Accept-Encoding": coding], .get, configuration)
            let bytes = try await encoded.body.collect(upTo: 1 << 16)
            #expect(Inflated(bytes) == Inflated(bytes: text, isWhole: true))
        }
        var response = Response.sample(body: .bytes(text))
        response.secrets = secrets
        let encoded = try await answer(
            response, to: ["Accept-Encoding": coding], .get, configuration)
        #expect(encoded.headers[.contentEncoding] == coding)
        #expect(Inflated(try await encoded.body.collect(upTo: 1 << 16)).bytes == text)
    }

    @Test func `secrets are found across any cuts`() {
        var generator = SeededGenerator()
        let secrets = ["aab", "aabaab", "bb"]
        for _ in 0..<1000 {
            let content = (0..<30).map { _ in
                (Bool.random(using: &generator) ? "a" : "b").utf8.first ?? 0
            }
            var whole = SecretFinder(secrets)
            let expected = merged(content.withUnsafeBytes { whole.add($0) } + whole.finish())
            var finder = SecretFinder(secrets)
            var parts: [SecretFinder.Part] = []
            for byte in content { parts += [byte].withUnsafeBytes { finder.add($0) } }
            parts += finder.finish()
            #expect(merged(parts) == expected, "seed \(generator.seed)")
            #expect(parts.flatMap(\.bytes) == content)
            #expect(expected.allSatisfy { !$0.isPlain || !$0.bytes.contains("bb") })
        }
    }

    @Test func `a coding that can't keep secrets isn't used for them`() async throws {
        var response = Response.sample(body: .text(longText + "token"))
        response.secrets = ["token"]
        let all = ContentCoding.allCases.map(\.rawValue).joined(separator: ", ")
        let encoded = try await answer(response, to: ["Accept-Encoding": all])
        #expect(encoded.headers[.contentEncoding] == "gzip")
        for coding in ContentCoding.allCases where !coding.keepsSecrets {
            let plain = try await answer(response, to: ["Accept-Encoding": coding.rawValue])
            #expect(plain.headers[.contentEncoding] == nil)
            #expect(plain.headers[.vary] == "Accept-Encoding")
        }
    }

    /// Neighbouring plain parts as one.
    private func merged(_ parts: [SecretFinder.Part]) -> [SecretFinder.Part] {
        parts.reduce(into: []) { merged, part in
            if case .plain(let bytes) = part, case .plain(let before)? = merged.last {
                merged[merged.count - 1] = .plain(before + bytes)
            } else {
                merged.append(part)
            }
        }
    }
}

extension SecretFinder.Part {
    fileprivate var bytes: [UInt8] {
        switch self {
        case .plain(let bytes), .secret(let bytes): bytes
        }
    }

    fileprivate var isPlain: Bool {
        if case .plain = self { true } else { false }
    }
}

extension [UInt8] {
    fileprivate func contains(_ text: String) -> Bool {
        indices.contains { self[$0...].starts(with: text.utf8) }
    }
}
