import Strata

extension Compression {
    /// How the encoded content of requests is decoded for the handler.
    public struct RequestDecoding: Sendable, Hashable {
        /// The most bytes that decoded content may have; more is answered with 413. By default
        /// 16 MiB. Streaming it takes no more memory than a piece.
        public var maximumBytes = 16 << 20

        /// How many times as long as the encoded content the decoded may be; more is answered with
        /// 413. By default 100, which only content made for it exceeds: gzip can reach 1032.
        /// It is not looked at before 1 MiB has come out.
        public var maximumRatio = 100

        /// What may come out whatever the ratio.
        let freeBytes = 1 << 20

        /// The defaults.
        public init() {}
    }
}

/// What becomes of the content of a request.
enum RequestCodingDecision: Sendable, Hashable {
    /// It is not encoded, or there is none.
    case leave
    /// It is decoded from these codings, the outermost first.
    case decode([ContentCoding])
    /// It is in a coding that isn't known (RFC 9110 §15.5.16).
    case unsupported

    /// No client has a reason to encode content more often, and each coding can multiply it.
    static let maximumCodings = 2

    init(_ request: Request) {
        guard request.headers.contains(.contentEncoding), !request.body.isEmpty else {
            self = .leave
            return
        }
        var codings: [ContentCoding] = []
        for field in request.headers where field.name == .contentEncoding {
            var scanner = FieldScanner(field.value)
            while scanner.nextMember() {
                guard let name = scanner.token(), scanner.isAtMemberEnd() else {
                    self = .unsupported
                    return
                }
                // Reserved for Accept-Encoding, and still sent (RFC 9110 §8.4.1).
                if name.equalsIgnoringASCIICase("identity") { continue }
                guard let coding = ContentCoding(named: name) else {
                    self = .unsupported
                    return
                }
                codings.append(coding)
            }
        }
        self =
            codings.isEmpty
            ? .leave
            : codings.count > Self.maximumCodings ? .unsupported : .decode(codings.reversed())
    }
}

extension Request {
    /// Puts decoders around the content, and removes what is true only of the encoded one.
    mutating func decodeContent(
        from codings: [ContentCoding], limits: Compression.RequestDecoding
    ) throws(CompressionError) {
        for coding in codings {
            body = RequestBody(DecodingSource(body, try coding.makeDecoder(), limits: limits))
        }
        headers.remove(.contentEncoding)
        for name in HeaderName.trueOfOneCodingOnly { headers.remove(name) }
    }
}

extension Problem {
    /// The content is in a coding that isn't known; says which are (RFC 9110 §12.5.3).
    static var unsupportedContentCoding: Problem {
        let names = ContentCoding.allCases.map(\.rawValue).joined(separator: ", ")
        return Problem(
            .unsupportedMediaType,
            detail: "The content's coding isn't supported; these are: \(names).",
            headers: [.acceptEncoding: names])
    }
}
