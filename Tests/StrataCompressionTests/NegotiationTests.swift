import Strata
import StrataTesting
import Testing

@testable import StrataCompression

@Suite struct `Negotiation of codings` {
    struct Row: Sendable, CustomTestStringConvertible {
        var lines: [String]
        var expected: Negotiation
        var why: String
        init(_ expected: Negotiation, _ why: String, _ lines: String...) {
            (self.lines, self.expected, self.why) = (lines, expected, why)
        }
        var testDescription: String { "\(lines): \(why)" }
    }

    static let rows: [Row] = [
        // RFC 9110 §12.5.3, in the order of its text.
        Row(.identity(.notAsked), "no field: any coding is acceptable, none is known"),
        Row(.coding(.gzip), "listed without a weight", "gzip"),
        Row(.coding(.gzip), "names are case-insensitive (§8.4.1)", "GZip"),
        Row(.coding(.gzip), "x-gzip is gzip (§8.4.1.3)", "x-gzip"),
        Row(.coding(.gzip), "gzip's own name counts before x-gzip", "x-gzip;q=0, gzip"),
        Row(.coding(.gzip), "the server's order decides equal weights", "deflate, gzip"),
        Row(.coding(.deflate), "the higher weight wins", "gzip;q=0.5, deflate;q=0.501"),
        Row(.coding(.gzip), "what isn't offered is passed over", "br, zstd;q=0.9, gzip;q=0.1"),
        Row(.coding(.gzip), "the wildcard matches what isn't listed", "*"),
        Row(.coding(.deflate), "and not what is listed", "gzip;q=0, *"),
        Row(.coding(.deflate), "with its weight", "gzip;q=0.3, *;q=0.4, identity;q=0.2"),
        Row(.identity(.onlyAcceptable), "an empty field wants no coding", ""),
        Row(.identity(.onlyAcceptable), "a weight of 0 is not acceptable", "gzip;q=0"),
        Row(.identity(.onlyAcceptable), "0.000 is 0", "gzip;q=0.000"),
        Row(.identity(.onlyAcceptable), "nothing offered is listed", "compress, br"),
        Row(.identity(.preferred), "identity may be liked better", "identity, gzip;q=0.5"),
        Row(.identity(.preferred), "by way of the wildcard", "gzip;q=0.5, deflate;q=0.4, *;q=0.6"),
        Row(.coding(.gzip), "identity that isn't named is liked least", "gzip;q=0.001"),
        Row(.coding(.gzip), "equal weight: the coding", "identity;q=0.5, gzip;q=0.5"),
        Row(.coding(.gzip), "identity refused, a coding accepted", "gzip, identity;q=0"),
        Row(.nothingAcceptable, "identity refused by name", "identity;q=0"),
        Row(.nothingAcceptable, "identity refused by the wildcard", "*;q=0"),
        Row(.nothingAcceptable, "only what isn't offered is accepted", "br, *;q=0"),
        Row(.identity(.onlyAcceptable), "a more specific entry", "identity, *;q=0"),
        Row(.coding(.gzip), "the lines are one list (§5.3)", "br", "deflate;q=0.1", "gzip"),
        // RFC 9110 §5.6.1.2, §12.4.2: lists and weights.
        Row(.coding(.gzip), "empty members are nothing", ", ,gzip ,, "),
        Row(.coding(.gzip), "white space around the semicolon", "gzip \t; \tq=1.000 "),
        Row(.coding(.gzip), "the parameter's name in upper case", "gzip;Q=0.5"),
        Row(.identity(.onlyAcceptable), "a malformed weight leaves the member out", "gzip;q=2"),
        Row(.identity(.onlyAcceptable), "four digits", "gzip;q=0.1234"),
        Row(.identity(.onlyAcceptable), "no number", "gzip;q=high"),
        Row(.identity(.onlyAcceptable), "no parameter but q", "gzip;level=9"),
        Row(.identity(.onlyAcceptable), "no token", "\"gzip\", g zip"),
        Row(.coding(.deflate), "a comma in quotes ends nothing", "gzip;x=\"a, gzip, b\", deflate"),
        Row(.coding(.gzip), "of several with a name the first counts", "gzip, gzip;q=0"),
    ]

