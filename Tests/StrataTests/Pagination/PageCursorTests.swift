import StrataTesting
import Testing

@testable import Strata

@Suite struct PageCursorTests {
    static let now = Timestamp(seconds: 1_700_000_000)
    static let list = Array("list".utf8)

    static func key(_ text: String) throws -> CursorKey {
        try #require(
            CursorKey(
                Array(text.utf8) + [UInt8](repeating: 0, count: 32 - min(32, text.utf8.count))))
    }

    static func cursors(_ keys: String..., lifetime: Duration? = nil) throws -> PageCursor {
        PageCursor(keys: try keys.map(key), lifetime: lifetime)
    }

    static let positions: [PagePosition] = [
        .offset(1), .offset(.max), .after([]), .after([.null, .integer(-7), .integer(.max)]),
        .before([.double(-0.5), .double(.infinity)]),
        .after([.text(""), .text("naïve 😀"), .bytes([0, 255])]),
    ]

    @Test(arguments: positions)
    func `a position comes back as it was`(_ position: PagePosition) throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so")
        let text = try #require(cursors.text(for: position, in: Self.list, now: Self.now))
        #expect(text.utf8.allSatisfy { $0.isUnreservedInURI })
        #expect(cursors.read(text, in: Self.list, now: Self.now) == .valid(position))
    }

    @Test func `the same place has the same cursor on every instance`() throws {
        let one = try Self.cursors("a key of thirty-two bytes, or so")
        let other = try Self.cursors(
            "a key of thirty-two bytes, or so", "an older key of many bytes")
        let text = one.text(for: .offset(20), in: Self.list, now: Self.now)
        #expect(text == other.text(for: .offset(20), in: Self.list, now: Self.now))
        #expect(text != one.text(for: .offset(21), in: Self.list, now: Self.now))
        #expect(text != one.text(for: .offset(20), in: [1], now: Self.now))
    }

    @Test func `the golden cursor of version 1 is still read and written`() throws {
        let cursors = try Self.cursors("golden key, golden key, golden k")
        let text = try #require(cursors.text(for: .offset(20), in: Self.list, now: Self.now))
        #expect(text == Self.golden)
    }
    static let golden = "AavLOfcy_ZjhgxO5OmQZsdbOeBowEMeSIF7RSfhE4LkFd2wJGYiitqKIk1lr_g"

    @Test func `a cursor with any byte flipped is refused`() throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so")
        let text = try #require(
            cursors.text(for: .after([.text("x"), .integer(3)]), in: Self.list, now: Self.now))
        let bytes = Array(text.utf8)
        for place in bytes.indices {
            for byte in UInt8.min...UInt8.max where byte != bytes[place] {
                var changed = bytes
                changed[place] = byte
                let verdict = cursors.read(
                    String(decoding: changed, as: UTF8.self), in: Self.list, now: Self.now)
                guard case .refused = verdict else {
                    Issue.record("byte \(place) as \(byte) gave \(verdict)")
                    return
                }
            }
        }
        for length in 0..<bytes.count {
            let cut = String(text.prefix(length))
            guard case .refused = cursors.read(cut, in: Self.list, now: Self.now) else {
                Issue.record("\(length) bytes of it were taken")
                return
            }
        }
    }

    @Test func `a cursor of another list or an unknown key is refused`() throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so")
        let text = try #require(cursors.text(for: .offset(1), in: Self.list, now: Self.now))
        #expect(cursors.read(text, in: Self.list + [0], now: Self.now) == .refused(.notAuthentic))
        #expect(cursors.read(text, in: [], now: Self.now) == .refused(.notAuthentic))
        let other = try Self.cursors("another key of thirty-two bytes")
        #expect(other.read(text, in: Self.list, now: Self.now) == .refused(.notAuthentic))
    }

    @Test func `a cursor made with an older key is good as long as the key is there`() throws {
        let old = try Self.cursors("the old key, of many bytes")
        let text = try #require(old.text(for: .offset(9), in: Self.list, now: Self.now))
        let rotated = try Self.cursors("the new key, of many bytes", "the old key, of many bytes")
        #expect(rotated.read(text, in: Self.list, now: Self.now) == .valid(.offset(9)))
        #expect(rotated.text(for: .offset(9), in: Self.list, now: Self.now) != text)
    }

    @Test func `a cursor expires between its lifetime and an eighth more`() throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so", lifetime: .seconds(80))
        for shift in 0..<20 {
            let made = Self.now + .seconds(shift)
            let text = try #require(cursors.text(for: .offset(1), in: Self.list, now: made))
            #expect(
                cursors.read(text, in: Self.list, now: made + .seconds(79)) == .valid(.offset(1)))
            #expect(cursors.read(text, in: Self.list, now: made + .seconds(90)) == .expired)
        }
        let texts = (0..<80).map {
            cursors.text(for: .offset(1), in: Self.list, now: Self.now + .seconds($0))
        }
        #expect(Set(texts).count <= 9)
    }

    @Test func `texts that are no cursors are refused for what they are`() throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so")
        func read(_ text: String) -> PageCursor.Verdict {
            cursors.read(text, in: Self.list, now: Self.now)
        }
        #expect(read("") == .refused(.unknownVersion))
        #expect(read("!") == .refused(.notBase64URL))
        #expect(read("é") == .refused(.notBase64URL))
        #expect(
            read(String(base64URL: [2] + [UInt8](repeating: 0, count: 40)))
                == .refused(.unknownVersion))
        #expect(read(String(base64URL: [1])) == .refused(.notAuthentic))
        #expect(read(String(repeating: "A", count: 1025)) == .refused(.tooLong))
        var random = SeededGenerator()
        for _ in 0..<20_000 {
            let text = String(base64URL: [1] + random.bytes(Int.random(in: 0...80, using: &random)))
            #expect(read(text) == .refused(.notAuthentic))
        }
    }

    @Test func `no cursor of another list or user, and none that was changed, is taken`() throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so")
        let stranger = try Self.cursors("another key of thirty-two bytes!")
        var random = SeededGenerator()
        func pick<Element>(_ elements: [Element]) -> Element {
            elements[Int.random(in: 0..<elements.count, using: &random)]
        }
        /// A list as requests name it: its route, its filters, its sort and its user.
        func list() -> [UInt8] {
            let filters = ["", "tag=a", "tag=b", "tag=a&tag=b", "tag=a&x=1", "x=1"]
            let sorts = ["", "&sort=price", "&sort=-price", "&sort=price,name"]
            return PageQuery("\(pick(filters))\(pick(sorts))", style: .plain).list(
                path: pick(["/products", "/products/", "/catalog", "/a/products"]),
                content: pick([[], [1], [1, 2]]), scope: pick([nil, "", "ann", "bob"]))
        }
        func position() -> PagePosition {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: .offset(.random(in: 0...10_000, using: &random))
            case 1: .after([.integer(.random(in: 0...99, using: &random)), .text("x")])
            case 2: .before([.null, .double(.random(in: 0...1, using: &random))])
            default: .after([.text(pick(["", "kettle", "naïve 😀"]))])
            }
        }
        for _ in 0..<Thoroughness.count(20_000, thorough: 1_000_000) {
            let (own, here) = (list(), position())
            let text = try #require(cursors.text(for: here, in: own, now: Self.now))
            var (changed, asked) = (Array(text.utf8), own)
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1, 2:
                repeat { asked = list() } while asked == own
            case 3:
                let other = try #require(stranger.text(for: here, in: own, now: Self.now))
                changed = Array(other.utf8)
            case 4:
                let place = Int.random(in: 0..<changed.count, using: &random)
                changed[place] = pick(Array("AZaz09-_".utf8).filter { $0 != changed[place] })
            case 5: changed.removeLast(.random(in: 1...changed.count, using: &random))
            case 6: changed += random.bytes(Int.random(in: 1...8, using: &random)).map { $0 & 0x7F }
            default:
                // The front of one, and the rest of another.
                let there = try #require(cursors.text(for: position(), in: list(), now: Self.now))
                let cut = Int.random(in: 1..<changed.count, using: &random)
                changed = Array(changed[..<cut] + Array(there.utf8).dropFirst(cut))
                guard changed != Array(text.utf8), changed != Array(there.utf8) else { continue }
            }
            let verdict = cursors.read(
                String(decoding: changed, as: UTF8.self), in: asked, now: Self.now)
            guard case .refused = verdict else {
                Issue.record("\(String(decoding: changed, as: UTF8.self)) was taken: \(verdict)")
                return
            }
        }
    }

    @Test func `a key that makes a cursor too long gives none`() throws {
        let cursors = try Self.cursors("a key of thirty-two bytes, or so")
        let short = PagePosition.after([.text(String(repeating: "x", count: 600))])
        let text = try #require(cursors.text(for: short, in: Self.list, now: Self.now))
        #expect(text.utf8.count <= 1024)
        let long = PagePosition.after([.text(String(repeating: "x", count: 800))])
        #expect(cursors.text(for: long, in: Self.list, now: Self.now) == nil)
    }

    @Test func `a secret shorter than 32 bytes is no key`() {
        #expect(CursorKey([UInt8](repeating: 1, count: 31)) == nil)
        #expect(CursorKey([UInt8](repeating: 1, count: 32)) != nil)
        #expect(CursorKey(base64URL: "/+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=") != nil)
        #expect(CursorKey(base64URL: "/+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==") == nil)
        #expect(CursorKey(base64URL: "") == nil)
        #expect(CursorKey(base64URL: "a key that is no base64 of 32 bytes") == nil)
        #expect("\(CursorKey.random())" == "CursorKey(<redacted>)")
    }
}
