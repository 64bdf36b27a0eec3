public import Strata

/// Compresses responses for the clients that accept it.
///
/// Which coding a client gets is negotiated as RFC 9110 §12.5.3 has it. What could have been sent
/// otherwise says so in `Vary`; each coding of a content has an entity tag of its own, which is
/// taken back where a client sends it in a condition, so that the layers and the handler behind
/// only ever see their own. Left alone are responses that are encoded already, partial, marked
/// `no-transform`, short, or of a media type that doesn't get smaller; a handler decides for its
/// response with ``Strata/Response/compression``.
///
/// Content that is all there is compressed at once, and goes as it is where that doesn't make it
/// smaller. Streamed content is compressed while it is sent: in bounded memory, at the pace of the
/// client, and what the handler pauses after reaches the client without delay.
///
/// What a response marks as ``Strata/Response/secrets`` is kept apart, in `gzip` and `deflate`, so
/// that the length of the response says nothing about it. That costs some 20 bytes for each
/// occurrence, and what comes behind it can't refer to what comes before.
///
/// Encoded content of requests is decoded for the handler while it reads, within the limits of
/// ``Configuration/requestDecoding``; a coding that isn't known is answered with 415.
///
/// Put it outside ``Strata/Caching``, which keeps what was compressed once for the next hit. What is
/// hit again and again is compressed once more in the background, as small as it gets
/// (``Configuration/remaking``); no request waits for that.
///
/// ```swift
/// let app = wrap({ _ in .text(String(repeating: "hello ", count: 100)) }) {
///     Compression()
/// }
/// ```
public struct Compression: Middleware {
    private let configuration: Configuration
    private let coders: [Coder]
    /// Nil where nothing is made again.
    private let remaker: Remaker?
    private let events: Events
    private let negotiations: NegotiationTable

    /// Makes the layer.
    ///
    /// - Precondition: the configuration's values lie within the limits it states.
    public init(
        _ configuration: Configuration = Configuration(), time: any TimeSource = SystemTime(),
        events: Events = .ignored
    ) {
        configuration.validate()
        self.configuration = configuration
        self.events = events
        negotiations = NegotiationTable(offers: configuration.codings)
        coders = configuration.codings.map { Coder($0, configuration, time) }
        remaker = configuration.remaking.map { Remaker($0, time: time, events: events) }
    }

    /// Answers with what the rest of the chain answers, compressed where that serves the client.
    public func respond(to request: Request, next: Next) async throws -> Response {
        let asked = negotiations.outcome(for: request.headers)
        let negotiation = asked.negotiation
        if negotiation == .nothingAcceptable,
            configuration.whenNothingIsAcceptable == .notAcceptable
        {
            return notAcceptable
        }

        var inner = request
        if let limits = configuration.requestDecoding {
            switch RequestCodingDecision(request) {
            case .leave: break
            case .decode(let codings): try inner.decodeContent(from: codings, limits: limits)
            case .unsupported: return Problem.unsupportedContentCoding.response
            }
        }
        inner.headers.removeCodings(fromConditionsOf: asked.accepted, configuration.codings)
        var response = try await next(inner)
        if sendAgain(&response, request, negotiation) { return response }
        var decision = decide(response, request, negotiation)
        if decision == .identity(.partial), case .coding = negotiation, request.method == .get,
            inner.headers.mayResumeEncodedContent
        {
            // The part would be joined to the beginning of something else: ask for the whole.
            inner.headers.remove(.range)
            inner.headers.remove(.ifRange)
            response = try await next(inner)
            decision = decide(response, request, negotiation)
        }
        let original = response
        if case .encode(let coding) = decision {
            decision = await encode(&response, in: coding)
        }
        finish(&response, to: request, decision, negotiation)
        if case .encode(let coding) = decision { keep(response, of: original, request, coding) }
        events(CompressionEvent(decision))
        return response
    }

