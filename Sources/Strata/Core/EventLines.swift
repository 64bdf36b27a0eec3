import Synchronization

/// Makes lines for a log out of events: of those that are alike one now and then, which says how
/// many were left out.
///
/// A store that is away fails at each request, and a line for each would fill the disk with what
/// the first one has said already. So the first event is a line at once, those like it are counted
/// for as long as the interval lasts, and the next one after that is a line again. What is left
/// out last is told with the next of its kind, if there is one.
///
/// Alike are events of one type with the same ``Event/topic``: failures of a store of the same
/// code, say. 256 kinds are told apart; what comes beyond them counts as one more.
///
/// Only the log leaves events out; whoever counts them counts in the listener:
///
/// ```swift
/// let lines = EventLines()
/// let events = Events(of: [StoreFault.self]) { event in
///     faults.increment()
///     if let line = lines.line(for: event) { logger.warning("\(line)") }
/// }
/// ```
public final class EventLines: Sendable {
    private struct Kind: Hashable {
        let type: ObjectIdentifier
        let topic: String

        init(_ event: any Event) {
            type = ObjectIdentifier(Swift.type(of: event))
            topic = event.topic
        }

        private init() {
            type = ObjectIdentifier(EventLines.self)
            topic = ""
        }

        /// All that are beyond the limit.
        static let others = Kind()
    }

    private struct Tally {
        /// When there may be a line again.
        var pauseEnd: Duration
        var leftOut = 0
    }

    private static let maximumKinds = 256

    private let interval: Duration
    private let time: any TimeSource
    /// Guarded: by every event that is heard.
    private let tallies = Mutex<[Kind: Tally]>([:])

    /// Makes lines, of events that are alike one in each interval; by default one a second.
    public init(every interval: Duration = .seconds(1), time: any TimeSource = SystemTime()) {
        self.interval = interval
        self.time = time
    }

    /// The line for an event, with how many like it were left out since the last; nil where it is
    /// left out itself.
    public func line(for event: any Event) -> String? {
        let kind = Kind(event)
        let now = time.uptime
        let leftOut: Int? = tallies.withLock { tallies in
            let isBeyond = tallies[kind] == nil && tallies.count >= Self.maximumKinds
            let kind = isBeyond ? .others : kind
            if let tally = tallies[kind], now < tally.pauseEnd {
                tallies[kind]?.leftOut += 1
                return nil
            }
            return tallies.updateValue(Tally(pauseEnd: now + interval), forKey: kind)?.leftOut ?? 0
        }
        guard let leftOut else { return nil }
        return leftOut == 0 ? "\(event)" : "\(event) (\(leftOut) alike left out before)"
    }
}
