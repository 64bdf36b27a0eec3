extension StringProtocol where SubSequence == Substring {
    /// The text as a number of seconds: one digit or more and nothing else (RFC 9111 §1.2.2).
    ///
    /// Anything above 2³¹ counts as 2³¹, which the RFC asks for and which leaves room to add a
    /// few of them; nil where the text is no such number.
    package var deltaSeconds: Int? {
        var seconds = 0
        for byte in utf8 {
            guard byte.isASCIIDigit else { return nil }
            seconds = Swift.min(seconds * 10 + Int(byte &- UInt8(ascii: "0")), 1 << 31)
        }
        return isEmpty ? nil : seconds
    }
}
