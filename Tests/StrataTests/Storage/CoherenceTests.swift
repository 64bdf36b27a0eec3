import Testing

@testable import Strata

@Suite struct `What is known of a shared store` {
    private let secret = KeyDigest.Secret()
    private func name(_ text: String) -> KeyDigest { KeyDigest(text, secret: secret) }

    /// Told everything since 100, confirmed at 100, with a bound of 50.
    private func coherence(tableCount: Int = 1_000) -> Coherence {
        var coherence = Coherence(bound: 50, tableCount: tableCount)
        coherence.establish(at: 100)
        return coherence
    }

    @Test(
        arguments: [
            // (verified, confirmed, now, whether it is trusted)
            (101, 100, 150, true), (101, 100, 151, true), (101, 100, 152, false),
            (101, 200, 250, true), (101, 200, 251, false), (100, 100, 101, false),
            (99, 100, 101, false), (240, 100, 250, true),
        ] as [(Int64, Int64, Int64, Bool)])
    func `a copy is trusted for the bound after its own word or the channel's`(
        verified: Int64, confirmed: Int64, now: Int64, isTrusted: Bool
    ) {
        var coherence = coherence()
        coherence.confirm(asOf: confirmed)
        #expect(coherence.isTrusted(verified: verified, at: now) == isTrusted)
    }

    @Test func `a lost channel leaves the copy its own word, and nobody else's`() {
        var coherence = coherence()
        coherence.confirm(asOf: 1_000)
        #expect(coherence.isTrusted(verified: 101, at: 1_001))
        coherence.lose()
        #expect(!coherence.isTrusted(verified: 101, at: 1_001))
        #expect(coherence.isTrusted(verified: 990, at: 1_001))
        coherence.establish(at: 1_010)
        #expect(!coherence.isTrusted(verified: 990, at: 1_011))
    }

    @Test func `a generation that was read before it changed is not learned`() {
        var coherence = coherence()
        let tag = name("tag")
        coherence.change(tag, at: 110)
        coherence.learn(Generation(1), of: tag, start: 105, now: 112)
        #expect(coherence.generation(of: tag, at: 112) == nil)
        coherence.learn(Generation(2), of: tag, start: 111, now: 113)
        #expect(coherence.generation(of: tag, at: 113) == Generation(2))
        #expect(coherence.isCurrent(Generation(2), of: tag, verified: 101))
        #expect(!coherence.isCurrent(Generation(1), of: tag, verified: 112))
    }

    @Test func `a generation that nothing was told of is asked for anew after a while`() {
        var coherence = Coherence(bound: 1_000, lifetime: 60)
        coherence.establish(at: 100)
        let tag = name("tag")
        coherence.learn(Generation(1), of: tag, start: 110, now: 120)
        #expect(coherence.generation(of: tag, at: 170) == Generation(1))
        #expect(coherence.generation(of: tag, at: 171) == nil)
        // Until then what it speaks against is not right.
        #expect(!coherence.isCurrent(Generation(2), of: tag, verified: 165))
        let version = coherence.version
        coherence.learn(Generation(1), of: tag, start: 171, now: 172)
        #expect(coherence.generation(of: tag, at: 231) == Generation(1))
        #expect(coherence.version == version)
    }

    @Test func `a generation that was read across a gap is not learned`() {
        var coherence = coherence()
        coherence.lose()
        coherence.establish(at: 120)
        coherence.learn(Generation(1), of: name("tag"), start: 119, now: 121)
        #expect(coherence.generation(of: name("tag"), at: 121) == nil)
    }

    @Test func `until the new generation is known, what was verified before is not believed`() {
        var coherence = coherence()
        let tag = name("tag")
        #expect(coherence.isCurrent(Generation(1), of: tag, verified: 105))
        coherence.change(tag, at: 110)
        #expect(!coherence.isCurrent(Generation(1), of: tag, verified: 105))
        #expect(!coherence.isCurrent(Generation(1), of: tag, verified: 110))
        #expect(coherence.isCurrent(Generation(1), of: tag, verified: 111))
    }

    @Test func `to forget a purge does not bring back what it purged`() {
        var coherence = coherence(tableCount: 4)
        let tag = name("tag")
        coherence.change(tag, at: 110)
        for index in 0..<20 { coherence.change(name("\(index)"), at: 111 + Int64(index)) }
        coherence.confirm(asOf: 131)
        let isBelieved =
            coherence.isTrusted(verified: 105, at: 131)
            && coherence.isCurrent(Generation(1), of: tag, verified: 105)
        #expect(!isBelieved)
        #expect(coherence.isTrusted(verified: 131, at: 131))
    }

    @Test func `what may make a copy invalid changes the version`() {
        var coherence = coherence()
        let tag = name("tag")
        let changes: [(String, (inout Coherence) -> Void)] = [
            ("a change", { $0.change(tag, at: 110) }),
            ("a generation", { $0.learn(Generation(1), of: tag, start: 111, now: 112) }),
            ("another", { $0.learn(Generation(2), of: tag, start: 113, now: 114) }),
            ("a loss", { $0.lose() }), ("a return", { $0.establish(at: 115) }),
            ("a flush", { $0.forget(at: 116) }),
        ]
        for (what, change) in changes {
            let before = coherence.version
            change(&coherence)
            #expect(coherence.version != before, "\(what)")
        }
        let before = coherence.version
        coherence.confirm(asOf: 120)
        coherence.changeValue(name("key"), at: 121)
        #expect(coherence.version == before)
    }
}
