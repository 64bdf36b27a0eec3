/// Conditional requests: those that clients make of the cache, and those that the cache makes of
/// the handler (RFC 9111 §4.3).
package enum Validation {
    // MARK: The client's conditions

    /// Whether a stored response is what the client already has, so that a 304 answers it
    /// (RFC 9110 §13.2.2; RFC 9111 §4.3.2; RFC 10008 §2.6).
    ///
    /// `If-None-Match` counts before `If-Modified-Since`; `If-Match` and `If-Unmodified-Since` are
    /// for the handler alone.
    package static func isNotModified(
        _ request: Request, _ stored: StoredHead, now: Timestamp
    ) -> Bool {
        guard stored.status == .ok || stored.part != nil else { return false }
        // Without Last-Modified, the response was last modified when it was made.
        return isNotModified(
            request, stored.headers,
            modified: stored.headers.lastModified(now: now) ?? stored.headers.date(now: now),
            now: now)
    }

    private static func isNotModified(
        _ request: Request, _ headers: borrowing Headers,
        modified: @autoclosure () -> Timestamp?, now: Timestamp
    ) -> Bool {
        switch request.method {
        case .get, .head, .query: break
        default: return false
        }
        if request.headers.contains(.ifNoneMatch) {
            return EntityTagList.weaklyMatches(
                headers.entityTag, in: request.headers, .ifNoneMatch)
        }
        // More than one is as good as none (RFC 9110 §13.1.3).
        guard request.headers.count(of: .ifModifiedSince) == 1,
            let since = request.headers.first(.ifModifiedSince),
            let moment = Timestamp(httpDate: since, now: now)
        else { return false }
        return modified().map { $0 <= moment } ?? false
    }

    /// The 304 that stands for a stored response (RFC 9110 §15.4.5).
    ///
    /// - Parameter length: that of the content that isn't sent, where it is known: without it, a
    ///   server may have to close the connection to mark the end of the head (RFC 9110 §8.6).
    static func notModified(_ stored: StoredHead, length: Int?) -> Response {
        var headers = Headers()
        for field in stored.headers {
            switch field.name {
            case .cacheControl, .contentLocation, .date, .etag, .expires, .vary, .cacheStatus,
                .cdnCacheControl, .lastModified, .link:
                headers.append(field)
            default: break
            }
        }
        if let length { headers[.contentLength] = String(length) }
        return Response(status: .notModified, headers: headers)
    }

    /// A response that isn't stored as the client is to get it: as a 304, where it is what the
    /// client already has. The handler wasn't told of the client's conditions, so that it falls to
    /// the cache to hold the response against them (RFC 9110 §13.2.1).
    static func conditioned(
        _ response: Response, to request: Request, now: Timestamp
    ) -> Response {
        guard response.status == .ok || response.status == .partialContent,
            isNotModified(
                request, response.headers, modified: response.headers.lastModified(now: now),
                now: now)
        else { return response }
        var notModified = Response(status: .notModified, headers: response.headers)
        for name in [HeaderName.contentType, .contentLength, .contentRange, .contentEncoding] {
            notModified.headers.remove(name)
        }
        return notModified
    }

    // MARK: The cache's conditions

    /// The fields that make a request conditional or ask for a part: the cache answers them
    /// itself, from the whole response.
    static let conditions: [HeaderName] = [.ifNoneMatch, .ifModifiedSince]

    /// The request with which the handler is asked whether stored responses are still right; for
    /// a whole response, where there are none.
    ///
    /// - Parameters:
    ///   - stored: the stored response that the request selects.
    ///   - entityTags: those of the URI's other variants, one of which may be right.
    static func request(
        _ request: Request, validating stored: StoredHead?, entityTags: [String] = []
    ) -> Request {
        var request = request
        for name in conditions { request.headers.remove(name) }
        var tags: [String] = []
        if let tag = stored?.headers.first(.etag), EntityTag(tag) != nil { tags.append(tag) }
        for tag in entityTags where !tags.contains(tag) { tags.append(tag) }
        if !tags.isEmpty { request.headers[.ifNoneMatch] = tags.joined(separator: ", ") }
        if let modified = stored?.headers.first(.lastModified) {
            request.headers[.ifModifiedSince] = modified
        }
        return request
    }

    /// Whether a 304 speaks of the stored response (RFC 9111 §4.3.4).
    static func answer(_ notModified: Response, speaksOf stored: StoredHead) -> Bool {
        if let tag = notModified.headers.entityTag {
            guard let storedTag = stored.headers.entityTag else { return false }
            return tag.isWeak ? tag.weaklyMatches(storedTag) : tag.stronglyMatches(storedTag)
        }
        if let modified = notModified.headers.first(.lastModified),
            let storedModified = stored.headers.first(.lastModified)
        {
            return modified == storedModified
        }
        // It has no validator: it can only be about what was asked for.
        return true
    }

    /// Whether the answer to a HEAD describes what is stored: the same validators and the same
    /// length, as far as it names them (RFC 9111 §4.3.5).
    static func head(_ response: Response, agreesWith stored: StoredResponse) -> Bool {
        for name in [HeaderName.etag, .lastModified] {
            guard let value = response.headers.first(name) else { continue }
            guard value == stored.head.headers.first(name) else { return false }
        }
        guard let length = response.headers.first(.contentLength) else { return true }
        return Int(length) == stored.content.count
    }

    /// The stored fields brought up to date by those of a 304, or of a HEAD's answer: they take
    /// the place of stored ones, except those that describe what was done to the stored content
    /// (RFC 9111 §3.2).
    static func update(_ stored: Headers, by newer: Headers) -> Headers {
        var updated = stored
        let newer = newer.withoutConnectionFields
        let replaced = Set(newer.map(\.name)).subtracting(describingContent)
        updated.removeAll { replaced.contains($0.name) }
        for field in newer where replaced.contains(field.name) { updated.append(field) }
        return updated
    }

    private static let describingContent: Set<HeaderName> = [
        .contentLength, .contentEncoding, .contentRange, .age, .cacheStatus,
    ]
}

extension Headers {
    /// Without the fields that concern one connection, or a proxy's own credentials
    /// (RFC 9110 §7.6.1; RFC 9111 §3.1).
    var withoutConnectionFields: Headers {
        var kept = self
        kept.removeConnectionFields()
        kept.removeAll { field in
            switch field.name {
            case .proxyAuthenticate, .proxyAuthorization, "Proxy-Authentication-Info": true
            default: false
            }
        }
        return kept
    }
}