    private func decide(
        _ response: Response, _ request: Request, _ negotiation: Negotiation
    ) -> CodingDecision {
        var negotiation = negotiation
        if case .coding(let coding) = negotiation, !coding.keepsSecrets, !response.secrets.isEmpty {
            negotiation = Negotiation(
                accepting: QualityList(request.headers, .acceptEncoding),
                offering: configuration.codings.filter(\.keepsSecrets))
        }
        return CodingDecision(
            response, to: request, negotiation: negotiation, configuration: configuration)
    }

    private var notAcceptable: Response {
        let names = configuration.codings.map(\.rawValue).joined(separator: ", ")
        return Problem(
            .notAcceptable,
            detail: "Accept-Encoding refuses identity and all codings there are: \(names).",
            headers: [.vary: HeaderName.acceptEncoding.spelling]
        ).response
    }
}

// MARK: - The same again

extension Compression {
    /// Puts what was made of the same response for an earlier request in its place; false where
    /// nothing was.
    private func sendAgain(
        _ response: inout Response, _ request: Request, _ negotiation: Negotiation
    ) -> Bool {
        guard case .coding(let coding) = negotiation, let siblings = response.encodedSiblings,
            let (fields, sibling) = siblings.ready(in: coding.rawValue),
            fields.fit(response, by: negotiations), isLikeAnyOther(request, response)
        else { return false }
        switch sibling {
        case .bytes(let bytes):
            remaker?.note(siblings, servedBy: coder(of: coding))
            response.body = .bytes(bytes)
        case .densest(let bytes): response.body = .bytes(bytes)
        case .notSmaller: return false
        }
        response.headers = fields.headers
        events(CompressionEvent(.encode(coding)))
        return true
    }

    /// Keeps what became of the fields of a response from the cache, for the next request that gets
    /// the same.
    private func keep(
        _ response: Response, of original: Response, _ request: Request, _ coding: ContentCoding
    ) {
        guard let siblings = original.encodedSiblings, case .bytes = response.body,
            isLikeAnyOther(request, original)
        else { return }
        siblings.keep(
            EncodedFields(response.headers, of: original, by: negotiations), in: coding.rawValue)
    }

    /// Whether nothing in the request but the coding it accepts, and nothing about the response that
    /// isn't in its fields, has a say in how it is encoded.
    private func isLikeAnyOther(_ request: Request, _ response: Response) -> Bool {
        request.method == .get && !request.headers.forbidTransformation && response.secrets.isEmpty
    }

    private func coder(of coding: ContentCoding) -> Coder {
        guard let coder = coders.first(where: { $0.coding == coding }) else {
            preconditionFailure("Only what is offered is negotiated")
        }
        return coder
    }
}

// MARK: - The content

extension Compression {
    /// Puts the content into the coding where that makes it smaller; says what became of it.
    private func encode(_ response: inout Response, in coding: ContentCoding) async
        -> CodingDecision
    {
        let coder = coder(of: coding)
        switch response.body {
        case .bytes(let bytes) where bytes.count <= configuration.maximumBufferedBytes:
            do {
                guard let encoded = try await encoded(bytes, of: response, with: coder) else {
                    return .identity(.notSmaller)
                }
                response.body = .bytes(encoded)
            } catch {
                return .identity(.outOfMemory)
            }
        case .bytes, .stream:
            let type = response.headers.first(.contentType)?.mediaTypeEssence
            response.body = .stream(
                coder.encoded(
                    response.body, isEventStream: type == "text/event-stream",
                    secrets: response.secrets))
        case .empty:
            // The answer to HEAD: what the content would be isn't known.
            break
        }
        return .encode(coding)
    }

