import Strata
import Synchronization

/// Makes the encoded forms of hot content again, as small as they get, beside the requests.
///
/// A form is hot once it was served so many times; a ``HeatTable`` counts in bounded memory. What
/// is hot waits in line, and one task works the line off while there is something in it: it
/// compresses in a thread of the lowest priority, and then rests for as long as keeps its share
/// of the processor. What it made takes the place of the form in the cache, for all instances that
/// share it.
final class Remaker: Sendable {
    /// Runs the work somewhere where it holds nobody up, and tells the processor's time it took.
    typealias Run = @Sendable (_ work: @escaping @Sendable () -> Void) async -> Duration

    private struct Job {
        var siblings: any EncodedSiblings
        var coder: Coder
        var id: Int
    }

    private struct State {
        var heat: HeatTable
        var waiting: [Job] = []
        var isWorking = false
    }

    private let limits: Compression.Remaking
    private let time: any TimeSource
    private let events: Events
    private let run: Run
    /// Guarded by the mutex.
    private let state: Mutex<State>

    init(
        _ limits: Compression.Remaking, time: any TimeSource, events: Events,
        run: @escaping Run = { await BackgroundThread.run($0) }
    ) {
        self.limits = limits
        self.time = time
        self.events = events
        self.run = run
        state = Mutex(State(heat: HeatTable(threshold: limits.hits)))
    }

    /// Counts that a form was served, and puts it in line where that makes it hot.
    func note(_ siblings: any EncodedSiblings, servedBy coder: Coder) {
        var hasher = Hasher()
        siblings.hash(into: &hasher)
        hasher.combine(coder.coding)
        let id = hasher.finalize()
        let isStarted = state.withLock { state in
            guard state.heat.add(id), state.waiting.count < limits.maximumWaiting,
                !state.waiting.contains(where: { $0.id == id })
            else { return false }
            state.waiting.append(Job(siblings: siblings, coder: coder, id: id))
            defer { state.isWorking = true }
            return !state.isWorking
        }
        // The request that it begins with has nothing to do with it.
        if isStarted { Task(priority: .background) { await Deadline.without { await work() } } }
    }

    /// Works until nothing is in line.
    private func work() async {
        while let job = next() {
            let spent = await remake(job)
            let rest = spent * (1 / limits.processorShare - 1)
            if rest > .zero { try? await time.sleep(for: rest) }
        }
    }

    private func next() -> Job? {
        state.withLock { state in
            state.isWorking = !state.waiting.isEmpty
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
    }

    /// Makes a form again and hands it over; gives the processor's time that took.
    private func remake(_ job: Job) async -> Duration {
        let coding = job.coder.coding
        // It may be gone, or another instance made it.
        guard case .bytes(let current) = await job.siblings.sibling(in: coding.rawValue) else {
            return .zero
        }
        let content = job.siblings.identity
        let made = Mutex<[UInt8]?>(nil)
        let spent = await run {
            do {
                let bytes = try job.coder.densest(content, upTo: current.count) ?? current
                made.withLock { $0 = bytes }
            } catch {
                // Without memory for it the form stays what it is.
            }
        }
        guard let densest = made.withLock({ $0 }) else { return spent }
        await job.siblings.offer(.densest(densest), in: coding.rawValue)
        events(RemakingEvent(coding: coding, before: current.count, after: densest.count))
        return spent
    }
}

/// Counts how often things were asked for, in memory of fixed size.
///
/// Each thing has one place, by its hash. One that finds another there takes one off the other's
/// count, and the place once nothing is left of it: what is asked for more often than all that
/// share its place keeps it (Misra and Gries, "Finding repeated elements", 1982).
struct HeatTable {
    private struct Place {
        var id = 0
        var count = 0
    }

    private let threshold: Int
    private var places = [Place](repeating: Place(), count: 1024)

    init(threshold: Int) { self.threshold = threshold }

    /// Counts one more; true where that makes it hot, upon which it begins anew.
    mutating func add(_ id: Int) -> Bool {
        let index = Int(UInt(bitPattern: id) % UInt(places.count))
        if places[index].id != id, places[index].count > 0 {
            places[index].count -= 1
            return false
        }
        places[index] = Place(id: id, count: places[index].count + 1)
        guard places[index].count >= threshold else { return false }
        places[index].count = 0
        return true
    }
}
