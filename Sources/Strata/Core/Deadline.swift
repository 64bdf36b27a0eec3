/// By when all that a task does for one request must be done.
///
/// Whoever serves a request says it once, outside of all layers. From then on no command that is
/// sent to Redis for the request takes longer than what is left, however long it may take by itself;
/// when nothing is left none is sent. A store that has no time left is one that does not answer.
///
/// ```swift
/// let served = try await Deadline.within(.milliseconds(250)) { try await app(request) }
/// ```
///
/// It ends nothing by itself, the handler included. Child tasks and `Task { }` inherit it. What is
/// done for other requests as well, such as a response that several wait for, or one that is made
/// anew behind the answer, goes on without.
public enum Deadline {
    /// By the machine's uptime; nil where there is none.
    @TaskLocal private static var moment: Duration?

    /// Has the body done within a time. Where less is left already, that remains so.
    public static func within<Value>(
        _ limit: Duration, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let end = SystemTime().uptime + max(.zero, limit)
        return try await $moment.withValue(min(moment ?? end, end)) { try await body() }
    }

    /// Has the body done without any deadline.
    package static func without<Value>(
        _ body: () async throws -> Value
    ) async rethrows -> Value {
        try await $moment.withValue(nil) { try await body() }
    }

    /// How much time is left; zero when it is over, and nil where there is no deadline.
    public static var timeLeft: Duration? {
        moment.map { max(.zero, $0 - SystemTime().uptime) }
    }
}
