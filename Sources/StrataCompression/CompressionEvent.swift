public import Strata

/// What ``Compression`` did with a response, and why.
public struct CompressionEvent: Event {
    /// The coding the response went in; nil where it went as it was.
    public let coding: ContentCoding?
    /// What was decided, and the reason.
    public let description: String

    init(_ decision: CodingDecision) {
        switch decision {
        case .encode(let coding):
            self.coding = coding
            description = "compression: \(coding.rawValue)"
        case .identity(.negotiated(let reason)):
            coding = nil
            description = "compression: identity (\(reason))"
        case .identity(let reason):
            coding = nil
            description = "compression: identity (\(reason))"
        case .leave(let reason):
            coding = nil
            description = "compression: left alone (\(reason))"
        }
    }
}
