#if Server
    import CMicroHTTPD
    import Glibc
    import Strata

    // The calls into libmicrohttpd about responses.

    /// Sends a response.
    func queue(
        _ response: Response, _ content: ResponseContent, of exchange: Exchange,
        on handle: MicroConnection
    ) -> MHD_Result {
        if exchange.sendsBodiless(response, content) {
            // What libmicrohttpd says of it then goes nowhere.
            guard let message = message(bytes: []) else { return .NO }
            defer { MHD_destroy_response(message) }
            return queueResponse?(handle.pointer, 204, message) == 1 ? .YES : .NO
        }
        let message: Message?
        if case .bytes(let bytes) = content, !exchange.service.isStopping {
            message = RecentMessages.ofThread.message(response.headers, bytes) {
                Message(response, content, of: exchange, on: handle)
            }
        } else {
            message = Message(response, content, of: exchange, on: handle)
        }
        guard let message else { return .NO }
        return queueResponse?(handle.pointer, UInt32(response.status.code), message.pointer) == 1
            ? .YES : .NO
    }

    /// A response as libmicrohttpd has it: its fields and its content, which can be sent any number
    /// of times where the content is there.
    private final class Message {
        let pointer: OpaquePointer

        init?(
            _ response: Response, _ content: ResponseContent, of exchange: Exchange,
            on handle: MicroConnection
        ) {
            guard let pointer = message(content, of: exchange, on: handle) else { return nil }
            self.pointer = pointer
            for field in response.headers where !field.name.isFraming {
                add(field, to: pointer)
            }
            if exchange.service.isStopping || response.headers.askToClose {
                MHD_add_response_header(pointer, "Connection", "close")
            }
            if let name = exchange.service.configuration.name, !response.headers.contains(.server) {
                MHD_add_response_header(pointer, "Server", name)
            }
        }

        deinit { MHD_destroy_response(pointer) }
    }

    /// The messages that a thread of libmicrohttpd has sent last. What is sent again, as what a cache
    /// has is, need not be built again: that costs several allocations for each field.
    ///
    /// A message is known by its content, which has to be the same array, and by its fields. It is
    /// kept until its place is taken or the thread ends.
    private final class RecentMessages {
        private struct Sent {
            let headers: Headers
            let content: [UInt8]
            let message: Message
        }

        /// As many as a power of two.
        private static let count = 16
        /// Longer content is not kept: so a thread keeps 1 MiB of it at most, and it is the content
        /// that takes the time then.
        private static let maximumContentBytes = 64 * 1024

        private var recent: [Sent?] = Array(repeating: nil, count: count)

        /// Those of the calling thread, all of whose connections are one server's.
        static var ofThread: RecentMessages {
            if let kept = pthread_getspecific(key) {
                return Unmanaged<RecentMessages>.fromOpaque(kept).takeUnretainedValue()
            }
            let made = RecentMessages()
            pthread_setspecific(key, Unmanaged.passRetained(made).toOpaque())
            return made
        }

        private static let key: pthread_key_t = {
            var key = pthread_key_t()
            pthread_key_create(&key) { kept in
                if let kept { Unmanaged<RecentMessages>.fromOpaque(kept).release() }
            }
            return key
        }()

        /// The message of these fields and this content, made where it isn't there.
        func message(
            _ headers: Headers, _ content: [UInt8], make: () -> Message?
        ) -> Message? {
            guard content.count <= Self.maximumContentBytes else { return make() }
            let address = content.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            // Arrays lie at multiples of 16 bytes, and large ones often at the same place of a page.
            let place = Int((address >> 4 ^ address >> 12) & UInt(Self.count - 1))
            if let sent = recent[place], sent.content.isSameArray(as: content),
                sent.headers.hasSameBytes(as: headers)
            {
                return sent.message
            }
            let message = make()
            recent[place] = message.map {
                Sent(headers: headers, content: content, message: $0)
            }
            return message
        }
    }

    private func message(
        _ content: ResponseContent, of exchange: Exchange, on handle: MicroConnection
    ) -> OpaquePointer? {
        switch content {
        case .none: return message(bytes: [])
        case .bytes(let bytes): return message(bytes: bytes)
        case .withheld(let length?):
            return MHD_create_response_from_callback(UInt64(length), 1, noContent, nil, nil)
        case .withheld(nil):
            // libmicrohttpd would put a chunk's end behind the head.
            guard let message = MHD_create_response_from_callback(.max, 1, noContent, nil, nil)
            else { return nil }
            strata_delimit_by_close(message)
            return message
        case .stream(let stream):
            let producer = Unmanaged.passRetained(
                Outgoing(exchange: exchange, handle: handle, length: stream.length))
            let message = MHD_create_response_from_callback(
                stream.length.map(UInt64.init) ?? .max, 32 * 1024, fill, producer.toOpaque(),
                { producer in
                    if let producer { Unmanaged<Outgoing>.fromOpaque(producer).release() }
                })
            if message == nil { producer.release() }
            return message
        }
    }

    /// A message that sends the array's own bytes.
    private func message(bytes: [UInt8]) -> OpaquePointer? {
        final class Holder {
            let bytes: [UInt8]
            init(_ bytes: [UInt8]) { self.bytes = bytes }
        }
        let holder = Holder(bytes)
        // The array's bytes stay where they are as long as the array lives and nobody changes it:
        // the holder sees to the one, and its `let` to the other.
        return holder.bytes.withUnsafeBytes { bytes in
            let kept = Unmanaged.passRetained(holder)
            let message = MHD_create_response_from_buffer_with_free_callback_cls(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                { holder in
                    if let holder { Unmanaged<Holder>.fromOpaque(holder).release() }
                }, kept.toOpaque())
            if message == nil { kept.release() }
            return message
        }
    }

    /// A stream on its way out.
    private final class Outgoing {
        let exchange: Exchange
        let handle: MicroConnection
        let length: Int?

        init(exchange: Exchange, handle: MicroConnection, length: Int?) {
            self.exchange = exchange
            self.handle = handle
            self.length = length
        }
    }

    /// `MHD_ContentReaderCallback`
    private func fill(
        producer: UnsafeMutableRawPointer?, position: UInt64,
        room: UnsafeMutablePointer<CChar>?, size: Int
    ) -> Int {
        guard let producer else { return contentFailed }
        let outgoing = Unmanaged<Outgoing>.fromOpaque(producer).takeUnretainedValue()
        let room = UnsafeMutableRawBufferPointer(start: room, count: size)
        switch outgoing.exchange.fill(room, outgoing.handle) {
        case .bytes(let count): return count
        case .nothingYet: return 0
        case .end where outgoing.length == nil: return contentEnd
        case .end, .failed:
            // Content that ends with its connection would look whole (RFC 9112 §6.3).
            if outgoing.length == nil, outgoing.exchange.head?.isHTTP10 ?? false {
                outgoing.exchange.connection.reset()
            }
            outgoing.exchange.comeByAgain(outgoing.handle)
            return contentFailed
        }
    }

    /// `MHD_ContentReaderCallback` of a response whose content is not sent.
    private func noContent(
        _: UnsafeMutableRawPointer?, _: UInt64, _: UnsafeMutablePointer<CChar>?, _: Int
    ) -> Int { contentEnd }

    /// `MHD_CONTENT_READER_END_OF_STREAM`
    private let contentEnd = -1
    /// `MHD_CONTENT_READER_END_WITH_ERROR`
    private let contentFailed = -2

    private func add(_ field: Headers.Field, to message: OpaquePointer) {
        // libmicrohttpd takes no empty value; white space around a value means nothing.
        var value = field.valueBytes
        if value.isEmpty { value.append(UInt8(ascii: " ")) }
        value.append(0)
        value.withUnsafeBytes {
            _ = MHD_add_response_header(
                message, field.name.spelling, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
    }
#endif
