/// Cuts a page out of a list in JSON while its bytes come by: one pass, no parse tree.
///
/// The list is the array at the top, or the one that a path of member names leads to within the
/// objects around it (an envelope). Items before the page are checked and forgotten; those of the
/// page are kept byte for byte; as soon as an item behind the page begins, the page is complete
/// and nothing more is read. So memory holds one page and what stands before the list, never more
/// than `maximumBytes` and one piece.
///
/// The page is gathered, not passed through, for two reasons. Whether there is a next page, and
/// with which cursor, stands in the header, which is sent first. And bytes that turn out not to
/// be JSON must not have been sent by half: until the outcome is known, nothing has left.
///
/// What follows behind the page is never looked at, so it isn't judged either: it is when its own
/// page is asked for.
package struct JSONArraySlicer: Sendable {
    /// What came of it.
    package enum Outcome: Sendable, Hashable {
        /// ``output`` is the page, valid JSON, with that many items. `hasMore` tells whether an
        /// item stands behind it.
        case page(count: Int, hasMore: Bool)
        /// There is no array where the list should be.
        case notAList
        /// The bytes are no JSON from that place on, counted from the first byte.
        case malformed(JSONFault, at: Int)
        /// Not even one item fits into the most bytes allowed.
        case tooLarge
    }

    /// The page, once there is one. If there is none, and the page was to begin with the first
    /// item, all bytes fed so far, so that they can be passed on unchanged.
    package private(set) var output: [UInt8] = []

    /// How many items the list has, as far as that is known: exactly where its end was read. What
    /// stands behind the page is read for it up to `countLimit` items.
    package private(set) var total: PageTotal?

    /// How many items ended so far, those before the page aside.
    private var itemCount = 0

    private let path: [[UInt8]]
    private let members: [[UInt8]]
    private let offset: Int
    private let limit: Int
    private let maximumBytes: Int
    private let countLimit: Int

    private var scanner = JSONScanner()
    private var stage = Stage.seeking
    /// How many bytes were fed before the present piece.
    private var consumed = 0

    /// How many objects on the path are open; the innermost of them is the one whose member
    /// names are compared.
    private var matched = 0
    /// How many names of the path were met so far.
    private var met = 0
    private var isValueMatched = false
    /// The raw bytes of the name that is being read.
    private var name: [UInt8] = []
    private var nameStart: Int?

    /// How many containers are open where an item of the list begins.
    private var listDepth = 0
    private var isEmitting = true
    /// Where in the present piece begins what is not yet in ``output``.
    private var emitStart = 0
    /// How long ``output`` is up to the end of the last item that fits, and how many items of the
    /// page that makes.
    private var cut = (length: 0, count: 0)

    /// Where in ``output`` the list ends.
    private var listEnd = 0
    /// Where in ``output`` members beside the list stand that may be replaced.
    private var replaced: [(name: [UInt8], range: Range<Int>)] = []
    /// Where in ``output`` the last value beside the list ended, and where the name began that
    /// was met last.
    private var valueEnd: Int?
    private var nameBegin = 0
    private var replacedName: [UInt8]?

    private enum Stage { case seeking, inList, afterList, counting }

    /// Makes a slicer.
    ///
    /// - Parameters:
    ///   - path: the names of the members that lead from an object at the top to the list. An
    ///     array at the top is a list whatever the path.
    ///   - members: the names of members beside the list that may be replaced in the page.
    ///   - offset: how many items stand before the page.
    ///   - limit: how many items the page has at most, one or more.
    ///   - maximumBytes: how long the page may get. Where the items are so large that fewer than
    ///     `limit` fit, the page has fewer.
    ///   - countLimit: up to how many items are counted for ``total``; 0 for no more than the page
    ///     needs.
    package init(
        path: [String] = [], members: [String] = [], offset: Int = 0, limit: Int,
        maximumBytes: Int, countLimit: Int = 0
    ) {
        precondition(limit > 0 && offset >= 0, "A page has room for one item or more")
        self.path = path.map { Array($0.utf8) }
        self.members = members.map { Array($0.utf8) }
        self.offset = offset
        self.limit = limit
        self.maximumBytes = maximumBytes
        self.countLimit = countLimit
    }

    /// Reads the next piece; nil while the outcome is open.
    ///
    /// After an outcome the slicer must not be fed again.
    package mutating func feed(_ piece: borrowing RawSpan) -> Outcome? {
        piece.withUnsafeBytes { feed($0) }
    }

    /// Tells that there are no more pieces.
    package mutating func finish() -> Outcome {
        if stage == .counting { return cutOutcome }
        if let fault = scanner.faultAtEnd() { return .malformed(fault, at: consumed) }
        guard stage == .afterList else { return .notAList }
        return .page(count: itemCount, hasMore: false)
    }

    private mutating func feed(_ bytes: UnsafeRawBufferPointer) -> Outcome? {
        var next = 0
        emitStart = 0
        if nameStart != nil { nameStart = 0 }
        while true {
            let outcome: Outcome?
            switch scanner.scan(bytes, from: &next) {
            case .valueBegan(let kind): outcome = valueBegan(kind, next, bytes)
            case .valueEnded: outcome = valueEnded(next, bytes)
            case .nameBegan:
                nameBegin = place(next) - 1
                name.removeAll(keepingCapacity: true)
                nameStart = next
                outcome = nil
            case .nameEnded: outcome = nameEnded(next, bytes)
            case .invalid(let fault):
                // What stands behind the page isn't judged, only not counted.
                outcome =
                    stage == .counting ? cutOutcome : .malformed(fault, at: consumed + next)
            case .pieceEnded:
                keepName(upTo: bytes.count, bytes)
                emit(upTo: bytes.count, bytes)
                consumed += bytes.count
                return isEmitting && output.count > maximumBytes ? overflow(bytes) : nil
            }
            guard let outcome else { continue }
            if case .page = outcome { return outcome }
            emit(upTo: bytes.count, bytes)
            return outcome
        }
    }

    /// The page, once there is one.
    package var page: Page {
        Page(bytes: output, listEnd: listEnd, isInObject: listDepth > 1, replaced: replaced)
    }

    /// A page that something may be written into, beside its list.
    package struct Page: Sendable {
        /// The page as it was cut.
        package let bytes: [UInt8]
        fileprivate let listEnd: Int
        fileprivate let isInObject: Bool
        fileprivate let replaced: [(name: [UInt8], range: Range<Int>)]

        /// The page with members put behind its list, in the place of those that it had of their
        /// names; nil where no object holds the list.
        ///
        /// - Parameter members: each with its value as JSON.
        package func adding(_ members: [(name: String, value: String)]) -> [UInt8]? {
            guard isInObject, !members.isEmpty else { return nil }
            let replaced = replaced.filter { old in
                members.contains { $0.name.utf8.elementsEqual(old.name) }
            }.map(\.range)
            let added = members.map { "," + $0.name.jsonQuoted + ":" + $0.value }.joined()
            var bytes = bytes
            for range in replaced.reversed() where range.lowerBound >= listEnd {
                bytes.removeSubrange(range)
            }
            bytes.insert(contentsOf: added.utf8, at: listEnd)
            for range in replaced.reversed() where range.upperBound <= listEnd {
                var range = range
                if bytes[range.lowerBound] == UInt8(ascii: "\""),
                    let comma = bytes[range.upperBound...].firstIndex(of: UInt8(ascii: ","))
                {
                    // The first member: no comma stands before it, and one behind it.
                    range = range.lowerBound..<(comma + 1)
                }
                bytes.removeSubrange(range)
            }
            return bytes
        }
    }

    // MARK: - Events

    private mutating func valueBegan(
        _ kind: JSONScanner.Kind, _ next: Int, _ bytes: UnsafeRawBufferPointer
    ) -> Outcome? {
        let depth = kind == .array || kind == .object ? scanner.depth - 1 : scanner.depth
        if stage == .counting {
            total = .atLeast(countLimit + 1)
            return cutOutcome
        } else if stage == .inList {
            guard depth == listDepth else { return nil }
            if itemCount == limit { return cutPage(bytes) }
            if !isEmitting {
                isEmitting = true
                emitStart = next - 1
            }
        } else if depth == 0 {
            if kind == .array {
                openList()
            } else if path.isEmpty || kind != .object {
                return .notAList
            } else {
                scanner.watchedDepth = 1
            }
            if kind == .array { skipToPage(next, bytes) }
        } else if isValueMatched {
            isValueMatched = false
            if matched < path.count - 1, kind == .object {
                matched += 1
                scanner.watchedDepth = matched + 1
            } else if matched == path.count - 1, kind == .array {
                openList()
                skipToPage(next, bytes)
            }
        }
        return nil
    }

    private mutating func valueEnded(_ next: Int, _ bytes: UnsafeRawBufferPointer) -> Outcome? {
        if stage == .counting {
            total = .exactly(countLimit - scanner.untoldValues)
            return cutOutcome
        } else if stage == .inList {
            if scanner.depth == listDepth {
                itemCount += 1
                let length = output.count + next - emitStart
                guard length <= maximumBytes else { return overflow(bytes) }
                cut = (length, itemCount)
            } else {
                stage = .afterList
                total = .exactly(offset - scanner.untoldValues + itemCount)
                scanner.untoldValues = 0
                scanner.watchedDepth = listDepth - 1
                if !isEmitting {
                    isEmitting = true
                    emitStart = next - 1
                }
                listEnd = place(next)
                valueEnd = listEnd
            }
        } else if isBesideList {
            if let name = replacedName {
                replaced.append((name, (valueEnd ?? nameBegin)..<place(next)))
            }
            replacedName = nil
            valueEnd = place(next)
        } else if matched > 0, scanner.depth == matched {
            matched -= 1
            scanner.watchedDepth = matched + 1
        }
        return nil
    }

    private mutating func nameEnded(_ next: Int, _ bytes: UnsafeRawBufferPointer) -> Outcome? {
        keepName(upTo: next - 1, bytes)
        nameStart = nil
        let text = JSONText.unescaped(name)
        guard text == path[matched] else {
            replacedName = matched == path.count - 1 ? members.first { $0 == text } : nil
            return nil
        }
        guard met == matched else { return .malformed(.duplicateList, at: consumed + next) }
        met += 1
        isValueMatched = true
        return nil
    }

    /// Whether the value that ended, or the name, stands in the object that holds the list.
    private var isBesideList: Bool {
        !path.isEmpty && matched == path.count - 1 && scanner.depth == path.count
    }

    /// Where in ``output`` stands what ends at a place in the piece.
    private func place(_ next: Int) -> Int { output.count + next - emitStart }

    private mutating func openList() {
        stage = .inList
        listDepth = scanner.depth
        scanner.watchedDepth = listDepth
        scanner.untoldValues = offset
    }

    // MARK: - Bytes

    private mutating func skipToPage(_ next: Int, _ bytes: UnsafeRawBufferPointer) {
        guard offset > 0 else { return }
        emit(upTo: next, bytes)
        isEmitting = false
    }

    private mutating func emit(upTo end: Int, _ bytes: UnsafeRawBufferPointer) {
        guard isEmitting, emitStart < end else { return }
        output.append(contentsOf: bytes[emitStart..<end])
        emitStart = end
    }

    /// Keeps what was read of a name, unless it is too long for any on the path: no byte of a
    /// name takes more than the six of an escape.
    private mutating func keepName(upTo end: Int, _ bytes: UnsafeRawBufferPointer) {
        guard let start = nameStart else { return }
        let longest = members.reduce(path[matched].count) { max($0, $1.count) }
        guard name.count <= 6 * longest else { return }
        name.append(contentsOf: bytes[start..<end])
    }

    private mutating func overflow(_ bytes: UnsafeRawBufferPointer) -> Outcome? {
        stage == .inList && cut.count > 0 ? cutPage(bytes) : .tooLarge
    }

    /// What came of a page that was cut.
    private var cutOutcome: Outcome { .page(count: cut.count, hasMore: true) }

    /// Ends the page behind the last item that fits, and closes what is open around it; the
    /// outcome, unless what stands behind is to be counted.
    private mutating func cutPage(_ bytes: UnsafeRawBufferPointer) -> Outcome? {
        if output.count <= cut.length {
            emit(upTo: emitStart + cut.length - output.count, bytes)
        } else {
            output.removeLast(output.count - cut.length)
        }
        output.append(UInt8(ascii: "]"))
        listEnd = output.count
        for _ in 1..<listDepth { output.append(UInt8(ascii: "}")) }
        let ended = offset + itemCount
        guard countLimit > ended else {
            total = .atLeast(offset + cut.count + 1)
            return cutOutcome
        }
        stage = .counting
        isEmitting = false
        scanner.untoldValues = countLimit - ended
        return nil
    }
}
