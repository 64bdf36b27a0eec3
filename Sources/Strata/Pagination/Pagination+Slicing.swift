import Synchronization

/// How a list is written.
enum ListFormat: Sendable, Hashable {
    /// An array in JSON.
    case json
    /// Records one behind the other.
    case records(RecordSlicer.Format)
}

extension MediaType {
    /// How content of this type writes a list; nil where it can't be cut.
    var listFormat: ListFormat? {
        if isJSON { return .json }
        switch (type, subtype) {
        case ("application", "x-ndjson"), ("application", "ndjson"), ("application", "jsonl"),
            ("application", "x-jsonlines"), ("application", "json-lines"):
            return .records(.jsonLines)
        case ("text", "csv"):
            // RFC 4180 §3: the parameter says it; most files have a header.
            let isAbsent = self["header"]?.equalsIgnoringASCIICase("absent") ?? false
            return .records(.csv(hasHeader: !isAbsent))
        default:
            return nil
        }
    }
}

/// A slicer of either kind.
private enum ListSlicer: Sendable {
    case array(JSONArraySlicer)
    case records(RecordSlicer)

    mutating func feed(_ piece: borrowing RawSpan) -> JSONArraySlicer.Outcome? {
        switch self {
        case .array(var slicer):
            self = .records(.nothing)
            defer { self = .array(slicer) }
            return slicer.feed(piece)
        case .records(var slicer):
            self = .records(.nothing)
            defer { self = .records(slicer) }
            return slicer.feed(piece)
        }
    }

    mutating func finish() -> JSONArraySlicer.Outcome {
        switch self {
        case .array(var slicer):
            defer { self = .array(slicer) }
            return slicer.finish()
        case .records(var slicer):
            defer { self = .records(slicer) }
            return slicer.finish()
        }
    }

    var output: [UInt8] {
        switch self {
        case .array(let slicer): slicer.output
        case .records(let slicer): slicer.output
        }
    }

    var total: PageTotal? {
        switch self {
        case .array(let slicer): slicer.total
        case .records(let slicer): slicer.total
        }
    }

    var page: JSONArraySlicer.Page? {
        if case .array(let slicer) = self { slicer.page } else { nil }
    }
}

extension Pagination {
    struct Slice {
        let outcome: JSONArraySlicer.Outcome
        /// The page; or else the body as it was.
        let body: Body
        /// The page, to write into.
        var page: JSONArraySlicer.Page?
        /// How many items there are in all, as far as they were counted.
        var total: PageTotal?
    }

    func slice(
        _ body: Body, _ format: ListFormat, _ asked: Asked, _ offset: Int
    ) async throws -> Slice {
        let limit = asked.page.limit
        let countLimit = asked.page.total?.countLimit ?? 0
        let maximumBytes = configuration.maximumPageBytes
        let slicer: ListSlicer =
            switch format {
            case .json:
                .array(
                    JSONArraySlicer(
                        path: asked.listPath, members: configuration.style.memberNames,
                        offset: offset, limit: limit, maximumBytes: maximumBytes,
                        countLimit: countLimit))
            case .records(let records):
                .records(
                    RecordSlicer(
                        format: records, offset: offset, limit: limit, maximumBytes: maximumBytes,
                        countLimit: countLimit))
            }
        let slicing = Slicing(slicer)
        switch body {
        case .empty:
            slicing.finish()
        case .bytes(let bytes):
            // In steps, because the slicer may look at a step again as a whole.
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Slicing.step)
                if slicing.feed(piece.span.bytes) != nil { break }
                rest = rest.dropFirst(piece.count)
            }
            slicing.finish()
        case .stream(let stream):
            let passing = try await HeldStream.read(stream) {
                slicing.decision($0)
            } atEnd: {
                slicing.finish()
                return slicing.decision
            }
            if let passing { return Slice(outcome: slicing.outcome, body: passing) }
        }
        guard case .page(_, let hasMore) = slicing.outcome else {
            return Slice(outcome: slicing.outcome, body: body)
        }
        let page = slicing.page
        let isWhole = !hasMore && offset == 0 && !body.isStream
        return Slice(
            outcome: slicing.outcome, body: isWhole ? body : .bytes(slicing.output), page: page,
            total: slicing.total)
    }

    /// A slicer that a stream's task and the layer share.
    private final class Slicing: Sendable {
        static let step = 64 * 1024

        private struct State {
            var slicer: ListSlicer
            var outcome: JSONArraySlicer.Outcome?
        }

        /// Guarded: by the task that produces the body, and the one that answers the request.
        private let state: Mutex<State>

        init(_ slicer: ListSlicer) { state = Mutex(State(slicer: slicer)) }

        func feed(_ piece: borrowing RawSpan) -> JSONArraySlicer.Outcome? {
            state.withLock { state in
                state.outcome = state.slicer.feed(piece)
                return state.outcome
            }
        }

        func finish() {
            state.withLock { state in
                if state.outcome == nil { state.outcome = state.slicer.finish() }
            }
        }

        func decision(_ piece: borrowing RawSpan) -> HeldStream.Decision? {
            feed(piece) == nil ? nil : decision
        }

        /// What becomes of a stream. One that is no page is passed only if the page was to begin
        /// with the first item: nobody who asked for a later page is sent the list from its front.
        var decision: HeldStream.Decision {
            if case .page = outcome { return .stop }
            return .pass(output)
        }

        var outcome: JSONArraySlicer.Outcome {
            state.withLock { $0.outcome ?? .malformed(.incomplete, at: 0) }
        }

        var output: [UInt8] { state.withLock { $0.slicer.output } }

        var page: JSONArraySlicer.Page? { state.withLock { $0.slicer.page } }

        var total: PageTotal? { state.withLock { $0.slicer.total } }
    }
}

extension RecordSlicer {
    /// Stands in for a slicer while it works, so that its output is never copied.
    fileprivate static let nothing = RecordSlicer(
        format: .jsonLines, offset: 0, limit: 1, maximumBytes: 0)
}

extension Body {
    fileprivate var isStream: Bool {
        if case .stream = self { true } else { false }
    }
}
