import Strata

/// What becomes of one response, and why.
enum CodingDecision: Sendable, Hashable {
    /// It goes in this coding.
    case encode(ContentCoding)
    /// It goes as it is to this client, and another client could have got something else.
    case identity(IdentityReason)
    /// It goes as it is to every client.
    case leave(LeaveReason)

    /// Why this client gets the content as it is.
    enum IdentityReason: Sendable, Hashable {
        /// What the client said about codings led to it.
        case negotiated(Negotiation.IdentityReason)
        /// The client refuses it, and everything else there is; it gets it all the same, because
        /// the answer may have had an effect already (RFC 9110 §12.4.1).
        case nothingAcceptable
        /// The request forbids it with `no-transform` (RFC 9111 §5.2.1.6).
        case noTransform
        /// It is part of the content as it is (RFC 9110 §14).
        case partial
        /// There is no content; the client has it (RFC 9110 §15.4.5).
        case notModified
        /// The coding would have made it longer.
        case notSmaller
        /// There was no memory for a compressor.
        case outOfMemory
    }

    /// Why every client gets the content as it is.
    enum LeaveReason: Sendable, Hashable {
        /// The handler said so.
        case handler
        /// A response with this status, or to this method, has no content.
        case noContent
        /// The content is in a coding already (RFC 9110 §8.4).
        case alreadyEncoded
        /// The response forbids it with `no-transform` (RFC 9111 §5.2.2.6).
        case noTransform
        /// Content of this media type is dense already, or of an unknown kind.
        case mediaType
        /// The content is too short for it to be worth while.
        case tooShort
    }

    /// Whether another `Accept-Encoding` could have led to another answer, which `Vary` must tell
    /// (RFC 9110 §12.5.5).
    var isNegotiated: Bool {
        if case .leave = self { false } else { true }
    }

    /// Decides what the response's fields and status tell; what only its compression can tell,
    /// ``IdentityReason/notSmaller``, comes later.
    init(
        _ response: Response, to request: Request, negotiation: Negotiation,
        configuration: Compression.Configuration
    ) {
        let rule = response.compression
        if let reason = LeaveReason(response, to: request, rule, configuration) {
            self = .leave(reason)
        } else if response.status == .notModified {
            self = .identity(.notModified)
        } else if request.headers.forbidTransformation {
            self = .identity(.noTransform)
        } else if response.isPartial {
            self = .identity(.partial)
        } else {
            switch negotiation {
            case .coding(let coding): self = .encode(coding)
            case .identity(let reason): self = .identity(.negotiated(reason))
            case .nothingAcceptable: self = .identity(.nothingAcceptable)
            }
        }
    }
}

extension CodingDecision.LeaveReason {
    fileprivate init?(
        _ response: Response, to request: Request, _ rule: ResponseCompression,
        _ configuration: Compression.Configuration
    ) {
        if rule == .never {
            self = .handler
        } else if response.headers.contains(.contentEncoding) {
            self = .alreadyEncoded
        } else if response.headers.forbidTransformation {
            self = .noTransform
        } else if response.status == .notModified {
            // What is left to ask about is only known of the content that isn't sent.
            return nil
        } else if response.status.forbidsContent || response.status.code == 205
            || request.method == .connect || response.isEmpty(to: request)
        {
            self = .noContent
        } else if rule == .always {
            return nil
        } else if !(response.headers.first(.contentType)
            .map(configuration.isCompressible(contentType:)) ?? false)
        {
            self = .mediaType
        } else if let length = response.contentLength(to: request),
            length < configuration.minimumBytes, !response.isPartial
        {
            self = .tooShort
        } else {
            return nil
        }
    }
}

extension Response {
    /// Whether it is part of a representation (RFC 9110 §15.3.7).
    fileprivate var isPartial: Bool {
        status == .partialContent || headers.contains(.contentRange)
    }

    /// Whether it has no content, and would have none either if the method weren't `HEAD`.
    fileprivate func isEmpty(to request: Request) -> Bool {
        contentLength(to: request) == 0
    }

    /// How long its content is, or would be if the method weren't `HEAD`; nil where unknown.
    fileprivate func contentLength(to request: Request) -> Int? {
        if case .empty = body, request.method == .head {
            return headers.first(.contentLength).flatMap { Int($0) }
        }
        return body.length
    }
}

extension Headers {
    /// Whether `no-transform` stands in `Cache-Control`.
    var forbidTransformation: Bool {
        contains(.cacheControl) && CacheControl(self, .cacheControl).noTransform
    }
}
