/// What a handler wants of the compression of one response.
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
    /// Whether the layer that compresses may, must or must not compress this response; by default
    /// as configured. The cache keeps it, so that a hit is treated like the response it came from.
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
