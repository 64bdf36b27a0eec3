#if Server
    import CMicroHTTPD
    import Glibc
    import Strata

    // All calls into libmicrohttpd, but for those about responses.

    /// libmicrohttpd's threads and what they serve.
    ///
    /// `@unchecked Sendable`: libmicrohttpd's functions used here may be called from any thread,
    /// and `stop` is called once.
    final class MicroDaemon: @unchecked Sendable {
        private let daemon: OpaquePointer
        private let context: Unmanaged<Context>

        /// What the callbacks are given.
        final class Context: Sendable {
            let service: Service
            let acceptor: Acceptor

            init(_ service: Service, _ acceptor: Acceptor) {
                self.service = service
                self.acceptor = acceptor
            }
        }

        init(
            _ service: Service, _ acceptor: Acceptor, maximumConnections: Int
        ) throws(ServerError) {
            let configuration = service.configuration
            let threads = min(64, max(2, configuration.threads ?? processorCount()))
            context = Unmanaged.passRetained(Context(service, acceptor))
            var callbacks = strata_callbacks(
                cls: context.toOpaque(), connection: connectionChanged,
                request_line: requestLineArrived, unescape: leaveEscaped, access: access,
                completed: completed)
            // Beside the head there must be room for the table of its fields, for its cookies,
            // which libmicrohttpd takes apart, and for the response's head.
            let memory = configuration.maximumHeadBytes * 3
            let idle = configuration.idleTimeout
            guard
                let daemon = strata_start_daemon(
                    // One second more, so that it is the acceptor who closes idle connections,
                    // and libmicrohttpd those whose clients take nothing.
                    UInt32(threads), memory, UInt32(clamping: max(1, idle.wholeSeconds) + 1),
                    // The acceptor keeps to the limit; here it must not be reached by any of the
                    // threads, among which connections are not quite evenly spread.
                    UInt32(clamping: maximumConnections * threads + 64), &callbacks)
            else {
                context.release()
                throw ServerError("libmicrohttpd could not be started: too little memory?")
            }
            self.daemon = daemon
        }

        /// Takes over a connected socket.
        func serve(_ accepted: Accepted) -> Bool {
            var address = accepted.address
            return withUnsafePointer(to: &address) {
                UnsafeRawPointer($0).withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    MHD_add_connection(
                        daemon, accepted.descriptor, $0, accepted.addressLength)
                }
            } == .YES
        }

        /// Closes all connections; none may be suspended. Waits for the threads.
        func stop() {
            MHD_stop_daemon(daemon)
            context.release()
        }
    }

    /// A connection, as libmicrohttpd knows it.
    ///
    /// `@unchecked Sendable`: the pointer is used on the connection's thread, and elsewhere only
    /// to resume a connection that is suspended, which keeps it alive.
    struct MicroConnection: @unchecked Sendable {
        let pointer: OpaquePointer

        /// Leaves the connection alone until it is resumed; on its thread only.
        func suspend() { MHD_suspend_connection(pointer) }

        /// Has the connection looked at again.
        func resume() { MHD_resume_connection(pointer) }

        fileprivate var connection: Connection? {
            strata_socket_context(pointer).map {
                Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue()
            }
        }
    }

    // MARK: - Connections and requests come and go

    /// `MHD_NotifyConnectionCallback`
    private func connectionChanged(
        context: UnsafeMutableRawPointer?, pointer: OpaquePointer?,
        slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        change: MHD_ConnectionNotificationCode
    ) {
        guard let context = context.context, let pointer, let slot else { return }
        switch change {
        case .CONNECTION_NOTIFY_STARTED:
            guard let connection = context.acceptor.claim(strata_socket(pointer)) else { return }
            slot.pointee = Unmanaged.passRetained(connection).toOpaque()
        default:
            guard let kept = slot.pointee else { return }
            let connection = Unmanaged<Connection>.fromOpaque(kept).takeRetainedValue()
            connection.closed()
            context.acceptor.remove(connection)
            slot.pointee = nil
        }
    }

    /// The callback that sees the target before libmicrohttpd takes it apart.
    private func requestLineArrived(
        _: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, pointer: OpaquePointer?
    ) -> UnsafeMutableRawPointer? {
        guard let target, let pointer,
            let connection = MicroConnection(pointer: pointer).connection
        else { return nil }
        let exchange = Exchange(connection, RawTarget(target))
        // libmicrohttpd takes the query apart next, for nobody, and can't cope with one that has
        // more parts than it has memory for. So for it, the query ends where it begins.
        if let mark = strchr(target, Int32(UInt8(ascii: "?"))), mark[1] != 0 { mark[1] = 0 }
        connection.requestLineArrived(exchange)
        return Unmanaged.passUnretained(exchange).toOpaque()
    }

    /// The callback that decodes what is percent-encoded: nothing is, here.
    private func leaveEscaped(
        _: UnsafeMutableRawPointer?, _: OpaquePointer?, text: UnsafeMutablePointer<CChar>?
    ) -> Int { text.map { strlen($0) } ?? 0 }

    /// `MHD_RequestCompletedCallback`
    private func completed(
        context: UnsafeMutableRawPointer?, pointer: OpaquePointer?,
        slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
        reason: MHD_RequestTerminationCode
    ) {
        guard let slot, slot.pointee != nil, let pointer else { return }
        slot.pointee = nil
        MicroConnection(pointer: pointer).connection?.finished(
            isComplete: reason == .REQUEST_TERMINATED_COMPLETED_OK)
    }

    // MARK: - A request

    /// `MHD_AccessHandlerCallback`: called when the head has come, with each piece of content, at
    /// the end, and whenever the connection was resumed.
    private func access(
        context: UnsafeMutableRawPointer?, pointer: OpaquePointer?, url: UnsafePointer<CChar>?,
        method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?,
        content: UnsafePointer<CChar>?, size: UnsafeMutablePointer<Int>?,
        slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> MHD_Result {
        guard let pointer, let method, let version, let size,
            let kept = slot?.pointee
        else { return .NO }
        let handle = MicroConnection(pointer: pointer)
        let exchange = Unmanaged<Exchange>.fromOpaque(kept).takeUnretainedValue()
        let step: Exchange.Step
        if exchange.needsHead {
            do throws(Problem) {
                let head = try readHead(handle, exchange, method: method, version: version)
                step =
                    exchange.connection.begin()
                    ? exchange.headArrived(head, on: handle) : .close
            } catch {
                step = .refuse(error)
            }
        } else if let content, size.pointee > 0 {
            step = exchange.contentArrived(
                UnsafeRawBufferPointer(start: content, count: size.pointee), on: handle)
        } else {
            step = exchange.cameBy(handle)
        }
        switch step {
        case .proceed:
            size.pointee = 0
            return .YES
        case .wait: return .YES
        case .answer(let response, let content):
            size.pointee = 0
            return queue(response, content, of: exchange, on: handle)
        case .finish(let response, let content):
            exchange.connection.finish(with: response, content: content, isHead: exchange.isHead)
            return .NO
        case .refuse(let problem):
            exchange.connection.refuse(problem, isHead: exchange.isHead)
            return .NO
        case .close: return .NO
        }
    }

    /// Reads the head, as libmicrohttpd has taken it apart, back together.
    ///
    /// libmicrohttpd is lenient where that is dangerous: it ends a field at a NUL and a header
    /// section at a line that begins with one, and joins folded lines. But it leaves the head
    /// where it was read, with a NUL in the place of each separator. So where the parts do not lie
    /// side by side, something was skipped, and the request is refused (RFC 9112 §2.2, §5.2).
    private func readHead(
        _ handle: MicroConnection, _ exchange: Exchange, method: UnsafePointer<CChar>,
        version: UnsafePointer<CChar>
    ) throws(Problem) -> RequestHead {
        let limit = exchange.service.configuration.maximumHeadBytes
        let size = strata_head_size(handle.pointer)
        guard size <= limit else {
            throw exchange.target.length > limit / 2
                ? .targetTooLong(limit: limit) : .headTooLarge(limit: limit)
        }
        let methodLength = strlen(method)
        guard exchange.target.start == method + methodLength + 1,
            version == method + methodLength + exchange.target.length + 2
        else {
            throw .malformed("The request line must have three parts (RFC 9112 §3).")
        }
        var fields = FieldReader(end: UnsafeRawPointer(version + strlen(version)))
        // As many as most requests have.
        fields.headers.reserveCapacity(8)
        withUnsafeMutablePointer(to: &fields) {
            _ = MHD_get_connection_values_n(
                handle.pointer, .HEADER_KIND, takeField, UnsafeMutableRawPointer($0))
        }
        // The last line's end and the empty line.
        let rest = UnsafeRawPointer(method + size) - fields.end
        guard fields.isWellFormed, (2...4).contains(rest) else {
            throw .malformed("A header field is malformed (RFC 9112 §5).")
        }
        guard let target = exchange.target.text else {
            throw .malformed("The target holds bytes that must be encoded (RFC 9112 §3.2).")
        }
        return try RequestHead(
            method: String(cString: method), target: target,
            isHTTP10: strcmp(version, "HTTP/1.0") == 0, headers: fields.headers,
            peer: exchange.connection.peer)
    }

    /// Gathers the fields, in the order in which they came.
    private struct FieldReader {
        var headers = Headers()
        var isWellFormed = true
        /// Where the last part ended.
        var end: UnsafeRawPointer
    }

    /// `MHD_KeyValueIteratorN`
    private func takeField(
        reader: UnsafeMutableRawPointer?, kind: MHD_ValueKind, name: UnsafePointer<CChar>?,
        nameLength: Int, value: UnsafePointer<CChar>?, valueLength: Int
    ) -> MHD_Result {
        guard let reader = reader?.assumingMemoryBound(to: FieldReader.self), let name else {
            return .NO
        }
        let bytes = UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueLength)
        let start = UnsafeRawPointer(name)
        // One line's end lies between two fields: LF, or CR LF.
        guard (1...2).contains(start - reader.pointee.end), let value,
            let name = HeaderName(
                String(
                    decoding: UnsafeRawBufferPointer(start: name, count: nameLength), as: UTF8.self)
            ),
            (try? reader.pointee.headers.append(name, bytes: bytes.trimmed))
                != nil
        else {
            reader.pointee.isWellFormed = false
            return .NO
        }
        reader.pointee.end = UnsafeRawPointer(value) + valueLength
        return .YES
    }

    extension UnsafeRawBufferPointer {
        /// Without the white space at either end.
        fileprivate var trimmed: UnsafeRawBufferPointer {
            var range = startIndex..<endIndex
            while let first = range.first, self[first].isOptionalWhitespace {
                range = (first + 1)..<range.upperBound
            }
            while let last = range.last, self[last].isOptionalWhitespace {
                range = range.lowerBound..<last
            }
            return UnsafeRawBufferPointer(rebasing: self[range])
        }
    }

    /// What stands second on a request line, as it came.
    struct RawTarget {
        /// Where it stood; never looked at again, because libmicrohttpd writes over it.
        fileprivate let start: UnsafePointer<CChar>
        fileprivate let length: Int
        /// The target, where it is UTF-8.
        let text: String?

        fileprivate init(_ start: UnsafePointer<CChar>) {
            self.start = start
            length = strlen(start)
            text = String(
                validating: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
        }
    }

    // MARK: - What libmicrohttpd would answer by itself

    /// Takes the place of libmicrohttpd's function of this name in its own calls.
    ///
    /// libmicrohttpd answers a request that it can't read with a page of HTML of its own, and
    /// offers no way to have another. Its only call of this function is for such a page; everything
    /// here calls the real one by `queueResponse`. So the client gets a problem document instead.
    /// The page is queued all the same, because libmicrohttpd goes on to use what it would free
    /// otherwise, but can't be sent on a socket that is shut down. Where libmicrohttpd was linked
    /// so that its calls stay inside it, this is never called, and the page is sent.
    ///
    /// Nothing in Swift calls it, so it is not internal: an optimised build would leave it out.
    @_cdecl("MHD_queue_response")
    package func refuseInsteadOfLibrary(
        pointer: OpaquePointer?, status: UInt32, page: OpaquePointer?
    ) -> CInt {
        if let pointer {
            MicroConnection(pointer: pointer).connection?.refuse(.unreadable(Int(status)))
        }
        return queueResponse?(pointer, status, page) ?? 0
    }

    let queueResponse: (@convention(c) (OpaquePointer?, UInt32, OpaquePointer?) -> CInt)? =
        {
            // RTLD_NEXT: the function as the libraries behind this code have it.
            let next = UnsafeMutableRawPointer(bitPattern: -1)
            return dlsym(next, "MHD_queue_response").map {
                unsafeBitCast(
                    $0,
                    to: (@convention(c) (OpaquePointer?, UInt32, OpaquePointer?) -> CInt).self
                )
            }
        }()

    extension UnsafeMutableRawPointer? {
        fileprivate var context: MicroDaemon.Context? {
            map { Unmanaged<MicroDaemon.Context>.fromOpaque($0).takeUnretainedValue() }
        }
    }
#endif