    /// The bytes in the coding: those that the cache keeps, or new ones, which it then may keep.
    private func encoded(
        _ bytes: [UInt8], of response: Response, with coder: Coder
    ) async throws -> [UInt8]? {
        let secrets = response.secrets
        guard secrets.isEmpty else {
            let encoded = Body.stream(coder.encoded(response.body, secrets: secrets))
            do {
                return try await encoded.collect(upTo: bytes.count - 1)
            } catch is BodyTooLarge {
                return nil
            }
        }
        let siblings = response.encodedSiblings
        switch await siblings?.sibling(in: coder.coding.rawValue) {
        case .densest(let encoded): return encoded
        case .bytes(let encoded):
            if let siblings { remaker?.note(siblings, servedBy: coder) }
            return encoded
        case .notSmaller: return nil
        case nil: break
        }
        let encoded = try coder.encoded(bytes, upTo: bytes.count - 1)
        await siblings?.offer(
            encoded.map { .bytes($0) } ?? .notSmaller, in: coder.coding.rawValue)
        return encoded
    }
}

// MARK: - The fields

extension Compression {
    /// Makes the fields true of what is sent.
    private func finish(
        _ response: inout Response, to request: Request, _ decision: CodingDecision,
        _ negotiation: Negotiation
    ) {
        if decision.isNegotiated { response.headers.addVary(.acceptEncoding) }
        var coding: ContentCoding?
        switch decision {
        case .encode(let used):
            coding = used
            response.headers[.contentEncoding] = used.rawValue
            response.headers.removeFieldsOfIdentity()
        case .identity(.notModified):
            coding = response.codingOfHeldContent(request, negotiation)
            if coding != nil { response.headers.removeFieldsOfIdentity() }
        case .identity, .leave: break
        }
        if request.method.returnsItsTarget { response.headers.codeEntityTag(coding) }
    }
}

extension Response {
    /// The coding of the content that a 304 tells a client to go on using.
    fileprivate func codingOfHeldContent(
        _ request: Request, _ negotiation: Negotiation
    ) -> ContentCoding? {
        var negotiated: ContentCoding?
        if case .coding(let coding) = negotiation { negotiated = coding }
        guard let tag = headers.first(.etag).flatMap({ EntityTag($0) }) else { return nil }
        return request.headers.codingNamed(for: tag, preferring: negotiated) ?? negotiated
    }
}

extension Method {
    /// Whether an entity tag in the answer is that of the content in the answer; that in the answer
    /// to a change is of the resource's new state (RFC 9110 §9.3.4).
    fileprivate var returnsItsTarget: Bool {
        self != .put && self != .patch && self != .delete
    }
}

extension Headers {
    /// Whether the client goes on with content that it may hold in a coding, because a date tells
    /// two codings not apart (RFC 9110 §13.1.5).
    fileprivate var mayResumeEncodedContent: Bool {
        first(.ifRange).map { EntityTag($0) == nil } ?? false
    }

    fileprivate mutating func addVary(_ name: HeaderName) {
        guard contains(.vary) else { return self[.vary] = name.spelling }
        var vary = VaryField(self, .vary)
        guard !vary.contains(name) else { return }
        vary.insert(name)
        self[.vary] = vary.fieldValue
    }

    /// Removes what is true only of the content as it is: its length and digests (RFC 9530), and
    /// that parts of it can be had. The host knows the new length.
    fileprivate mutating func removeFieldsOfIdentity() {
        remove(.acceptRanges)
        for name in HeaderName.trueOfOneCodingOnly { remove(name) }
    }

    /// Gives the entity tag the form for the coding, or for the content as it is.
    fileprivate mutating func codeEntityTag(_ coding: ContentCoding?) {
        guard let tag = first(.etag).flatMap({ EntityTag($0) }) else { return }
        let coded = CodedEntityTag(tag, in: coding)
        if coded.suffix != nil { self[.etag] = coded.fieldValue }
    }
}

extension HeaderName {
    /// What is wrong of the same content in another coding: the coding is part of what
    /// `Repr-Digest` is taken of, as of `Content-Digest` (RFC 9530 §2, §3). `Digest` is what it
    /// replaces (RFC 3230), and `Content-MD5` is long abolished and still sent (RFC 7231
    /// appendix B).
    static let trueOfOneCodingOnly: [HeaderName] = [
        .contentLength, .contentDigest, .reprDigest, .digest, .contentMD5,
    ]
}
