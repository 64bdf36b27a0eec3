/// Cuts a page out of a stream of records while its bytes come by: lines of JSON, or CSV
/// (RFC 4180).
///
/// As ``JSONArraySlicer`` does: records before the page are checked and forgotten, those of the
/// page are kept byte for byte, and nothing is read once a record behind it begins.
package struct RecordSlicer: Sendable {
    /// How records are written.
    package enum Format: Sendable, Hashable {
        /// One JSON value a line; lines without any are no records.
        case jsonLines
        /// Fields between commas, quoted where they hold a line's end. The first record names the
        /// columns where that is said; it stands on every page and is none of its items.
        case csv(hasHeader: Bool)
    }

    /// The page, once there is one; else, if the page was to begin with the first record, all
    /// bytes fed so far.
    package private(set) var output: [UInt8] = []

    private let format: Format
    private let offset: Int
    private let limit: Int
    private let maximumBytes: Int
    private let countLimit: Int

    /// How many records there are, as far as that is known; see ``JSONArraySlicer/total``.
    package private(set) var total: PageTotal?
    private var isCounting = false

    private var scanner = JSONScanner()
    private var field = Field.begins
    private var isInRecord = false
    private var isInHeader: Bool
    private var recordCount = 0
    private var consumed = 0
    private var emitStart = 0
    private var isEmitting = true
    private var cut = (length: 0, count: 0)

    /// Where in a field of CSV a byte stands.
    private enum Field { case begins, plain, quoted, quoteInQuoted }

    /// Makes a slicer; see ``JSONArraySlicer`` for what the numbers mean.
    package init(
        format: Format, offset: Int, limit: Int, maximumBytes: Int, countLimit: Int = 0
    ) {
        precondition(limit > 0 && offset >= 0, "A page has room for one record or more")
        self.format = format
        self.offset = offset
        self.limit = limit
        self.maximumBytes = maximumBytes
        self.countLimit = countLimit
        isInHeader = format == .csv(hasHeader: true)
        isEmitting = isInHeader || offset == 0
        scanner.watchedDepth = -1
    }

    /// Reads the next piece; nil while the outcome is open.
    package mutating func feed(_ piece: borrowing RawSpan) -> JSONArraySlicer.Outcome? {
        piece.withUnsafeBytes { bytes in
            emitStart = 0
            let outcome = read(bytes)
            if case .page = outcome { return outcome }
            emit(upTo: bytes.count, bytes)
            consumed += bytes.count
            if outcome == nil, isEmitting, output.count > maximumBytes { return overflow(bytes) }
            return outcome
        }
    }

    /// Tells that there are no more pieces.
    package mutating func finish() -> JSONArraySlicer.Outcome {
        if isInRecord {
            if let fault = faultAtRecordEnd() {
                return isCounting ? cutOutcome : .malformed(fault, at: consumed)
            }
            if !isInHeader { recordCount += 1 }
        }
        total = .exactly(recordCount)
        if isCounting { return cutOutcome }
        return .page(count: max(0, recordCount - offset), hasMore: false)
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer) -> JSONArraySlicer.Outcome? {
        var next = 0
        while next < bytes.count {
            if !isInRecord {
                if format == .jsonLines, bytes[next].isBlank {
                    next += 1
                    continue
                }
                if isCounting {
                    if recordCount == countLimit {
                        total = .atLeast(countLimit + 1)
                        return cutOutcome
                    }
                } else if !isInHeader {
                    if recordCount - offset == limit, let outcome = cutPage(bytes) {
                        return outcome
                    }
                    if recordCount == offset, !isEmitting {
                        isEmitting = true
                        emitStart = next
                    }
                }
                isInRecord = true
            }
            let fault = check(bytes, from: &next)
            guard next < bytes.count || fault != nil else { break }
            if let fault = fault ?? faultAtRecordEnd() {
                // What stands behind the page isn't judged, only not counted.
                return isCounting ? cutOutcome : .malformed(fault, at: consumed + next)
            }
            next += 1
            if let outcome = recordEnded(next, bytes) { return outcome }
        }
        return nil
    }

    /// Reads on to the end of the record's line.
    private mutating func check(
        _ bytes: UnsafeRawBufferPointer, from next: inout Int
    ) -> JSONFault? {
        guard format != .jsonLines else {
            let end = bytes[next...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let line = UnsafeRawBufferPointer(rebasing: bytes[next..<end])
            var place = 0
            let event = scanner.scan(line, from: &place)
            next += place
            if case .invalid(let fault) = event { return fault }
            return nil
        }
        while next < bytes.count {
            let byte = bytes[next]
            switch (field, byte) {
            case (.quoted, UInt8(ascii: "\"")): field = .quoteInQuoted
            case (.quoted, _): break
            case (_, UInt8(ascii: "\n")): return nil
            case (.begins, UInt8(ascii: "\"")), (.quoteInQuoted, UInt8(ascii: "\"")):
                field = .quoted
            case (_, UInt8(ascii: ",")): field = .begins
            case (_, UInt8(ascii: "\r")): break
            // A byte order mark, which some programs write.
            case (.begins, 0xEF), (.begins, 0xBB),
                (.begins, 0xBF) where consumed + next < 3:
                break
            case (.quoteInQuoted, _), (.plain, UInt8(ascii: "\"")): return .syntax
            default: field = .plain
            }
            next += 1
        }
        return nil
    }

    private func faultAtRecordEnd() -> JSONFault? {
        format == .jsonLines ? scanner.faultAtEnd() : field == .quoted ? .incomplete : nil
    }

    private mutating func recordEnded(
        _ next: Int, _ bytes: UnsafeRawBufferPointer
    ) -> JSONArraySlicer.Outcome? {
        isInRecord = false
        field = .begins
        scanner = JSONScanner()
        scanner.watchedDepth = -1
        if isInHeader {
            isInHeader = false
            emit(upTo: next, bytes)
            isEmitting = offset == 0
            cut.length = output.count
            return nil
        }
        recordCount += 1
        guard recordCount > offset, !isCounting else { return nil }
        let length = output.count + next - emitStart
        guard length <= maximumBytes else { return overflow(bytes) }
        cut = (length, recordCount - offset)
        return nil
    }

    private mutating func emit(upTo end: Int, _ bytes: UnsafeRawBufferPointer) {
        guard isEmitting, emitStart < end else { return }
        output.append(contentsOf: bytes[emitStart..<end])
        emitStart = end
    }

    private mutating func overflow(_ bytes: UnsafeRawBufferPointer) -> JSONArraySlicer.Outcome? {
        cut.count > 0 ? cutPage(bytes) : .tooLarge
    }

    /// What came of a page that was cut.
    private var cutOutcome: JSONArraySlicer.Outcome { .page(count: cut.count, hasMore: true) }

    /// Ends the page behind the last record that fits; the outcome, unless what stands behind is
    /// to be counted.
    private mutating func cutPage(_ bytes: UnsafeRawBufferPointer) -> JSONArraySlicer.Outcome? {
        if output.count <= cut.length {
            emit(upTo: emitStart + cut.length - output.count, bytes)
        } else {
            output.removeLast(output.count - cut.length)
        }
        isEmitting = false
        isCounting = countLimit > recordCount
        guard isCounting else {
            total = .atLeast(offset + cut.count + 1)
            return cutOutcome
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0A }
}
