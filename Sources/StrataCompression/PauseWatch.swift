import Strata
import Synchronization

/// Sees to it that what producers pause after is flushed.
///
/// A producer says nothing when it pauses, so somebody has to look at the clock. One task does it for
/// all streams, and only while one of them holds something back: most streams are over before it
/// looks, and cost it nothing. A task for each would cost each of them a change of threads, which
/// takes longer than compressing what a page of a site has.
final class PauseWatch: Sendable {
    private struct Watched {
        let writer: EncodingWriter
        /// When to look at the writer; nil while it holds nothing back.
        var due: Duration?
        /// What flushes it, while it does.
        var flush: Task<Void, Never>?
    }

    private struct State {
        var watched: [ObjectIdentifier: Watched] = [:]
        var isLooking = false
    }

    private let pause: Duration
    private let time: any TimeSource
    /// Guarded by the mutex.
    private let state = Mutex(State())

    /// Makes a watch for pauses of that length.
    init(pause: Duration, time: any TimeSource) {
        self.pause = pause
        self.time = time
    }

    /// Has the writer flushed once nothing was written to it for the length of a pause.
    ///
    /// - Returns: the moment from which that is counted.
    func begin(_ writer: EncodingWriter) -> Duration {
        let now = time.uptime
        state.withLock { state in
            state.watched[ObjectIdentifier(writer), default: Watched(writer: writer)].due =
                now + pause
            look(&state)
        }
        return now
    }

    /// Leaves the writer alone; a flush under way is cancelled.
    func end(_ writer: EncodingWriter) {
        let watched = state.withLock { $0.watched.removeValue(forKey: ObjectIdentifier(writer)) }
        watched?.flush?.cancel()
    }

    private func look(_ state: inout State) {
        guard !state.isLooking else { return }
        state.isLooking = true
        // Detached, because it works for others than whoever happens to start it.
        Task.detached { await self.look() }
    }

    private func look() async {
        while let wait = untilNext() {
            if wait > .zero { try? await time.sleep(for: wait) }
            flushPaused()
        }
    }

    /// How long nothing is due; nil, upon which looking ends, where nothing will be.
    private func untilNext() -> Duration? {
        state.withLock { state in
            let due = state.watched.values.lazy.filter { $0.flush == nil }.compactMap(\.due).min()
            state.isLooking = due != nil
            return due.map { $0 - time.uptime }
        }
    }

    private func flushPaused() {
        let now = time.uptime
        state.withLock { state in
            for (id, watched) in state.watched {
                guard watched.flush == nil, let due = watched.due, due <= now else { continue }
                let next = watched.writer.lastWrite + pause
                guard next <= now else {
                    state.watched[id]?.due = next
                    continue
                }
                state.watched[id]?.due = nil
                state.watched[id]?.flush = Task.detached { [pause] in
                    let remaining = await watched.writer.flush(ifPausedFor: pause)
                    self.flushed(watched.writer, remaining)
                }
            }
        }
    }

    private func flushed(_ writer: EncodingWriter, _ remaining: Duration) {
        let id = ObjectIdentifier(writer)
        state.withLock { state in
            guard var watched = state.watched[id] else { return }
            watched.flush = nil
            // It may hold something back again already.
            if watched.due == nil, remaining > .zero { watched.due = time.uptime + remaining }
            state.watched[id] = watched.due == nil ? nil : watched
            if watched.due != nil { look(&state) }
        }
    }
}
