import Glibc
import StrataTesting
import Testing

@testable import Strata

/// Pieces of fewer than 64 bytes hold no window, so they are read byte by byte: whatever is told
/// about a text must not depend on how it was read.
@Suite struct JSONWindowTests {
    /// All that a scanner tells about a text, with its places, and what it keeps at the end.
    static func told(
        _ text: [UInt8], pieces: Int, watchedDepth: Int, untoldValues: Int
    ) -> [String] {
        var scanner = JSONScanner()
        scanner.watchedDepth = watchedDepth
        scanner.untoldValues = untoldValues
        var told: [String] = []
        for start in stride(from: 0, to: text.count, by: pieces) {
            let piece = text[start..<min(text.count, start + pieces)]
            let isValid = piece.withUnsafeBytes { bytes in
                var next = 0
                while true {
                    let event = scanner.scan(bytes, from: &next)
                    if event == .pieceEnded { return true }
                    told.append("\(event) at \(start + next)")
                    if case .invalid = event { return false }
                }
            }
            guard isValid else { return told }
        }
        let fault = scanner.faultAtEnd()?.description ?? "complete"
        return told + [fault, "\(scanner.depth) open", "\(scanner.untoldValues) untold"]
    }

    static func expectSame(
        _ text: [UInt8], pieces: [Int], watchedDepth: Int = -1, untoldValues: Int = 0
    ) {
        let byBytes = told(
            text, pieces: 63, watchedDepth: watchedDepth, untoldValues: untoldValues)
        for size in pieces {
            let byWindows = told(
                text, pieces: size, watchedDepth: watchedDepth, untoldValues: untoldValues)
            #expect(
                byWindows == byBytes,
                """
                \(String(decoding: text, as: UTF8.self)) in pieces of \(size), \
                watched to \(watchedDepth), \(untoldValues) untold
                """)
        }
    }

    static let texts =
        JSONScannerTests.valid.map { Array($0.utf8) }
        + JSONScannerTests.invalid.map { Array($0.0.utf8) }
        + JSONScannerTests.encodings.map { [0x22] + $0.0 + [0x22] }

    @Test(arguments: texts)
    func `a text is judged the same wherever in a window it stands`(_ text: [UInt8]) {
        let rest = Array(repeating: UInt8(ascii: " "), count: 80)
        for padding in 0..<66 {
            let string = [UInt8](repeating: 0x61, count: padding)
            for (before, after) in [
                (#"[""#, #"","#, "]"), (#"{""#, #"":"#, "}"), (#"[{"a":""#, #"","b":"#, "}]"),
            ].map({ (Array($0.0.utf8) + string + Array($0.1.utf8), Array($0.2.utf8)) }) {
                Self.expectSame(before + text + after + rest, pieces: [.max / 2])
            }
        }
    }

    /// The environment variable `STRATA_FUZZ_SECONDS` makes it run that long.
    @Test func `windows tell what single bytes tell about any text`() {
        let seconds = getenv("STRATA_FUZZ_SECONDS").flatMap { Double(String(cString: $0)) }
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds ?? 0)
        var random = SeededGenerator()
        var round = 0
        while round < 2_000 || clock.now < end {
            round += 1
            var text = RandomJSON.list(&random, count: Int.random(in: 0...30, using: &random))
            for _ in 0..<Int.random(in: 0...2, using: &random) where !text.isEmpty {
                let place = Int.random(in: 0..<text.count, using: &random)
                let byte = RandomJSON.alphabet.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text[place] = byte
                case 1: text.remove(at: place)
                case 2: text[place] = .random(in: 0...255, using: &random)
                default: text.insert(byte, at: place)
                }
            }
            let isArray = text.first { $0 > 0x20 } == UInt8(ascii: "[")
            let depth = Int.random(in: -1...3, using: &random)
            Self.expectSame(
                text, pieces: [.max / 2, Int.random(in: 64...400, using: &random)],
                watchedDepth: depth,
                untoldValues: depth == 1 && isArray ? Int.random(in: 0...40, using: &random) : 0)
        }
    }
}
