public import Strata

/// What every ``CacheStore`` must do, as a list of checks that any test library can run.
///
/// ```swift
/// @Test(arguments: CacheStoreConformance.checks)
/// func `the store keeps the contract`(check: CacheStoreConformance.Check) async {
///     let time = ManualTime()
///     let failures = await check.failures(
///         of: MyStore(time: time), maximumEntryBytes: 1_000_000
///     ) { time.advance(by: $0) }
///     #expect(failures.isEmpty)
/// }
/// ```
///
/// Each check uses keys of its own, so a server may be shared between them and with others. The
/// store must have room for a few megabytes.
public enum CacheStoreConformance {
    /// Something that the store did wrong.
    public struct Failure: Sendable, CustomStringConvertible {
        /// What was expected and what came instead.
        public let message: String
        /// The line of the suite's source that expected it.
        public let line: UInt

        /// The message and where it comes from.
        public var description: String { "\(message) (CacheStoreConformance, line \(line))" }
    }

    /// One behaviour, and how it is looked for.
    public struct Check: Sendable, CustomStringConvertible {
        /// The behaviour in words.
        public let description: String
        let body: @Sendable (inout Trial) async throws -> Void

        init(_ name: String, _ body: @escaping @Sendable (inout Trial) async throws -> Void) {
            description = name
            self.body = body
        }

        /// Tries it on the store.
        ///
        /// - Parameters:
        ///   - store: the store on trial.
        ///   - maximumEntryBytes: the most bytes of one value that it is made to keep, where it
        ///     has such a limit.
        ///   - letPass: lets so much time pass for the store, at most a fifth of a second: moves
        ///     its clock, or waits.
        /// - Returns: what the store did wrong; nothing where it did all right.
        public func failures(
            of store: any CacheStore, maximumEntryBytes: Int? = nil,
            letPass: @escaping @Sendable (Duration) async throws -> Void
        ) async -> [Failure] {
            var trial = Trial(
                store: store, maximumEntryBytes: maximumEntryBytes, letPass: letPass)
            do {
                try await body(&trial)
            } catch {
                trial.failures.append(Failure(message: "an error was thrown: \(error)", line: 0))
            }
            return trial.failures
        }
    }

    /// A store on trial, and what it did wrong so far.
    struct Trial {
        let store: any CacheStore
        let maximumEntryBytes: Int?
        let letPass: @Sendable (Duration) async throws -> Void
        var failures: [Failure] = []
        /// Keeps the keys of this trial apart from all others.
        let scope = String(UInt64.random(in: .min ... .max), radix: 36)

        /// A key, or the name of a generation, that only this trial uses.
        func key(_ name: String) -> String { "\(scope)/\(name)" }

        /// Notes a failure where the two differ.
        mutating func expect<Value: Equatable>(
            _ actual: Value, is expected: Value, _ what: String, line: UInt = #line
        ) {
            guard actual != expected else { return }
            failures.append(
                Failure(message: "\(what) is \(actual) and not \(expected)", line: line))
        }

        /// Notes a failure where the condition does not hold.
        mutating func expect(_ condition: Bool, _ what: String, line: UInt = #line) {
            if !condition { failures.append(Failure(message: what, line: line)) }
        }

        func bytes(_ name: String) async throws(StoreError) -> [UInt8]? {
            try await store.value(for: key(name), as: [UInt8].self)
        }

        func set(
            _ bytes: [UInt8], for name: String, timeToLive: Duration = .seconds(600)
        ) async throws(StoreError) {
            try await store.set(bytes, for: key(name), timeToLive: timeToLive)
        }

        func generation(of name: String) async throws(StoreError) -> Generation? {
            try await store.generations(of: [key(name)]).first
        }

        func advance(
            _ names: [String], _ purge: PurgeKind = .hard, timeToLive: Duration = .seconds(600)
        ) async throws(StoreError) {
            try await store.advanceGenerations(of: names.map(key), purge, timeToLive: timeToLive)
        }
    }

    /// All checks.
    public static let checks: [Check] =
        valueChecks + lifetimeChecks + generationChecks + concurrencyChecks
}
