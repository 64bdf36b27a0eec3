#if Server
    import CCurl
    import Strata

    // The calls into libcurl about a single transfer.

    /// A transfer and the easy handle that does it.
    final class EasyTransfer {
        let handle: UnsafeMutableRawPointer
        let transfer: Transfer
        private let thread: LoopThread
        private let lines: UnsafeMutablePointer<curl_slist>?
        let started: Duration
        var lastActivity: Duration
        /// The sockets that libcurl has opened for this transfer.
        private var opened: [Socket] = []
        /// Whether the request has gone over a connection that was kept.
        private var isTried = false
        private var isRefused = false

        init?(_ transfer: Transfer, _ thread: LoopThread, _ base: String) {
            guard let handle = curl_easy_init() else { return nil }
            self.handle = handle
            self.transfer = transfer
            self.thread = thread
            started = thread.configuration.time.uptime
            lastActivity = started
            lines = transfer.request.fieldLines
            strata_set_callbacks(
                handle, Unmanaged.passUnretained(self).toOpaque(), headLineArrived,
                contentArrived, contentWanted, socketOpened, requestReady)
            prepare(transfer.request, thread.configuration, base)
        }

        deinit {
            curl_easy_cleanup(handle)
            curl_slist_free_all(lines)
        }

        private func prepare(
            _ request: OutgoingRequest, _ configuration: Upstream.Configuration, _ base: String
        ) {
            set(CURLOPT_URL, base)
            set(CURLOPT_REQUEST_TARGET, request.target)
            set(CURLOPT_PROTOCOLS_STR, "http,https")
            set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
            // No proxy, whatever the environment says.
            set(CURLOPT_PROXY, "")
            set(CURLOPT_NOSIGNAL, 1)
            set(CURLOPT_HTTP_CONTENT_DECODING, 0)
            set(CURLOPT_BUFFERSIZE, 64 * 1024)
            set(
                CURLOPT_CONNECTTIMEOUT_MS,
                Int(configuration.connectTimeout.saturatedNanoseconds / 1_000_000))
            if request.method == .head {
                set(CURLOPT_NOBODY, 1)
            } else if request.content != .none {
                set(CURLOPT_UPLOAD, 1)
                if case .length(let length) = request.content {
                    _ = strata_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(length))
                }
            }
            set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
            if !request.mayReuseConnection { set(CURLOPT_FRESH_CONNECT, 1) }
            _ = strata_set_list(handle, CURLOPT_HTTPHEADER, lines)
        }

        private func set(_ option: CURLoption, _ value: Int) {
            _ = strata_set_long(handle, option, value)
        }

        private func set(_ option: CURLoption, _ value: String) {
            _ = strata_set_string(handle, option, value)
        }

        // MARK: Connections

        fileprivate func opened(_ socket: Socket) { opened.append(socket) }

        /// Whether the connection, by its port at this end, may be used.
        ///
        /// What an origin sends before it was asked must not be taken for an answer
        /// (RFC 9112 §9.2), and libcurl would. And libcurl would try one kept connection after the
        /// other, where an origin closes upon a request: the second time it is a new one.
        fileprivate func mayUseConnection(_ port: Int) -> Bool {
            if let socket = opened.first(where: { $0.localPort == port }) {
                thread.sockets[port] = socket
            } else if let socket = thread.sockets[port], socket.localPort == port {
                isRefused = isTried || socket.hasInput
                isTried = true
            }
            return !isRefused
        }

        /// Whether a connection was refused, so that the transfer begins anew with another.
        func startsAnew() -> Bool {
            guard isRefused else { return false }
            isRefused = false
            set(CURLOPT_FRESH_CONNECT, 1)
            return true
        }

        // MARK: Callbacks

        fileprivate func received(headLine line: UnsafeRawBufferPointer) -> Bool {
            lastActivity = thread.configuration.time.uptime
            let (waiters, isOver) = transfer.received(headLine: line)
            thread.waiters += waiters
            thread.changed.append(transfer)
            return !isOver
        }

        fileprivate func received(_ bytes: UnsafeRawBufferPointer) -> Int {
            lastActivity = thread.configuration.time.uptime
            switch transfer.received(bytes) {
            case .taken(let waiter):
                if let waiter { thread.waiters.append(waiter) }
                return bytes.count
            case .full: return Int(CURL_WRITEFUNC_PAUSE)
            case .over(let waiters):
                thread.waiters += waiters
                // Another number than that of the bytes ends the transfer.
                return bytes.isEmpty ? 1 : 0
            }
        }

        fileprivate func fill(_ room: UnsafeMutableRawBufferPointer) -> Int {
            lastActivity = thread.configuration.time.uptime
            switch transfer.fill(room) {
            case .bytes(let count, let waiter):
                if let waiter { thread.waiters.append(waiter) }
                return count
            case .nothingYet: return Int(CURL_READFUNC_PAUSE)
            case .end: return 0
            case .over: return Int(CURL_READFUNC_ABORT)
            }
        }
    }

    /// `curl_write_callback`, for the lines of heads and of trailers.
    private func headLineArrived(
        bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int,
        context: UnsafeMutableRawPointer?
    ) -> Int {
        let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
        return context.transfer?.received(headLine: line) ?? false ? line.count : 0
    }

    /// `curl_write_callback`, for content.
    private func contentArrived(
        bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int,
        context: UnsafeMutableRawPointer?
    ) -> Int {
        context.transfer?.received(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? 0
    }

    /// `curl_read_callback`.
    private func contentWanted(
        room: UnsafeMutablePointer<CChar>?, size: Int, count: Int,
        context: UnsafeMutableRawPointer?
    ) -> Int {
        context.transfer?.fill(UnsafeMutableRawBufferPointer(start: room, count: size * count))
            ?? Int(CURL_READFUNC_ABORT)
    }

    /// `curl_sockopt_callback`
    private func socketOpened(
        context: UnsafeMutableRawPointer?, descriptor: curl_socket_t, purpose: curlsocktype
    ) -> Int32 {
        context.transfer?.opened(Socket(descriptor: descriptor))
        return CURL_SOCKOPT_OK
    }

    /// `curl_prereq_callback`: a connection was chosen for the request.
    private func requestReady(
        context: UnsafeMutableRawPointer?, remoteAddress: UnsafeMutablePointer<CChar>?,
        localAddress: UnsafeMutablePointer<CChar>?, remotePort: Int32, localPort: Int32
    ) -> Int32 {
        context.transfer?.mayUseConnection(Int(localPort)) ?? false
            ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }

    extension UnsafeMutableRawPointer? {
        fileprivate var transfer: EasyTransfer? {
            map { Unmanaged<EasyTransfer>.fromOpaque($0).takeUnretainedValue() }
        }
    }

    // MARK: - What goes in and out

    extension OutgoingRequest {
        /// The field lines, for libcurl.
        ///
        /// libcurl takes lists apart: it would leave out some lines and change others. So it is
        /// told of Host, that it shall add nothing of its own, and of one more line that holds all
        /// the others, which it sends as it is because it begins like one with a value.
        fileprivate var fieldLines: UnsafeMutablePointer<curl_slist>? {
            var list = curl_slist_append(nil, "Host: \(host)")
            list = curl_slist_append(list, "Accept:")
            list = curl_slist_append(list, "Expect:")
            var lines: [UInt8] = []
            for field in fields {
                if !lines.isEmpty { lines += "\r\n".utf8 }
                lines += field.name.spelling.utf8
                lines += ": ".utf8
                lines += field.valueBytes
            }
            guard !lines.isEmpty else { return list }
            lines.append(0)
            return lines.withUnsafeBytes {
                curl_slist_append(list, $0.baseAddress?.assumingMemoryBound(to: CChar.self))
            }
        }
    }

    extension UpstreamError {
        /// What libcurl says; nil where all went well.
        init?(_ result: CURLcode) {
            let reason: Reason
            switch result {
            case CURLE_OK: return nil
            case CURLE_OPERATION_TIMEDOUT: reason = .timedOut
            case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE:
                reason = .lost
            case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_OUT_OF_MEMORY,
                CURLE_WRITE_ERROR, CURLE_BAD_CONTENT_ENCODING:
                reason = .malformed
            default: reason = .unreachable
            }
            self.init(reason, String(cString: curl_easy_strerror(result)))
        }
    }
#endif
