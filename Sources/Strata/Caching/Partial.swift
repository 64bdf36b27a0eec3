/// Which bytes of its whole content a stored response has (RFC 9111 §3.3).
struct StoredPart: Sendable, Hashable {
    /// The bytes that it has.
    var range: Range<Int>
    /// How many bytes the whole content has.
    var completeLength: Int

    /// The part that a 206 brings; nil where it doesn't say which, or brings several.
    init?(_ response: Response) {
        guard response.status == .partialContent,
            response.headers.count(of: .contentRange) == 1,
            let value = response.headers.first(.contentRange),
            case .range(let range, let length?) = ContentRange(value),
            response.body.length == nil || response.body.length == range.count
        else { return nil }
        self.init(range: range, completeLength: length)
    }

    init(range: Range<Int>, completeLength: Int) {
        self.range = range
        self.completeLength = completeLength
    }

    /// Whether it is everything after all.
    var isComplete: Bool { range == 0..<completeLength }
}

/// Answers to requests for ranges, and responses put together from parts (RFC 9110 §14).
package enum Partial {
    /// The ranges that a request asks of a stored response; nil where it is to be answered whole:
    /// it is neither a GET nor a QUERY, asks for none, or for another version (RFC 9110 §13.1.5,
    /// §14.2; RFC 10008 §2.8).
    package static func ranges(
        _ request: Request, of head: StoredHead, now: Timestamp
    ) -> ByteRangeSet? {
        guard request.method == .get || request.method == .query,
            head.status == .ok || head.part != nil,
            request.headers.count(of: .range) == 1, let value = request.headers.first(.range),
            let ranges = ByteRangeSet(value)
        else { return nil }
        guard let condition = request.headers.first(.ifRange) else { return ranges }
        return ifRange(condition, holdsFor: head, now: now) ? ranges : nil
    }

    /// `If-Range` compares strongly: the same strong entity tag, or the very date that the
    /// response was last modified at, if that lies long enough back to be strong
    /// (RFC 9110 §13.1.5, §8.8.2.2).
    private static func ifRange(
        _ condition: String, holdsFor head: StoredHead, now: Timestamp
    ) -> Bool {
        if let tag = EntityTag(condition) {
            return head.headers.entityTag.map { tag.stronglyMatches($0) } ?? false
        }
        guard let date = Timestamp(httpDate: condition, now: now),
            let modified = head.headers.lastModified(now: now), date == modified,
            let made = head.headers.date(now: now)
        else { return false }
        return made - modified >= .seconds(1)
    }

    /// Whether a stored part has all the bytes that a request wants.
    static func holds(_ part: StoredPart, _ ranges: ByteRangeSet?) -> Bool {
        guard let ranges else { return false }
        switch ranges.resolve(length: part.completeLength) {
        case .whole: return false
        case .unsatisfiable: return true
        case .ranges(let wanted):
            return wanted.allSatisfy {
                part.range.lowerBound <= $0.lowerBound && $0.upperBound <= part.range.upperBound
            }
        }
    }

    /// The answer to a request for ranges, from content that is there; nil where the response is
    /// to be sent as it is.
    static func answer(_ ranges: ByteRangeSet, _ head: StoredHead, _ content: [UInt8]) -> Response?
    {
        if let part = head.part, !holds(part, ranges) { return nil }
        let length = head.part?.completeLength ?? content.count
        let offset = head.part?.range.lowerBound ?? 0
        var headers = head.headers
        headers.remove(.contentLength)
        headers.remove(.contentRange)
        switch ranges.resolve(length: length) {
        case .whole: return nil
        case .unsatisfiable:
            var problem = Problem(
                .rangeNotSatisfiable, detail: "The content is \(length) bytes long.")
            problem.headers[.contentRange] =
                ContentRange.unsatisfied(completeLength: length).fieldValue
            return problem.response
        case .ranges(let wanted):
            func slice(_ range: Range<Int>) -> ArraySlice<UInt8> {
                content[(range.lowerBound - offset)..<(range.upperBound - offset)]
            }
            if wanted.count == 1, let range = wanted.first {
                headers[.contentRange] =
                    ContentRange.range(range, completeLength: length).fieldValue
                return Response(
                    status: .partialContent, headers: headers, body: .bytes(Array(slice(range))))
            }
            let parts = wanted.map { ($0, slice($0)) }
            let boundary = boundary(notIn: content)
            let type = headers.first(.contentType)
            headers[.contentType] = "multipart/byteranges; boundary=\(boundary)"
            return Response(
                status: .partialContent, headers: headers,
                body: .bytes(multipart(parts, length: length, type: type, boundary: boundary)))
        }
    }

    /// The parts as `multipart/byteranges` (RFC 9110 §14.6).
    private static func multipart(
        _ parts: [(Range<Int>, ArraySlice<UInt8>)], length: Int, type: String?, boundary: String
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for (range, slice) in parts {
            let field = ContentRange.range(range, completeLength: length).fieldValue
            bytes += Array("\r\n--\(boundary)\r\n".utf8)
            if let type { bytes += Array("Content-Type: \(type)\r\n".utf8) }
            bytes += Array("Content-Range: \(field)\r\n\r\n".utf8)
            bytes += slice
        }
        return bytes + Array("\r\n--\(boundary)--\r\n".utf8)
    }

    /// 128 random bits: the content can't hold them but by a chance that never comes.
    private static func boundary(notIn content: [UInt8]) -> String {
        String(UInt64.random(in: .min ... .max), radix: 36)
            + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    // MARK: Putting parts together

    /// Two responses for one target put together: the newer one's fields, and the bytes of both;
    /// nil where they aren't known to be of the same version, or leave a gap (RFC 9111 §3.4).
    static func combine(_ older: StoredResponse, _ newer: StoredResponse) -> StoredResponse? {
        guard let tag = newer.head.headers.entityTag, let oldTag = older.head.headers.entityTag,
            tag.stronglyMatches(oldTag), let part = newer.head.part
        else { return nil }
        let old =
            older.head.part
            ?? StoredPart(
                range: 0..<older.content.count, completeLength: older.content.count)
        guard old.completeLength == part.completeLength,
            old.range.lowerBound <= part.range.upperBound,
            part.range.lowerBound <= old.range.upperBound
        else { return nil }
        let range =
            min(
                old.range.lowerBound, part.range.lowerBound)..<max(
                old.range.upperBound, part.range.upperBound)
        var content = newer.content
        if old.range.lowerBound < part.range.lowerBound {
            content.insert(
                contentsOf: older.content[..<(part.range.lowerBound - old.range.lowerBound)], at: 0)
        }
        if old.range.upperBound > part.range.upperBound {
            content += older.content[(part.range.upperBound - old.range.lowerBound)...]
        }
        var head = newer.head
        head.headers.remove(.contentRange)
        head.headers.remove(.contentLength)
        head.part = StoredPart(range: range, completeLength: part.completeLength)
        head.status = .partialContent
        return whole(StoredResponse(head: head, content: content))
    }

    /// A part that has all the bytes, as the whole that it is (RFC 9110 §15.3.7.3).
    static func whole(_ stored: StoredResponse) -> StoredResponse {
        guard let part = stored.head.part, part.isComplete else { return stored }
        var head = stored.head
        head.headers.remove(.contentRange)
        head.part = nil
        head.status = .ok
        return StoredResponse(head: head, content: stored.content)
    }

    /// A request for the bytes that a stored part lacks at one of its ends; nil where it lacks
    /// some at both, or can't be put together with what comes.
    static func request(_ request: Request, completing stored: StoredHead) -> Request? {
        guard let part = stored.part, let tag = stored.headers.entityTag, !tag.isWeak else {
            return nil
        }
        let missing: ByteRangeSet.Spec
        if part.range.lowerBound == 0 {
            missing = .from(part.range.upperBound)
        } else if part.range.upperBound == part.completeLength {
            missing = .closed(first: 0, last: part.range.lowerBound - 1)
        } else {
            return nil
        }
        var request = request
        for name in Validation.conditions { request.headers.remove(name) }
        request.headers[.range] = ByteRangeSet([missing]).fieldValue
        request.headers[.ifRange] = tag.fieldValue
        return request
    }
}