    @Test(arguments: rows) func `follows RFC 9110`(row: Row) {
        #expect(
            Negotiation(
                accepting: QualityList(lines: row.lines), offering: [.gzip, .deflate])
                == row.expected)
    }

    @Test func `the server's order is that of its configuration`() {
        let list = QualityList("gzip, deflate")
        #expect(Negotiation(accepting: list, offering: [.deflate, .gzip]) == .coding(.deflate))
        #expect(Negotiation(accepting: list, offering: []) == .identity(.onlyAcceptable))
    }

    @Test func `agrees with an oracle on 10,000 generated fields`() {
        var generator = SeededGenerator()
        let offerings: [[ContentCoding]] = [[.gzip, .deflate], [.deflate, .gzip], [.gzip], []]
        for _ in 0..<10_000 {
            let lines = AcceptEncodingGenerator.lines(using: &generator)
            let offers = offerings.randomElement(using: &generator) ?? []
            let decided = Negotiation(accepting: QualityList(lines: lines), offering: offers)
            let outcome: String =
                switch decided {
                case .coding(let coding): coding.rawValue
                case .identity: "identity"
                case .nothingAcceptable: "nothing"
                }
            let expected = NegotiationOracle.outcome(lines, offers.map(\.rawValue))
            #expect(outcome == expected, "\(lines) offering \(offers), seed \(generator.seed)")
        }
    }
}

/// Makes fields that are sometimes right, sometimes nearly so, and sometimes not at all.
enum AcceptEncodingGenerator {
    private static let names = [
        "gzip", "GZIP", "x-gzip", "deflate", "identity", "Identity", "*", "br", "zstd", "compress",
        "", "g zip", "gzip@", "gz\u{7F}ip",
    ]
    private static let weights = [
        "", "", "", ";q=1", ";q=0", ";q=0.5", ";q=0.001", ";q=0.000", ";q=1.000", "; q=0.9",
        " ;\tQ=0.25", ";q=0.", ";q=1.", ";q=1.001", ";q=0.1234", ";q=", ";q", ";", ";q=.5",
        ";q=-1", ";level=3", ";q=0.5;q=0.7", ";q =1", ";q=0.7 ",
    ]

    static func lines(using generator: inout some RandomNumberGenerator) -> [String] {
        (0..<Int.random(in: 0...3, using: &generator)).map { _ in
            (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                let space = [" ", "", "\t", "  "].randomElement(using: &generator) ?? ""
                let name = names.randomElement(using: &generator) ?? ""
                return space + name + (weights.randomElement(using: &generator) ?? "")
            }.joined(separator: ",")
        }
    }
}

/// RFC 9110 §12.5.3 as its sentences stand there, with a regular expression for the grammar, and
/// nothing shared with the code under test.
enum NegotiationOracle {
    static func outcome(_ lines: [String], _ offers: [String]) -> String {
        // "If no Accept-Encoding header field is in the request, any content coding is considered
        // acceptable": the server is free, and this one sends identity.
        guard !lines.isEmpty else { return "identity" }

        let member =
            #/[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?/#
        var weights: [String: Double] = [:]
        for text in lines.joined(separator: ",").split(separator: ",") {
            guard let match = text.wholeMatch(of: member) else { continue }
            let name = String(match.1).lowercased()
            let weight = match.2.map { Double($0.hasSuffix(".") ? $0 + "0" : $0) ?? 0 } ?? 1
            if weights[name] == nil { weights[name] = weight }
        }
        if weights["gzip"] == nil { weights["gzip"] = weights["x-gzip"] }

        // "… it is acceptable unless it is accompanied by a qvalue of 0"; "the asterisk matches any
        // available content coding not explicitly listed".
        var candidates: [(name: String, weight: Double)] = offers.map { offer in
            (offer, weights[offer] ?? weights["*"] ?? 0)
        }
        // "If the representation has no content coding, then it is acceptable by default unless
        // specifically excluded by either identity;q=0 or *;q=0 without a more specific entry".
        candidates.append(("identity", weights["identity"] ?? weights["*"] ?? 0.0001))

        let best = candidates.filter { $0.weight > 0 }.max { $0.weight < $1.weight }
        return candidates.first { $0.weight > 0 && $0.weight == best?.weight }?.name ?? "nothing"
    }
}
