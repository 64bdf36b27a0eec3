import CHiredis
import Strata

/// Makes values of the bytes that Redis sends, by hiredis' reader.
///
/// The reader calls back for each piece as it recognises it; ``ReplyBuilder`` puts the pieces
/// together, so that no tree of `redisReply` is ever made. Nesting is bounded by the reader (seven
/// deep), the size of a reply here.
///
/// It is used by one thread at a time. All calls into hiredis stand in this file.
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    /// What the reader calls back; must stay where it is for as long as the reader lives.
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private let builder = ReplyBuilder()
    private let maximumReplyBytes: Int
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
        }
    }

    private func nextReply() throws(StoreError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &reply) == REDIS_OK else { throw violation() }
        guard reply != nil else { return nil }
        guard let value = builder.take() else {
            throw StoreError(
                .protocolViolation, "Redis sent a value of a kind that RESP2 does not have.")
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
        default: add(.bytes(Array(bytes)))
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
        body(Unmanaged<ReplyBuilder>.fromOpaque(pointer).takeUnretainedValue(), task)
        return pointer
    }
}
