#if Server
    import Strata

    /// The head of an origin's response.
    struct ResponseHead: Sendable, Hashable {
        var status: Status
        /// The minor version of HTTP/1 that the origin speaks.
        var minorVersion: UInt8
        var headers: Headers

        /// Whether another head follows (RFC 9110 §15.2).
        var isInterim: Bool { status.statusClass == .informational }
    }

    /// Reads heads line by line, and holds them against the rules of RFC 9112.
    struct ResponseHeadReader {
        private enum Stage { case statusLine, fields, content }

        private var stage = Stage.statusLine
        private var remaining: Int
        private var head = ResponseHead(status: 200, minorVersion: 1, headers: [:])
        /// The last field line: it is complete only when the next one shows that it isn't folded.
        private var name: HeaderName?
        private var value: [UInt8] = []

        /// Begins to read.
        ///
        /// - Parameter limit: how many bytes all heads of one response may have.
        init(limit: Int) { remaining = limit }

        /// Takes the next line, with its end.
        ///
        /// - Returns: the head where the line ends it; lines behind the final one's are trailers,
        ///   which are dropped (RFC 9110 §6.5.1).
        mutating func take(
            _ line: UnsafeRawBufferPointer
        ) throws(UpstreamError) -> ResponseHead? {
            guard line.count <= remaining else {
                throw UpstreamError(.malformed, "the head of the response is too large")
            }
            remaining -= line.count
            var line = line[...]
            if line.last == UInt8(ascii: "\n") { line = line.dropLast() }
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            switch stage {
            case .content: return nil
            case .statusLine:
                try readStatusLine(line)
                stage = .fields
                return nil
            case .fields where line.isEmpty:
                try endField()
                defer { head.headers = [:] }
                stage = head.isInterim ? .statusLine : .content
                return head
            case .fields:
                try readField(line)
                return nil
            }
        }

        /// `HTTP/1.1 200 OK` (RFC 9112 §4).
        private mutating func readStatusLine(
            _ line: Slice<UnsafeRawBufferPointer>
        ) throws(UpstreamError) {
            let code = line.dropFirst(9).prefix(3)
            guard line.starts(with: "HTTP/1.".utf8), let minor = line.dropFirst(7).first,
                minor.isASCIIDigit, line.dropFirst(8).first == UInt8(ascii: " "),
                code.count == 3, code.allSatisfy(\.isASCIIDigit),
                line.dropFirst(12).first ?? UInt8(ascii: " ") == UInt8(ascii: " "),
                let status = Status(code: code.reduce(0) { $0 * 10 + Int($1 - 48) })
            else { throw UpstreamError(.malformed, "the response has no status line") }
            guard status != 101 else {
                throw UpstreamError(.malformed, "the protocol was switched without being asked")
            }
            head.status = status
            head.minorVersion = minor - UInt8(ascii: "0")
        }

        /// `name: value`, or more of the last value on a line of its own, which is unfolded
        /// (RFC 9112 §5.2); white space before the colon is removed (RFC 9112 §5.1). Neither is
        /// done with what tells where the content ends, because libcurl, which finds that end,
        /// does neither.
        private mutating func readField(
            _ line: Slice<UnsafeRawBufferPointer>
        ) throws(UpstreamError) {
            if line.first?.isOptionalWhitespace ?? false {
                guard let name else {
                    throw UpstreamError(.malformed, "the first field of the response is folded")
                }
                guard !name.isOfFraming else {
                    throw UpstreamError(.malformed, "the field \(name) is folded")
                }
                value.append(UInt8(ascii: " "))
                value += line.trimmed
                return
            }
            try endField()
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let name = HeaderName(String(decoding: line[..<colon].trimmed, as: UTF8.self))
            else { throw UpstreamError(.malformed, "a field of the response has no name") }
            if name.isOfFraming, line[..<colon].last?.isOptionalWhitespace ?? false {
                throw UpstreamError(.malformed, "there is white space behind the name \(name)")
            }
            self.name = name
            value = Array(line[(colon + 1)...].trimmed)
        }

        private mutating func endField() throws(UpstreamError) {
            guard let name else { return }
            self.name = nil
            guard (try? head.headers.append(name, bytes: value)) != nil else {
                throw UpstreamError(.malformed, "the field \(name) holds CR or NUL")
            }
        }
    }

    /// How the content of an origin's response is delimited (RFC 9112 §6.3).
    enum ResponseFraming: Hashable {
        case none
        case length(Int)
        case chunked
        /// By the end of the connection.
        case untilClose

        /// Decides.
        ///
        /// - Throws: where two who read the head could come to two ends; forwarding it would let
        ///   the one behind be smuggled past the other.
        init(of head: ResponseHead, to method: Method) throws(UpstreamError) {
            let codings = head.headers.lines(of: .transferEncoding).flatMap {
                $0.split(separator: ",").map(\.trimmingOptionalWhitespace)
            }
            let lengths = head.headers.lines(of: .contentLength)
            if method == .head || head.status.forbidsContent {
                self = .none
            } else if head.headers.contains(.transferEncoding) {
                self = try Self.framing(codings, hasLength: !lengths.isEmpty)
            } else if !lengths.isEmpty {
                self = .length(try Self.length(lengths))
            } else {
                self = .untilClose
            }
        }

        /// By chunks, or where the coding is none that is known, by the connection's end.
        ///
        /// No coding but chunked was asked for, so that none may come (RFC 9112 §7.4); one that
        /// is known to change the content would do so unseen.
        private static func framing(
            _ codings: [Substring], hasLength: Bool
        ) throws(UpstreamError) -> ResponseFraming {
            func has(_ name: String) -> Bool {
                codings.contains { coding in
                    coding.prefix { $0 != ";" }.trimmingOptionalWhitespace
                        .equalsIgnoringASCIICase(name)
                }
            }
            if codings.count == 1, codings[0].equalsIgnoringASCIICase("chunked") { return .chunked }
            let known = ["chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress"]
            guard !hasLength, !codings.isEmpty, !known.contains(where: has) else {
                throw UpstreamError(.malformed, "the transfer coding is not chunked")
            }
            return .untilClose
        }

        /// One number, however often it is repeated (RFC 9110 §8.6).
        private static func length(_ lines: [String]) throws(UpstreamError) -> Int {
            let values = Set(
                lines.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
                    .map(\.trimmingOptionalWhitespace))
            guard values.count == 1, let text = values.first, !text.isEmpty,
                text.utf8.allSatisfy(\.isASCIIDigit), let length = Int(text)
            else { throw UpstreamError(.malformed, "the Content-Length is not one number") }
            return length
        }
    }

    extension HeaderName {
        /// Whether the field tells where the content ends.
        fileprivate var isOfFraming: Bool {
            self == .contentLength || self == .transferEncoding
        }
    }

    extension Slice<UnsafeRawBufferPointer> {
        /// Without the white space at either end.
        fileprivate var trimmed: Self {
            var rest = self
            while let byte = rest.first, byte.isOptionalWhitespace { rest = rest.dropFirst() }
            while let byte = rest.last, byte.isOptionalWhitespace { rest = rest.dropLast() }
            return rest
        }
    }
#endif
