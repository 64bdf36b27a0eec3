import Testing

@testable import Strata

@Suite struct SipHashTests {
    /// What OpenSSL's SIPHASH makes of 0, 1, 2, … with `c-rounds:1`, `d-rounds:3` and `size:16`,
    /// under the key 00 01 … 0f.
    @Test(arguments: [
        (0, "E77EBCB22788A5BEFD62DB6ADD303001"), (1, "FC6F370460D3EDA85E0573CC2B2FF063"),
        (7, "1084B923F2AAE0C3A62F2EC80848AB77"), (8, "AA12FEE1D5E3DAB4724F16AB35F9C799"),
        (15, "C17E5505B2BD526C2921CDEC1E7E0109"), (63, "4C5800E34EFE426F079F6B0AA75260AD"),
    ])
    func `it agrees with OpenSSL`(count: Int, expected: String) {
        let hash = (0..<UInt8(count)).map { $0 }.withUnsafeBytes {
            SipHash.hash($0, key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        }
        let bytes = [hash.low, hash.high].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
        }
        let text = bytes.map {
            ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true)
        }.joined()
        #expect(text == expected)
    }
}
