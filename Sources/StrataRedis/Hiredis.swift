import CHiredis
import Strata

/// Makes values of the bytes that Redis sends, by hiredis' reader.
///
/// The reader calls back for each piece as it recognises it; ``ReplyBuilder`` puts the pieces
/// together, so that no tree of `redisReply` is ever made. Nesting is bounded by the reader (seven
/// deep), the size of a reply and the length of a line here.
///
/// It is used by one thread at a time. All calls into hiredis stand in this file.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    /// What the reader calls back; must stay where it is for as long as the reader lives.
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let builder = ReplyBuilder()
    private let maximumReplyBytes: Int
    /// How long a line may be: a status, a refusal, a number or the head of something longer. Redis
    /// itself takes no longer ones.
    private static let maximumLineBytes = 64 * 1024
    /// How many bytes came since the last whole reply.
    private var unfinishedBytes = 0

    init(maximumReplyBytes: Int) throws(StoreError) {
        self.maximumReplyBytes = maximumReplyBytes
        functions = .allocate(capacity: 1)
        functions.initialize(to: ReplyBuilder.functions)
        guard let reader = redisReaderCreateWithFunctions(functions) else {
            functions.deallocate()
            throw StoreError(.unavailable, "There is no memory for a reader of Redis' replies.")
        }
        self.reader = reader
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes bytes that were received, and appends the replies that are now complete.
    func read(
        _ bytes: UnsafeRawBufferPointer, into replies: inout [RedisValue]
    ) throws(StoreError) {
        // After each reply the reader moves what is left to the front of its buffer; small
        // pieces keep that cheap.
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(16 * 1024))
            rest = rest.dropFirst(piece.count)
            unfinishedBytes += piece.count
            guard redisReaderFeed(reader, piece.baseAddress, piece.count) == REDIS_OK else {
                throw violation()
            }
            while let reply = try nextReply() {
                replies.append(reply)
                unfinishedBytes = reader.pointee.len - reader.pointee.pos
            }
            guard unfinishedBytes <= maximumReplyBytes else {
                throw StoreError(
                    .protocolViolation,
                    "A reply is longer than \(maximumReplyBytes) bytes; raise maximumReplyBytes "
                        + "if such values are meant to be there.")
            }
            guard !hasEndlessLine else {
                throw StoreError(
                    .protocolViolation,
                    "Redis sent a line of more than \(Self.maximumLineBytes) bytes; is it Redis "
                        + "at that address?")
            }
        }
    }

    /// Whether the line that is read now is too long. The reader looks for its end from its
    /// beginning whenever more has come, which without a bound is endless work.
    private var hasEndlessLine: Bool {
        let count = reader.pointee.len - reader.pointee.pos
        guard count > Self.maximumLineBytes, let buffer = reader.pointee.buf else { return false }
        // Of something long the head is a line, too, and short.
        let bytes = UnsafeRawBufferPointer(
            start: buffer + reader.pointee.pos, count: Self.maximumLineBytes)
        return !zip(bytes, bytes.dropFirst()).contains { ($0, $1) == (13, 10) }
    }

    private func nextReply() throws(StoreError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw violation() }
        if let fault = builder.fault { throw StoreError(.protocolViolation, fault) }
        guard reply != nil else { return nil }
        guard let value = builder.take() else {
            throw StoreError(.protocolViolation, ReplyBuilder.foreignKind)
        }
        return value
    }

    private func violation() -> StoreError {
        let text = withUnsafeBytes(of: reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return StoreError(
            .protocolViolation,
            "What came from Redis can't be understood (\(text)); is it Redis at that address?")
    }
}

/// Puts the pieces that the reader recognises together.
///
/// Pieces come in the order of the wire, so a stack of unfinished arrays is all it takes; to the
/// reader each of its objects is the builder itself.
private final class ReplyBuilder {
    private var unfinished: [(missing: Int, elements: [RedisValue])] = []
    private var finished: RedisValue?
    /// What is wrong although the reader takes it. Nothing behind it can be trusted: it may belong
    /// to another reply.
    private(set) var fault: String?

    static let foreignKind = "Redis sent a value of a kind that RESP2 does not have."

    /// The reply, if it is complete.
    func take() -> RedisValue? {
        defer { finished = nil }
        return unfinished.isEmpty ? finished : nil
    }

    private func add(_ value: RedisValue) {
        var value = value
        while var array = unfinished.popLast() {
            array.elements.append(value)
            array.missing -= 1
            guard array.missing == 0 else {
                unfinished.append(array)
                return
            }
            value = .array(array.elements)
        }
        finished = value
    }

    private func addArray(count: Int) {
        guard count > 0 else { return add(.array([])) }
        // The count is the peer's word: room is made for what arrives, not for what is promised.
        var elements: [RedisValue] = []
        elements.reserveCapacity(min(count, 128))
        unfinished.append((count, elements))
    }

    private func addString(type: Int32, _ bytes: UnsafeRawBufferPointer) {
        switch type {
        case REDIS_REPLY_STATUS: add(.status(String(decoding: bytes, as: UTF8.self)))
        case REDIS_REPLY_ERROR: add(.error(RedisError(String(decoding: bytes, as: UTF8.self))))
        default:
            add(.bytes(Array(bytes)))
            // The reader has the two bytes of the end as well by now, and does not look at them.
            guard let end = bytes.baseAddress.map({ $0 + bytes.count }) else { return }
            if end.load(as: UInt8.self) != 13 || (end + 1).load(as: UInt8.self) != 10 {
                fault = "What came from Redis is not as long as it said it would be."
            }
        }
    }

    /// The callbacks, as the reader wants them.
    static var functions: redisReplyObjectFunctions {
        var functions = redisReplyObjectFunctions()
        functions.createString = { task, bytes, count in
            ReplyBuilder.with(task) { builder, task in
                builder.addString(
                    type: task.type, UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            }
        }
        functions.createArray = { task, count in
            ReplyBuilder.with(task) { builder, _ in builder.addArray(count: Int(count)) }
        }
        functions.createInteger = { task, number in
            ReplyBuilder.with(task) { builder, _ in builder.add(.integer(Int64(number))) }
        }
        functions.createNil = { task in
            ReplyBuilder.with(task) { builder, _ in builder.add(.null) }
        }
        functions.freeObject = { _ in }
        return functions
    }

    private static func with(
        _ task: UnsafePointer<redisReadTask>?, _ body: (ReplyBuilder, redisReadTask) -> Void
    ) -> UnsafeMutableRawPointer? {
        guard let task = task?.pointee, let pointer = task.privdata else { return nil }
        let builder = Unmanaged<ReplyBuilder>.fromOpaque(pointer).takeUnretainedValue()
        // Later readers know those of RESP3 as well, which nobody has agreed to: they have higher
        // numbers, and a nothing of its own.
        if task.type > REDIS_REPLY_ERROR || task.type == REDIS_REPLY_NIL {
            builder.fault = foreignKind
        }
        body(builder, task)
        return pointer
    }
}
