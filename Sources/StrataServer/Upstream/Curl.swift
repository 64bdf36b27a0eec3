#if Server
    import CCurl
    import Strata
    import Synchronization

    // All calls into libcurl, but for those about a single transfer.

    /// A thread on which libcurl exchanges requests and responses with one origin.
    ///
    /// Everything about libcurl happens on that thread; the others leave word in `inbox` and wake
    /// it. Tasks that wait for a transfer are woken only when libcurl has done all that it can for
    /// now, so that a short response is complete when its head is looked at.
    final class CurlLoop: Sendable {
        private let base: String
        private let configuration: Upstream.Configuration
        private let multi: Multi
        private let inbox = Mutex(Inbox())

        /// Guarded by its mutex; used by all threads.
        private struct Inbox {
            var started: [Transfer] = []
            var changed: [Transfer] = []
            var isEnding = false
        }

        /// A multi handle, with what its thread waits at.
        ///
        /// `@unchecked Sendable`: the loop's thread alone uses the handle, or whoever lets go of it
        /// last; the others are safe to use from any.
        fileprivate final class Multi: @unchecked Sendable {
            let handle: UnsafeMutableRawPointer
            let poll = EventPoll()
            let wakeup = Wakeup()

            init() {
                _ = globalInitialization
                guard let handle = curl_multi_init() else {
                    preconditionFailure("libcurl found no memory for its first handle")
                }
                self.handle = handle
            }

            deinit {
                curl_multi_cleanup(handle)
                poll.close()
                wakeup.close()
            }
        }

        /// - Parameter base: the origin, as `http://HOST:PORT`.
        init(base: String, _ configuration: Upstream.Configuration) {
            self.base = base
            self.configuration = configuration
            multi = Multi()
            _ = strata_set_multi_long(
                multi.handle, CURLMOPT_MAXCONNECTS, configuration.maximumIdleConnections)
        }

        // MARK: For all threads

        /// Begins the thread.
        func run() {
            startThread { LoopThread(self.multi, self.base, self.configuration).run(self) }
        }

        /// Begins the transfer.
        func start(_ transfer: Transfer) { leave { $0.started.append(transfer) } }

        /// Something about the transfer has changed.
        func look(at transfer: Transfer) { leave { $0.changed.append(transfer) } }

        /// Ends the thread as soon as all transfers are done.
        func end() { leave { $0.isEnding = true } }

        private func leave(_ word: (inout Inbox) -> Void) {
            let isFirst = inbox.withLock { inbox in
                defer { word(&inbox) }
                return inbox.started.isEmpty && inbox.changed.isEmpty
            }
            if isFirst { multi.wakeup.signal() }
        }

        fileprivate func takeWords() -> (started: [Transfer], changed: [Transfer], isEnding: Bool) {
            inbox.withLock { inbox in
                defer {
                    inbox.started = []
                    inbox.changed = []
                }
                return (inbox.started, inbox.changed, inbox.isEnding)
            }
        }
    }

    /// libcurl wants this before anything else.
    private let globalInitialization = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    // MARK: - On the loop's thread

    /// What the loop's thread knows.
    final class LoopThread {
        /// How often the time limits are looked at, in milliseconds.
        private static let tick: Int32 = 100
        /// How long the thread waits where it has nothing to do, in milliseconds.
        private static let rest: Int32 = 60_000
        /// The number of the wake-up; those of sockets are their descriptors.
        private static let wakeupNumber = UInt64.max

        let configuration: Upstream.Configuration
        private let multi: UnsafeMutableRawPointer
        private let poll: EventPoll
        private let wakeup: Wakeup
        private let base: String
        /// When libcurl wants to be called though nothing has happened, by the machine's uptime.
        private var deadline: Duration?
        private var transfers: [ObjectIdentifier: EasyTransfer] = [:]
        /// The sockets of connections, by their ports at this end.
        var sockets: [Int: Socket] = [:]
        /// Those that may have to be paused or not, found out in the midst of libcurl's work.
        var changed: [Transfer] = []
        /// Those that are woken when libcurl has done what it can.
        var waiters: [Transfer.Waiter] = []

        fileprivate init(
            _ multi: CurlLoop.Multi, _ base: String, _ configuration: Upstream.Configuration
        ) {
            self.multi = multi.handle
            poll = multi.poll
            wakeup = multi.wakeup
            self.base = base
            self.configuration = configuration
        }

        func run(_ loop: CurlLoop) {
            strata_set_multi_callbacks(
                multi, Unmanaged.passUnretained(self).toOpaque(), socketWanted, timerWanted)
            // What is left in the handle may outlive this object.
            defer { strata_set_multi_callbacks(multi, nil, nil, nil) }
            poll.add(wakeup.descriptor, .readable, number: Self.wakeupNumber)
            var nextTick = configuration.time.uptime
            var events: [EventPoll.Event] = []
            while true {
                if events.contains(where: { $0.number == Self.wakeupNumber }) { wakeup.clear() }
                for event in events where event.number != Self.wakeupNumber { tell(event) }
                let words = loop.takeWords()
                for transfer in words.started { start(transfer) }
                for transfer in words.changed { adjust(transfer) }
                if let deadline, SystemTime().uptime >= deadline { tellTime() }
                reap()
                let late = changed
                changed = []
                for transfer in late { adjust(transfer) }
                let now = configuration.time.uptime
                if now >= nextTick {
                    nextTick = now + .milliseconds(Int(Self.tick))
                    enforceTimeouts(at: now)
                }
                for waiter in waiters { waiter.resume() }
                waiters.removeAll(keepingCapacity: true)
                if words.isEnding, transfers.isEmpty { break }
                events = poll.wait(milliseconds: patience)
            }
        }

        // MARK: What libcurl waits for

        /// How long nothing need be done, unless something happens.
        private var patience: Int32 {
            let limit = transfers.isEmpty ? Self.rest : Self.tick
            guard let deadline else { return limit }
            let left = (deadline - SystemTime().uptime).saturatedNanoseconds
            // Rounded up: before its time is up, libcurl has nothing to do.
            return Int32(clamping: min(Int64(limit), max(0, (left + 999_999) / 1_000_000)))
        }

        /// Tells libcurl what has happened on one of its sockets.
        private func tell(_ event: EventPoll.Event) {
            var running: Int32 = 0
            curl_multi_socket_action(
                multi, curl_socket_t(truncatingIfNeeded: event.number),
                (event.isReadable ? CURL_CSELECT_IN : 0)
                    | (event.isWritable ? CURL_CSELECT_OUT : 0), &running)
        }

        /// Tells libcurl that its time is up.
        private func tellTime() {
            deadline = nil
            var running: Int32 = 0
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        }

        fileprivate func watch(_ descriptor: curl_socket_t, _ wish: Int32) {
            if wish == CURL_POLL_REMOVE {
                poll.remove(descriptor)
            } else {
                poll.set(
                    descriptor, reads: wish & CURL_POLL_IN != 0, writes: wish & CURL_POLL_OUT != 0,
                    number: UInt64(UInt32(bitPattern: descriptor)))
            }
        }

        fileprivate func wait(milliseconds: Int) {
            deadline = milliseconds < 0 ? nil : SystemTime().uptime + .milliseconds(milliseconds)
        }

        // MARK: Transfers

        private func start(_ transfer: Transfer) {
            let easy = EasyTransfer(transfer, self, base)
            guard let easy, curl_multi_add_handle(multi, easy.handle) == CURLM_OK else {
                waiters += transfer.finished(
                    UpstreamError(.unreachable, "libcurl found no memory for a transfer"))
                return
            }
            transfers[ObjectIdentifier(transfer)] = easy
            adjust(transfer)
        }

        /// Does what the transfer wants by now.
        private func adjust(_ transfer: Transfer) {
            guard let easy = transfers[ObjectIdentifier(transfer)] else { return }
            let wishes = transfer.wishes()
            if wishes.isOver {
                remove(easy)
            } else if wishes.hasChanged {
                easy.lastActivity = configuration.time.uptime
                curl_easy_pause(
                    easy.handle,
                    (wishes.isReceptionPaused ? CURLPAUSE_RECV : 0)
                        | (wishes.isSendingPaused ? CURLPAUSE_SEND : 0))
            }
        }

        /// Takes out those that are done.
        private func reap() {
            var remaining: Int32 = 0
            while let message = curl_multi_info_read(multi, &remaining) {
                guard message.pointee.msg == CURLMSG_DONE,
                    let context = strata_context(message.pointee.easy_handle)
                else { continue }
                let result = strata_result(message)
                let easy = Unmanaged<EasyTransfer>.fromOpaque(context).takeUnretainedValue()
                if easy.startsAnew() {
                    curl_multi_remove_handle(multi, easy.handle)
                    curl_multi_add_handle(multi, easy.handle)
                    continue
                }
                waiters += easy.transfer.finished(UpstreamError(result))
                remove(easy)
            }
        }

        private func enforceTimeouts(at now: Duration) {
            for easy in transfers.values {
                let transfer = easy.transfer
                if now - easy.started > configuration.continueTimeout,
                    let sender = transfer.stopWaitingForLeaveToSend()
                {
                    waiters.append(sender)
                }
                let limit =
                    transfer.isAnswered
                    ? configuration.idleTimeout : configuration.firstByteTimeout
                guard now - easy.lastActivity > limit, transfer.waitsForOrigin else { continue }
                waiters += transfer.finished(
                    UpstreamError(.timedOut, "the origin was silent for \(limit)"))
                remove(easy)
            }
        }

        private func remove(_ easy: EasyTransfer) {
            curl_multi_remove_handle(multi, easy.handle)
            transfers[ObjectIdentifier(easy.transfer)] = nil
        }
    }

    /// `curl_socket_callback`
    private func socketWanted(
        _: UnsafeMutableRawPointer?, descriptor: curl_socket_t, wish: Int32,
        context: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?
    ) -> Int32 {
        context.loop?.watch(descriptor, wish)
        return 0
    }

    /// `curl_multi_timer_callback`
    private func timerWanted(
        _: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?
    ) -> Int32 {
        context.loop?.wait(milliseconds: milliseconds)
        return 0
    }

    extension UnsafeMutableRawPointer? {
        fileprivate var loop: LoopThread? {
            map { Unmanaged<LoopThread>.fromOpaque($0).takeUnretainedValue() }
        }
    }
#endif
