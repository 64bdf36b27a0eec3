public import Strata

/// What a handler wants of ``Compression`` for one response.
public enum ResponseCompression: Sendable, Hashable {
    /// As configured.
    case automatic
    /// The content goes as it is, to every client.
    case never
    /// The content is compressed for every client that accepts it, whatever its media type and
    /// length.
    case always
}

extension Response {
    /// Whether ``Compression`` may, must or must not compress this response; by default as
    /// configured.
    ///
    /// ```swift
    /// var response = Response.text(report)
    /// response.compression = .never
    /// ```
    public var compression: ResponseCompression {
        get { values[ResponseCompressionKey.self] ?? .automatic }
        set { values[ResponseCompressionKey.self] = newValue == .automatic ? nil : newValue }
    }
}

private enum ResponseCompressionKey: ValueKey { typealias Value = ResponseCompression }
